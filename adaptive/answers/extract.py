r"""The final answer that a model writes in a reply.

Three things count, the first that is there:

| how | examples |
|---|---|
| final | the last `\boxed{...}`; what follows the last "####", "Answer:" or "The answer is", in many languages |
| guess | "The square root of 144 is 12.", a number in bold, the output of code, "x = 7": `sentence.py` |
| text | all of it |

If a mark stands after the box, it counts: the model said more. Only the answer's text is searched, never the
thinking: a box in a thought is a thought.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from adaptive.answers.boxed import find_box
from adaptive.answers.numerals import parse_quantity
from adaptive.answers.simplify import simplify_text
from adaptive.answers.structures import parse_structure

MOST_WORDS = 60
"""A longer text without a final answer is prose: no value is guessed out of it unless a reference says which."""
_AFTER_BOX = " \n\t.,!$\\)]*"
_REFUSAL = re.compile(
    r"\bi (?:really )?(?:do not|don['’]t|cannot|can['’]t) (?:know|answer|say|tell)\b|\bi am not sure\b"
)


@dataclass(frozen=True)
class Reading:
    """The answer of a reply.

    Attributes:
        text: The answer, as the model wrote it.
        how: "final" if the model marked it so, "guess" if it was read out of a sentence, "text" if it is all.
    """

    text: str
    how: Literal["final", "guess", "text"]


def extract_final_answer(text: str) -> str | None:
    """Return the answer that a whole reply marks as final, by a box or by words; None if it marks none.

    The words mark it only if a value follows them: a number, several numbers, or a single word or letter. "The
    answer is that it depends" is a sentence.
    """
    boxed, end = find_box(text)
    if boxed is not None and not text[end:].strip(_AFTER_BOX):
        return boxed
    if not any(c.isalpha() or c == "#" for c in text):
        return boxed  # a bare number, say
    from adaptive.answers.marks import find_marked  # here, because compiling its patterns takes a while

    marked, start = find_marked(text)
    if marked is not None and (boxed is None or start >= end) and _is_value(marked):
        return marked
    return boxed


def read_answer(text: str) -> Reading:
    """Return the answer of a whole reply, and how it was found."""
    final = extract_final_answer(text)
    if final is not None:
        return Reading(final, "final")
    if not _is_value(text) and len(text.split(None, MOST_WORDS)) <= MOST_WORDS:
        from adaptive.answers.sentence import guess_value

        guess = guess_value(text)
        if guess is not None:
            return Reading(guess, "guess")
    return Reading(text.strip(), "text")


def is_refusal(text: str) -> bool:
    """Whether the model says in `text` that it does not know."""
    return _REFUSAL.search(text.casefold()) is not None


def _is_value(text: str) -> bool:
    if len(text) > 200:
        return False
    plain = simplify_text(text)
    return len(plain.split()) == 1 or parse_quantity(text) is not None or parse_structure(text) is not None
