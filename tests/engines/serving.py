"""A small OpenAI-compatible server: the wire format of vLLM, the embedded engine behind it, and faults.

Real servers answer well nearly always; what must be survived is played here, one fault a request, in order.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adaptive.engines.embedded import OnnxEngine
from adaptive.engines.protocol import Sampling


@dataclass
class Faulty:
    """What is served, what goes wrong, and what was asked.

    faults: for each completion request a status (429), "garbage", "no ids", "error", "cut" (the connection ends in
    the middle), "slow" (nothing until the server ends), or "" for none.
    """

    engine: OnnxEngine
    faults: list[Any] = field(default_factory=list)
    key: str | None = None
    names: tuple[str, ...] = ("abacus",)
    root: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def models(self) -> dict[str, Any]:
        window = self.engine.context_window
        return {"data": [{"id": n, "root": self.root, "max_model_len": window} for n in self.names]}


@contextmanager
def serving(faulty: Faulty) -> Iterator[Faulty]:
    """Serve until the block ends."""
    server = _Server(faulty)
    faulty.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        faulty.over.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    """A server that its handlers find what is served in."""

    daemon_threads = True

    def __init__(self, faulty: Faulty) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faulty = faulty


class _Handler(BaseHTTPRequestHandler):
    """Answers as `Faulty` says."""

    server: _Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self._allowed():
            self._answer(200, json.dumps(self.server.faulty.models()))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self._allowed():
            return
        self.server.faulty.asked.append(body)
        fault = self.server.faulty.faults.pop(0) if self.server.faulty.faults else ""
        if isinstance(fault, int):
            self._answer(fault, json.dumps({"error": {"message": f"fault {fault}"}}), {"Retry-After": "0"})
        elif fault == "slow":
            self.server.faulty.over.wait()
        else:
            self._stream(body, fault)

    def _allowed(self) -> bool:
        if (
            self.server.faulty.key is None
            or self.headers.get("authorization") == f"Bearer {self.server.faulty.key}"
        ):
            return True
        self._answer(401, json.dumps({"error": "Unauthorized"}))
        return False

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _stream(self, body: dict[str, Any], fault: str) -> None:
        made = asyncio.run(_made(self.server.faulty.engine, body))
        tokens = list(zip(made.ids, made.logprobs, strict=True))
        if made.stop_id is not None:
            tokens.append((made.stop_id, made.stop_logprob or 0.0))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        if fault == "cut":  # without a length an early end would look like the end
            self.send_header("content-length", "1000000")
        self.end_headers()
        for place, (token, logprob) in enumerate(tokens):
            if fault == "cut" and place == 3:
                self.close_connection = True
                return
            self._event(_part(token, logprob, fault))
        self._event({"choices": [], "usage": {"prompt_tokens_details": {"cached_tokens": made.cached}}})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, part: Any) -> None:
        data = "<html>" if part == "garbage" else json.dumps(part)
        self.wfile.write(f"data: {data}\n\n".encode())


def _part(token: int, logprob: float, fault: str) -> Any:
    if fault == "garbage":
        return "garbage"
    if fault == "error":
        return {"error": {"message": "the model fell over", "code": 500}}
    choice: dict[str, Any] = {"index": 0, "text": "?", "logprobs": {"token_logprobs": [logprob]}}
    return {"choices": [choice if fault == "no ids" else {**choice, "token_ids": [token]}]}


async def _made(engine: OnnxEngine, body: dict[str, Any]) -> Any:
    return await engine.generate(
        body["prompt"],
        max_tokens=body["max_tokens"],
        stop_ids=body["stop_token_ids"],
        sampling=Sampling(body["temperature"], body["top_p"], body["top_k"], body["seed"] or 0),
        session="served",
    )
