"""Grading multiple choice: the option of the question that a text names."""

from __future__ import annotations

import re
from string import ascii_lowercase

from adaptive._util.redact import redact_text
from adaptive.answers.equality import normalise_text, same_answer
from adaptive.answers.grader import BaseGrader, Grade
from adaptive.types.verdict import CannotTell

_OPTION = re.compile(r"^[ \t]*(?:\(([A-Z])\)|([A-Z])[).:])[ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
_LETTERED = re.compile(r"(?:\(([a-z])\)|([a-z])[).:])(.*)")
_ANSWER_PHRASE = re.compile(r"(?:.*\W)?(?:answer|option|choice)(?: is)?:?(?: ?(?:option|choice))? ?\(?([a-z])\)?")
_SEVERAL = re.compile(r"\b(?:or|and)\b|\([a-z]\)|\b[a-z]\)")


class ChoiceGrader(BaseGrader):
    """Right if the answer names the same option of the question as the reference.

    The options are the lines "(A) ...", "A) ...", "A. ..." or "A: ..." of the question, from A on without a gap.
    A text names an option by its letter ("B", "(b)", "B) 42", "The answer is B") or by its content. A text that
    names two options names none. If the question lists no options, any letter is one.
    """

    name = "choice"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank. Raise `CannotTell` if the reference names none."""
        options = list_options(question)
        expected = match_option(reference, options)
        if expected is None:
            raise CannotTell(f"the reference {redact_text(reference)!r} names no option of the question")
        letter = match_option(answer, options)
        if letter is None:
            return Grade(False, reason="the answer names no option, or several")
        right = letter == expected
        return Grade(right, reason="" if right else f"the answer names option {letter.upper()}")


def list_options(question: str) -> dict[str, str]:
    """Return the options of a question by letter in lower case; none unless they run from A without a gap."""
    options: dict[str, str] = {}
    for match in _OPTION.finditer(question):
        letter = (match[1] or match[2]).lower()
        if letter == "a":
            options = {}  # the options before it belong to a worked example
        if len(options) < 26 and letter == ascii_lowercase[len(options)]:
            options[letter] = match[3]
    return options if len(options) > 1 else {}


def match_option(text: str, options: dict[str, str]) -> str | None:
    """Return the letter of the one option that `text` names, in lower case; None if it names none or several."""
    plain = normalise_text(text)
    letters = options or dict.fromkeys(ascii_lowercase)
    if plain in letters:
        return plain
    if len(same := [letter for letter, option in options.items() if same_answer(text, option)]) == 1:
        return same[0]
    letter = _extract_letter(plain, options)
    return letter if letter in letters else None


def _extract_letter(plain: str, options: dict[str, str]) -> str | None:
    if phrase := _ANSWER_PHRASE.fullmatch(plain):
        return phrase[1]
    if not (marked := _LETTERED.fullmatch(plain)):
        return None
    letter, rest = marked[1] or marked[2], marked[3]
    if same_answer(rest, options.get(letter, "")):
        return letter
    others = any(same_answer(rest, option) for option in options.values())
    return None if others or _SEVERAL.search(rest) else letter
