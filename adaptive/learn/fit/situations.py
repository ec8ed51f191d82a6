"""Every situation of a recorded question in which a policy may judge an attempt: the attempt, and those before it.

A verifier model must be fitted to what it will be asked about: a direct answer; a chain, from nothing or after the
direct answer; the same chain with more room after it was cut; a Wait; a chain of another effort; a vote's samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from adaptive.learn.data.outcome import DIRECT, Key, Outcome, Recorded
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import EFFORTS, Ladder, parse_effort

Kind = Literal["direct", "chain", "continued", "wait", "effort", "sample"]
KINDS: tuple[Kind, ...] = ("direct", "chain", "continued", "wait", "effort", "sample")


@dataclass(frozen=True)
class Situation:
    """An attempt as it is judged, and the attempts before it, oldest first. right: whether it truly is."""

    kind: Kind
    attempt: Attempt
    others: tuple[Attempt, ...]
    right: bool

    @property
    def after_direct(self) -> bool:
        """Whether there is a direct answer before it."""
        return any(o.finish == "none" for o in self.others)


def situations(recorded: Recorded, ladder: Ladder) -> Iterator[Situation]:
    """All of them, but for attempts without an answer or a grade: those are rejected without being judged."""
    for one in _all(recorded, ladder):
        if one is not None and one.attempt.answer is not None and one.attempt.status == "answered":
            yield one


def _all(recorded: Recorded, ladder: Ladder) -> Iterator[Situation | None]:
    found = recorded.outcomes
    direct = found.get(DIRECT)
    begun: list[tuple[Attempt, ...]] = [()]
    if direct is not None:
        yield _judged("direct", direct, (), 0, "first")
        begun.append((_as(direct, 0, "first"),))
    for before in begun:
        for index, rung in enumerate(ladder):
            chain = found.get(Key(rung.effort, rung.budget)) if rung.thinks else None
            if chain is not None:
                yield from _from(chain, before, index, recorded, ladder)


def _from(
    chain: Outcome, before: tuple[Attempt, ...], index: int, recorded: Recorded, ladder: Ladder
) -> Iterator[Situation | None]:
    """A chain at the rung `index`, and what may come after it."""
    arm: Arm = "budget" if before else "first"
    yield _judged("chain", chain, before, index, arm)
    tried = (*before, _as(chain, index, arm))
    if chain.attempt.finish == "budget":
        yield from _continued(chain, tried, index, recorded, ladder)
    elif chain.attempt.finish == "natural":
        yield from _waits(chain, tried, index, recorded, ladder)
    yield from _efforts(chain, tried, index, recorded, ladder)
    yield from _samples(chain, tried, index, recorded)


def _continued(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: Recorded, ladder: Ladder
) -> Iterator[Situation | None]:
    for higher in range(index + 1, len(ladder)):
        key = replace(chain.key, budget=ladder[higher].budget)
        if key != chain.key and key in recorded.outcomes:
            yield _judged("continued", recorded.outcomes[key], tried, higher, "budget", len(tried) - 1)


def _waits(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: Recorded, ladder: Ladder
) -> Iterator[Situation | None]:
    """Recorded at the largest budget; at solving a Wait has the first rung with room to go over it all."""
    largest = max(r.budget for r in ladder)
    count = 1
    while (made := recorded.outcomes.get(replace(chain.key, budget=largest, waits=count))) is not None:
        room = 2 * tried[-1].charged
        index = next((i for i in range(index, len(ladder)) if ladder[i].budget >= room), ladder.top)
        yield _judged("wait", made, tried, index, "wait", len(tried) - 1)
        tried = (*tried, _as(made, index, "wait", len(tried) - 1))
        count += 1


def _efforts(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: Recorded, ladder: Ladder
) -> Iterator[Situation | None]:
    tried_at = EFFORTS.index(parse_effort(chain.key.effort))
    for higher in range(index + 1, len(ladder)):
        rung = ladder[higher]
        made = recorded.outcomes.get(Key(rung.effort, rung.budget))
        if made is not None and EFFORTS.index(rung.effort) > tried_at:
            yield _judged("effort", made, tried, higher, "effort")


def _samples(
    chain: Outcome, tried: tuple[Attempt, ...], index: int, recorded: Recorded
) -> Iterator[Situation | None]:
    number = 1
    while (made := recorded.outcomes.get(replace(chain.key, sample=number))) is not None:
        yield _judged("sample", made, tried, index, "vote")
        tried = (*tried, _as(made, index, "vote"))
        number += 1


def _judged(
    kind: Kind, outcome: Outcome, others: Sequence[Attempt], rung: int, arm: Arm, base: int | None = None
) -> Situation | None:
    """The situation; None where nobody knows whether the answer is right."""
    if outcome.right is None:
        return None
    return Situation(kind, _as(outcome, rung, arm, base), tuple(others), outcome.solved)


def _as(outcome: Outcome, rung: int, arm: Arm, base: int | None = None) -> Attempt:
    """The recorded attempt as this solve would have made it."""
    return replace(outcome.attempt, rung=rung, arm=arm, base=base)
