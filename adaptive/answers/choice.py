"""Grading multiple choice: the option of the question that a text names."""

from __future__ import annotations

from adaptive._util.redact import redact_text
from adaptive.answers.grader import BaseGrader, Grade
from adaptive.answers.options import list_options, match_option, read_option
from adaptive.answers.reference import read_choice_index, read_reference
from adaptive.errors import InputError
from adaptive.types.verdict import CannotTell


class ChoiceGrader(BaseGrader):
    """Right if the answer names the same option of the question as the reference.

    For the options see `adaptive.answers.options.list_options`. A text names an option by its letter ("B", "(b)",
    "B) 42", "The answer is B") or by its content. A text that names two options names none. If the question lists
    no options, any letter is one.
    """

    name = "choice"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank. Raise `CannotTell` if the reference names none."""
        options = list_options(question)
        expected = read_expected(question, read_reference(reference))
        if expected is None:
            raise CannotTell(f"the reference {redact_text(reference)!r} names no option of the question")
        return grade_choice(answer, options, expected)


def grade_choice(answer: str, options: dict[str, str], expected: str) -> Grade:
    """Return whether an answer names the expected option.

    Args:
        answer: The answer or the whole reply.
        options: The options by letter in lower case; any letter is one if there are none.
        expected: The letter of the right one.
    """
    letter = read_option(answer, options)
    if letter is None:
        return Grade(False, reason="the answer names no option, or several")
    return Grade(
        letter == expected, reason="" if letter == expected else f"the answer names option {letter.upper()}"
    )


def read_expected(question: str, reference: str) -> str | None:
    """Return the letter of the option that a reference names; None if it names none.

    Raises:
        CannotTell: If the reference is a whole number that may be the index of an option.
    """
    try:
        reference = read_choice_index(question, reference, None, "the reference")
    except InputError as error:
        raise CannotTell(str(error).rstrip(".")) from error
    return match_option(reference, list_options(question))
