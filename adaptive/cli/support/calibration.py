"""`adaptive logs --calibration`: predicted against observed accuracy, as tables or as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps

import click

from adaptive.cli.support.report import to_one_line
from adaptive.learn.data.observations import read_observations
from adaptive.learn.report.log_calibration import Calibration, CalibrationBin, Proportion, compute_calibrations
from adaptive.solve_log import SolveLog

NOTHING = (
    "Nothing was observed yet: of {} logged solves none has feedback, a reference or the verdict of a check or a "
    "judge. Record one: adaptive feedback ID right|wrong."
)
HEADER = f"  {'predicted':<12}{'count':>6}{'mean':>7}{'right':>7}  95 % interval"


def print_calibration(store: SolveLog, search: str | None, json: bool) -> None:
    """Print the calibration of all logged solves, or of those that contain `search`."""
    solves, observations = len(store.list_recent(0, search)), read_observations(store, search)
    calibrations = compute_calibrations(observations)
    if json:
        rows = [one.to_json() for one in calibrations]
        report = {"solves": solves, "observed": len(observations), "calibration": rows}
        click.echo(dumps(report, ensure_ascii=False))
    elif not observations:
        click.echo(NOTHING.format(solves), err=True)
    else:
        click.echo(f"{len(observations)} of {solves} logged solves were observed.")
        click.echo("\n".join(line for one in calibrations for line in ("", *_format_calibration(one))))


def _format_calibration(one: Calibration) -> list[str]:
    sources = ", ".join(f"{count} by {source}" for source, count in one.sources.items())
    lines = [to_one_line(f"{one.model}, profile {one.profile}: {sources}")]
    lines += format_bins("p(solved) at the rung whose answer was kept", one.p_solved)
    for verifier, rows in one.scores.items():
        lines += format_bins(f"score of the verdict: {to_one_line(verifier)}", rows)
    return [*lines, _format_accepted(one.accepted)]


def format_bins(title: str, rows: Sequence[CalibrationBin]) -> list[str]:
    """Return a table of predicted and observed shares, a line each."""
    return [title, HEADER, *(_format_bin(row) for row in rows)] if rows else [f"{title}: nothing was predicted"]


def _format_bin(row: CalibrationBin) -> str:
    observed, low, high = row.proportion.estimate()
    predicted = f"{row.low:.1f} to {row.high:.1f}"
    counts = f"{row.proportion.count:>6}{row.predicted:>7.2f}{observed:>7.2f}"
    return f"  {predicted:<12}{counts}  {low:.2f} to {high:.2f}"


def _format_accepted(tally: Proportion) -> str:
    if not tally.count:
        return "accepted answers: none was observed"
    observed, low, high = tally.estimate()
    return f"accepted answers: {tally.right} of {tally.count} right, {observed:.2f} ({low:.2f} to {high:.2f})"
