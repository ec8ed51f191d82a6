"""`adaptive mcp`: what its tools are and say, over stdio and HTTP, to the official client and LangChain's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.memory import create_connected_server_and_client_session
from mcp.types import CallToolResult, CancelledNotification, CancelledNotificationParams, ClientNotification

from adaptive.cli.support.mcp_compare import CompareTool
from adaptive.cli.support.mcp_server import build_mcp_server
from adaptive.cli.support.mcp_solve import SolveTool
from adaptive.engines.protocol import Generation
from adaptive.errors import AdaptiveError
from adaptive.prices import Price, Prices
from adaptive.solve_log import SolveLog
from adaptive.solver.build import build_solver
from tests.cli.stub import ROOT
from tests.docs.blocks import run as run_page
from tests.support.scripted import ScriptedEngine
from tests.support.solving import SURE, UNSURE, BrokenEngine, PureEngine, boxed, profile

SUM = "What is 47 + 38 - 12?"
MODELS = ("embedded", "openai:o4-mini")


@asynccontextmanager
async def connect(engine: Any = None, log: SolveLog | None = None, **limits: Any) -> AsyncIterator[ClientSession]:
    """The official client, connected to a server of this process."""
    solver = build_solver(engine or PureEngine(), profile=profile())
    server = build_mcp_server(SolveTool(solver, log), CompareTool(MODELS, **limits), 4)
    async with create_connected_server_and_client_session(server) as session:
        yield session


def read_text(result: CallToolResult) -> str:
    (block,) = result.content
    return str(block.text)  # type: ignore[union-attr]


class WatchedEngine(PureEngine):
    """Never ends a call. Its clean-up awaits, as one that aborts a request does."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.stopped = asyncio.Event(), asyncio.Event()

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(3):
                await asyncio.sleep(0)
            self.stopped.set()
        raise AssertionError


class Notified:
    """The progress notifications of a call."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float | None, str | None]] = []

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.steps.append((progress, total, message))

    def assert_rising(self) -> None:
        values = [progress for progress, _, _ in self.steps]
        assert values == sorted(set(values))


async def test_the_tools_and_their_schemas() -> None:
    async with connect() as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert [*tools] == ["solve", "compare"]
    solve, compare = tools.values()
    assert [*solve.inputSchema["properties"]] == ["question", "effort"]
    assert solve.inputSchema["required"] == ["question"]
    assert "xhigh" in str(solve.inputSchema)
    assert solve.outputSchema is not None
    assert "difficulty" in solve.outputSchema["properties"]
    assert [*compare.inputSchema["properties"]] == ["prompt", "models", "efforts", "max_tokens"]
    assert compare.description is not None
    assert "Models: embedded, openai:o4-mini. At most 12 combinations." in compare.description


async def test_solve_answers_and_tells_its_progress(log: Path) -> None:
    notified = Notified()
    with SolveLog(log) as kept:
        async with connect(log=kept) as session:
            result = await session.call_tool("solve", {"question": "2+2?"}, progress_callback=notified)
        assert [row.result["answer"] for row in kept.list_recent()] == [SURE + "2"]
    assert (read_text(result), result.isError) == (SURE + "2", False)
    assert result.structuredContent is not None
    assert result.structuredContent["accepted"] is True
    assert result.structuredContent["tokens"] > 0
    notified.assert_rising()
    words = [(message or "").split()[0] for _, _, message in notified.steps]
    assert words[:2] == ["difficulty", "attempt"]
    assert words[-1] == "accepted"


@pytest.mark.parametrize("error", [AdaptiveError("the log is full."), OverflowError("too large")])
async def test_an_answer_that_cannot_be_logged_is_answered(
    log: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(SolveLog, "add", Mock(side_effect=error))
    with SolveLog(log) as kept:
        async with connect(log=kept) as session:
            result = await session.call_tool("solve", {"question": "2+2?"})
    assert (read_text(result), result.isError) == (SURE + "2", False)
    assert str(error) in caplog.text


async def test_long_thinking_is_told_while_it_streams() -> None:
    notified = Notified()
    async with connect(PureEngine(ends=(300,), enough=300)) as session:
        await session.call_tool("solve", {"question": "2+2?", "effort": "high"}, progress_callback=notified)
    notified.assert_rising()
    assert any((message or "").endswith("tokens so far") for _, _, message in notified.steps)


async def test_an_answer_that_was_rejected_says_so() -> None:
    async with connect(ScriptedEngine(answers=[boxed(UNSURE)])) as session:
        result = await session.call_tool("solve", {"question": "2+2?", "effort": "low"})
    assert "This answer was not accepted" in read_text(result)
    assert result.structuredContent is not None
    assert (result.structuredContent["accepted"], result.structuredContent["effort"]) == (False, "low")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("solve", {"question": " "}, "question is empty"),
        ("solve", {"question": "2+2?", "effort": "tiny"}, "Input should be 'none'"),
        ("compare", {"prompt": ""}, "at least 1 character"),
        ("compare", {"prompt": SUM, "models": ["hf:evil"]}, "'hf:evil' is not served: name of embedded, openai"),
        ("compare", {"prompt": SUM, "max_tokens": [*range(1, 8)]}, "14 combinations are more than 12"),
        ("compare", {"prompt": SUM, "max_tokens": [0]}, "greater than or equal to 1"),
        ("compare", {"prompt": SUM, "max_tokens": [3000]}, "6000 tokens together, and 5000 are allowed"),
        ("compare", {"prompt": SUM, "models": ["openai:o4-mini"], "max_tokens": [1000]},
         "these 2 calls may cost $0.02"),
        ("compare", {"prompt": SUM, "max_tokens": [100]}, "the price of embedded is not known"),
    ],
)  # fmt: skip
async def test_what_is_not_allowed_is_an_error_in_a_sentence_and_asks_nothing(
    tool: str, arguments: dict[str, Any], said: str
) -> None:
    prices = Prices({"openai:o4-mini": Price(1, 10)})
    async with connect(max_tokens=5000, max_cost=0.01, prices=prices) as session:
        result = await session.call_tool(tool, arguments)
    assert result.isError
    assert said in read_text(result)


async def test_a_failure_of_the_model_is_an_error_of_the_call_and_the_server_goes_on() -> None:
    async with connect(BrokenEngine()) as session:
        for _ in range(2):
            result = await session.call_tool("solve", {"question": "2+2?"})
            assert result.isError


async def test_a_cancelled_call_stops_the_model() -> None:
    engine = WatchedEngine()
    async with connect(engine) as session:
        call = asyncio.create_task(session.call_tool("solve", {"question": "2+2?"}))
        await engine.began.wait()
        cancel = CancelledNotification(params=CancelledNotificationParams(requestId=1))
        await session.send_notification(ClientNotification(cancel))
        await asyncio.wait_for(engine.stopped.wait(), timeout=60)
        call.cancel()


async def test_compare_on_the_embedded_model() -> None:
    arguments = {"prompt": SUM, "efforts": ["none", "low"], "max_tokens": [64]}
    notified = Notified()
    async with connect() as session:
        result = await session.call_tool("compare", arguments, progress_callback=notified)
        again = await session.call_tool("compare", arguments)
    assert result.structuredContent is not None
    assert again.structuredContent is not None
    assert [cell["effort"] for cell in result.structuredContent["cells"]] == ["none", "low"]
    assert all(cell["cached"] for cell in again.structuredContent["cells"])
    assert "The cheapest that answers is embedded" in read_text(result)
    assert [(progress, total) for progress, total, _ in notified.steps] == [(1, 2), (2, 2)]


async def test_a_comparison_that_runs_out_of_time_says_so() -> None:
    async with connect(timeout=1e-6) as session:
        result = await session.call_tool("compare", {"prompt": SUM, "max_tokens": [64]})
    assert result.isError
    assert "no call ended within 1e-06 seconds" in read_text(result)


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "ADAPTIVE_LOG": str(folder / "solves.db"), "PYTHONPATH": str(ROOT)}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """The address of the command, which serves HTTP in a process of its own."""
    command = [sys.executable, "-m", "adaptive.cli", "mcp", "--http", "--port", "0", *options]
    with subprocess.Popen(command, env=environment(folder), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert line.startswith("Serving http://127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            process.terminate()
            assert process.wait(60) == 0


@pytest.mark.slow
async def test_over_stdio_it_ends_with_its_client(tmp_path: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "adaptive.cli", "mcp"], env=environment(tmp_path)
    )
    notified = Notified()
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        result = await session.call_tool("solve", {"question": SUM}, progress_callback=notified)
    assert read_text(result) == "73"
    notified.assert_rising()
    assert len(notified.steps) > 2
    with SolveLog(tmp_path / "solves.db") as log:
        assert len(log.list_recent(5)) == 1


@pytest.mark.slow
async def test_over_streamable_http_to_two_clients_at_once(tmp_path: Path) -> None:
    async def ask(url: str) -> None:
        notified = Notified()
        async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            result = await session.call_tool("solve", {"question": SUM}, progress_callback=notified)
        assert read_text(result) == "73"
        assert len(notified.steps) > 2

    with serving(tmp_path) as url:
        await asyncio.gather(ask(url), ask(url))


@pytest.mark.slow
async def test_in_langchain_the_tools_are_tools(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-log", "--max-tokens", "500") as url:
        solve, compare = await run_page(ROOT / "docs" / "mcp.md")["open_tools"](url)
        call = {"name": "solve", "args": {"question": SUM}, "id": "1", "type": "tool_call"}
        message = await solve.ainvoke(call)
        refused = await compare.ainvoke({**call, "name": "compare", "args": {"prompt": SUM}})
    assert "73" in str(message.content)
    assert message.artifact["structured_content"]["answer"] == "73"
    assert "8000 tokens together, and 500 are allowed" in str(refused.content)
    assert not (tmp_path / "solves.db").exists()


def test_without_the_package_the_sentence_names_the_extra(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    ended = run("mcp")
    assert ended.exit_code == 2
    assert "pip install 'adaptive-thinking[mcp]'" in ended.output
