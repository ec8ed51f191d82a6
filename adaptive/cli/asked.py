"""The options that say which columns of a file hold the questions to learn from."""

from __future__ import annotations

from functools import wraps
from typing import Any

import click

from adaptive.learn.questions import Columns

_COLUMNS = Columns()
OPTIONS = (
    click.option("--question-column", metavar="NAME", default=_COLUMNS.question, show_default=True,
                 help="Column with the question."),
    click.option("--answer-column", metavar="NAME", default=_COLUMNS.answer, show_default=True,
                 help="Column with the right answer; of '... #### 42' the end."),
    click.option("--id-column", metavar="NAME", default=_COLUMNS.id, show_default=True,
                 help="Column with the question's own name, if there is one."),
    click.option("--group-column", metavar="NAME", default=_COLUMNS.group, show_default=True,
                 help="Column with what is held out together, say the template, if there is one."),
    click.option("--options-column", metavar="NAME", default=_COLUMNS.options,
                 help="Column with the texts to choose from, for multiple choice."),
)  # fmt: skip


def question_columns(command: Any) -> Any:
    """Adds the options to a command; they arrive together as `columns`, a `Columns`."""

    @wraps(command)
    def with_columns(
        *given: Any,
        question_column: str,
        answer_column: str,
        id_column: str,
        group_column: str,
        options_column: str | None,
        **others: Any,
    ) -> Any:
        columns = Columns(question_column, answer_column, id_column, group_column, options_column)
        return command(*given, columns=columns, **others)

    wrapped: Any = with_columns
    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped
