"""The options that name a file of questions to answer, and how many of them in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from random import Random
from typing import Any

import click

from adaptive.cli.support.options import question_column_options
from adaptive.learn.data.questions import Columns, Question, read_questions
from adaptive.learn.data.readers import HUB


@dataclass(frozen=True)
class QuestionFile:
    """A file of questions.

    Attributes:
        source: The file, "-" for stdin, or a data set `datasets:ID`.
        columns: The names of its columns.
        limit: How many of its questions are answered; None for all.
        shuffle: Whether they are taken in random order.
        out: The file for the results; None for stdout.
    """

    source: str
    columns: Columns
    limit: int | None
    shuffle: bool
    out: Path | None

    def read(self, seed: int) -> list[Question]:
        """Return the questions; a row that repeats one is a question too. Raises `InputError`."""
        limit = None if self.shuffle else self.limit
        questions = read_questions(self.source, limit, columns=self.columns, need_answers=False, keep_repeats=True)
        if self.shuffle:
            Random(seed).shuffle(questions)
        return questions[: self.limit]


class _Source(click.Path):
    """A file that exists, "-" for stdin, or a data set `datasets:ID`."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the source; fail as click does."""
        return value if str(value).startswith(HUB) else super().convert(value, param, ctx)


_OPTIONS = (
    click.option("--file", type=_Source(), metavar="FILE",
                 help="Answer every question of a file: .txt, .jsonl, .json, .csv, .tsv or .parquet."),
    click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                 help="Write the results of --file here, a JSON object a line; a killed run goes on with it."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N",
                 help="Answer only the first N questions of --file."),
    click.option("--shuffle", is_flag=True, help="Take the questions of --file in an order drawn by --seed."),
)  # fmt: skip


def question_file_options(command: Any) -> Any:
    """Add these options to a command, as one argument `questions`: a `QuestionFile`, or None without `--file`."""

    @wraps(command)
    def with_file(*arguments: Any, file: str | None, columns: Columns, **others: Any) -> Any:
        given = {name: others.pop(name) for name in ("limit", "shuffle", "out")}
        if file is None:
            _refuse_without_file(given)
            return command(*arguments, questions=None, **others)
        return command(*arguments, questions=QuestionFile(file, columns, **given), **others)

    wrapped: Any = question_column_options(with_file)
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _refuse_without_file(given: Mapping[str, Any]) -> None:
    if name := next((name for name, value in given.items() if value), None):
        raise click.UsageError(f"--{name} is for the questions of a file: give one with --file")
