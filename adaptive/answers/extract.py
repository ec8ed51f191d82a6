r"""The final answer of a text, in its last complete `\boxed{...}`, and whether the text refuses to give one.

Mathematical reasoning models are trained and graded on this form (MATH, Hendrycks et al. 2021, arXiv 2103.03874).
Only the answer's text is searched, never the thinking: a box in a thought is a thought.
"""

from __future__ import annotations

import re

BOX = r"\boxed"
_REFUSAL = re.compile(
    r"\bi (?:really )?(?:do not|don['’]t|cannot|can['’]t) (?:know|answer|say|tell)\b|\bi am not sure\b"
)
_TOKEN = re.compile(r"\\boxed\s*\{|\\.|[{}]", re.DOTALL)


def extract_final_answer(text: str) -> str | None:
    r"""Return the content of the last balanced `\boxed{...}` in `text`, stripped; None if there is none.

    Braces may nest, and escaped ones (`\{`) do not count. Of nested boxes the innermost is the answer. A box that
    is empty or cut off before its closing brace is no answer. The text is read in one pass, however long it is.
    """
    opened: list[int | None] = []  # the start of the content of each open brace; None if it opens no box
    last, answer = -1, None
    for token in _TOKEN.finditer(text):
        if token[0] == "}":
            start = opened.pop() if opened else None
            if start is not None and start > last and (content := text[start : token.start()].strip()):
                last, answer = start, content
        elif token[0] == "{" or token[0].startswith(r"\boxed"):
            opened.append(None if token[0] == "{" else token.end())
    return answer


def is_refusal(text: str) -> bool:
    """Whether the model says in `text` that it does not know."""
    return _REFUSAL.search(text.casefold()) is not None
