"""Drift: are logged questions still like those that a profile was measured on? By model and profile.

A profile that knows its domain (`adaptive.profile.domain`) says of each question whether it is outside. Of new
questions of the recorded kind the share `alpha` is outside by chance, so drift is more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.learn.data.logged_questions import has_domain, is_outside
from adaptive.learn.data.observations import Observation
from adaptive.learn.report.drift_test import DriftTest, OutsideShare
from adaptive.learn.report.log_calibration import CalibrationBin, Proportion, bin_predictions
from adaptive.learn.report.question_kinds import OTHERS, count_new_words, name_beginning, name_kind
from adaptive.profile.domain import Domain
from adaptive.profile.features import normalise_question
from adaptive.solve_log import LoggedSolve

RECENT = 100
"""How many of the last questions are tested: what was asked long ago says little about what comes next."""
BEGINNINGS = 5
"""How many first words have a share of their own: those with the most questions outside."""


@dataclass(frozen=True)
class ObservedSide:
    """What came true of the observed solves that are inside, or outside.

    observed: how many answers are right. p_solved: by P(solved) at the rung of the selected answer. Outside its
    domain a profile predicts nothing, so that there is only what came true.
    """

    observed: Proportion
    p_solved: list[CalibrationBin]

    @classmethod
    def from_observations(cls, observations: Sequence[Observation]) -> ObservedSide:
        """Build it from the observations of this side."""
        return cls(
            Proportion(len(observations), sum(one.right for one in observations)),
            bin_predictions((one.predicted, one.right) for one in observations),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**self.observed.to_json(), "p_solved": [one.to_json() for one in self.p_solved]}


@dataclass(frozen=True)
class Drift:
    """The drift of one model with one profile.

    total, days, kinds, beginnings: the share outside of all solves, by UTC day ("2026-01-31"), by length and
    numbers, and by the first two words. new_words: how many questions outside have a word that no question inside
    has.
    """

    model: str
    profile: str
    total: OutsideShare
    days: dict[str, OutsideShare]
    kinds: dict[str, OutsideShare]
    beginnings: dict[str, OutsideShare]
    new_words: dict[str, int]
    inside: ObservedSide
    outside: ObservedSide
    test: DriftTest

    @classmethod
    def from_solves(
        cls, solves: Sequence[LoggedSolve], observations: Iterable[Observation], domain: Domain | None = None
    ) -> Drift:
        """Build it.

        Args:
            solves: All solves of this model with this profile that have a domain, oldest first; at least one.
            observations: Those of any solves. An answer of another model says nothing about this one.
            domain: The profile's domain; None if it is not known.
        """
        model, profile = _get_names(solves[0])
        sides = {solve.id: is_outside(solve) for solve in solves}
        own = [one for one in observations if one.id in sides and one.model == model]
        questions = _list_questions(solves)
        return cls(
            model=model,
            profile=profile,
            total=_count_outside(solves),
            days=_count_by(solves, [solve.time[:10] for solve in solves]),
            kinds=_count_by(solves, [name_kind(solve.result["question"]) for solve in solves]),
            beginnings=_count_by_beginning(solves),
            new_words=count_new_words(
                [one.result["question"] for one in questions if is_outside(one)],
                [one.result["question"] for one in questions if not is_outside(one)],
            ),
            inside=ObservedSide.from_observations([one for one in own if not sides[one.id]]),
            outside=ObservedSide.from_observations([one for one in own if sides[one.id]]),
            test=DriftTest.of(_count_outside(questions[-RECENT:]), domain),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        shares = {"days": self.days, "kinds": self.kinds, "beginnings": self.beginnings}
        return {
            "model": self.model,
            "profile": self.profile,
            **self.total.to_json(),
            **{key: {name: one.to_json() for name, one in rows.items()} for key, rows in shares.items()},
            "new_words": self.new_words,
            "observed": {"inside": self.inside.to_json(), "outside": self.outside.to_json()},
            "recent": self.test.to_json(),
            "advice": self.test.advise(self.model),
        }


def compute_drifts(
    solves: Iterable[LoggedSolve],
    observations: Sequence[Observation],
    find_domain: Callable[[str, str], Domain | None],
) -> list[Drift]:
    """Return one drift for each model and profile with a domain, by name.

    Args:
        solves: Logged solves, oldest first. Those without a domain are left out.
        observations: Those of the same log.
        find_domain: Returns the domain of a model's profile, by the names of both; None if it is not known.
    """
    groups: dict[tuple[str, str], list[LoggedSolve]] = {}
    for solve in filter(has_domain, solves):
        groups.setdefault(_get_names(solve), []).append(solve)
    return [Drift.from_solves(groups[names], observations, find_domain(*names)) for names in sorted(groups)]


def _get_names(solve: LoggedSolve) -> tuple[str, str]:
    """Return the names of the model and of the profile."""
    return solve.result["model"], solve.result.get("profile") or ""


def _list_questions(solves: Iterable[LoggedSolve]) -> list[LoggedSolve]:
    """Return the newest solve of each question, oldest first: the same one asked again tells nothing new."""
    newest = {normalise_question(solve.result["question"]): solve for solve in solves}
    return sorted(newest.values(), key=lambda solve: solve.id)


def _count_by(solves: Iterable[LoggedSolve], names: Iterable[str]) -> dict[str, OutsideShare]:
    """Return the share outside for each name, in the order of the names."""
    groups: dict[str, list[LoggedSolve]] = {}
    for solve, name in zip(solves, names, strict=True):
        groups.setdefault(name, []).append(solve)
    return {name: _count_outside(groups[name]) for name in sorted(groups)}


def _count_by_beginning(solves: Sequence[LoggedSolve]) -> dict[str, OutsideShare]:
    """Return the share outside for each of the first words with the most questions outside, and for all others."""
    names = [name_beginning(solve.result["question"]) for solve in solves]
    shares = _count_by(solves, names)
    shares.pop(OTHERS, None)
    listed = sorted(shares, key=lambda name: (-shares[name].outside, -shares[name].count, name))[:BEGINNINGS]
    others = _count_outside([solve for solve, name in zip(solves, names, strict=True) if name not in listed])
    return {name: shares[name] for name in listed} | ({OTHERS: others} if others.count else {})


def _count_outside(solves: Sequence[LoggedSolve]) -> OutsideShare:
    return OutsideShare(len(solves), sum(map(is_outside, solves)))
