"""Calibration: predicted against observed shares of logged solves, by model and profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.learn.data.observations import Observation
from adaptive.learn.fit.thresholds import estimate_share

BINS = 10
SOURCES = ("user", "reference", "verdict")


@dataclass(frozen=True)
class Proportion:
    """How many of `count` answers are right."""

    count: int
    right: int

    def estimate(self) -> tuple[float, float, float]:
        """Return the share that is right, and its 95 % Wilson interval."""
        return estimate_share(self.right, self.count)

    def to_json(self) -> dict[str, Any]:
        """Return the counts, and the share that is right with its interval."""
        observed, low, high = self.estimate()
        return {"count": self.count, "right": self.right, "observed": observed, "interval": [low, high]}


@dataclass(frozen=True)
class CalibrationBin:
    """Answers of which a probability from `low` on, to `high`, was predicted; `predicted` is its mean."""

    low: float
    high: float
    predicted: float
    proportion: Proportion

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"from": self.low, "to": self.high, "predicted": self.predicted, **self.proportion.to_json()}


@dataclass(frozen=True)
class Calibration:
    """The calibration of one model with one profile.

    p_solved: by P(solved) at the rung of the selected answer. scores: by the score of the selected answer's
    verdict, for each verifier. accepted: of accepted answers. In the last two, answers do not count that only
    their verdict says to be right or wrong.
    """

    model: str
    profile: str
    sources: dict[str, int]
    p_solved: list[CalibrationBin]
    scores: dict[str, list[CalibrationBin]]
    accepted: Proportion

    @classmethod
    def from_observations(cls, model: str, profile: str, observations: Sequence[Observation]) -> Calibration:
        """Build it.

        Args:
            model: The model's name.
            profile: The profile's name.
            observations: Those of this model with this profile.
        """
        independent = [o for o in observations if not o.by_verdict]
        accepted = [o.right for o in independent if o.accepted]
        verifiers = sorted({o.verifier for o in independent if o.score is not None})
        return cls(
            model=model,
            profile=profile,
            sources={s: n for s in SOURCES if (n := sum(o.source == s for o in observations))},
            p_solved=bin_predictions((o.predicted, o.right) for o in observations),
            scores={
                name: bin_predictions((o.score, o.right) for o in independent if o.verifier == name)
                for name in verifiers
            },
            accepted=Proportion(len(accepted), sum(accepted)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "model": self.model,
            "profile": self.profile,
            "sources": self.sources,
            "p_solved": [b.to_json() for b in self.p_solved],
            "scores": {name: [b.to_json() for b in rows] for name, rows in self.scores.items()},
            "accepted": self.accepted.to_json(),
        }


def compute_calibrations(observations: Sequence[Observation]) -> list[Calibration]:
    """Return one calibration for each model and profile, by name."""
    names = sorted({(o.model, o.profile) for o in observations})
    return [
        Calibration.from_observations(m, p, [o for o in observations if (o.model, o.profile) == (m, p)])
        for m, p in names
    ]


def bin_predictions(pairs: Iterable[tuple[float | None, bool]]) -> list[CalibrationBin]:
    """Return pairs of a prediction in 0..1 and whether it came true, by tenths, without empty tenths and None."""
    tenths: dict[int, list[tuple[float, bool]]] = {}
    for predicted, right in pairs:
        if predicted is not None:
            tenths.setdefault(min(int(predicted * BINS), BINS - 1), []).append((predicted, right))
    return [_make_bin(tenth, tenths[tenth]) for tenth in sorted(tenths)]


def _make_bin(tenth: int, pairs: list[tuple[float, bool]]) -> CalibrationBin:
    mean = sum(p for p, _ in pairs) / len(pairs)
    return CalibrationBin(
        tenth / BINS, (tenth + 1) / BINS, mean, Proportion(len(pairs), sum(right for _, right in pairs))
    )
