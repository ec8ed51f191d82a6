"""Every situation in which a policy may judge an attempt at a recorded question: the attempt, and those before it.

A verifier model is fitted to what it will see at inference: a direct answer; a chain, from nothing or after the
direct answer; the same chain with more room after it was cut; a Wait; a chain of another effort; a vote's samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from adaptive.learn.data.outcome import DIRECT, Outcome, RecordedQuestion, rung_to_key
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Ladder, rank_effort

SituationKind = Literal["direct", "chain", "continued", "wait", "effort", "sample"]
SITUATION_KINDS: tuple[SituationKind, ...] = ("direct", "chain", "continued", "wait", "effort", "sample")


@dataclass(frozen=True)
class JudgedSituation:
    """An attempt to judge, and the attempts before it, oldest first. right: whether its answer is right."""

    kind: SituationKind
    attempt: Attempt
    others: tuple[Attempt, ...]
    right: bool

    @property
    def after_direct(self) -> bool:
        """Whether there is a direct answer before it."""
        return any(o.finish == "none" for o in self.others)


def iter_situations(recorded: RecordedQuestion, ladder: Ladder) -> Iterator[JudgedSituation]:
    """Yield all situations, except attempts without an answer or a grade: a solve never judges those."""
    for one in _iter_all(recorded, ladder):
        if one is not None and one.attempt.answer is not None and one.attempt.status == "answered":
            yield one


def _iter_all(recorded: RecordedQuestion, ladder: Ladder) -> Iterator[JudgedSituation | None]:
    outcomes = recorded.outcomes
    direct = outcomes.get(replace(DIRECT, model=ladder[0].model))
    starts: list[tuple[Attempt, ...]] = [()]
    if direct is not None:
        yield _make_situation("direct", direct, (), 0, "first")
        starts.append((_relabel_attempt(direct, 0, "first"),))
    for before in starts:
        for index, rung in enumerate(ladder):
            chain = outcomes.get(rung_to_key(rung).chain)
            if chain is not None and (index or rung.thinks):
                yield from _iter_chain(chain, before, index, recorded, ladder)


def _iter_chain(
    chain: Outcome, before: tuple[Attempt, ...], index: int, recorded: RecordedQuestion, ladder: Ladder
) -> Iterator[JudgedSituation | None]:
    """Yield a chain at the rung `index`, and what may come after it."""
    arm: Arm = "budget" if before else "first"
    yield _make_situation("chain", chain, before, index, arm)
    tried = (*before, _relabel_attempt(chain, index, arm))
    if chain.attempt.finish == "budget":
        yield from _iter_continued(chain, tried, index, recorded, ladder)
    elif chain.attempt.finish == "natural":
        yield from _iter_waits(chain, tried, index, recorded, ladder)
    yield from _iter_efforts(chain, tried, index, recorded, ladder)
    yield from _iter_samples(chain, tried, index, recorded)


def _iter_continued(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: RecordedQuestion, ladder: Ladder
) -> Iterator[JudgedSituation | None]:
    for higher in (i for i in ladder.list_rungs_of(chain.key.model) if i > index):
        key = replace(chain.key, budget=ladder[higher].budget)
        if key != chain.key and key in recorded.outcomes:
            yield _make_situation("continued", recorded.outcomes[key], tried, higher, "budget", len(tried) - 1)


def _iter_waits(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: RecordedQuestion, ladder: Ladder
) -> Iterator[JudgedSituation | None]:
    """Yield the Waits, recorded at the largest budget; a solve gives a Wait the first rung with twice the room."""
    rungs = ladder.list_rungs_of(chain.key.model)
    largest, count = max(ladder[i].budget for i in rungs), 1
    while (outcome := recorded.outcomes.get(replace(chain.key, budget=largest, waits=count))) is not None:
        room = 2 * tried[-1].chain_tokens
        index = next((i for i in rungs if i >= index and ladder[i].budget >= room), rungs[-1])
        yield _make_situation("wait", outcome, tried, index, "wait", len(tried) - 1)
        tried = (*tried, _relabel_attempt(outcome, index, "wait", len(tried) - 1))
        count += 1


def _iter_efforts(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: RecordedQuestion, ladder: Ladder
) -> Iterator[JudgedSituation | None]:
    tried_at = rank_effort(chain.key.effort)
    for higher in range(index + 1, len(ladder)):
        rung = ladder[higher]
        outcome = recorded.outcomes.get(rung_to_key(rung).chain)
        is_new = rung.model != chain.key.model or rank_effort(rung.effort) > tried_at
        if outcome is not None and is_new:
            yield _make_situation("effort", outcome, tried, higher, "effort")


def _iter_samples(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: RecordedQuestion
) -> Iterator[JudgedSituation | None]:
    number = 1
    while (outcome := recorded.outcomes.get(replace(chain.key, sample=number))) is not None:
        yield _make_situation("sample", outcome, tried, index, "vote")
        tried = (*tried, _relabel_attempt(outcome, index, "vote"))
        number += 1


def _make_situation(
    kind: SituationKind, outcome: Outcome, others: Sequence[Attempt], rung: int, arm: Arm, base: int | None = None
) -> JudgedSituation | None:
    """Return the situation, or None if the answer was not graded."""
    if outcome.right is None:
        return None
    return JudgedSituation(kind, _relabel_attempt(outcome, rung, arm, base), tuple(others), outcome.solved)


def _relabel_attempt(outcome: Outcome, rung: int, arm: Arm, base: int | None = None) -> Attempt:
    """Return the recorded attempt as a solve would have made it."""
    return replace(outcome.attempt, rung=rung, arm=arm, base=base)
