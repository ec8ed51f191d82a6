"""Outcome: one recorded attempt, graded. Plain data; `adaptive.learn.data.outcomes` is the file of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adaptive.learn.data.questions import Question
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.usage import Usage


@dataclass(frozen=True, order=True)
class OutcomeKey:
    """Identifies an attempt at a question: `OutcomeKey("none")` is the direct answer, sample 0 the greedy chain.

    budget: the rung's; that of an unlimited chain is the context window. waits: the number of Waits after the
    chain's own end.
    """

    effort: str
    budget: int = 0
    waits: int = 0
    sample: int = 0


DIRECT = OutcomeKey("none")


def make_plain_key(window: int) -> OutcomeKey:
    """Return the key of the plain call of a model with a context window of so many tokens."""
    return OutcomeKey("default", window)


def rung_to_key(rung: Rung) -> OutcomeKey:
    """Return the key of a rung's greedy attempt, with the Waits that the rung grants."""
    return OutcomeKey(rung.effort, rung.budget, rung.waits) if rung.thinks else DIRECT


@dataclass(frozen=True)
class Outcome:
    """A recorded attempt.

    right: None if the grader could not tell, with the reason in `why`. prompt: the tokens of its prompt. closing:
    the tokens injected between thinking and answer. The thinking tokens are `attempt.chain_tokens`.
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
        """Return the cost of this attempt: from scratch, or on the cached chain of `before`."""
        cached = before.attempt.rounds if before else ()
        new = self.attempt.chain_tokens - sum(r.tokens for r in cached)
        waits = sum(r.injected for r in self.attempt.rounds) - sum(r.injected for r in cached)
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
        """Return whether every rung of a ladder was recorded."""
        return all(rung_to_key(rung) in self.outcomes for rung in ladder)

    def find_plain(self) -> Outcome | None:
        """Return the recorded plain call; None if there is none."""
        plain = [one for key, one in self.outcomes.items() if key == make_plain_key(key.budget)]
        return max(plain, key=lambda one: one.key.budget, default=None)

    def is_solved(self, key: OutcomeKey) -> bool:
        """Return whether this attempt was recorded and is right."""
        outcome = self.outcomes.get(key)
        return outcome is not None and outcome.solved
