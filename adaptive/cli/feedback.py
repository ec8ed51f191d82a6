"""`adaptive feedback`: records whether a logged answer was right."""

from __future__ import annotations

from typing import Any

import click

from adaptive.cli.support.report import to_one_line
from adaptive.errors import InputError
from adaptive.solve_log import LoggedSolve, SolveLog, explain_damage, find_log_path

LAST = "last"
LARGEST = 2**63 - 1  # what SQLite counts to


class SolveNumber(click.types.StringParamType):
    """The number of a logged solve, or `last`."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return an int of 1 or more, or `last`."""
        if value == LAST:
            return LAST
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= LARGEST):
            self.fail(f"{text!r} is not the number of a solve, nor 'last'", param, ctx)
        return int(text)


@click.command()
@click.argument("number", metavar="ID", type=SolveNumber())
@click.argument("word", metavar="right|wrong", type=click.Choice(["right", "wrong"]))
@click.option("--answer", metavar="TEXT", help="The right answer; training learns from it.")
def feedback_command(number: int | str, word: str, answer: str | None) -> None:
    """Say whether a logged answer was right.

    ID is a number that `adaptive logs` shows, or last. New feedback replaces older feedback.
    """
    log = find_log_path()
    if not log.exists():
        raise InputError(f"nothing is logged yet: {log} does not exist.")
    if answer is not None and not answer.strip():
        raise InputError("--answer is empty: give the right answer, or leave it out.")
    with SolveLog(log) as store:
        solve = store.get(_get_last_id(store) if number == LAST else int(number))
        with explain_damage(solve):
            if word == "wrong" and answer is not None:
                _reject_same_answer(solve, answer)
            _format_answer(solve)
        solve = store.add_feedback(solve.id, word == "right", answer)
    click.echo(_format_confirmation(solve))


def _get_last_id(store: SolveLog) -> int:
    """The number of the newest solve."""
    newest = store.list_recent(1)
    if not newest:
        raise InputError(f"nothing is logged yet: {store.path} is empty.")
    return newest[0].id


def _reject_same_answer(solve: LoggedSolve, answer: str) -> None:
    """An answer cannot be wrong and the right one."""
    from adaptive.answers.equality import same_answer

    if same_answer(solve.result["answer"], answer):
        raise InputError(
            f"the answer of solve {solve.id} is {to_one_line(solve.result['answer'], 30)}, the same as --answer: "
            "say right, or give another one."
        )


def _format_answer(solve: LoggedSolve) -> str:
    answer = solve.result["answer"]
    return "no answer" if answer is None else to_one_line(answer, 30)


def _format_confirmation(solve: LoggedSolve) -> str:
    """The recorded feedback in one line."""
    word = solve.feedback["user"]
    ours = "giving no answer" if solve.result["answer"] is None else _format_answer(solve)
    better = "" if word.answer is None else f", the right answer is {to_one_line(word.answer, 30)}"
    question = to_one_line(solve.result["question"], 60)
    return f"Recorded for solve {solve.id} ({question}): {ours} is {'right' if word.right else 'wrong'}{better}."
