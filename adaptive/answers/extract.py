r"""Extracting the final answer: the last whole `\boxed{...}` of an answer's text, or that it refuses to give one.

That is the form mathematical reasoning models are trained and graded on (MATH, Hendrycks et al. 2021, arXiv
2103.03874). Only the answer's text is looked at, never the thinking: a box in a thought is a thought.
"""

from __future__ import annotations

import re

BOX = r"\boxed"
_REFUSAL = re.compile(
    r"\bi (?:really )?(?:do not|don['’]t|cannot|can['’]t) (?:know|answer|say|tell)\b|\bi am not sure\b"
)
_TOKEN = re.compile(r"\\boxed\s*\{|\\.|[{}]", re.DOTALL)


def extract_final_answer(text: str) -> str | None:
    r"""The content of the last balanced `\boxed{...}` in `text`, stripped; None if there is none.

    Braces may nest and escaped ones (`\{`) do not count; of nested boxes the innermost is meant. A box that
    was cut off before its closing brace, or that holds nothing, is no answer. One pass, however long the
    text.
    """
    opened: list[int | None] = []  # where the content of each open brace starts; None for a brace of no box
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
    """Whether `text` says that the model does not know."""
    return _REFUSAL.search(text.casefold()) is not None
