"""Servers on this machine are found by what they list, and nobody else is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from adaptive.engines import local_servers
from adaptive.engines.local_servers import OLLAMA_PORT, USUAL_PORTS, LocalModel, find_local_models
from tests.cli.conftest import Run
from tests.support.clock import LIMIT, LeapingClock


@dataclass
class Local:
    """A server that answers one thing to every GET; `asked` has the path and the key of each."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: Callable[[], None] | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0


Serve = Callable[[Local], int]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves on a free port, which it returns."""
    with ExitStack() as stack:

        def start(local: Local) -> int:
            class Handler(BaseHTTPRequestHandler):
                def log_message(self, *_: Any) -> None:
                    """Quiet."""

                def do_GET(self) -> None:
                    local.asked.append((self.path, self.headers.get("authorization")))
                    if local.hang is not None:
                        local.hang()
                        local.over.wait()
                        return
                    self.send_response(local.status)
                    for name, value in {"content-length": str(len(local.body)), **local.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(local.body)

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            stack.callback(local.over.set)
            local.port = server.server_address[1]
            return local.port

        yield start


def listing(*names: str, owner: str | None = None) -> bytes:
    about = {} if owner is None else {"owned_by": owner}
    return json.dumps({"object": "list", "data": [{"id": name, **about} for name in names]}).encode()


@pytest.mark.parametrize(
    ("usual", "owner", "server", "arguments"),
    [
        ("vllm", "vllm", "vllm", "-m URL"),
        ("llama.cpp", "llamacpp", "llama.cpp", "-m URL"),
        ("sglang", "sglang", "sglang", "-m URL"),
        ("vllm", "sglang", "sglang", "-m URL"),
        ("ollama", "vllm", "vllm", "-m URL"),
        ("ollama", "library", "ollama", "-m ollama:a/b:8b -o base_url=ROOT"),
        ("lm-studio", None, "lm-studio", "-m openai:a/b:8b -o base_url=URL -o api_key=none"),
        ("vllm", "somebody", "openai-compatible", "-m openai:a/b:8b -o base_url=URL -o api_key=none"),
    ],
)
async def test_who_answers_is_shown_with_what_to_write(
    serve: Serve, usual: str, owner: str | None, server: str, arguments: str
) -> None:
    local = Local(listing("a/b:8b", owner=owner))
    port = serve(local)
    url = f"http://127.0.0.1:{port}/v1"
    expected = arguments.replace("URL", url).replace("ROOT", url.removesuffix("/v1")).split()
    [found] = await find_local_models({port: usual}, LIMIT)
    assert found == LocalModel(server, url, "a/b:8b", tuple(expected))
    assert local.asked == [("/v1/models", None)]


async def test_of_several_models_each_is_named(serve: Serve) -> None:
    ports = {serve(Local(listing("one", "two", owner="vllm"))): "vllm", serve(Local(listing("x"))): "lm-studio"}
    found = await find_local_models(ports, LIMIT)
    assert [one.name for one in found] == ["one", "two", "x"]
    assert [one.arguments[2:] for one in found[:2]] == [("--served-model", "one"), ("--served-model", "two")]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", 200), (b"[]", 200), (b'{"data": 7}', 200), (b'{"data": [{"id": 7}, "x"]}', 200),
     (b"[" * 100_000, 200), (listing("m"), 500), (listing("m"), 404), (b" " * 1_100_000 + listing("m"), 200)],
    ids=["html", "array", "number", "no ids", "deep", "failing", "missing", "large"],
)  # fmt: skip
async def test_what_is_no_list_of_models_is_left_out(serve: Serve, body: bytes, status: int) -> None:
    assert await find_local_models({serve(Local(body, status)): "vllm"}, LIMIT) == []


@pytest.mark.parametrize("status", [401, 403])
async def test_no_key_is_sent_to_who_is_not_known(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("ADAPTIVE_API_KEY", "secret")
    local = Local(b"{}", status)
    [found] = await find_local_models({serve(local): "vllm"}, LIMIT)
    assert (found.name, found.arguments) == (None, ("-m", found.url))
    assert local.asked == [("/v1/models", None)]


async def test_neither_a_proxy_nor_a_redirect_is_followed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Local(listing("other"))
    address = f"http://127.0.0.1:{serve(elsewhere)}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, address)
    moved = Local(b"", 307, {"location": f"{address}/v1/models"})
    ports = {serve(moved): "vllm", serve(Local(listing("here", owner="vllm"))): "vllm"}
    assert [one.name for one in await find_local_models(ports, LIMIT)] == ["here"]
    assert elsewhere.asked == []


async def test_one_that_hangs_is_left_out_when_the_time_is_up(serve: Serve, clock: LeapingClock) -> None:
    hanging = Local(b"", hang=clock.leap)
    assert await find_local_models({serve(hanging): "vllm"}, LIMIT) == []
    assert len(hanging.asked) == 1


class TestCommand:
    @pytest.fixture(autouse=True)
    def _no_ports_of_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(local_servers, "USUAL_PORTS", {})
        monkeypatch.delenv("ADAPTIVE_MODEL", raising=False)

    def test_it_shows_what_answers(self, run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        name = "a b\x1b[2J"
        ports = {serve(Local(listing(name, "c", owner="vllm"))): "vllm", serve(Local(b"", 401)): "sglang"}
        first, second = ports
        monkeypatch.setattr(local_servers, "USUAL_PORTS", ports)
        made = run("models")
        assert made.exit_code == 0
        assert made.stdout.splitlines()[-3:] == [
            f"-m http://127.0.0.1:{first}/v1 --served-model 'a b\ufffd[2J'  (vllm, answers)",
            f"-m http://127.0.0.1:{first}/v1 --served-model c  (vllm, answers)",
            f"-m http://127.0.0.1:{second}/v1  (sglang, wants a key: set ADAPTIVE_API_KEY)",
        ]
        rows = [json.loads(line) for line in run("models", "--json").stdout.splitlines()]
        assert [row["served"] for row in rows if "server" in row] == [name, "c", None]

    def test_it_says_that_nobody_answers(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        assert run("models").stdout.splitlines()[-1] == "No server answers on this machine's usual ports ()."
        assert all("server" not in json.loads(line) for line in run("models", "--json").stdout.splitlines())


def test_the_usual_ports() -> None:
    assert USUAL_PORTS == {
        8000: "vllm",
        8080: "llama.cpp",
        OLLAMA_PORT: "ollama",
        1234: "lm-studio",
        30000: "sglang",
    }
