r"""The last `\boxed{...}` of a text.

Mathematical reasoning models are trained and graded on this form (MATH, Hendrycks et al. 2021, arXiv 2103.03874).
"""

from __future__ import annotations

import re

BOX = r"\boxed"
_TOKEN = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_LOOSE_TOKEN = re.compile(
    r"\\(?:boxed|fbox)\s*\{|(?<![\\\w])boxed\{|\\boxed[ ]{0,3}(?P<bare>-?[^\W_][\w.,/%]*)|\\.|[{}]", re.DOTALL
)


def extract_boxed(text: str) -> str | None:
    r"""Return the content of the last balanced `\boxed{...}` or `\fbox{...}`, stripped; None if there is none.

    Braces may nest, and escaped ones (`\{`) do not count. Of nested boxes the innermost is the answer. A box that
    is empty or cut off before its closing brace is no answer. The text is read in one pass, however long it is.
    """
    return _find_last_box(text, _TOKEN)[0]


def find_box(text: str) -> tuple[str | None, int]:
    r"""Return the content of the last box of a whole reply, and the place where that box ends.

    Models also write `\boxed5`, `\boxed 5` and `boxed{5}`. While a reply is still being written, a box without a
    brace is not known to be complete: `extract_boxed` leaves it out.
    """
    return _find_last_box(text, _LOOSE_TOKEN)


def _find_last_box(text: str, tokens: re.Pattern[str]) -> tuple[str | None, int]:
    opened: list[int | None] = []  # the start of the content of each open brace; None if it opens no box
    last, answer, end = -1, None, 0
    for token in tokens.finditer(text):
        if token[0] == "}":
            start = opened.pop() if opened else None
            if start is not None and start > last and (content := text[start : token.start()].strip()):
                last, answer, end = start, content, token.end()
        elif token[0] == "{":
            opened.append(None)
        elif token[0].endswith("{") and len(token[0]) > 2:  # not an escaped brace
            opened.append(token.end())
        elif token.re is _LOOSE_TOKEN and token["bare"]:
            last, answer, end = token.start(), token["bare"].rstrip(".,"), token.end()
    return answer, end
