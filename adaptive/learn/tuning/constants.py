"""Constants: the same at every question, whatever the question. A policy that is worth having beats them.

A constant is a plain call, a rung of the ladder with or without Waits, unlimited thinking, the majority of some
samples, or the direct answer and, if that is not accepted, a rung. A profile can do each (`Routine`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.tuning.samples import pick_majority
from adaptive.learn.tuning.ways import Way, WayResult, find_cheapest_way
from adaptive.profile.untrained import choose_answer_room
from adaptive.types.ladder import Ladder, Rung, parse_attempt_effort
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine, format_rung
from adaptive.types.usage import CostUnit

ConstantKind = Literal["plain", "rung", "waits", "unlimited", "vote", "direct_first"]

BEST, TOP = "best", "top"
"""Constants to compare with: the most accurate one, and the top rung with the Waits that it grants."""


class DirectJudge(Protocol):
    """Judges direct answers of recorded questions: a `Replay`, by the verifier of its profile."""

    def accepts_direct(self, recorded: RecordedQuestion) -> bool:
        """Return whether the direct answer at a question is accepted."""
        ...

    def prefers_direct(self, recorded: RecordedQuestion, rung: Rung) -> bool:
        """Return whether it is kept, although it was not accepted, once there is the answer of a rung too."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same at every question.

    rung: what is bought, with its Waits; of a vote, what each sample is. samples: of a vote.
    direct: the key of the direct answer that comes first. shares_prompt: whether that has the prompt of this rung,
    so that it is read once.
    """

    kind: ConstantKind
    rung: Rung
    samples: int = 0
    direct: OutcomeKey = DIRECT
    shares_prompt: bool = False

    @cached_property
    def routine(self) -> Routine:
        """What a profile does that does this."""
        return Routine(self.rung, self.samples, self.kind == "direct_first", self.kind != "unlimited")

    @property
    def name(self) -> str:
        """Its name in words."""
        return self.routine.name

    @property
    def key(self) -> OutcomeKey:
        """The key of its greedy attempt."""
        return rung_to_key(self.rung)

    def is_recorded(self, recorded: RecordedQuestion) -> bool:
        """Return whether a question has all attempts that it needs."""
        if self.kind == "vote":
            return all(replace(self.key, sample=n + 1) in recorded.outcomes for n in range(self.samples))
        if self.kind == "direct_first" and self.direct not in recorded.outcomes:
            return False
        return recorded.find_chain(self.key) is not None

    def choose(self, recorded: RecordedQuestion, judge: DirectJudge | None = None) -> WayResult:
        """Return the result at one question.

        Args:
            recorded: The question.
            judge: Judges its direct answer. Only a constant that begins with that needs it.

        Raises:
            KeyError: An attempt was not recorded.
        """
        if self.kind == "vote":
            samples = [recorded.outcomes[replace(self.key, sample=n + 1)] for n in range(self.samples)]
            return pick_majority(samples)
        if self.kind == "direct_first":
            assert judge is not None, "nothing judges the direct answer"
            if judge.accepts_direct(recorded):
                return WayResult.from_outcome(recorded.outcomes[self.direct])
            return self._add_rung(recorded, judge)
        return WayResult.from_outcome(recorded.require_chain(self.key))

    def replay(self, recorded: Sequence[RecordedQuestion], judge: DirectJudge | None = None) -> Way:
        """Return its results on recorded questions; the arguments and errors are those of `choose`."""
        return Way.replay(self.name, lambda one: self.choose(one, judge), recorded)

    def to_policy(self, base: Policy) -> Policy:
        """Return the policy that does this, judged as the base policy judges."""
        attempts = max(base.max_attempts, 2) if self.kind == "direct_first" else base.max_attempts
        return replace(base, always=self.routine, max_attempts=attempts)

    def _add_rung(self, recorded: RecordedQuestion, judge: DirectJudge) -> WayResult:
        direct, rung = recorded.outcomes[self.direct], recorded.require_chain(self.key)
        usage = direct.compute_usage() + rung.compute_usage(prompt_read=self.shares_prompt)
        kept = direct if judge.prefers_direct(recorded, self.rung) else rung
        return WayResult(kept.solved, usage, kept.key, kept.attempt.confidence, attempts=2)


def list_constants(
    ladder: Ladder, recorded: Sequence[RecordedQuestion], *, direct_first: bool = False
) -> list[Constant]:
    """Return all constants of which every question has the attempts, rungs of the ladder first, cheapest first.

    Args:
        ladder: The ladder of the profile.
        recorded: The questions.
        direct_first: Whether something judges direct answers, so that a rung can follow those not accepted.
    """
    listed = list_partial_constants(ladder, recorded, direct_first=direct_first)
    return [one for one in listed if all(map(one.is_recorded, recorded))]


def list_partial_constants(
    ladder: Ladder, recorded: Sequence[RecordedQuestion], *, direct_first: bool = False
) -> list[Constant]:
    """Return also those of which only some questions have the attempts; the arguments are the same."""
    keys = {key for one in recorded for key in one.outcomes}
    rungs = list({rung_to_key(rung): rung for rung in (replace(one, waits=0) for one in ladder)}.values())
    listed = [one for rung in rungs for one in _list_waits(rung, ladder, keys)]
    listed += [*_list_unlimited(ladder, keys), *_list_votes(ladder, keys)]
    if direct_first and not rungs[0].thinks:
        direct, thinking = rung_to_key(rungs[0]), [rung for rung in rungs if rung.thinks]
        for rung in thinking:
            shares = (rung.model, rung.effort) == (direct.model, thinking[0].effort)
            listed.append(Constant("direct_first", rung, direct=direct, shares_prompt=shares))
    listed += [Constant("plain", _make_plain_rung(key.budget, ladder)) for key in sorted(keys) if key.is_plain]
    return [one for one in listed if any(map(one.is_recorded, recorded)) or not recorded]


def _list_waits(rung: Rung, ladder: Ladder, keys: set[OutcomeKey]) -> Iterator[Constant]:
    """Yield a rung without Waits and with every number of Waits that it grants or that was recorded."""
    yield Constant("rung", rung)
    chain = rung_to_key(rung)
    granted = [one.waits for one in ladder if rung_to_key(one).chain == chain]
    counts = [key.waits for key in keys if not key.sample and key.chain == chain]
    for waits in range(1, max([*granted, *counts]) + 1) if rung.thinks else ():
        yield Constant("waits", replace(rung, waits=waits))


def _list_unlimited(ladder: Ladder, keys: set[OutcomeKey]) -> list[Constant]:
    """Return the top rung's chain with a larger budget than any rung has: it was recorded to its own end."""
    top = ladder[ladder.top]
    chain = rung_to_key(top).chain
    budgets = [k.budget for k in keys if replace(k, budget=top.budget) == chain and k.budget > top.budget]
    return [Constant("unlimited", replace(top, budget=max(budgets), waits=0))] if budgets else []


def _list_votes(ladder: Ladder, keys: set[OutcomeKey]) -> Iterator[Constant]:
    """Yield a vote of each number of samples, at each effort and budget that has any."""
    rungs = {(rung.model, rung.budget): rung for rung in ladder}
    samples = sorted(k for k in keys if k.sample and (k.model, k.budget) in rungs)
    for key in samples:  # the nth sample makes a vote of n possible
        rung = replace(rungs[key.model, key.budget], effort=parse_attempt_effort(key.effort), waits=0)
        yield Constant("vote", rung, key.sample)


def choose_constant(
    measured: Sequence[tuple[Constant, Way]], ladder: Ladder, against: str = BEST, margin: float = 0.0
) -> Constant:
    """Return the constant to compare with, by its results on the questions to choose by.

    Args:
        measured: Constants with their results, at least one.
        ladder: The ladder of the profile.
        against: "best", "top", or a name. The best is the most accurate one; of several, the cheapest.
        margin: The accuracy (0 to 1) that the best may be behind the most accurate one, if it is cheaper.

    Raises:
        InputError: No constant has this name.
    """
    if against == BEST:
        right = np.array([way.right.mean() for _, way in measured])
        spent = np.array([way.spent.mean() for _, way in measured])
        return measured[find_cheapest_way(right, spent, float(right.max()) - margin)][0]
    top = ladder[ladder.top]
    wanted = format_rung(top) if against == TOP else against
    named = next((one for one, _ in measured if one.name == wanted), None)
    if named is None:
        names = ", ".join(repr(one.name) for one, _ in measured)
        raise InputError(f"there is no constant {wanted!r} to compare with: name {BEST}, {TOP} or one of {names}.")
    return named


def choose_as_oracle(constants: Sequence[Constant], recorded: RecordedQuestion, unit: CostUnit) -> WayResult:
    """Return the result of the cheapest constant that is right at a question, else of the cheapest.

    Args:
        constants: At least one.
        recorded: The question.
        unit: What costs are counted in.
    """
    results = [one.choose(recorded) for one in constants]
    return min(results, key=lambda one: (not one.right, one.usage.measure(unit)))


def _make_plain_rung(window: int, ladder: Ladder) -> Rung:
    """Return the rung of a plain call, with the room for its answer: a token engine's, or a hosted ladder's."""
    room = max(choose_answer_room(window), max(rung.answer_room for rung in ladder))
    return Rung("default", window, answer_room=room)
