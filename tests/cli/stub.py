"""A scripted solver in place of the workflow: what the command does is tested without a model.

`python -m tests.cli.stub SCRIPT ARGS…` is the real command in a process of its own, with the solver that
SCRIPT names below. STUB_STOP_SECONDS is how long an interrupted one may take to stop.
"""

from __future__ import annotations

import asyncio
import copy
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

from adaptive.types.options import Options

ROOT = Path(__file__).parents[2]  # where `python -m tests.cli.stub` works

EVENTS = [
    {"event": "difficulty", "level": "easy", "p_solved": [0.9, 0.99], "rung": 1, "reason": "why this rung"},
    {"event": "start", "attempt": 0, "rung": 1, "arm": "first", "effort": "low", "budget": 64, "waits": 0},
    {"event": "thinking", "attempt": 0, "text": "47+38=85", "tokens": 6},
    {"event": "end", "attempt": 0, "round": 1, "tokens": 7, "injected": 0, "charged": 7, "budget": 64,
     "end": "natural"},
    {"event": "answer", "attempt": 0, "text": "7", "tokens": 1},
    {"event": "answer", "attempt": 0, "text": "4", "tokens": 1},
    {"event": "verdict", "attempt": 0, "answer": "74", "accepted": False, "score": 0.2, "verifier": "rules",
     "reason": "unsure"},
    {"event": "escalate", "arm": "wait", "rung": 2, "reason": "look again"},
    {"event": "start", "attempt": 1, "rung": 2, "arm": "wait", "effort": "low", "budget": 64, "waits": 1},
    {"event": "wait", "attempt": 1, "text": "Wait", "number": 1},
    {"event": "thinking", "attempt": 1, "text": "85-12=73", "tokens": 6},
    {"event": "end", "attempt": 1, "round": 2, "tokens": 9, "injected": 1, "charged": 17, "budget": 64,
     "end": "budget"},
    {"event": "answer", "attempt": 1, "text": "73", "tokens": 2},
    {"event": "verdict", "attempt": 1, "answer": "73", "accepted": True, "score": 0.97, "verifier": "rules",
     "reason": "sure"},
]  # fmt: skip
PROBE = {"event": "probe", "attempt": 0, "answer": "73", "confidence": 0.912, "tokens": 3}
ALL_LINES = """\
difficulty easy (solved by rung: 0.90, 0.99), starts on rung 1: why this rung
attempt 1 (first): rung 1, effort low, budget 64
47+38=85
round 1: 7 tokens, 7 of the budget of 64, ended by itself
rejected 74 (rules, score 0.20): unsure
thinks on: wait, rung 2: look again
attempt 2 (wait): rung 2, effort low, budget 64
Wait85-12=73
round 2: 9 tokens, 17 of the budget of 64 (1 injected), cut off at the budget
accepted 73 (rules, score 0.97): sure
"""
"""What stderr shows of `EVENTS`."""

ATTEMPT = {
    "rung": 1, "arm": "first", "effort": "low", "budget": 64, "waits": 0, "answer": "73", "text": "It is 73.",
    "thinking": "47+38=85", "status": "answered", "finish": "natural", "confidence": 0.9, "reason": "",
    "rounds": [{"tokens": 7, "injected": 0, "end": "natural"}],
    "verdict": {"accepted": True, "score": 0.97, "verifier": "rules", "reason": "sure"},
    "usage": {},
}  # fmt: skip

RESULT = {
    "question": "47 + 38 - 12?", "answer": "73", "text": "It is 73.",
    "status": "answered", "accepted": True,
    "model": "embedded", "profile": "abacus", "rung": 1,
    "difficulty": {"level": "easy", "p_solved": [0.9, 0.99]},
    "kept": 0, "kept_because": "attempt 1 of 1 was accepted (rules)", "notes": [],
    "reason": "why this rung", "stopped": "accepted", "attempts": [ATTEMPT],
    "usage": {"prompt": 31, "cached": 0, "thinking": 21, "injected": 1, "answer": 6, "probe": 0,
              "verifier": 0, "total": 59, "seconds": 0.21, "cost": None, "estimated": ["prompt"]},
    "seed": 0,
}  # fmt: skip


def result(*, reason: str = "unsure", **changed: Any) -> dict[str, Any]:
    """A result object; `reason` is the verdict's where it was not accepted."""
    made = copy.deepcopy({**RESULT, **changed})
    if made["accepted"] is None:
        verdict = {"accepted": None, "score": 0.5, "verifier": "none", "reason": f"not verified: {reason}"}
        made["attempts"][0]["verdict"] = verdict
    elif not made["accepted"]:
        verdict = {"accepted": False, "score": 0.31, "verifier": "rules", "reason": reason}
        made["attempts"][0]["verdict"] = verdict
    return made


class Solver:
    """Emits events, then raises, hangs, or gives its result with the question that was asked."""

    def __init__(
        self,
        made: dict[str, Any] | None = None,
        *,
        events: list[dict[str, Any]] = EVENTS,
        error: BaseException | None = None,
        hangs: bool = False,
    ) -> None:
        self.made, self.events, self.error, self.hangs = made or RESULT, events, error, hangs
        self.asked: list[str] = []

    async def astream(self, asked: Any, stream_mode: list[str]) -> AsyncIterator[tuple[str, Any]]:
        assert stream_mode == ["custom", "values"]
        question = asked["messages"][-1][1]
        self.asked.append(question)
        for event in self.events:
            yield "custom", event
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        yield "values", {"messages": []}
        yield "values", {"messages": [], "adaptive_result": {**self.made, "question": question}}


class Deaf(Solver):
    """A model deep in native code: cancelling it does nothing."""

    async def astream(self, asked: Any, stream_mode: list[str]) -> AsyncIterator[tuple[str, Any]]:
        async for item in super().astream(asked, stream_mode):
            yield item
        while True:
            time.sleep(0.01)


class Tiring(Solver):
    """Answers so many questions, and then no more."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    async def astream(self, asked: Any, stream_mode: list[str]) -> AsyncIterator[tuple[str, Any]]:
        self.hangs = len(self.asked) >= self.count
        async for item in super().astream(asked, stream_mode):
            yield item


def workflow(solver: Any) -> ModuleType:
    """A module to stand for `adaptive.solver.build`; `built` holds what it was asked to build."""
    module: Any = ModuleType("adaptive.solver.build")
    module.built = []

    def build_solver(model: str, *, options: Options, engine: dict[str, Any], **more: Any) -> Any:
        module.built.append({"model": model, **vars(options), **engine, **more})
        if isinstance(solver, Exception):
            raise solver
        return solver

    module.build_solver, module.find_solver = build_solver, lambda graph: None
    return module


SCRIPTS: dict[str, Solver] = {
    "answers": Solver(),
    "hangs": Solver(events=EVENTS[:3], hangs=True),
    "deaf": Deaf(),
    "tires": Tiring(3),
}

if __name__ == "__main__":
    from adaptive.cli import main
    from adaptive.cli.support import signals

    signals.STOP_SECONDS = float(os.environ.get("STUB_STOP_SECONDS", signals.STOP_SECONDS))
    sys.modules["adaptive.solver.build"] = workflow(SCRIPTS[sys.argv.pop(1)])
    main()
