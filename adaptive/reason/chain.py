"""Thought: one chain of thinking, as token ids and the rounds they came in; what escalation continues.

A chain starts after the open prompt and never holds an end marker. What it is *charged* is what its rounds
add up to: every id in it, generated or injected, and every end of thinking that the model sampled, put off
or let stand, since each cost a step. So `charged == len(ids) + the number of rounds that the model ended`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

from adaptive.types.attempt import Attempt, Round, RoundEnd


@dataclass(frozen=True)
class Thought:
    """The chain so far: `ids` after the open prompt, and the `rounds` that made them.

    Raises `ValueError` when the rounds do not account for exactly the ids.
    """

    ids: tuple[int, ...] = ()
    rounds: tuple[Round, ...] = ()
    weakest: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        held = sum(_count_ids(one) for one in self.rounds)
        if held != len(self.ids):
            raise ValueError(f"the rounds of a thought hold {held} ids, the thought has {len(self.ids)}")

    @classmethod
    def from_attempt(cls, attempt: Attempt) -> Thought:
        """Return the chain that an attempt left behind."""
        return cls(attempt.trace, attempt.rounds, attempt.weakest)

    @property
    def charged(self) -> int:
        """Thinking tokens that this chain takes from a budget."""
        return sum(one.tokens for one in self.rounds)

    @property
    def ended(self) -> bool:
        """Whether the model ended its thinking here; False for an empty chain and one that was cut off."""
        return bool(self.rounds) and self.rounds[-1].ended_by_model

    @property
    def waits(self) -> int:
        """Ends that were put off, in earlier attempts too: rounds that the model ended and another followed."""
        return sum(before.ended_by_model for before, _ in pairwise(self.rounds))

    def get_round_ids(self, index: int) -> tuple[int, ...]:
        """Return the ids that the model generated in round `index` (negative: from the end), without the wait."""
        index = range(len(self.rounds))[index]
        start = sum(_count_ids(one) for one in self.rounds[:index])
        one = self.rounds[index]
        return self.ids[start + one.injected : start + _count_ids(one)]

    def locate_waits(self) -> list[tuple[int, int]]:
        """Return where the waits are in `ids`, as starts and ends."""
        ends = list(accumulate(map(_count_ids, self.rounds), initial=0))
        return [(at, at + one.injected) for at, one in zip(ends, self.rounds, strict=False) if one.injected]

    def with_round(
        self,
        injected: tuple[int, ...],
        generated: tuple[int, ...],
        end: RoundEnd,
        weakest: float | None = None,
        *,
        stopped: bool = False,
    ) -> Thought:
        """Return this chain with one more round; an end by the model is charged one token.

        Args:
            injected: The wait's ids.
            generated: The model's ids.
            end: Why the round ended.
            weakest: The lowest mean log-probability of a stretch of it. The chain keeps the lower value: a model
                that checks its own chain is surer of it than it should be.
            stopped: Whether an early stop ended the round.
        """
        one = Round(len(injected) + len(generated), len(injected), end, stopped)
        one = replace(one, tokens=one.tokens + one.ended_by_model)
        return Thought(self.ids + injected + generated, (*self.rounds, one), min_logprob(self.weakest, weakest))

    def with_end(self, end: RoundEnd) -> Thought:
        """Return this chain with another reason for the end of its last round."""
        return replace(self, rounds=(*self.rounds[:-1], replace(self.rounds[-1], end=end)))

    def truncate(self, limit: int, end: RoundEnd) -> Thought:
        """Return the start of this chain that `limit` tokens pay for; a round cut in the middle ends with `end`.

        If only the wait of a round would be left, the round is dropped, and the end before it stands. `weakest`
        stays, though it may lie in what is cut away: the start is no surer than the whole chain.
        """
        rounds: list[Round] = []
        for one in self.rounds:
            left = limit - sum(r.tokens for r in rounds)
            if one.tokens > left:
                rounds += [Round(left, one.injected, end)] if left > one.injected else []
                break
            rounds.append(one)
        return Thought(self.ids[: sum(_count_ids(one) for one in rounds)], tuple(rounds), self.weakest)


def min_logprob(one: float | None, other: float | None) -> float | None:
    """Return the lower of two mean log-probabilities; None if neither is known."""
    return min((w for w in (one, other) if w is not None), default=None)


def _count_ids(one: Round) -> int:
    """Return how many ids a round has in the chain: all its tokens but the end that the model sampled."""
    return one.tokens - one.ended_by_model
