"""The baselines of a fair test: what a policy has to be better than, on the same questions.

Whatever has a threshold, a number or a choice is tuned on the questions that the policy was tuned on: the
cheapest in mean tokens that is right there at most `loss` less often than the top rung.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from adaptive.bench.confidence_stop import Stop
from adaptive.bench.cost import label_of
from adaptive.bench.tuning import cheapest, means
from adaptive.bench.votes import AdaptiveConsistency, Drawn, SelfConsistency
from adaptive.bench.wait_loop import Waits, wait_start
from adaptive.learn.data.outcome import Key, Outcome, Recorded, key_of
from adaptive.learn.tuning.ways import Chooser, Taken, Way, fixed
from adaptive.types.ladder import Ladder

Kind = Literal["policy", "fixed", "top", "best", "unlimited", "confidence", "votes", "adaptive", "waits", "oracle"]


@dataclass(frozen=True)
class Baseline:
    """A way, and how it was set. needs: whether what it buys was recorded of a question."""

    kind: Kind
    name: str
    choose: Chooser
    needs: Callable[[Recorded], bool]
    said: str = ""


@dataclass(frozen=True)
class Absent:
    """A baseline that was not measured, and why: a sentence."""

    kind: Kind
    name: str
    why: str


@dataclass(frozen=True)
class Trial:
    """What a policy is measured on.

    recorded: the test questions, each with every rung of `ladder`. tuning: those that the policy was tuned on.
    policy: the way it took on `recorded`. window: ids that the model's context holds. loss: the share of right
    answers that tuning may lose against the top rung. sure: where the policy's vote ends.
    """

    recorded: tuple[Recorded, ...]
    tuning: tuple[Recorded, ...]
    policy: Way
    ladder: Ladder
    window: int
    loss: float
    sure: float

    def baselines(self) -> list[Baseline | Absent]:
        """All of them, in the order in which they are told."""
        return [*self._fixed(), self._best(), self._unlimited(), self._confidence(), *self._votes(), self._waits(),
                self._oracle()]  # fmt: skip

    @cached_property
    def least(self) -> float:
        """The share of right answers that a tuned way must have on the tuning questions."""
        top = key_of(self.ladder[self.ladder.top])
        return float(np.mean([r.solved(top) for r in self.tuning])) - self.loss

    def _fixed(self) -> Iterator[Baseline]:
        for place, rung in enumerate(self.ladder):
            top = place == self.ladder.top
            name = f"always the top rung ({label_of(rung)})" if top else label_of(rung)
            name = name if top or not rung.thinks else f"always {name}"
            yield Baseline("top" if top else "fixed", name, fixed(key_of(rung)), _everywhere)

    def _best(self) -> Baseline:
        ways = [[fixed(key_of(rung))(r) for r in self.tuning] for rung in self.ladder]
        right, tokens = [[t.right for t in way] for way in ways], [[t.tokens for t in way] for way in ways]
        rung = self.ladder[cheapest(means(right), means(tokens), self.least)]
        said = f"the cheapest that is right often enough on the {len(self.tuning)} tuning questions"
        return Baseline("best", f"best fixed rung ({label_of(rung)})", fixed(key_of(rung)), _everywhere, said)

    def _unlimited(self) -> Baseline | Absent:
        key, name = Key(self.ladder[self.ladder.top].effort, self.window), "unlimited thinking"
        if not any(key in r.outcomes for r in self.recorded):
            return Absent("unlimited", name, "no unlimited chain was recorded (`adaptive record --unlimited`).")
        said = "the top rung's chain without a budget, ended by the model or the context window"
        return Baseline("unlimited", name, fixed(key), _has(key), said)

    def _confidence(self) -> Baseline | Absent:
        name, keys = "raw-confidence stop", [key_of(rung) for rung in self.ladder]
        if all(r.outcomes[k].attempt.confidence is None for r in self.recorded for k in keys):
            return Absent(
                "confidence", name, "the engine gave no log-probabilities, so answers have no confidence."
            )
        stop = Stop.tuned(self.ladder, self.tuning, self.least)
        return Baseline("confidence", name, stop, _everywhere, f"climbs the ladder {stop}")

    def _votes(self) -> Iterator[Baseline | Absent]:
        drawn = Drawn.of(self.recorded)
        if drawn is None:
            why = "no samples were recorded (`adaptive record --samples 8`)."
            yield Absent("votes", "self-consistency", why)
            yield Absent("adaptive", "adaptive consistency", why)
            return
        most = drawn.most(self.recorded)
        have = [i for i, r in enumerate(self.recorded) if len(drawn.at(r)) == most]
        tokens = float(self.policy.tokens[have].mean())
        vote = SelfConsistency.at_equal_tokens(drawn, [self.recorded[i] for i in have], tokens)
        where, dear = f"{drawn.effort} {drawn.budget}", vote.tokens([self.recorded[i] for i in have]) > tokens
        said = "the most samples that the policy's tokens pay for"
        said = "one sample, though it takes more than the policy" if dear else said
        name = f"self-consistency ({vote.samples} of {where})"
        yield Baseline("votes", name, vote, _drew(drawn, most), said)
        adaptive = AdaptiveConsistency(drawn, most, self.sure)
        said = f"samples until the leader is the majority with p {self.sure:.2f}"
        yield Baseline(
            "adaptive",
            f"adaptive consistency (up to {most} of {drawn.effort} {drawn.budget})",
            adaptive,
            _drew(drawn, most),
            said,
        )

    def _waits(self) -> Baseline | Absent:
        name = "the notebook's Wait loop"
        efforts = [rung.effort for rung in self.ladder if rung.thinks]
        found = wait_start(self.recorded, efforts)
        if found is None:
            return Absent("waits", name, "no Waits were recorded (`adaptive record --waits 2`).")
        start, most = found
        tuning = [r for r in self.tuning if all(Waits(start, n).recorded(r) for n in range(1, most + 1))]
        loop = Waits.tuned(start, most, tuning, self.least) if tuning else Waits(start, most)
        said = f"after the chain of {start.effort} {start.budget}; of 1 to {most} Waits, tuned"
        return Baseline("waits", f"{name} ({loop.count})", loop, loop.recorded, said)

    def _oracle(self) -> Baseline:
        said = "the cheapest greedy attempt that is right, known beforehand: what no choice among rungs beats"
        return Baseline("oracle", "oracle", Oracle(self.ladder), _everywhere, said)


@dataclass(frozen=True)
class Oracle:
    """The cheapest rung that is right, else the cheapest at all; it pays for that one only."""

    ladder: Ladder

    def __call__(self, recorded: Recorded) -> Taken:
        """What it comes to at one question."""
        outcomes = [recorded.outcomes[key_of(rung)] for rung in self.ladder]
        kept = min(outcomes, key=_price)
        return Taken(kept.solved, kept.usage(), kept.key, float(kept.solved))


def _price(outcome: Outcome) -> tuple[bool, int]:
    return not outcome.solved, outcome.usage().total


def _everywhere(recorded: Recorded) -> bool:
    return True


def _has(key: Key) -> Callable[[Recorded], bool]:
    return lambda recorded: key in recorded.outcomes


def _drew(drawn: Drawn, most: int) -> Callable[[Recorded], bool]:
    return lambda recorded: len(drawn.at(recorded)) == most
