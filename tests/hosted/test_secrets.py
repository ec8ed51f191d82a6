"""No key, password or header in anything that is kept or told: results, events, messages, databases, errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from adaptive import build_solver
from adaptive._util.files import find_artifact
from adaptive.chat.registry import open_chat_model
from adaptive.cli import cli
from adaptive.engines.onnx import OnnxEngine
from adaptive.errors import AdaptiveError
from adaptive.solve_log import SolveLog
from adaptive.types.options import Options
from adaptive.verify.check import parse_check
from tests.engines.serving import Faulty, serving
from tests.hosted.brains import always, in_order
from tests.hosted.clients import NAMES, client
from tests.hosted.script import Fault, Reply
from tests.hosted.server import Hosted
from tests.hosted.test_loop import ASK, CHECK, RIGHT, WRONG
from tests.hosted.told import BASIC, KEY, PASSWORD, SECRETS, Told

pytestmark = pytest.mark.crossed

THREAD: Any = {"configurable": {"thread_id": "one"}}
ECHOES = (
    f"Incorrect API key provided: {KEY}.",
    f"bad request, headers were {{'authorization': 'Bearer {KEY}', 'x-api-key': '{KEY}'}}",
    f"no such model at http://user:{PASSWORD}@127.0.0.1/v1",
)
"""What a careless gateway puts in its errors. A key by itself that looks like a word is not known for one."""
FAULTS = {
    f"{kind} {number}": Fault(kind, text) for kind in ("budget", "error") for number, text in enumerate(ECHOES)
}


@pytest.fixture
def told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.DEBUG, logger="adaptive")
    return Told(tmp_path, caplog.records)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause is made before a second try."""
    monkeypatch.setattr("adaptive.chat.retried_call.choose_wait", lambda state: 0.0)


async def solve(model: Any, told: Told, **how: Any) -> dict[str, Any] | None:
    """A solve with all that tells and keeps: events, messages, a checkpointer, the log; None where it fails."""
    check = parse_check(CHECK, 30)
    options = Options(**how)
    result: dict[str, Any] | None = None
    async with AsyncSqliteSaver.from_conn_string(str(told.folder / "threads.db")) as saver:
        try:
            solver = build_solver(model, options=options, check=check, checkpointer=saver)
            async for event in solver.astream(
                ASK, THREAD, stream_mode=["custom", "updates", "messages", "values"]
            ):
                told.said.append(repr(event))
            result = (await solver.aget_state(THREAD)).values["adaptive_result"]
        except AdaptiveError as error:
            told.error(error)
    if result is not None:
        told.said.append(json.dumps(result))
        with SolveLog(told.folder / "solves.db") as store:
            store.add(result)
    return result


@pytest.mark.parametrize("streams", [True, False], ids=["streaming", "whole"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_solve_that_succeeds(name: str, streams: bool, told: Told) -> None:
    with Hosted(in_order(WRONG, RIGHT), key=KEY) as hosted:
        result = await solve(client(name, hosted, disable_streaming=not streams), told)
        assert any(KEY in value for asked in hosted.asked for value in asked.headers.values())
    assert result is not None
    assert told.leaks() == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_solve_that_fails(name: str, fault: str, told: Told) -> None:
    """An echo names the header that it holds, which is the provider's word; other faults are in `test_faults`."""
    with Hosted(always(FAULTS[fault]), key=KEY) as hosted:
        await solve(client(name, hosted), told, max_attempts=1)
        assert hosted.asked
    assert told.said
    assert told.leaks(SECRETS) == []


@pytest.mark.parametrize("reply", [RIGHT, Fault("budget", ECHOES[2]), Fault("error"), Fault("cut")])
@pytest.mark.parametrize(("spec", "path"), [
    ("openai:gpt-5", "/v1"), ("anthropic:claude-sonnet-4-6", ""), ("google_genai:gemini-3-flash-preview", ""),
])  # fmt: skip
async def test_a_password_in_the_address(spec: str, path: str, reply: Reply, told: Told) -> None:
    with Hosted(always(reply)) as hosted:
        hosted.key = f"Basic {BASIC}" if spec.startswith("openai") else KEY
        address = hosted.url.replace("://", f"://user:{PASSWORD}@") + path
        model = open_chat_model(spec, base_url=address, api_key=KEY)
        told.said.append(model.name)
        await solve(model.chat, told, max_attempts=1)
        assert hosted.asked
    assert told.leaks() == []


async def test_one_that_nobody_answers_at(told: Told) -> None:
    model = open_chat_model("openai:gpt-5", base_url=f"http://user:{PASSWORD}@127.0.0.1:9/v1", api_key=KEY)
    assert await solve(model.chat, told) is None
    assert told.leaks() == []


@pytest.fixture(scope="module")
def embedded() -> OnnxEngine:
    return OnnxEngine(find_artifact("abacus") / "onnx", name="embedded")


@pytest.fixture
def served(embedded: OnnxEngine) -> Iterator[Faulty]:
    faulty = Faulty(embedded, root=str(find_artifact("abacus") / "onnx"))
    with serving(faulty):
        yield faulty


FINE = [""] * 3
"""What is asked of a server before a solve."""


@pytest.mark.parametrize("faults", [[], [400], [500], [*FINE, 400], [*FINE, 429], [*FINE, "garbage"],
                                    [*FINE, "cut"], [*FINE, "error"]])  # fmt: skip
@pytest.mark.parametrize("secret", ["key", "password", "wrong key"])
async def test_a_server(
    served: Faulty, told: Told, monkeypatch: pytest.MonkeyPatch, faults: list[Any], secret: str
) -> None:
    monkeypatch.setenv("ADAPTIVE_API_KEY", KEY)
    address = served.url
    if secret == "password":
        address = address.replace("://", f"://user:{PASSWORD}@")
    else:
        served.key = KEY if secret == "key" else "another"
    served.faults = list(faults)
    with monkeypatch.context() as patch:
        patch.setattr("adaptive._util.http.FIRST_PAUSE", 0.0)
        patch.setattr("adaptive._util.http.RETRIES", 1)
        patch.setattr("adaptive.solver.model.open_engine", opened_impatiently())
        await solve(address, told, max_attempts=1)
    assert told.said
    assert told.leaks() == []


def opened_impatiently() -> Any:
    from adaptive.engines.registry import open_engine

    return lambda spec, **options: open_engine(spec, **{"retries": 1, "pause": 0.0, **options})


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("reply", [RIGHT, *(Fault("budget", text) for text in ECHOES), Fault("error")])
def test_the_command(reply: Reply, debug: bool, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", str(told.folder / "solves.db"))
    with Hosted(always(reply), key=KEY) as hosted:
        args = ["solve", "What?", "-m", "openai:gpt-5", "-o", f"api_key={KEY}", "--json", "-u", "--show-thinking",
                "-o", f"base_url={hosted.url}/v1", *(["--debug"] if debug else [])]  # fmt: skip
        made = CliRunner().invoke(cli, args, prog_name="adaptive")
        assert hosted.asked
    told.said.append(made.output)
    if made.exception is not None:
        told.error(made.exception)
    assert told.leaks(SECRETS) == []
