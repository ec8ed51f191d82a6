"""Recorded samples of a question, their majority and their cost. Every ballot has the weight one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.tuning.ways import WayResult
from adaptive.policy.majority import Ballot, estimate_lead, group_ballots
from adaptive.types.usage import Usage

FREE = Usage(cost=0.0)


@dataclass(frozen=True)
class SampleSource:
    """The chain whose samples were recorded."""

    chain: OutcomeKey

    @classmethod
    def find(cls, recorded: Sequence[RecordedQuestion]) -> SampleSource | None:
        """Return the source with most samples, of equals the largest budget; None without samples."""
        counts = Counter(key.chain for one in recorded for key in one.outcomes if key.sample)
        return cls(max(counts, key=lambda key: (counts[key], key.budget))) if counts else None

    def get_samples(self, recorded: RecordedQuestion) -> list[Outcome]:
        """Return the samples of a question in their order."""
        samples: list[Outcome] = []
        while (key := replace(self.chain, sample=len(samples) + 1)) in recorded.outcomes:
            samples.append(recorded.outcomes[key])
        return samples

    def count_most(self, recorded: Sequence[RecordedQuestion]) -> int:
        """Return the largest number of samples of any question."""
        return max((len(self.get_samples(one)) for one in recorded), default=0)


def pick_majority(samples: Sequence[Outcome]) -> WayResult:
    """Return the answer that most samples give; of equals, the first. Their prompt is read once."""
    ballots = [Ballot(s.attempt.answer) for s in samples]
    groups = group_ballots(ballots)
    kept = samples[groups[0].members[0] if groups else 0]
    score = estimate_lead(ballots) if groups else 0.0
    usage = sum((one.compute_usage(prompt_read=place > 0) for place, one in enumerate(samples)), FREE)
    return WayResult(kept.solved, usage, kept.key, score, attempts=len(samples))
