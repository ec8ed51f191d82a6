"""The ways in: each asks one question of a provider at low effort, once, and brings what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

from click.testing import CliRunner
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from adaptive import Options, build_solver
from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive, adaptive_tool
from adaptive.chat.errors import ChatError
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.cli import cli
from adaptive.errors import InputError
from adaptive.solve_log import SolveLog
from tests.agents.asking import look_up
from tests.hosted.clients import PROVIDERS, build_option_args, client
from tests.hosted.server import Hosted
from tests.hosted.told import Told
from tests.support.thinking_hard import build_call

QUESTION = "What is 6 times 7?"
ONCE = Options(effort="low", max_attempts=1)


@dataclass(frozen=True)
class Call:
    """A provider at a server, whether its answers are streamed, its client's settings, and what it tells."""

    provider: str
    hosted: Hosted
    streams: bool
    settings: dict[str, Any]
    told: Told

    @property
    def chat(self) -> BaseChatModel:
        return client(self.provider, self.hosted, disable_streaming=not self.streams, **self.settings)


@dataclass(frozen=True)
class Outcome:
    """The error; or status, answer and tokens of the result, which of them are estimated, and the exit code."""

    error: Exception | None = None
    status: str = ""
    answer: str | None = None
    tokens: int = 0
    estimated: tuple[str, ...] = ()
    code: int | None = None


@dataclass(frozen=True)
class Surface:
    """A way in.

    ask: asks the question. explains: errors are ours, after as many tries as we make; otherwise they are the
    client's, of the first try. recovers: a starved call is made once more. streams: an answer can be streamed.
    """

    ask: Callable[[Call], Outcome]
    explains: bool = True
    recovers: bool = True
    streams: bool = True

    def play(self, call: Call) -> Outcome:
        """Ask, and tell what came of it."""
        try:
            outcome = self.ask(call)
        except Exception as error:  # noqa: BLE001 -- what it is, is tested
            call.told.error(error)
            return Outcome(error)
        call.told.said.append(repr(outcome))
        return outcome


def of_result(result: dict[str, Any]) -> Outcome:
    usage = result["usage"]
    return Outcome(None, result["status"], result["answer"], usage["total"], tuple(usage["estimated"]))


def of_report(message: AIMessage) -> Outcome:
    """What came of a step of an agent."""
    report = message.response_metadata["adaptive"]
    usage = report["step"]["usage"]
    return Outcome(None, report["status"], message.text or None, usage["total"], tuple(usage["estimated"]))


def ask_handle(call: Call) -> Outcome:
    """The handle of a chat model, below all others."""
    told = call.told.said
    on_event = (lambda event: told.append(repr(event))) if call.streams else None
    request = ChatRequest("low", 2048, 4096)
    made = asyncio.run(ChatModel(call.chat).ask([HumanMessage(QUESTION)], request, on_event))
    status = "starved" if made.starved else "answered" if made.text and made.finish == "stop" else "refused"
    return Outcome(None, status, made.text, made.usage.total, tuple(made.usage.estimated))


def ask_graph(call: Call) -> Outcome:
    """The graph, with all that it streams and keeps: a checkpointer and the log."""
    thread: Any = {"configurable": {"thread_id": "one"}}

    async def solve() -> dict[str, Any]:
        async with AsyncSqliteSaver.from_conn_string(str(call.told.folder / "threads.db")) as saver:
            solver = build_solver(call.chat, options=ONCE, checkpointer=saver)
            modes = ["custom", "updates", "messages", "values"]
            asked = {"messages": [("user", QUESTION)]}
            call.told.said += [repr(event) async for event in solver.astream(asked, thread, stream_mode=modes)]
            result: dict[str, Any] = (await solver.aget_state(thread)).values["adaptive_result"]
            return result

    result = asyncio.run(solve())
    with SolveLog(call.told.folder / "solves.db") as log:
        log.add(result)
    call.told.said.append(json.dumps(result))
    return of_result(result)


def ask_chat_model(call: Call) -> Outcome:
    chat = ChatAdaptive(solver=build_solver(call.chat, options=ONCE))
    message = reduce(add, chat.stream(QUESTION)) if call.streams else chat.invoke(QUESTION)
    assert message.usage_metadata is not None
    result = message.response_metadata["adaptive"]
    return replace(of_result(result), tokens=message.usage_metadata["total_tokens"])


def ask_with_tools(call: Call) -> Outcome:
    """The chat model with a tool bound: a step of an agent."""
    chat = ChatAdaptive(solver=build_solver(call.chat, options=ONCE)).bind_tools([look_up])
    return of_report(asyncio.run(chat.ainvoke(QUESTION)))


def ask_middleware(call: Call) -> Outcome:
    agent = create_agent(call.chat, [], middleware=[AdaptiveThinkingMiddleware(efforts=["low"])])
    return of_report(agent.invoke({"messages": [("user", QUESTION)]})["messages"][-1])


def ask_tool(call: Call) -> Outcome:
    message = asyncio.run(adaptive_tool(call.chat, options=ONCE).ainvoke(build_call({"question": QUESTION})))
    if message.status == "error":
        raise InputError(message.content)
    return of_result(message.artifact)


def ask_command(call: Call) -> Outcome:
    provider = PROVIDERS[call.provider]
    given = {"api_key": call.hosted.key, **provider.locate(call.hosted.url), **call.settings}
    given["disable_streaming"] = not call.streams
    args = ["solve", QUESTION, "-m", provider.spec, "--effort", "low", "--max-attempts", "1", "--json", "-u"]
    args += build_option_args(given)
    made = CliRunner().invoke(cli, args, prog_name="adaptive")
    call.told.said.append(made.output)
    assert "Traceback" not in made.stderr
    if made.exit_code in (1, 2):
        assert made.stdout == ""
        sentence = made.stderr.splitlines()[-1].removeprefix("Error: ")
        raise (InputError if made.exit_code == 2 else ChatError)(sentence)
    return replace(of_result(json.loads(made.stdout)), code=made.exit_code)


SURFACES = {
    "handle": Surface(ask_handle, recovers=False),
    "graph": Surface(ask_graph),
    "chat model": Surface(ask_chat_model),
    "chat model with tools": Surface(ask_with_tools, streams=False),
    "middleware": Surface(ask_middleware, explains=False, streams=False),
    "tool": Surface(ask_tool),
    "command": Surface(ask_command),
}
