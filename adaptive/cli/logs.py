"""`adaptive logs`: the log of solves, with questions, answers and cost."""

from __future__ import annotations

from json import dumps
from typing import Any

import click

from adaptive.cli.support.report import format_usage, to_one_line
from adaptive.solve_log import LoggedSolve, SolveLog, explain_damage, find_log_path

COUNT = click.IntRange(0, 2**31)
NUMBER = click.IntRange(1, 2**63 - 1)  # what SQLite counts to


@click.command()
@click.argument("number", type=NUMBER, required=False)
@click.option("-n", "--count", type=COUNT, default=10, show_default=True, help="Number of solves to show; 0: all.")
@click.option("-q", "--search", metavar="TEXT", help="Show only solves whose question or answer contains TEXT.")
@click.option("--json", is_flag=True, help="Print each result as a JSON object on one line.")
@click.option("--calibration", is_flag=True, help="Compare predicted with observed accuracy over all solves.")
@click.option(
    "--drift", is_flag=True, help="Tell how many questions are unlike those that the profile was measured on."
)
@click.option(
    "--profile", metavar="FOLDER", help="The profile that --drift is of, if solves named it by its folder."
)
@click.option("--path", is_flag=True, help="Print the path of the log.")
def logs_command(
    number: int | None,
    count: int,
    search: str | None,
    json: bool,
    calibration: bool,
    drift: bool,
    profile: str | None,
    path: bool,
) -> None:
    """Show logged solves, newest last.

    With NUMBER, show that solve with its attempts.
    """
    _check_reports(number, calibration, drift)
    log = find_log_path()
    if path:
        click.echo(log)
        return
    if not log.exists():
        click.echo(f"Nothing is logged yet: {log} does not exist.", err=True)
        return
    if calibration:
        from adaptive.cli.support.calibration import print_calibration

        with SolveLog(log) as store:
            print_calibration(store, search, json)
        return
    if drift:
        from adaptive.cli.support.drift import print_drift

        with SolveLog(log) as store:
            print_drift(store, search, json, profile)
        return
    with SolveLog(log) as store:
        solves = store.list_recent(count, search) if number is None else [store.get(number)]
    for solve in solves:
        with explain_damage(solve):
            lines = [_format_solve(solve)] if number is None else [_format_solve(solve), *_format_details(solve)]
        click.echo(dumps(solve.to_json(), ensure_ascii=False) if json else "\n".join(lines))


def _check_reports(number: int | None, calibration: bool, drift: bool) -> None:
    """Raise `click.UsageError` unless at most one report of all solves is asked for."""
    if calibration and drift:
        raise click.UsageError("give --calibration or --drift, not both")
    if number is not None and (calibration or drift):
        name = "--calibration" if calibration else "--drift"
        raise click.UsageError(f"{name} is of all solves: leave out the number, or give --search")


def _format_solve(solve: LoggedSolve) -> str:
    """A solve in one line: number, time, verdict, answer, question, tokens."""
    result = solve.result
    answered = {True: "accepted", False: "not accepted", None: "not verified"}[result["accepted"]]
    word = result["status"].replace("answered", answered)
    answer = "-" if result["answer"] is None else to_one_line(result["answer"], 30)
    row = f"{word}  {answer}  {to_one_line(result['question'], 80)}  ({result['usage']['total']} tokens)"
    return f"{solve.id}  {solve.time[:19]}Z  {row}"


def _format_details(solve: LoggedSolve) -> list[str]:
    """Model, difficulty, each attempt and usage, a line each."""
    result = solve.result
    return [
        to_one_line(f"model {result['model']}, profile {result['profile']}, seed {result['seed']}"),
        to_one_line(f"difficulty {result['difficulty']['level']}, rung {result['rung']}: {result['reason']}"),
        *("  " + to_one_line(_format_attempt(attempt)) for attempt in result["attempts"]),
        *(
            to_one_line(line)
            for line in (*_format_shadow(result), *_format_kept_reason(result), *_format_feedback(solve))
        ),
        format_usage(result["usage"]),
    ]


def _format_kept_reason(result: dict[str, Any]) -> list[str]:
    """Why that answer was kept, and whether it is right; older solves have neither."""
    kept = [f"kept: {result['kept_because']}"] if "kept_because" in result else []
    if (known := result.get("reference")) is None:
        return kept
    grade = {True: "right", False: "wrong", None: "cannot be graded"}[known["right"]]
    return [*kept, f"reference {known['answer']}: {grade}"]


def _format_shadow(result: dict[str, Any]) -> list[str]:
    """The policy's own first rung, if options overrode it."""
    if (shadow := result.get("shadow")) is None:
        return []
    return [f"on its own it would have begun at rung {shadow['rung']}: {shadow['reason']}"]


def _format_feedback(solve: LoggedSolve) -> list[str]:
    """Later feedback, a line for each source."""
    return [
        f"{source}: {'right' if word.right else 'wrong'}{'' if word.answer is None else f', it is {word.answer}'}"
        for source, word in solve.feedback.items()
    ]


def _format_attempt(attempt: dict[str, Any]) -> str:
    most = "at most " if attempt["usage"].get("thinking", 0) is None else ""
    rounds = ", ".join(f"{most}{item['tokens']} {item['end']}" for item in attempt["rounds"])
    bought = f"{attempt['arm']}, rung {attempt['rung']}, budget {attempt['budget']}, rounds [{rounds}]"
    verdict = attempt["verdict"]
    judged = f"{verdict['score']:.2f}, {verdict['reason']}" if verdict else "not judged"
    return f"{bought}: {attempt['answer']} ({judged})"
