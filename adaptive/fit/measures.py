"""What the held-out questions show of a fitted profile and of every constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from adaptive.bench.run import replay_policy
from adaptive.fit.decision import Decision, HeldOutEvidence, PairedEvidence, decide
from adaptive.fit.page import FitLine
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.constants import Constant
from adaptive.learn.tuning.ways import Way
from adaptive.profile.profile import Profile
from adaptive.types.usage import CostUnit

POLICY_NAME = "this profile's policy"


@dataclass(frozen=True)
class HeldOutMeasures:
    """The policy and all constants on the same questions. best: the constant to beat, by other questions."""

    policy: Way
    constants: tuple[tuple[Constant, Way], ...]
    best: Constant

    @classmethod
    def replay(
        cls, profile: Profile, constants: Sequence[Constant], best: Constant, held_out: Sequence[RecordedQuestion]
    ) -> HeldOutMeasures:
        """Replay all ways.

        Args:
            profile: The profile of the policy.
            constants: The plain call, and all others.
            best: One of them.
            held_out: The questions, which nothing was chosen by.
        """
        policy = Way(POLICY_NAME, replay_policy(profile, held_out).results)
        return cls(policy, tuple((one, one.replay(held_out)) for one in constants), best)

    @property
    def plain(self) -> Way:
        """The plain call."""
        return next(way for one, way in self.constants if one.kind == "plain")

    @cached_property
    def evidence(self) -> HeldOutEvidence:
        """The comparisons that decide."""
        best = next(way for one, way in self.constants if one == self.best)
        return HeldOutEvidence(
            PairedEvidence.from_ways(self.policy, best),
            PairedEvidence.from_ways(self.policy, self.plain),
            None if self.best.kind == "plain" else PairedEvidence.from_ways(best, self.plain),
        )

    @property
    def unit(self) -> CostUnit:
        """What costs are counted in."""
        return self.evidence.profile_against_plain.unit

    @cached_property
    def lines(self) -> list[FitLine]:
        """The rows of the table."""
        return [FitLine.from_ways(way, self.plain) for way in (self.policy, *(way for _, way in self.constants))]

    def decide(self, margin: float) -> Decision:
        """Return what to use, if a saving may put so much accuracy (0 to 1) at risk."""
        return decide(self.evidence, margin)
