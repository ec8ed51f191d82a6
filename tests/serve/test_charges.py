"""Solves on a token engine that are cut: by their client, their time, and the end of the server."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import openai
import pytest
from langchain_core.messages import HumanMessage

from adaptive.agents import ChatAdaptive
from adaptive.errors import AdaptiveError, InputError, NoAnswerInTime
from adaptive.serve.app import ModelServer, OfferedModel
from adaptive.serve.solve import LastPiece, SolveRequest, TextPiece, stream_pieces
from adaptive.serve.solve_queue import SolveQueue
from adaptive.solve_log import SolveLog
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from tests.serve.serving import LONG_SOLVES, QUESTION, chat, serving, wait_until
from tests.support.clock import LIMIT, LeapingClock
from tests.support.guard import guarded

LONG = Options(stop="none", waits=1000, budget=3000, max_attempts=1)
KEY = "0123456789abcdef"


def ask(**options: Any) -> SolveRequest:
    return SolveRequest("m", [HumanMessage(QUESTION)], options)


@guarded
async def test_a_solve_that_is_stopped_tells_once_what_it_spent() -> None:
    """As a response does it when its client is gone, and the server's end when its time to drain is up."""
    spent, pieces, enough = list[Usage](), list[TextPiece](), asyncio.Event()
    chat = ChatAdaptive(solver=build_solver("embedded", options=LONG))

    async def read() -> None:
        async with aclosing(stream_pieces(chat, ask(), spent.append)) as stream:
            async for piece in stream:
                assert isinstance(piece, TextPiece)
                pieces.append(piece)
                if len(pieces) == 40:
                    enough.set()

    reading = asyncio.create_task(read())
    await enough.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    (usage,) = spent
    assert usage.thinking is not None
    assert usage.thinking >= 30  # a piece is a token or more; waits are injected
    assert usage.prompt > 0
    assert {"prompt", "thinking"} <= set(usage.estimated)


@guarded
async def test_a_solve_whose_time_is_up_tells_it_too(clock: LeapingClock) -> None:
    spent = list[Usage]()
    chat = ChatAdaptive(solver=build_solver("embedded", options=LONG))

    async def read() -> None:
        async with aclosing(stream_pieces(chat, ask(timeout=LIMIT), spent.append)) as stream:
            async for _ in stream:
                clock.leap()

    with pytest.raises(NoAnswerInTime):
        await read()
    assert len(spent) == 1
    assert spent[0].total > 0


@guarded
async def test_a_finished_solve_tells_its_own_usage_and_a_refused_one_nothing() -> None:
    spent = list[Usage]()
    chat = ChatAdaptive(solver=build_solver("embedded"))
    *_, last = [piece async for piece in stream_pieces(chat, ask(effort="low"), spent.append)]
    assert isinstance(last, LastPiece)
    assert last.result is not None
    assert spent == [last.result.usage]
    blank = SolveRequest("m", [HumanMessage(" ")], {})
    with pytest.raises(InputError, match="the question is empty"):
        _ = [piece async for piece in stream_pieces(chat, blank, spent.append)]
    assert sum(usage.total for usage in spent[1:]) == 0


@pytest.mark.parametrize("error", [AdaptiveError("the log is full."), OverflowError("too large")])
@guarded
async def test_a_reply_that_cannot_be_logged_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(SolveLog, "add", Mock(side_effect=error))
    model = OfferedModel("embedded", ChatAdaptive(solver=build_solver("embedded")), SolveQueue(1, 0))
    with SolveLog(tmp_path / "log.db") as log:
        app = ModelServer({"embedded": model}, log=log).build_app()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            response = await client.post("/v1/chat/completions", json={"model": "embedded", "messages": chat()})
    assert response.status_code == 200
    assert response.json()["choices"][0]["message"]["content"] == r"\boxed{73}"
    assert str(error) in caplog.text


@pytest.mark.slow  # a server of its own
def test_a_key_pays_for_solves_that_its_client_left(tmp_path: Path) -> None:
    (keys := tmp_path / "keys.toml").write_text(f'[alice]\nkey = "{KEY}"\nmax_tokens = 5\n')
    with serving("--keys", str(keys), *LONG_SOLVES) as server:
        create = server.client(KEY).chat.completions.create
        with create(model="embedded", messages=chat(), stream=True) as stream:
            told = ""
            while len(told) < 20:  # a part of what it writes before the check
                told += getattr(next(stream).choices[0].delta, "reasoning_content", None) or ""
        wait_until(lambda: server.metric("running", KEY) == 0)
        said = r"'alice' is used up .reached the limit of 5 tokens, \d+ spent"
        with pytest.raises(openai.RateLimitError, match=said) as caught:
            create(model="embedded", messages=chat())
        assert caught.value.code == "insufficient_quota"
        assert server.metric("tokens_total", KEY, kind="thinking") >= 5
