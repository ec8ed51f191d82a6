"""The baselines that a policy must beat on the same questions.

A baseline with a threshold, a number or a choice is tuned on the policy's tuning questions: it is the cheapest in
mean tokens whose accuracy there is at most `loss` below the top rung's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from adaptive.bench.confidence_stop import ConfidenceStop
from adaptive.bench.tuning import average_columns, find_cheapest_way
from adaptive.bench.votes import AdaptiveConsistency, SampleSource, SelfConsistency
from adaptive.bench.wait_loop import WaitLoop, find_wait_start
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.tuning.constants import format_rung
from adaptive.learn.tuning.ways import Chooser, Way, WayResult, make_fixed_chooser
from adaptive.types.ladder import Ladder

Kind = Literal["policy", "fixed", "top", "best", "unlimited", "confidence", "votes", "adaptive", "waits", "oracle"]


@dataclass(frozen=True)
class Baseline:
    """A way to spend tokens. is_recorded: whether a question has the attempts that it needs."""

    kind: Kind
    name: str
    choose: Chooser
    is_recorded: Callable[[RecordedQuestion], bool]
    description: str = ""


@dataclass(frozen=True)
class MissingBaseline:
    """A baseline that was not measured, and why, in a sentence."""

    kind: Kind
    name: str
    why: str


@dataclass(frozen=True)
class BenchSetup:
    """The questions that a policy is measured on, and its results.

    Args:
        recorded: The test questions, each with every rung of `ladder`.
        tuning: The questions that the policy was tuned on.
        policy: The policy's results on `recorded`.
        ladder: The ladder of the profile.
        window: The context window in tokens.
        loss: Accuracy (0 to 1) that tuning may lose against the top rung.
        sure: The probability of a majority at which the policy's vote ends.
    """

    recorded: tuple[RecordedQuestion, ...]
    tuning: tuple[RecordedQuestion, ...]
    policy: Way
    ladder: Ladder
    window: int
    loss: float
    sure: float

    def build_baselines(self) -> list[Baseline | MissingBaseline]:
        """Return all baselines in the order of the report."""
        single = (self._build_best(), self._build_unlimited(), self._build_confidence_stop())
        last = (self._build_wait_loop(), self._build_oracle())
        return [*self._build_fixed(), *single, *self._build_votes(), *last]

    @cached_property
    def required_accuracy(self) -> float:
        """The accuracy that a tuned baseline must have on the tuning questions."""
        top = rung_to_key(self.ladder[self.ladder.top])
        return float(np.mean([r.is_solved(top) for r in self.tuning])) - self.loss

    def _build_fixed(self) -> Iterator[Baseline]:
        for place, rung in enumerate(self.ladder):
            top = place == self.ladder.top
            name = f"always the top rung ({format_rung(rung)})" if top else format_rung(rung)
            name = name if top or not rung.thinks else f"always {name}"
            yield Baseline(
                "top" if top else "fixed", name, make_fixed_chooser(rung_to_key(rung)), _is_always_recorded
            )

    def _build_best(self) -> Baseline:
        ways = [[make_fixed_chooser(rung_to_key(rung))(r) for r in self.tuning] for rung in self.ladder]
        right, tokens = [[t.right for t in way] for way in ways], [[t.tokens for t in way] for way in ways]
        rung = self.ladder[
            find_cheapest_way(average_columns(right), average_columns(tokens), self.required_accuracy)
        ]
        description = f"the cheapest that is right often enough on the {len(self.tuning)} tuning questions"
        return Baseline(
            "best",
            f"best fixed rung ({format_rung(rung)})",
            make_fixed_chooser(rung_to_key(rung)),
            _is_always_recorded,
            description,
        )

    def _build_unlimited(self) -> Baseline | MissingBaseline:
        key, name = OutcomeKey(self.ladder[self.ladder.top].effort, self.window), "unlimited thinking"
        if not any(key in r.outcomes for r in self.recorded):
            return MissingBaseline(
                "unlimited", name, "no unlimited chain was recorded (`adaptive record --unlimited`)."
            )
        description = "the top rung's chain without a budget, ended by the model or the context window"
        return Baseline("unlimited", name, make_fixed_chooser(key), _has_outcome(key), description)

    def _build_confidence_stop(self) -> Baseline | MissingBaseline:
        name, keys = "raw-confidence stop", [rung_to_key(rung) for rung in self.ladder]
        if all(r.outcomes[k].attempt.confidence is None for r in self.recorded for k in keys):
            return MissingBaseline(
                "confidence", name, "the engine gave no log-probabilities, so answers have no confidence."
            )
        stop = ConfidenceStop.tune(self.ladder, self.tuning, self.required_accuracy)
        return Baseline("confidence", name, stop, _is_always_recorded, f"climbs the ladder {stop}")

    def _build_votes(self) -> Iterator[Baseline | MissingBaseline]:
        source = SampleSource.find(self.recorded)
        if source is None:
            why = "no samples were recorded (`adaptive record --samples 8`)."
            yield MissingBaseline("votes", "self-consistency", why)
            yield MissingBaseline("adaptive", "adaptive consistency", why)
            return
        most = source.count_most(self.recorded)
        have = [i for i, r in enumerate(self.recorded) if len(source.get_samples(r)) == most]
        tokens = float(self.policy.tokens[have].mean())
        vote = SelfConsistency.at_equal_tokens(source, [self.recorded[i] for i in have], tokens)
        too_dear = vote.average_tokens([self.recorded[i] for i in have]) > tokens
        description = "the most samples that the policy's tokens pay for"
        description = "one sample, though it takes more than the policy" if too_dear else description
        name = f"self-consistency ({vote.samples} of {source.effort} {source.budget})"
        yield Baseline("votes", name, vote, _has_samples(source, most), description)
        adaptive = AdaptiveConsistency(source, most, self.sure)
        description = f"samples until the leader is the majority with p {self.sure:.2f}"
        yield Baseline(
            "adaptive",
            f"adaptive consistency (up to {most} of {source.effort} {source.budget})",
            adaptive,
            _has_samples(source, most),
            description,
        )

    def _build_wait_loop(self) -> Baseline | MissingBaseline:
        name = "the notebook's Wait loop"
        efforts = [rung.effort for rung in self.ladder if rung.thinks]
        wait_start = find_wait_start(self.recorded, efforts)
        if wait_start is None:
            return MissingBaseline("waits", name, "no Waits were recorded (`adaptive record --waits 2`).")
        start, most = wait_start
        tuning = [r for r in self.tuning if all(WaitLoop(start, n).is_recorded(r) for n in range(1, most + 1))]
        loop = WaitLoop.tune(start, most, tuning, self.required_accuracy) if tuning else WaitLoop(start, most)
        description = f"after the chain of {start.effort} {start.budget}; of 1 to {most} Waits, tuned"
        return Baseline("waits", f"{name} ({loop.count})", loop, loop.is_recorded, description)

    def _build_oracle(self) -> Baseline:
        description = (
            "the cheapest greedy attempt that is right, known beforehand: what no choice among rungs beats"
        )
        return Baseline("oracle", "oracle", Oracle(self.ladder), _is_always_recorded, description)


@dataclass(frozen=True)
class Oracle:
    """The cheapest rung that is right, else the cheapest of all; only that one is counted."""

    ladder: Ladder

    def __call__(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result at one question."""
        outcomes = [recorded.outcomes[rung_to_key(rung)] for rung in self.ladder]
        kept = min(outcomes, key=_rank_outcome)
        return WayResult(kept.solved, kept.compute_usage(), kept.key, float(kept.solved))


def _rank_outcome(outcome: Outcome) -> tuple[bool, int]:
    return not outcome.solved, outcome.compute_usage().total


def _is_always_recorded(recorded: RecordedQuestion) -> bool:
    return True


def _has_outcome(key: OutcomeKey) -> Callable[[RecordedQuestion], bool]:
    return lambda recorded: key in recorded.outcomes


def _has_samples(source: SampleSource, most: int) -> Callable[[RecordedQuestion], bool]:
    return lambda recorded: len(source.get_samples(recorded)) == most
