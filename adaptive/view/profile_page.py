"""What the page of a profile shows: what was measured of its model, and what the log says since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.errors import InputError
from adaptive.learn.data.logged_questions import has_domain
from adaptive.learn.data.observations import observe_solve
from adaptive.learn.report.drift import Drift
from adaptive.learn.report.log_calibration import Calibration
from adaptive.solve_log import LoggedSolve
from adaptive.view.charts import FrontChart, ReliabilityChart, draw_front_chart, draw_reliability_chart
from adaptive.view.profiles import ViewedProfile
from adaptive.view.timeline import DAMAGED

RELIABILITY = (
    ("difficulty", "P(solved), from the question's text"),
    ("probe", "P(solved), after a direct answer"),
    ("verifier", "P(right), of an answer"),
)


@dataclass(frozen=True)
class Reliability:
    """A chart, and its rows as a table: kind, from, count, predicted, solved."""

    title: str
    chart: ReliabilityChart
    rows: Sequence[tuple[str, float, int, float, float]]


@dataclass(frozen=True)
class RungLine:
    """A rung: its place, effort, budget and waits, its mean tokens, and the share of questions that it solves."""

    rung: int
    effort: str
    budget: int
    waits: int
    tokens: float | None
    solved: float | None


@dataclass(frozen=True)
class ProfileView:
    """Everything that the page shows.

    Args:
        viewed: The profile.
        verdict: What its tuning promises, in a sentence; empty if it was not tuned.
        rungs: Its ladder.
        front: The front of its tuning; None if the profile does not hold it.
        reliability: What its predictions were worth on questions that it was not fitted to.
        drift: What the log says of its questions; None if it has none of a profile with a domain.
        calibration: What came true in the log; None if nothing was observed.
    """

    viewed: ViewedProfile
    verdict: str
    rungs: Sequence[RungLine]
    front: FrontChart | None
    front_points: Sequence[Mapping[str, Any]]
    reliability: Sequence[Reliability]
    drift: Drift | None
    calibration: Calibration | None


def build_profile_view(viewed: ViewedProfile, solves: Sequence[LoggedSolve]) -> ProfileView:
    """Return what is shown of a profile.

    Args:
        viewed: It.
        solves: The logged solves with it, oldest first.

    Raises:
        InputError: Its figures are not what `adaptive train` writes.
    """
    figures = viewed.profile.figures
    try:
        front = (figures.get("tuned") or {}).get("front")
        return ProfileView(
            viewed=viewed,
            verdict=str((figures.get("tuned") or {}).get("verdict", "")),
            rungs=_list_rungs(viewed),
            front=draw_front_chart(front) if front else None,
            front_points=sorted(front["points"], key=lambda one: one["cost"]) if front else (),
            reliability=list(_list_reliability(figures)),
            drift=_measure_drift(viewed, solves),
            calibration=_calibrate(viewed, solves),
        )
    except DAMAGED as error:
        raise InputError(f"the figures of the profile {viewed.name} cannot be read ({error!r}).") from error


def _list_rungs(viewed: ViewedProfile) -> list[RungLine]:
    profile = viewed.profile
    solved = [one["solved"] for one in (profile.figures.get("difficulty") or {}).get("rungs", ())]
    return [
        RungLine(
            place,
            rung.effort,
            rung.budget,
            rung.waits,
            profile.mean_tokens[place] if profile.mean_tokens else None,
            solved[place] if place < len(solved) else None,
        )
        for place, rung in enumerate(profile.ladder)
    ]


def _list_reliability(figures: Mapping[str, Any]) -> list[Reliability]:
    shown = list[Reliability]()
    for name, title in RELIABILITY:
        shown += _make_reliability(title, {"inside": (figures.get(name) or {}).get("reliability", ())})
    domain = figures.get("domain") or {}
    sides = {side: domain.get(f"{side}_reliability", ()) for side in ("inside", "outside")}
    return [*shown, *_make_reliability("P(solved), inside and outside the domain", sides)]


def _make_reliability(title: str, groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Reliability]:
    if (chart := draw_reliability_chart(groups)) is None:
        return []
    rows = [
        (kind, one["from"], one["count"], one["predicted"], one["solved"])
        for kind, group in groups.items()
        for one in group
    ]
    return [Reliability(title, chart, rows)]


def _measure_drift(viewed: ViewedProfile, solves: Sequence[LoggedSolve]) -> Drift | None:
    own = [solve for solve in solves if has_domain(solve)]
    if not own:
        return None
    observations = [one for solve in own if (one := observe_solve(solve)) is not None]
    return Drift.from_solves(own, observations, viewed.profile.domain_model())


def _calibrate(viewed: ViewedProfile, solves: Sequence[LoggedSolve]) -> Calibration | None:
    observations = [one for solve in solves if (one := observe_solve(solve)) is not None]
    return Calibration.from_observations(*viewed.key, observations) if observations else None
