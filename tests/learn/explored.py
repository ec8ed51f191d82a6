"""Logged solves that explored, made of outcomes of a model that never ran (`tests.learn.made`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adaptive.learn.data.outcome import DIRECT, RecordedQuestion, rung_to_key
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder
from adaptive.types.result import Difficulty, Exploration, Result
from adaptive.types.usage import Usage
from tests.learn.made import LADDER


def explore(
    question: str, attempts: Sequence[Attempt], ladder: Ladder = LADDER, model: str = "toy", **changed: Any
) -> dict[str, Any]:
    """Return the result object of a solve that answered with the first attempt and explored the others."""
    first, *others = attempts
    result = Result(
        question=question, attempts=(first,), kept=0, kept_because="the only one",
        difficulty=Difficulty("unknown"), stopped="accepted", models=(model,), profile="untrained", notes=(),
        seed=0,
        usage=sum((one.usage for one in attempts), Usage(cost=0.0)),
        explored=Exploration(ladder, tuple(others)),
    )  # fmt: skip
    return {**result.to_json(), **changed}


def explore_recorded(recorded: RecordedQuestion, **changed: Any) -> dict[str, Any]:
    """Return the result object of a solve that made these recorded attempts: the direct answer, then all rungs."""
    keys = [DIRECT, *(rung_to_key(rung) for rung in reversed(LADDER.rungs[1:]))]
    attempts = [recorded.outcomes[key].attempt for key in keys]
    return explore(recorded.question.text, [replace(one, verdict=None) for one in attempts], **changed)
