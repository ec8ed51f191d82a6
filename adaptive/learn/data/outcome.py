"""Outcome: one recorded attempt, graded. Plain data; `adaptive.learn.data.outcomes` is the file of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from adaptive.learn.data.questions import Question
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder, Rung, parse_attempt_effort
from adaptive.types.usage import Usage


@dataclass(frozen=True, order=True)
class OutcomeKey:
    """Identifies an attempt at a question: `OutcomeKey("none")` is the direct answer, sample 0 the greedy chain.

    `rung_to_key` makes the keys of rungs; those of their Waits and samples are made from these with `replace`.

    budget: the rung's; that of an unlimited chain is the context window. waits: the number of Waits after the
    chain's own end. model: as in a rung, the spec of the model; empty: the profile's own.
    """

    effort: str
    budget: int = 0
    waits: int = 0
    sample: int = 0
    model: str = ""

    @property
    def chain(self) -> OutcomeKey:
        """The key of the greedy attempt at the same rung, without Waits."""
        return replace(self, waits=0, sample=0)

    @property
    def rung(self) -> Rung:
        """A rung that has this key."""
        return Rung(parse_attempt_effort(self.effort), self.budget, self.waits, model=self.model)

    @property
    def is_direct(self) -> bool:
        """Whether it is that of an answer without thinking."""
        return self.effort == DIRECT.effort

    @property
    def is_plain(self) -> bool:
        """Whether it is that of a plain call."""
        return self.effort == "default"


DIRECT = OutcomeKey("none")


def make_plain_key(window: int) -> OutcomeKey:
    """Return the key of the plain call of a model with a context window of so many tokens."""
    return OutcomeKey("default", window)


def rung_to_key(rung: Rung) -> OutcomeKey:
    """Return the key of a rung's greedy attempt, with the Waits that the rung grants."""
    if not rung.thinks:
        return replace(DIRECT, model=rung.model)
    return OutcomeKey(rung.effort, rung.budget, rung.waits, model=rung.model)


def attempt_to_key(effort: str, budget: int, waits: int, model: str = "") -> OutcomeKey:
    """Return the key of an attempt that a solve made on a chain of its own.

    Args:
        effort: Its effort.
        budget: Its budget, in tokens.
        waits: Its number of Waits.
        model: The model, as rungs name it.
    """
    return rung_to_key(Rung(parse_attempt_effort(effort), budget, waits, model=model))


KEY_COLUMNS = tuple(field.name for field in fields(OutcomeKey))
"""The columns of a key in a file of outcomes."""


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

    @property
    def takes_wait(self) -> bool:
        """Whether a Wait can follow: its chain ended by itself, and its last Wait brought something new."""
        repeats = bool(self.attempt.rounds) and self.attempt.rounds[-1].end in ("loop", "converged")
        return self.attempt.finish == "natural" and not repeats

    @property
    def is_billed(self) -> bool:
        """Whether a provider made the attempt: then its usage is what was billed."""
        return bool(self.attempt.turns) or self.attempt.usage.cost is not None

    def compute_usage(self, before: Outcome | None = None, *, prompt_read: bool = False) -> Usage:
        """Return the cost of this attempt: from scratch, or on what the engine has in its cache.

        A provider bills every call on its own, so there it is what was billed. A plain call shares nothing but its
        prompt, and may think outside of its chain.

        Args:
            before: The attempt whose chain it continues.
            prompt_read: Whether the engine has read its prompt.
        """
        if self.is_billed:
            return replace(self.attempt.usage, seconds=0.0)
        if self.key.is_plain:
            prompt = 0 if prompt_read else self.prompt
            return replace(self.attempt.usage, prompt=prompt, cached=0, seconds=0.0, cost=None)
        cached = before.attempt.rounds if before else ()
        new = self.attempt.chain_tokens - sum(r.tokens for r in cached)
        waits = sum(r.injected for r in self.attempt.rounds) - sum(r.injected for r in cached)
        return Usage(
            prompt=0 if before or prompt_read else self.prompt,
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
        plain = [one for key, one in self.outcomes.items() if key.is_plain and key == key.chain]
        return max(plain, key=lambda one: one.key.budget, default=None)

    def find_chain(self, key: OutcomeKey) -> Outcome | None:
        """Return a chain with its Waits, or with fewer if it takes no more (`Outcome.takes_wait`)."""
        last: Outcome | None = None
        for waits in range(key.waits + 1):
            last = self.outcomes.get(replace(key, waits=waits), last)
            if last is not None and (last.key == key or not last.takes_wait):
                return last
        return None

    def require_chain(self, key: OutcomeKey) -> Outcome:
        """Return the same; raise `KeyError` if it was not recorded."""
        chain = self.find_chain(key)
        if chain is None:
            raise KeyError(key)
        return chain

    def is_solved(self, key: OutcomeKey) -> bool:
        """Return whether this attempt was recorded and is right."""
        outcome = self.outcomes.get(key)
        return outcome is not None and outcome.solved
