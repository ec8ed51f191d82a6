"""A small server that speaks Ollama's native format, with the embedded engine behind it.

The format is that of `GenerateHandler` and `ShowHandler` (server/routes.go) in github.com/ollama/ollama and of
https://docs.ollama.com/api/generate: lines of JSON, `response` with text, and at the end `done` and `done_reason`.
In raw mode marks of the thinking are text like any other; the end of a turn is none.
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

from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Sampling

ENDS = (2, 0)
"""What ends a turn of the embedded model."""
NAME = "abacus:latest"


@dataclass
class OllamaServer:
    """What is served, and what was asked.

    piece: characters of a piece of text; 0: a piece for each token. set_window, loaded_window: the contexts that
    the model sets, and that it is loaded with. cuts: how many replies break off after three pieces.
    """

    engine: OnnxEngine
    piece: int = 0
    set_window: int | None = 512
    loaded_window: int | None = None
    cuts: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def read_facts(self, path: str) -> Any:
        """What is said at an address that generates nothing."""
        loaded = [{"name": NAME, "context_length": self.loaded_window}] if self.loaded_window else []
        return {
            "/v1/models": {"object": "list", "data": [{"id": NAME, "object": "model", "owned_by": "library"}]},
            "/api/version": {"version": "0.40.12"},
            "/api/ps": {"models": loaded},
            "/api/show": {
                "parameters": f'stop    "x"\nnum_ctx    {self.set_window}' if self.set_window else "",
                "model_info": {"general.architecture": "llama", "llama.context_length": 100_000},
            },
        }.get(path)

    def generate(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the lines of a reply."""
        codec, how = self.engine.codec, body["options"]
        sampling = Sampling(how["temperature"], how["top_p"], how["top_k"], how["seed"])
        made = asyncio.run(
            self.engine.generate(
                codec.encode_marked(body["prompt"]),
                max_tokens=how["num_predict"],
                stop_ids=ENDS,
                sampling=sampling,
                session="ollama",
            )
        )
        pieces = [codec.decode_marked([token]) for token in made.ids]
        if self.piece:
            text = "".join(pieces)
            pieces = [text[at : at + self.piece] for at in range(0, len(text), self.piece)]
        reason = "stop" if made.stop_id is not None else "length"
        counts = {"prompt_eval_count": 1, "eval_count": len(made.ids)}
        last = {"response": "", "done": True, "done_reason": reason, **counts}
        return [*({"model": NAME, "response": piece, "done": False} for piece in pieces), last]


@contextmanager
def serving_ollama(ollama: OllamaServer) -> Iterator[OllamaServer]:
    """Serve until the block ends."""
    server = _Server(ollama)
    ollama.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ollama
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, ollama: OllamaServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ollama = ollama


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._answer(self.server.ollama.read_facts(self.path))

    def do_POST(self) -> None:
        ollama, body = self.server.ollama, json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/api/generate":
            self._answer(ollama.read_facts(self.path))
            return
        ollama.asked.append(body)
        lines = ollama.generate(body)
        if ollama.cuts:
            ollama.cuts -= 1
            lines = lines[:3]
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("content-length", "1000000" if len(lines) == 3 else str(sum(map(_size, lines))))
        self.end_headers()
        self.close_connection = True
        try:
            for line in lines:
                self.wfile.write(json.dumps(line).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # who asked wants no more

    def _answer(self, data: Any) -> None:
        text = json.dumps(data).encode()
        self.send_response(404 if data is None else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _size(line: dict[str, Any]) -> int:
    return len(json.dumps(line)) + 1
