"""Raw-confidence stop: climb the ladder until an answer's confidence reaches a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.bench.cost import CostCounter
from adaptive.learn.data.outcome import RecordedQuestion, rung_to_key
from adaptive.learn.tuning.ways import Floats, WayResult, find_cheapest_way
from adaptive.types.ladder import Ladder
from adaptive.types.routine import format_rung


@dataclass(frozen=True)
class ConfidenceStop:
    """Climbs from the rung `first` until the confidence is `threshold` or more, else to the top.

    An answer without a confidence never stops it. The last answer is kept.
    """

    ladder: Ladder
    first: int
    threshold: float

    def __call__(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result at one question."""
        counter = CostCounter(self.ladder)
        for place, rung in enumerate(self.ladder):
            if place < self.first:
                continue
            outcome = recorded.outcomes[rung_to_key(rung)]
            counter.add(outcome)
            sure = outcome.attempt.confidence
            if place == self.ladder.top or (sure is not None and sure >= self.threshold):
                break
        return WayResult(outcome.solved, counter.usage, outcome.key, sure, attempts=place - self.first + 1)

    def __str__(self) -> str:
        return f"from {format_rung(self.ladder[self.first])}, stopping at {self.threshold:.4f}"

    @classmethod
    def tune(cls, ladder: Ladder, tuning: Sequence[RecordedQuestion], least: float) -> ConfidenceStop:
        """Return the cheapest stop with an accuracy of at least `least` on the tuning questions.

        It starts at the direct answer or the first rung that thinks; every useful threshold is tried.
        """
        starts = sorted({0, next((i for i, r in enumerate(ladder) if r.thinks), 0)})
        sweeps = [(first, *_sweep_thresholds(ladder, first, tuning)) for first in starts]
        choices = [(first, t) for first, thresholds, _, _ in sweeps for t in thresholds]
        right, tokens = (np.concatenate([one[k] for one in sweeps]) for k in (2, 3))
        first, threshold = choices[find_cheapest_way(right, tokens, least)]
        return cls(ladder, first, float(threshold))


def _sweep_thresholds(
    ladder: Ladder, first: int, tuning: Sequence[RecordedQuestion]
) -> tuple[Floats, Floats, Floats]:
    """Thresholds, and the accuracy and mean tokens at each, shape (thresholds,)."""
    sure, right, tokens = (
        np.stack(part) for part in zip(*(_climb_ladder(ladder, first, r) for r in tuning), strict=True)
    )
    thresholds = np.array([*np.unique(sure[:, :-1][sure[:, :-1] >= 0]), np.inf])
    sure[:, -1] = np.inf  # the top is always the last
    rows = np.arange(len(sure))
    stops = [np.argmax(sure >= t, axis=1) for t in thresholds]
    shares = np.array([right[rows, stop].mean() for stop in stops])
    return thresholds, shares, np.array([tokens[rows, stop].mean() for stop in stops])


def _climb_ladder(ladder: Ladder, first: int, recorded: RecordedQuestion) -> tuple[Floats, Floats, Floats]:
    """Confidence, correctness and tokens so far, at each rung from `first` on."""
    counter, rows = CostCounter(ladder), []
    for rung in list(ladder)[first:]:
        outcome = recorded.outcomes[rung_to_key(rung)]
        counter.add(outcome)
        sure = outcome.attempt.confidence
        rows.append((-1.0 if sure is None else sure, float(outcome.solved), float(counter.usage.total)))
    sure_, right, tokens = np.array(rows, dtype=np.float64).T
    return sure_, right, tokens
