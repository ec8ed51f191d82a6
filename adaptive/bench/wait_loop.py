"""The notebook's loop: when the model ends its thinking, append "Wait", a fixed number of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.bench.tuning import average_columns, find_cheapest_way
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.tuning.ways import WayResult


@dataclass(frozen=True)
class WaitLoop:
    """The chain at `start` with `count` Waits; a chain that did not end by itself stays as it is."""

    start: OutcomeKey
    count: int

    def __call__(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result at one question."""
        outcome = self._find_last_outcome(recorded)
        return WayResult(outcome.solved, outcome.compute_usage(), outcome.key, outcome.attempt.confidence)

    def is_recorded(self, one: RecordedQuestion) -> bool:
        """Return whether that many Waits were recorded, or the chain did not end by itself."""
        if self.start not in one.outcomes:
            return False
        last = self._find_last_outcome(one)
        return last.key.waits == self.count or last.attempt.finish != "natural"

    def _find_last_outcome(self, recorded: RecordedQuestion) -> Outcome:
        keys = (replace(self.start, waits=n) for n in range(self.count, -1, -1))
        return recorded.outcomes[next(k for k in keys if k in recorded.outcomes)]

    @classmethod
    def tune(cls, start: OutcomeKey, most: int, tuning: Sequence[RecordedQuestion], least: float) -> WaitLoop:
        """Return the loop with the cheapest number of Waits, 1 to `most`, whose accuracy is at least `least`."""
        ways = [[cls(start, n)(r) for r in tuning] for n in range(1, most + 1)]
        right, tokens = [[t.right for t in way] for way in ways], [[t.tokens for t in way] for way in ways]
        return cls(start, 1 + find_cheapest_way(average_columns(right), average_columns(tokens), least))


def find_wait_start(recorded: Sequence[RecordedQuestion], efforts: Sequence[str]) -> tuple[OutcomeKey, int] | None:
    """Return the chain of the highest of `efforts` with Waits, and their largest number; None without Waits."""
    keys = [k for one in recorded for k in one.outcomes if k.waits]
    effort = next((e for e in reversed(efforts) if any(k.effort == e for k in keys)), None)
    if effort is None:
        return None
    most = max((k for k in keys if k.effort == effort), key=lambda k: k.waits)
    return replace(most, waits=0), most.waits
