"""A thousand solves against a server that starves three calls in ten: nothing empty, nothing uncounted."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from adaptive import build_solver
from adaptive.types.options import Options
from tests.hosted.brains import Starving, starving
from tests.hosted.clients import client
from tests.hosted.script import Asked, words
from tests.hosted.server import Hosted

SOLVES, SHARE, BUDGET, ROOM = 1000, 0.3, 16384, 8192
AT_ONCE = 16


def spent(brain: Starving, asked: Asked) -> int:
    """Tokens of a call, as the server counts them."""
    assert asked.cap is not None
    thought = min(brain.need(asked.question, asked.effort), asked.cap)
    return asked.prompt + thought + min(words(brain.answer(asked.question)), asked.cap - thought)


@pytest.mark.slow
async def test_no_empty_answer_and_almost_all_recovered(capsys: Any) -> None:
    brain = starving(7, SHARE, BUDGET + ROOM, lambda question: f"the answer to {question}")
    with Hosted(brain) as hosted:
        solver = build_solver(
            client("openai", hosted, max_tokens=BUDGET + ROOM), options=Options(max_attempts=1, max_tokens=200_000)
        )
        gate = asyncio.Semaphore(AT_ONCE)

        async def solve(number: int) -> dict[str, Any]:
            async with gate:
                state = await solver.ainvoke({"messages": [("user", f"question {number}")]})
            result: dict[str, Any] = state["adaptive_result"]
            return result

        results = await asyncio.gather(*(solve(number) for number in range(SOLVES)))
        calls = hosted.asked
    starved = [r for r in results if r["attempts"][0]["starved"]]
    recovered = [r for r in starved if r["status"] == "answered"]
    figures = f"{len(starved)} of {SOLVES} starved, {len(recovered)} recovered, {len(calls)} calls"
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert all(r["status"] == "starved" for r in results if not r["answer"])
    assert all(r["answer"] == f"the answer to {r['question']}" for r in results if r["status"] == "answered")
    assert len(starved) >= 0.25 * SOLVES
    assert len(recovered) >= 0.95 * len(starved)
    by_question: dict[str, int] = {}
    for asked in calls:
        by_question[asked.question] = by_question.get(asked.question, 0) + spent(brain, asked)
    assert {r["question"]: r["usage"]["total"] for r in results} == by_question
    assert all(r["usage"]["total"] <= 200_000 for r in results)
    assert not any(r["usage"]["estimated"] for r in results)
