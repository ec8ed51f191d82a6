"""The notebook's loop: when the model ends its thinking, say "Wait", a fixed number of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.bench.tuning import cheapest, means
from adaptive.learn.data.outcome import Key, Outcome, Recorded
from adaptive.learn.tuning.ways import Taken


@dataclass(frozen=True)
class Waits:
    """The chain at `start` with `count` Waits; a chain that did not end by itself stays as it is."""

    start: Key
    count: int

    def __call__(self, recorded: Recorded) -> Taken:
        """What it comes to at one question."""
        outcome = self._last(recorded)
        return Taken(outcome.solved, outcome.usage(), outcome.key, outcome.attempt.confidence)

    def recorded(self, one: Recorded) -> bool:
        """Whether so many Waits were recorded, or could not be taken."""
        if self.start not in one.outcomes:
            return False
        last = self._last(one)
        return last.key.waits == self.count or last.attempt.finish != "natural"

    def _last(self, recorded: Recorded) -> Outcome:
        keys = (replace(self.start, waits=n) for n in range(self.count, -1, -1))
        return recorded.outcomes[next(k for k in keys if k in recorded.outcomes)]

    @classmethod
    def tuned(cls, start: Key, most: int, tuning: Sequence[Recorded], least: float) -> Waits:
        """The cheapest number of Waits that is right at least as often as `least`, of 1 to `most`."""
        ways = [[cls(start, n)(r) for r in tuning] for n in range(1, most + 1)]
        right, tokens = [[t.right for t in way] for way in ways], [[t.tokens for t in way] for way in ways]
        return cls(start, 1 + cheapest(means(right), means(tokens), least))


def wait_start(recorded: Sequence[Recorded], efforts: Sequence[str]) -> tuple[Key, int] | None:
    """The chain of the dearest of `efforts` with recorded Waits, and the most of them; None for none."""
    keys = [k for one in recorded for k in one.outcomes if k.waits]
    effort = next((e for e in reversed(efforts) if any(k.effort == e for k in keys)), None)
    if effort is None:
        return None
    most = max((k for k in keys if k.effort == effort), key=lambda k: k.waits)
    return replace(most, waits=0), most.waits
