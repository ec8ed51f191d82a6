"""A small server: the wire format of a real one (`wires`), the embedded engine behind it, and faults.

Real servers answer well nearly always; what must be survived is played here, one fault a request, in order.
`python -m tests.engines.serving PORT [TOKENS]` is one in a process of its own, which can be killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adaptive._util.files import find_artifact
from adaptive.engines.onnx import OnnxEngine
from tests.engines.guided import find_schema, join_choices, write_guided
from tests.engines.wires import WIRES, Wire


@dataclass
class Faulty:
    """What is served, what goes wrong, and what was asked.

    faults: for each generation request a status (429), "garbage", "no ids", "error", "cut" (the connection ends in
    the middle), "slow" (`on_hang` is called, and nothing follows until the server ends), or "" for none. without:
    what is left out of each part of an answer. guides: whether a schema in a request is kept, or ignored as an
    unknown field. unfinished: ids that a stream of llama.cpp has no part for. stall: a long call gives so many
    parts, and then nothing.
    """

    engine: OnnxEngine
    faults: list[Any] = field(default_factory=list)
    key: str | None = None
    names: tuple[str, ...] = ("abacus",)
    root: str = ""
    dialect: str = "vllm"
    owner: str | None = None
    window: bool = True
    tokenizes: bool = True
    without: tuple[str, ...] = ()
    guides: bool = True
    unfinished: frozenset[int] = frozenset()
    stall: int | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    on_hang: Callable[[], None] = lambda: None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def wire(self) -> Wire:
        return WIRES[self.dialect]

    def told(self) -> dict[str, Any]:
        """What is answered at which address."""
        told = self.wire.told(self.root, self.engine.context_window, self.names[0])
        (first,) = told["/v1/models"]["data"]
        if self.owner is not None:
            first["owned_by"] = self.owner
        if not self.window:
            first.pop("max_model_len", None)
        told["/v1/models"]["data"] = [{**first, "id": name} for name in self.names]
        return told


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
        super().__init__(("127.0.0.1", faulty.port), _Handler)
        self.faulty = faulty


class _Handler(BaseHTTPRequestHandler):
    """Answers as `Faulty` says."""

    server: _Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self._allowed():
            told = self.server.faulty.told().get(self.path)
            self._answer(404 if told is None else 200, json.dumps(told))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        faulty = self.server.faulty
        if not self._allowed():
            return
        if self.path != faulty.wire.path:
            known = self.path == "/tokenize" and faulty.tokenizes
            self._answer(200 if known else 404, json.dumps({"tokens": [7]}))
            return
        faulty.asked.append(body)
        fault = faulty.faults.pop(0) if faulty.faults else ""
        if isinstance(fault, int):
            self._answer(fault, json.dumps({"error": {"message": f"fault {fault}"}}), {"Retry-After": "0"})
        elif fault == "slow":
            faulty.on_hang()
            faulty.over.wait()
        else:
            self._generate(body, fault)

    def _allowed(self) -> bool:
        key = self.server.faulty.key
        if key is None or self.headers.get("authorization") == f"Bearer {key}":
            return True
        self._answer(401, json.dumps({"error": "Unauthorized"}))
        return False

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _generate(self, body: dict[str, Any], fault: str) -> None:
        faulty = self.server.faulty
        asked, schema = faulty.wire.asked(body), find_schema(body) if faulty.guides else None
        if schema is None:
            made = asyncio.run(faulty.engine.generate(session="served", **asked))
        else:
            made = write_guided(faulty.engine, schema, asked["ids"], asked["max_tokens"])
        parts = [_without(part, (*faulty.without, *_left_out(fault))) for part in faulty.wire.parts(body, made)]
        if not body["stream"] and "choices" in parts[0]:
            self._answer(200, json.dumps(join_choices(parts)))
            return
        if not body["stream"]:
            rows = parts[0].get("completion_probabilities", [])
            known = [row for row in rows if row["id"] not in faulty.unfinished]
            self._answer(200, json.dumps({**parts[0], **({"completion_probabilities": known} if rows else {})}))
            return
        shown = [part for part in parts if not faulty.unfinished & set(part.get("tokens") or ())]
        try:
            self._stream(shown, fault, faulty.stall if asked["max_tokens"] > 16 else None)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # who asked wants no more

    def _stream(self, parts: list[Any], fault: str, stall: int | None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        if fault == "cut":  # without a length an early end would look like the end
            self.send_header("content-length", "1000000")
        self.end_headers()
        self.close_connection = True
        for place, part in enumerate(parts):
            if fault == "cut" and place == 3:
                return
            if place == stall:
                self.server.faulty.over.wait()
            self._event(_spoilt(part, fault))
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, part: Any) -> None:
        data = "<html>" if part == "garbage" else json.dumps(part)
        self.wfile.write(f"data: {data}\n\n".encode())


def _spoilt(part: Any, fault: str) -> Any:
    if fault == "garbage":
        return "garbage"
    return {"error": {"message": "the model fell over", "code": 500}} if fault == "error" else part


def _left_out(fault: str) -> tuple[str, ...]:
    return ("token_ids", "tokens", "output_ids") if fault == "no ids" else ()


def _without(part: Any, names: tuple[str, ...]) -> Any:
    """The part without what is called so, at any depth."""
    if isinstance(part, list):
        return [_without(one, names) for one in part]
    if not isinstance(part, dict):
        return part
    return {name: _without(value, names) for name, value in part.items() if name not in names}


def _main(port: str, stall: str = "") -> None:
    engine = OnnxEngine(find_artifact("abacus") / "onnx", name="served")
    root = str(find_artifact("abacus") / "hf")
    server = _Server(Faulty(engine, root=root, port=int(port), stall=int(stall) if stall else None))
    print(server.server_address[1], flush=True)  # noqa: T201 -- who started it waits for this
    server.serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
