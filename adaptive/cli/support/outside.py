"""The questions of `adaptive record --from-log`: logged ones that are unlike those that were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.errors import AdaptiveError, InputError

if TYPE_CHECKING:
    from adaptive.learn.data.questions import Question


def read_outside_questions(
    model: str, limit: int | None, index_base: int | None, unanswered: Path | None
) -> list[Question]:
    """Return the logged questions of a model that are outside and have a right answer; tell of the others.

    Args:
        model: The model's spec.
        limit: The most questions to return.
        index_base: The index of the first option, for answers that are indices of options; None for others.
        unanswered: A new file for those without a right answer.

    Raises:
        InputError: There is no such question, or `unanswered` is there already: it may hold the user's answers.
    """
    from adaptive.learn.data.logged_questions import OutsideQuestions
    from adaptive.solve_log import SolveLog, find_log_path

    log = find_log_path()
    if not log.exists():
        raise InputError(f"nothing is logged yet: {log} does not exist.")
    if unanswered is not None and unanswered.exists():
        raise InputError(f"{unanswered} is there already, perhaps with answers of yours: name another file.")
    with SolveLog(log) as store:
        found = OutsideQuestions.from_solves(store.list_recent(0), model, limit, index_base=index_base)
    if not found.questions and not found.unanswered:
        raise InputError(
            f"no logged question of {model} is unlike those that its profile was measured on: name a file of "
            "questions (`adaptive logs --drift` tells more)."
        )
    advice = _hand_over_unanswered(found.unanswered, unanswered) if found.unanswered else ""
    if not found.questions:
        raise InputError(f"no question can be graded: {advice}")
    if advice:
        click.echo(f"{advice[0].upper()}{advice[1:]}", err=True)
    return found.questions


def _hand_over_unanswered(texts: Sequence[str], file: Path | None) -> str:
    """Write the questions to a file, if there is one; return a sentence about them."""
    lack = f"{len(texts)} logged question{' lacks' if len(texts) == 1 else 's lack'} a right answer"
    if file is None:
        return (
            f"{lack}: give it with `adaptive feedback ID wrong --answer TEXT` or `adaptive feedback ID right`, "
            "or get a file to fill in with --unanswered FILE."
        )
    rows = [dumps({"question": text, "answer": ""}, ensure_ascii=False) for text in texts]
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write("".join(f"{row}\n" for row in rows))
    except OSError as error:
        raise AdaptiveError(f"{file} cannot be written ({error.strerror}).") from error
    return f"{lack}: fill in {file}, and record it like any file of questions."
