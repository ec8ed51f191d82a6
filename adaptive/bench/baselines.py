"""The baselines that a policy must beat on the same questions: constants, and ways with a threshold or a number.

What a baseline has to choose is chosen on the policy's tuning questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from adaptive.bench.confidence_stop import ConfidenceStop
from adaptive.bench.votes import AdaptiveConsistency
from adaptive.learn.data.outcome import RecordedQuestion, rung_to_key
from adaptive.learn.tuning.constants import Constant, ConstantKind, list_partial_constants
from adaptive.learn.tuning.cost_front import MeasuredConstants
from adaptive.learn.tuning.samples import SampleSource
from adaptive.learn.tuning.ways import Chooser, Way, find_cheapest_way
from adaptive.types.ladder import Ladder
from adaptive.types.routine import format_rung
from adaptive.types.usage import CostUnit

Kind = Literal[
    "policy", "fixed", "top", "plain", "waits", "unlimited", "vote", "direct_first", "best", "confidence", "votes",
    "adaptive", "oracle",
]  # fmt: skip
KINDS: dict[ConstantKind, Kind] = {
    "rung": "fixed", "plain": "plain", "waits": "waits", "unlimited": "unlimited", "vote": "vote",
    "direct_first": "direct_first",
}  # fmt: skip
ALWAYS_SHOWN = ("rung", "plain", "waits", "unlimited")
"""Constants of these kinds are in the table; votes and second attempts, which are many, if they are corners."""


@dataclass(frozen=True)
class Baseline:
    """A way to spend tokens. is_recorded: whether a question has the attempts that it needs.

    corner: whether it is a constant and a corner of the hull.
    """

    kind: Kind
    name: str
    choose: Chooser
    is_recorded: Callable[[RecordedQuestion], bool]
    description: str = ""
    corner: bool = False


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
        constants: All constants, chosen on `tuning` and measured on `recorded`.
        loss: Accuracy (0 to 1) that a stop at a confidence may lose on `tuning` against the best constant.
        sure: The probability of a majority at which the policy's vote ends.
        unit: What the policy counts costs in.
    """

    recorded: tuple[RecordedQuestion, ...]
    tuning: tuple[RecordedQuestion, ...]
    policy: Way
    ladder: Ladder
    constants: MeasuredConstants
    loss: float
    sure: float
    unit: CostUnit = "tokens"

    def build_baselines(self) -> list[Baseline | MissingBaseline]:
        """Return all baselines in the order of the report."""
        single = (self._build_best(), self._build_confidence_stop())
        return [*self._build_constants(), *single, *self._build_votes(), self._build_oracle()]

    @cached_property
    def best(self) -> Constant:
        """The best constant on the tuning questions."""
        return self.constants.choose()

    def _build_constants(self) -> Iterator[Baseline | MissingBaseline]:
        corners = [self.constants.constants[i] for i in self.constants.corners]
        shown = [one for one in list_partial_constants(self.ladder, self.recorded) if one.kind in ALWAYS_SHOWN]
        for one in dict.fromkeys([*shown, *corners]):
            yield self._build_constant(one, one in corners)
        if not any(one.kind == "waits" for one in shown):
            yield MissingBaseline("waits", "Waits", "none were recorded (`adaptive record --waits 2`).")
        if not any(one.kind == "unlimited" for one in shown):
            why = "no unlimited chain was recorded (`adaptive record --unlimited`)."
            yield MissingBaseline("unlimited", "unlimited thinking", why)

    def _build_constant(self, one: Constant, corner: bool) -> Baseline:
        top = one.name == format_rung(self.ladder[self.ladder.top])
        alone = one.name if not one.rung.thinks or one.kind in ("plain", "unlimited", "direct_first") else ""
        name = f"always the top rung ({one.name})" if top else alone or f"always {one.name}"
        choose = self.constants.make_chooser(one)
        return Baseline("top" if top else KINDS[one.kind], name, choose, one.is_recorded, corner=corner)

    def _build_best(self) -> Baseline:
        description = f"the most accurate on the {len(self.tuning)} tuning questions"
        choose = self.constants.make_chooser(self.best)
        return Baseline("best", f"best constant ({self.best.name})", choose, _is_always_recorded, description)

    def _build_confidence_stop(self) -> Baseline | MissingBaseline:
        name, keys = "raw-confidence stop", [rung_to_key(rung) for rung in self.ladder]
        if all(r.outcomes[k].attempt.confidence is None for r in self.recorded for k in keys):
            return MissingBaseline(
                "confidence", name, "the engine gave no log-probabilities, so answers have no confidence."
            )
        # Without those that ask the learned verifier: this baseline is what confidence alone can do.
        places = [i for i, one in enumerate(self.constants.constants) if one.kind != "direct_first"]
        ways = [self.constants.on_search[i] for i in places]
        least = max(float(way.right.mean()) for way in ways) - self.loss
        stop = ConfidenceStop.tune(self.ladder, self.tuning, least)
        ways = [Way.replay(name, stop, self.tuning), *ways]
        right, tokens = (np.array([getattr(way, what).mean() for way in ways]) for what in ("right", "tokens"))
        choice = find_cheapest_way(right, tokens, least)
        if choice == 0:
            return Baseline("confidence", name, stop, _is_always_recorded, f"climbs the ladder {stop}")
        constant = self.constants.constants[places[choice - 1]]
        description = f"no stop is cheaper than always {constant.name}"
        return Baseline(
            "confidence", name, self.constants.make_chooser(constant), _is_always_recorded, description
        )

    def _build_votes(self) -> Iterator[Baseline | MissingBaseline]:
        source = SampleSource.find(self.recorded)
        if source is None:
            why = "no samples were recorded (`adaptive record --samples 8`)."
            yield MissingBaseline("votes", "self-consistency", why)
            yield MissingBaseline("adaptive", "adaptive consistency", why)
            return
        most, of = source.count_most(self.recorded), format_rung(source.chain.rung)
        have = [i for i, r in enumerate(self.recorded) if len(source.get_samples(r)) == most]
        vote, taken, most_spent = self._fit_vote(source, have)
        description = f"the most samples that the policy's {self.policy.unit} pay for"
        description = "one sample, though it takes more than the policy" if taken > most_spent else description
        name = f"self-consistency ({vote.samples} of {of})"
        yield Baseline("votes", name, vote.choose, _has_samples(source, most), description)
        name = f"adaptive consistency (up to {most} of {of})"
        description = f"samples until the leader is the majority with p {self.sure:.2f}"
        yield Baseline(
            "adaptive", name, AdaptiveConsistency(source, most, self.sure), _has_samples(source, most), description
        )

    def _fit_vote(self, source: SampleSource, have: Sequence[int]) -> tuple[Constant, float, float]:
        """Return the vote of most samples that costs no more than the policy, at least one, and both costs."""
        recorded = [self.recorded[i] for i in have]
        votes = [Constant("vote", source.chain.rung, n + 1) for n in range(source.count_most(recorded))]
        unit, most = self.policy.unit, float(self.policy.spent[have].mean())
        taken = [(one, float(replace(one.replay(recorded), counts=unit).spent.mean())) for one in votes]
        vote, spent = next((one for one in reversed(taken) if one[1] <= most), taken[0])
        return vote, spent, most

    def _build_oracle(self) -> Baseline:
        description = (
            "the cheapest greedy attempt that is right, known beforehand: what no choice among rungs beats"
        )
        return Baseline("oracle", "oracle", self.constants.choose_as_oracle, _is_always_recorded, description)


def _is_always_recorded(recorded: RecordedQuestion) -> bool:
    return True


def _has_samples(source: SampleSource, most: int) -> Callable[[RecordedQuestion], bool]:
    return lambda recorded: len(source.get_samples(recorded)) == most
