"""Solves on scripted engines: a profile whose difficulty is set by hand, and a model that is a pure function.

Confidences follow from the scripted log-probabilities: an answer of `SURE` has 0.88, one of `UNSURE` 0.82, and
`profile` accepts from 0.87 on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product, starmap
from typing import Any

import numpy as np

from adaptive.engines.protocol import Generation
from adaptive.profile.profile import Profile
from adaptive.reason.budget import Style
from adaptive.types.attempt import Arm
from adaptive.types.conversation import ConversationShape
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import FollowUp, Policy
from tests.support.scripted import END, STOP, THINK, ScriptedEngine, _Session, says

SURE, UNSURE = "111111", "0"
WORTH = 100.0
"""Tokens that a right answer is worth: enough for a rung that is much more likely, not for a little more."""
EASY, HARD = (0.9, 0.95, 0.97, 0.99), (0.1, 0.85, 0.9, 0.95)
RUNGS = (Rung("none", 0), Rung("low", 16), Rung("low", 32), Rung("low", 80))
THREAD: Any = {"configurable": {"thread_id": "one"}}
SHAPES = tuple(starmap(ConversationShape, product((False, True), repeat=3)))
"""All shapes of conversations, the single question first."""
NODES = ("classify", "allocate", "think", "verify", "escalate", "finish")


def boxed(answer: str) -> tuple[int, ...]:
    """The ids of an answer in form."""
    return says(f"\\boxed{{{answer}}}", STOP)


@dataclass(frozen=True)
class Fixed:
    """A difficulty model that predicts the same for every question."""

    row: Sequence[float]

    def p_solved(self, questions: Sequence[str]) -> Any:
        return np.array([self.row for _ in questions])

    def forecast(self, questions: Sequence[str]) -> Any:
        return self.p_solved(questions), None


def list_follow_ups(rungs: int) -> tuple[FollowUp, ...]:
    """Return follow-ups that all pay, the arms in the order of `ARM_ORDER`: from the base rung the next one most,
    from any other the top."""
    arms: tuple[Arm, ...] = ("budget", "wait", "effort", "vote")
    best = [1 if source == 0 else rungs - 1 for source in range(rungs)]
    return tuple(
        FollowUp(arm, source, rung, right=0.0, bias=4.0 - place + (rung == best[source]), slope=0.0, breaks=0.0,
                 cost=0.001, count=99)
        for place, arm in enumerate(arms)
        for source in range(rungs)
        for rung in range(rungs)
    )  # fmt: skip


def profile(p_solved: Sequence[float] = EASY, rungs: Iterable[Rung] = RUNGS, **policy: Any) -> Profile:
    """Return a profile for scripted engines, measured on every shape; without `p_solved` it is untrained."""
    model: Any = Fixed(p_solved) if p_solved else None
    ladder = Ladder(tuple(rungs))
    settings: dict[str, Any] = {"accept": {"none": 0.87}, "agreement": None, "vote_most": 0, "worth": WORTH,
                                "follow_ups": list_follow_ups(len(ladder)), **policy}  # fmt: skip
    return Profile(
        name="toy",
        model="scripted",
        ladder=ladder,
        style=Style(hand_over="", useful_round=1),
        policy=Policy(**settings),
        shapes=SHAPES,
        difficulty_model=lambda: model,
    )


@dataclass
class PureEngine(ScriptedEngine):
    """Thinks "111…" with full confidence, and ends its thinking after each of `ends` ids.

    It answers `SURE` once it has thought `enough` ids, before that `UNSURE`, and then the question's first byte,
    so that each question has its own answer. It depends on the ids alone: another engine, in another process,
    continues where this one stopped.
    """

    ends: tuple[int, ...] = (24, 40)
    enough: int = 40

    def _next_ids(self, state: Any, ids: Sequence[int]) -> Iterator[int]:
        seen = list(ids)
        while True:
            seen.append(self._next_id(seen))
            yield seen[-1]

    def _next_id(self, ids: list[int]) -> int:
        at = len(ids) - 1 - ids[::-1].index(THINK)
        after, first = ids[at + 1 :], question(ids[:at])[0]
        if END not in after:
            return END if len(after) in self.ends else ord("1")
        thought = after.index(END)
        answer = boxed((SURE if thought >= self.enough else UNSURE) + chr(first))
        said = sum(i != ord("\n") for i in after[thought + 1 :])  # a hand-over is of line breaks
        return answer[said] if said < len(answer) else STOP


@dataclass
class HangingEngine(PureEngine):
    """Never ends a call after the first `calls`, whichever solve makes it; `on_hang` is called before."""

    calls_made: int = 0
    hangs_after: int = 0
    on_hang: Callable[[], object] | None = None

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        self.calls_made += 1
        if self.calls_made > self.hangs_after:
            self._sessions.setdefault(asked["session"], _Session(iter(()), iter(())))
            if self.on_hang:
                self.on_hang()
            await asyncio.Event().wait()
        return await super().generate(ids, **asked)


@dataclass
class BrokenEngine(PureEngine):
    """Fails on its call number `fails_at`."""

    fails_at: int = 0

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        if len(self.calls) == self.fails_at:
            raise RuntimeError("out of memory")
        return await super().generate(ids, **asked)


def question(ids: Sequence[int]) -> bytes:
    """The last user turn of a rendered prompt."""
    return bytes(i for i in ids if i < 256).rpartition(b"user\n")[2]


def ask(text: str) -> dict[str, Any]:
    """Return the input of a solver."""
    return {"messages": [("user", text)]}


def timeless(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result without its seconds, the only part that may differ between two runs."""
    attempts = [{**a, "usage": {**a["usage"], "seconds": 0}} for a in result["attempts"]]
    return {**result, "attempts": attempts, "usage": {**result["usage"], "seconds": 0}}


def uncached(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result without what depends on which engine has which prefix in its cache."""
    attempts = [{**a, "usage": {**a["usage"], "cached": 0}} for a in timeless(result)["attempts"]]
    return {**timeless(result), "attempts": attempts, "usage": {**timeless(result)["usage"], "cached": 0}}


def is_plain(values: dict[str, Any]) -> bool:
    """Whether all of a state but the messages is ours, and plain JSON."""
    ours = {k: v for k, v in values.items() if k.startswith("adaptive_")}
    return set(values) == {"messages", *ours} and bool(json.loads(json.dumps(ours)) == ours)
