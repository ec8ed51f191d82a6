"""Outcome: one recorded attempt, graded; and all of a question's. Plain data, of which `outcomes` is the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adaptive.learn.data.questions import Question
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.usage import Usage


@dataclass(frozen=True, order=True)
class OutcomeKey:
    """Which attempt at a question: the direct answer is `OutcomeKey("none")`, sample 0 is the greedy chain.

    budget: the rung's; an unlimited chain has the context window for one. waits: how many Waits were taken after
    the chain's own end.
    """

    effort: str
    budget: int = 0
    waits: int = 0
    sample: int = 0


DIRECT = OutcomeKey("none")


def rung_to_key(rung: Rung) -> OutcomeKey:
    """Where a rung's greedy attempt is recorded, the Waits that it grants taken."""
    return OutcomeKey(rung.effort, rung.budget, rung.waits) if rung.thinks else DIRECT


@dataclass(frozen=True)
class Outcome:
    """A recorded attempt. `right` is None where the grader could not tell, and `why` says so.

    prompt: ids of its prompt. closing: what was put between thinking and answer. A chain's thinking is in its
    attempt: `attempt.charged`.
    """

    key: OutcomeKey
    attempt: Attempt
    right: bool | None
    prompt: int
    closing: int
    why: str = ""

    @property
    def solved(self) -> bool:
        """Whether the answer is known to be right."""
        return self.right is True

    def compute_usage(self, before: Outcome | None = None) -> Usage:
        """What it takes to buy this attempt: from nothing, or on the chain that `before` left in the cache."""
        kept = before.attempt.rounds if before else ()
        new = self.attempt.chain_tokens - sum(r.tokens for r in kept)
        waits = sum(r.injected for r in self.attempt.rounds) - sum(r.injected for r in kept)
        return Usage(
            prompt=0 if before else self.prompt,
            thinking=new - waits,
            injected=waits + self.closing,
            answer=self.attempt.usage.answer,
            cost=None,
        )


@dataclass(frozen=True)
class RecordedQuestion:
    """A question with all attempts at it."""

    question: Question
    outcomes: Mapping[OutcomeKey, Outcome]

    def is_complete(self, ladder: Ladder) -> bool:
        """Whether every rung of a ladder was recorded."""
        return all(rung_to_key(rung) in self.outcomes for rung in ladder)

    def is_solved(self, key: OutcomeKey) -> bool:
        """Whether this attempt is there and right."""
        found = self.outcomes.get(key)
        return found is not None and found.solved
