"""Options that several verbs share: the model and its engine, and the columns of a file of questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from adaptive.errors import InputError
from adaptive.learn.data.questions import Columns
from adaptive.learn.data.reference import REFERENCES
from adaptive.types.ladder import Effort, Ladder, Rung, parse_effort

if TYPE_CHECKING:
    from adaptive.engines.protocol import TokenEngine


MODEL_HELP = "Model: embedded, onnx:FOLDER, hf:ID, vllm:ID, http://host:port/v1, openai:NAME and so on."
SEVERAL_HELP = "Several hosted ones make one ladder; repeatable."
ENGINE_OPTIONS = (
    click.option("--served-model", metavar="NAME", help="Name of the model on a server that serves several."),
    click.option("--markers", metavar="NAME", help="Marks around the thinking, for example '<think> </think>'."),
    click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE",
                 help="Option of the engine, for example dtype=bfloat16; repeatable."),
)  # fmt: skip


def engine_options(command: Any) -> Any:
    """Add `--model` and its details to a command, as `model`, `served_model`, `markers` and `options`."""
    return click.option("-m", "--model", default="embedded", show_default=True, help=MODEL_HELP)(
        engine_detail_options(command)
    )


class _ModelName(click.types.StringParamType):
    """The name of a model, which may have spaces: the environment variable holds one."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Return the only name."""
        return [rv]


def several_engine_options(command: Any) -> Any:
    """Add `--model`, which may be named several times, and its details to a command, as `engine_options` does."""
    option = click.option("-m", "--model", type=_ModelName(), multiple=True, default=("embedded",),
                          show_default=True, help=f"{MODEL_HELP} {SEVERAL_HELP}")  # fmt: skip
    return option(engine_detail_options(command))


def engine_detail_options(command: Any) -> Any:
    """Add the details of an engine to a command that has its own `--model`."""
    for option in reversed(ENGINE_OPTIONS):
        command = option(command)
    return command


def parse_engine_settings(
    served_model: str | None, markers: str | None, options: tuple[str, ...]
) -> dict[str, Any]:
    """Return the details of an engine as keyword arguments of `open_engine`."""
    from adaptive.engines.registry import parse_options

    named = {"served_model": served_model, "markers": markers}
    return {**parse_options(options), **{k: v for k, v in named.items() if v is not None}}


def open_engine_from_options(
    model: str, served_model: str | None, markers: str | None, options: tuple[str, ...]
) -> TokenEngine:
    """Open the engine that these options name."""
    from adaptive.engines.registry import open_engine

    return open_engine(model, **parse_engine_settings(served_model, markers, options))


def reference_option(default: str | None, what: str) -> Callable[[Any], Any]:
    """Return the option `--reference`; `what` says what is graded, or what the default is."""
    return click.option(
        "--reference", type=click.Choice(REFERENCES), default=default, show_default=default is not None, help=what
    )


AGREEMENT = (
    "answers; dearest: without labels, by agreement with the answer of the dearest rung; or mixed: so where no "
    "right answer is known"
)
INDEX_BASE = click.IntRange(0, 1)
INDEX_BASE_HELP = "The right answers of multiple choice are indices, and this is the first option's: 0 or 1."
_DEFAULT_COLUMNS = Columns()
COLUMN_OPTIONS = (
    click.option("--question-column", metavar="NAME", default=_DEFAULT_COLUMNS.question, show_default=True,
                 help="Column with the question."),
    click.option("--answer-column", metavar="NAME", default=_DEFAULT_COLUMNS.answer, show_default=True,
                 help=r"Column with the right answer; of '... #### 42' and '... \boxed{42}' only the end counts."),
    click.option("--id-column", metavar="NAME", default=_DEFAULT_COLUMNS.id, show_default=True,
                 help="Column with an id for each question; optional."),
    click.option("--group-column", metavar="NAME", default=_DEFAULT_COLUMNS.group, show_default=True,
                 help="Column with a group of questions, such as a template, that is never split; optional."),
    click.option("--options-column", metavar="NAME", default=_DEFAULT_COLUMNS.options,
                 help="Column with the answers to choose from, for multiple choice."),
    click.option("--index-base", type=INDEX_BASE, help=INDEX_BASE_HELP),
)  # fmt: skip


def question_column_options(command: Any) -> Any:
    """Add the options of columns to a command, as one argument `columns`, a `Columns`."""

    @wraps(command)
    def with_columns(
        *arguments: Any,
        question_column: str,
        answer_column: str,
        id_column: str,
        group_column: str,
        options_column: str | None,
        index_base: int | None,
        **others: Any,
    ) -> Any:
        columns = Columns(question_column, answer_column, id_column, group_column, options_column, index_base)
        return command(*arguments, columns=columns, **others)

    wrapped: Any = with_columns
    for option in reversed(COLUMN_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


LADDER = "0,64,128,256"
SPREAD: tuple[Effort, ...] = ("low", "medium", "high")


def parse_ladder(text: str) -> Ladder:
    """Return the ladder of comma-separated budgets, each with its effort after a colon.

    By default the efforts low, medium and high are spread over the thinking rungs. Raises `InputError`.
    """
    parts = [part.partition(":") for part in text.split(",")]
    thinking = sum(budget.strip() != "0" for budget, _, _ in parts)
    rungs: list[Rung] = []
    for budget, _, own in parts:
        if not (budget.strip().isascii() and budget.strip().isdigit() and len(budget.strip()) < 10):
            raise InputError(f"ladder {text!r} has the budget {budget!r}: write whole numbers, as in {LADDER}.")
        tokens = int(budget)
        place = sum(r.thinks for r in rungs)
        chosen = own.strip() or SPREAD[round(2 * place / (thinking - 1)) if thinking > 1 else 1]
        rungs.append(Rung(parse_effort(chosen) if tokens else "none", tokens))
    return Ladder(tuple(rungs))
