"""A small server of OpenAI's embeddings, whose vectors say of a question what its text does not."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np


def digits_of(text: str) -> int:
    """What is hidden in a text: 1 to 4, by a hash, so that no word tells it."""
    return 1 + hashlib.sha256(text.encode()).digest()[0] % 4


def vector(text: str, dimension: int = 8) -> list[float]:
    """One number is of what is hidden, the others are chance."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    found = rng.normal(size=dimension)
    found[1] = digits_of(text) + 0.3 * found[1]
    return [float(x) for x in found]


@dataclass
class Faulty:
    """What is served, what goes wrong, and which texts were asked.

    faults: for each request for embeddings a status, "garbage", "few" (one too few), "nan", "slow" (nothing until
    the server ends), or "". stall_after: requests after which none is answered; `stalled` is set when `waiting`
    have come after these.
    """

    names: tuple[str, ...] = ("tiny",)
    key: str | None = None
    dimension: int = 8
    faults: list[Any] = field(default_factory=list)
    stall_after: int | None = None
    asked: list[list[str]] = field(default_factory=list)
    waiting: int = 0
    cut: int = 0
    stalled: threading.Event = field(default_factory=threading.Event)
    counting: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def stall(self, after: int, waiting: int) -> None:
        """Answer no more than `after` requests in all; `stalled` is set when so many more are waiting."""
        self.stalled.clear()
        self.stall_after, self.waiting = after, waiting

    def wait(self) -> None:
        """One more request that is not answered."""
        with self.counting:
            self.waiting -= 1
            if not self.waiting:
                self.stalled.set()
        self.over.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        """All texts that were asked, in order."""
        return [text for batch in self.asked for text in batch]


@contextmanager
def embedding_server(faulty: Faulty) -> Iterator[Faulty]:
    """Serve until the block ends."""
    server = _Server(faulty)
    faulty.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield faulty
    finally:
        faulty.over.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, faulty: Faulty) -> None:
        super().__init__(("127.0.0.1", faulty.port), _Handler)
        self.faulty = faulty


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self._allowed():
            self._answer(200, {"data": [{"id": name} for name in self.server.faulty.names]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self._allowed():
            return
        faulty = self.server.faulty
        if faulty.stall_after is not None and len(faulty.asked) >= faulty.stall_after:
            faulty.wait()
            return
        fault = faulty.faults.pop(0) if faulty.faults else ""
        if fault == "slow":
            faulty.over.wait()
        elif isinstance(fault, int):
            self._answer(fault, {"error": {"message": f"fault {fault}"}})
        else:
            faulty.asked.append(body["input"])
            self._embed(body, fault)

    def _embed(self, body: dict[str, Any], fault: str) -> None:
        assert body["model"] in self.server.faulty.names
        self.server.faulty.cut += body.get("truncate_prompt_tokens") == -1
        rows = [
            {"index": i, "embedding": vector(text, self.server.faulty.dimension)}
            for i, text in enumerate(body["input"])
        ]
        if fault == "nan":
            rows[0]["embedding"] = [float("nan")] * self.server.faulty.dimension
        rows = rows[::-1]  # the order is the index's
        self._answer(200, [] if fault == "garbage" else {"data": rows[: -1 if fault == "few" else None]})

    def _allowed(self) -> bool:
        key = self.server.faulty.key
        if key is None or self.headers.get("authorization") == f"Bearer {key}":
            return True
        self._answer(401, {"error": "Unauthorized"})
        return False

    def _answer(self, status: int, data: Any) -> None:
        text = json.dumps(data).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # who asked is gone
