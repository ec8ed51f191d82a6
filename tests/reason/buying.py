"""One attempt on a scripted engine, with everything left out that a test does not care for."""

from __future__ import annotations

from typing import Any

from adaptive.engines.protocol import Prompt, Sampling
from adaptive.reason.budget import Style
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Rung
from tests.support.scripted import END, THINK, ScriptedEngine, run, says

QUESTION = Prompt(open=(*says("2+2?"), THINK), closed=(*says("2+2?"), THINK, END))
PLAIN = Style(useful_round=1)


def buy(
    engine: ScriptedEngine, rung: Rung, style: Style = PLAIN, after: Attempt | None = None, **more: Any
) -> Attempt:
    """The attempt that `rung` buys for `QUESTION`, on the chain of the attempt `after`."""
    asked: dict[str, Any] = {
        "prompt": QUESTION,
        "style": style,
        "thought": Thought.from_attempt(after) if after else Thought(),
        "sampling": Sampling(),
        "session": "s",
        "index": 1,
        "arm": "budget" if after else "first",
    }
    asked |= more
    return run(think_within_budget(engine, asked.pop("prompt"), rung, **asked))


def rung(budget: int, waits: int = 0, answer_room: int = 20) -> Rung:
    """A rung that thinks, unless its budget is 0."""
    return Rung("low", budget, waits, answer_room)


def thinking_ids(engine: ScriptedEngine) -> tuple[int, ...]:
    """What stood between the open prompt and the end of thinking when the last answer was asked for."""
    after = engine.calls[-1].ids[len(QUESTION.open) :]
    return after[: after.index(END)]
