"""The graphs in LangGraph's own server, `langgraph dev`: a process, its HTTP API, offline and without a key.

The server fails a run whose nodes block its event loop (it is started without `--allow-blocking`).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
STARTED = "Application started up"
STOP_SECONDS = 120
INMEM = find_spec("langgraph_cli") is not None and find_spec("langgraph_runtime_inmem") is not None

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not INMEM, reason="LangGraph's server is not installed: pip install 'langgraph-cli[inmem]'"
    ),
]


def environment() -> dict[str, str]:
    """No key and no variable of the user's, and whatever asks a host of the outside fails at once."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ADAPTIVE_", "LANGSMITH_", "LANGCHAIN_"))}
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    local = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
    return {**kept, **nowhere, **local, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def langgraph(*args: str) -> list[str]:
    """The command of this environment."""
    return [sys.executable, "-m", "langgraph_cli", *args]


def copied(folder: Path) -> Path:
    """What the server reads, in a folder where it may leave its state."""
    shutil.copytree(ROOT / "graphs", folder / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("langgraph.json", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The server's address, once it says that it has started; it is ended with Ctrl-C, and ends."""
    port = free_port()
    command = langgraph("dev", "--no-browser", "--no-reload", "--port", str(port))
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        try:
            said = []
            while STARTED not in (line := process.stdout.readline()):
                said.append(line)
                assert line, "".join(said)
            # Somebody must read what it logs, or it would wait for that.
            threading.Thread(target=deque, args=(process.stdout, 0)).start()
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_SECONDS) == 0
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the running server."""
    before = sorted(path.name for path in ROOT.iterdir())
    with (
        serving(copied(tmp_path_factory.mktemp("server"))) as address,
        httpx.Client(
            base_url=address, timeout=120, trust_env=False, transport=httpx.HTTPTransport(retries=8)
        ) as client,
    ):
        yield client
    assert sorted(path.name for path in ROOT.iterdir()) == before


def streamed(client: httpx.Client, graph: str, given: dict[str, Any], **more: Any) -> list[tuple[str, Any]]:
    """(mode, data) of everything that a run streams; none of it is an error."""
    parts = stream_run(client, graph, given, **more)
    assert "error" not in [mode for mode, _ in parts], parts[-1]
    return parts


def stream_run(client: httpx.Client, graph: str, given: dict[str, Any], **more: Any) -> list[tuple[str, Any]]:
    """(mode, data) of everything that a run streams."""
    asked = {"assistant_id": graph, "input": given, "stream_mode": ["custom", "updates"], **more}
    parts, mode = [], ""
    with client.stream("POST", "/runs/stream", json=asked) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                mode = value
            elif name == "data":
                parts.append((mode, json.loads(value)))
    return parts


def test_it_is_up_and_knows_the_graphs(server: httpx.Client) -> None:
    assert server.get("/ok").json()["ok"] is True
    found = server.post("/assistants/search", json={}).json()
    assert {one["graph_id"] for one in found} == {"solve", "agent", "map_solve"}


def test_a_solve_streams_its_rounds_and_returns_its_result(server: httpx.Client) -> None:
    asked = {"messages": [{"role": "user", "content": "What is 47 + 38 - 12?"}]}
    parts = streamed(server, "solve", asked)
    events = [data for mode, data in parts if mode == "custom"]
    told = [event["event"] for event in events]
    landmarks = ("difficulty", "start", "end", "verdict", "done")
    assert [told.index(name) for name in landmarks] == sorted(told.index(name) for name in landmarks)
    (finish,) = [data["finish"] for mode, data in parts if mode == "updates" and "finish" in data]
    assert finish["adaptive_result"] == events[-1]["result"]
    assert finish["adaptive_result"]["answer"] == "73"
    assert finish["messages"][-1]["content"][-1]["type"] == "text"


def test_an_agent_calls_its_tool_and_streams_its_steps(server: httpx.Client) -> None:
    asked = {"messages": [{"role": "user", "content": "What is 47 + 38 - 12?"}]}
    parts = streamed(server, "agent", asked)
    assert {"start", "verdict"} <= {data["event"] for mode, data in parts if mode == "custom"}
    steps = [data for mode, data in parts if mode == "updates"]
    messages = [m for step in steps for update in step.values() if update for m in update.get("messages", ())]
    assert [m["type"] for m in messages] == ["ai", "tool", "ai"]
    assert messages[0]["tool_calls"][0]["name"] == "think_hard"
    assert messages[-1]["content"] == "73"


def test_many_questions_at_once(server: httpx.Client) -> None:
    questions = ["What is 2 + 2?", {"id": "sum", "question": "What is 47 + 38 - 12?"}, " "]
    parts = streamed(server, "map_solve", {"questions": questions}, config={"max_concurrency": 2})
    assert {data["id"] for mode, data in parts if mode == "custom" and data["event"] == "done"} == {"1", "sum"}
    *_, gathered = [data["gather"] for mode, data in parts if mode == "updates" and "gather" in data]
    assert [(r["id"], r["answer"]) for r in gathered["results"]] == [("1", "4"), ("sum", "73"), ("3", None)]
    assert gathered["adaptive_summary"]["statuses"] == {"answered": 2, "failed": 1}


def test_a_threads_second_turn_begins_afresh(server: httpx.Client) -> None:
    thread = server.post("/threads", json={}).json()["thread_id"]
    for question in ("What is 2 + 2?", "What is 47 + 38 - 12?"):
        given = {"messages": [{"role": "user", "content": question}]}
        state = server.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "solve", "input": given}).json()
        result = state["adaptive_result"]
        assert (result["question"], result["attempts"][0]["arm"]) == (question, "first")
        assert [a["arm"] for a in result["attempts"]].count("first") == 1
    assert [m["type"] for m in state["messages"]] == ["human", "ai"] * 2


EFFORTS = "none, minimal, low, medium, high, xhigh, max or null"
ASKED = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
IMAGE = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ],
}
LONG = {"role": "user", "content": "What is 2 + 2, and so on? " * 400}
TOO_BIG = f"'effort' in the context must be one of {EFFORTS}, got 'tiny'"


@pytest.mark.parametrize(
    ("graph", "given", "more", "said"),
    [
        ("solve", ASKED, {"context": {"effort": "tiny"}}, TOO_BIG),
        ("agent", ASKED, {"context": {"effort": "tiny"}}, TOO_BIG),
        ("map_solve", {"questions": ["2+2?"]}, {"context": {"effort": "tiny"}}, TOO_BIG),
        ("solve", ASKED, {"context": {"budget": -1}}, "'budget' in the context must be 0 or more, got -1"),
        (
            "solve",
            ASKED,
            {"context": {"temperature": 3}},
            "'temperature' in the context must be between 0 and 2, got",
        ),
        ("solve", ASKED, {"context": {"worth": "much"}}, "'worth' in the context"),
        ("solve", ASKED, {"context": {"max_cost": 1}}, "the price of embedded is not known"),
        ("agent", ASKED, {"context": {"max_tokens": 0}}, "'max_tokens' in the context must be 1 or more, got 0"),
        (
            "solve",
            {**ASKED, "adaptive_options": {"effort": "tiny"}},
            {},
            "'effort' in adaptive_options must be one of",
        ),
        ("solve", {**ASKED, "adaptive_options": [1]}, {}, "adaptive_options must be an object, got [1]"),
        ("solve", {"messages": [IMAGE]}, {}, "a message holds 'image_url', which a token engine cannot read"),
        ("solve", {"messages": [LONG]}, {}, "but the model's context window holds 1024: shorten the question"),
        (
            "map_solve",
            {"questions": [{"id": "1"}]},
            {},
            "question 1 must be a text, or an object of an id and a question",
        ),
        ("solve", {"messages": []}, {}, "there are no messages: the question is the last user message"),
        ("solve", {"messages": [{"role": "user", "content": " "}]}, {}, "the question is empty"),
        ("solve", {**ASKED, "adaptive_options": {"budgt": 9}}, {}, "adaptive_options cannot set 'budgt'"),
        ("map_solve", {"questions": []}, {}, "questions must be a list of at least one question, got []"),
    ],
)
def test_the_sentence_of_a_bad_input_arrives(
    graph: str, given: dict[str, Any], more: dict[str, Any], said: str, server: httpx.Client
) -> None:
    mode, error = stream_run(server, graph, given, **more)[-1]
    assert mode == "error"
    assert error["error"] == "InputError"
    assert said in error["message"]


def test_the_sentence_of_a_solve_whose_time_is_up_arrives(server: httpx.Client) -> None:
    mode, error = stream_run(server, "solve", ASKED, context={"timeout": 1e-9})[-1]
    assert (mode, error["error"]) == ("error", "NoAnswerInTime")
    assert error["message"].startswith("no answer within 1e-09 s, ")
    assert error["message"].endswith(": raise timeout or lower the budget.")


def test_every_graph_says_what_its_context_may_set(server: httpx.Client) -> None:
    for one in server.post("/assistants/search", json={}).json():
        schema = server.get(f"/assistants/{one['assistant_id']}/schemas").json()["context_schema"]
        effort, budget = (schema["properties"][name]["anyOf"][0] for name in ("effort", "budget"))
        assert effort["enum"] == ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
        assert budget["minimum"] == 0


def test_the_context_of_an_agents_run_sets_its_tool(server: httpx.Client) -> None:
    parts = streamed(server, "agent", ASKED, context={"effort": "none", "max_attempts": 1})
    starts = [data for mode, data in parts if mode == "custom" and data["event"] == "start" and "tool" in data]
    assert [start["effort"] for start in starts] == ["none"]


def test_the_configuration_is_valid() -> None:
    done = subprocess.run(
        langgraph("validate"), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
