"""A key goes to the address that was named, and not on to where that sends the client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langchain_core.messages import HumanMessage

from adaptive.chat.registry import init_from_spec
from tests.hosted.clients import NAMES, PROVIDERS

KEY = "key-that-stays-here-0123456789abcdef"


@dataclass
class Elsewhere:
    """A server that sends every request on to another of its own names, and what came there."""

    asked: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)


@contextmanager
def redirecting() -> Iterator[tuple[str, Elsewhere]]:
    seen = Elsewhere()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            port = self.server.server_address[1]
            if self.headers["host"].startswith("localhost"):
                seen.arrived.append(f"{self.path} {self.headers}")
                self.send_response(500)
            else:
                seen.asked.append(f"{self.path} {self.headers}")
                self.send_response(307)
                self.send_header("location", f"http://localhost:{port}{self.path}")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()


async def check_key_stays(name: str, how: str) -> None:
    provider = PROVIDERS[name]
    with redirecting() as (url, seen):
        options = {**provider.locate(url), "api_key": KEY, "max_retries": 1 if name == "google_genai" else 0}
        chat = init_from_spec(provider.spec, "the model", **options)
        with pytest.raises(Exception, match=r"307|500"):
            await chat.ainvoke([HumanMessage("hi")]) if how == "async" else chat.invoke([HumanMessage("hi")])
    assert KEY in seen.asked[0]
    assert all(KEY not in one for one in seen.arrived)


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_key_does_not_follow_a_redirect(name: str, how: str) -> None:
    await check_key_stays(name, how)


async def test_geminis_key_stays_if_aiohttp_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client would take aiohttp, which follows redirects with all headers, if that could be imported."""
    monkeypatch.setattr("google.genai._api_client.has_aiohttp", True)
    await check_key_stays("google_genai", "async")
