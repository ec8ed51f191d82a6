"""How `adaptive compare` grades answers: by a check, or by the right answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.solver import parse_optional_check
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.verify import Verifier


@contextmanager
def open_answer_check(
    prompt: str, check: str | None, timeout: float, reference: str | None
) -> Iterator[Verifier | None]:
    """Open what grades the answers; None if nothing does.

    Args:
        prompt: The question.
        check: The text of `--check`.
        timeout: Seconds that a check may take for one answer.
        reference: The right answer.

    Raises:
        click.UsageError: There is both a check and a right answer.
        InputError: The check cannot be used, or the right answer is none.
    """
    if reference is None:
        yield parse_optional_check(check, timeout)
        return
    if check is not None:
        raise click.UsageError("--check and --answer both grade the answers: leave out one")
    from adaptive.answers.registry import DEFAULT_GRADER, open_grader
    from adaptive.compare.reference_check import ReferenceCheck

    right = _read_right_answer(prompt, reference)
    with open_grader(DEFAULT_GRADER) as grader:
        yield ReferenceCheck(grader, right)


def _read_right_answer(prompt: str, text: str) -> str:
    """Return the right answer as `adaptive record` reads it; raise `InputError` if it may be an option's index."""
    from adaptive.answers.reference import read_choice_index, read_reference
    from adaptive.cli.support.questions import clean_text

    right = read_reference(clean_text(text, "the right answer", "write it after --answer"))
    try:
        return read_choice_index(prompt, right, None)
    except InputError as error:
        raise InputError(
            f"the right answer {right!r} may be the index of an option: write the option's letter."
        ) from error
