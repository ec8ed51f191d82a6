"""`adaptive logs --drift`: how many questions are unlike the recorded ones, as tables or as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from json import dumps

import click

from adaptive._util.redact import redact_address
from adaptive.cli.support.calibration import format_bins
from adaptive.cli.support.report import to_one_line
from adaptive.errors import InputError
from adaptive.learn.data.observations import read_observations
from adaptive.learn.report.drift import Drift, ObservedSide, compute_drifts
from adaptive.learn.report.drift_test import OutsideShare
from adaptive.profile.domain import Domain
from adaptive.profile.profile import Profile
from adaptive.profile.store import ProfileStore, find_profiles_folder, make_model_key
from adaptive.profile.untrained import NO_PROFILE, load_model_profile
from adaptive.solve_log import SolveLog

NOTHING = (
    "Nothing can be said about drift: in none of {} logged solves did the profile know its domain: those of "
    "`adaptive train` do."
)
DAYS = 14
"""How many days are shown, from the last one back."""
WINDOW = 4096
"""The window of an untrained profile, which has no domain anyway."""


def print_drift(store: SolveLog, search: str | None, json: bool, folder: str | None) -> None:
    """Print the drift of all logged solves, or of those that contain `search`.

    Args:
        store: The log.
        search: See `SolveLog.list_recent`.
        json: Whether to print one JSON object.
        folder: The folder of the profile, if it is neither stored nor the model's own.
    """
    solves = store.list_recent(0, search)
    drifts = compute_drifts(solves, read_observations(store, search), partial(find_domain, folder=folder))
    if json:
        report = {"solves": len(solves), "drift": [one.to_json() for one in drifts]}
        click.echo(dumps(report, ensure_ascii=False))
    elif not drifts:
        click.echo(NOTHING.format(len(solves)), err=True)
    else:
        click.echo("\n\n".join("\n".join(_format_drift(one)) for one in drifts))


def find_domain(model: str, profile: str, folder: str | None = None) -> Domain | None:
    """Return the domain of a logged profile; None if there is no such profile any more.

    Args:
        model: The model's name.
        profile: The profile's name.
        folder: A folder to look in as well. The stored profiles and the one that the model brings are looked at.

    Raises:
        InputError: There is no profile in the folder.
    """
    named = [Profile.load(folder)] if folder not in (None, NO_PROFILE) else []
    for one in (*named, *_list_profiles(model)):
        if (redact_address(one.model), one.name) == (model, profile):
            return one.domain_model()
    return None


def _list_profiles(model: str) -> list[Profile]:
    """Return the stored profiles of a model and its own; none if one is broken: the log can still be read."""
    try:
        key = make_model_key(model)
        stored = ProfileStore(find_profiles_folder()).list_profiles()
        folders = [one.folder for one in stored if one.model.partition(" ")[0] == key]
        return [*map(Profile.load, folders), load_model_profile(model, WINDOW)]
    except InputError:
        return []


def _format_drift(one: Drift) -> list[str]:
    total, count = one.total, one.total.count
    days = dict(list(one.days.items())[-DAYS:])
    words = ", ".join(f"{to_one_line(word)} ({number})" for word, number in one.new_words.items())
    return [
        to_one_line(f"{one.model}, profile {one.profile}: {total.outside} of {count} solves are outside"),
        *_format_shares("day (UTC)", days),
        *_format_shares("kind of question", one.kinds),
        *_format_shares("first words", one.beginnings),
        f"new words outside, by questions: {words or 'none'}",
        *_format_side("inside", one.inside),
        *_format_side("outside", one.outside),
        to_one_line(one.test.advise(one.model)),
    ]


def _format_shares(title: str, shares: Mapping[str, OutsideShare]) -> list[str]:
    rows = [f"{title:<26}{'solves':>8}{'outside':>9}{'share':>7}  95 % interval"]
    for name, one in shares.items():
        share, low, high = one.estimate()
        counts = f"{one.count:>8}{one.outside:>9}{share:>7.2f}"
        rows.append(f"  {to_one_line(name, 24):<24}{counts}  {low:.2f} to {high:.2f}")
    return rows


def _format_side(name: str, side: ObservedSide) -> list[str]:
    if not (tally := side.observed).count:
        return [f"{name}: none was observed"]
    share, low, high = tally.estimate()
    line = f"{name}: {tally.right} of {tally.count} observed answers right, {share:.2f} ({low:.2f} to {high:.2f})"
    return [line, *format_bins("  p(solved) at the rung whose answer was kept", side.p_solved)]
