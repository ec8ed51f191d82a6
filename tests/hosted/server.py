"""A server that speaks the wire formats of hosted reasoning models, on a socket of this machine.

`with Hosted(brain) as hosted:` serves until the block ends; what a brain raises is raised there. Each call has a
connection of its own, so that no client holds one of an event loop that is over.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.hosted.anthropic_messages import ANTHROPIC
from tests.hosted.batches import BatchServer
from tests.hosted.google_generate import GOOGLE
from tests.hosted.openai_chat import AZURE_CHAT, OPENAI_CHAT
from tests.hosted.openai_responses import OPENAI_RESPONSES
from tests.hosted.script import Asked, Brain, Fault, Reply, said
from tests.hosted.wire import Wire

PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
BATCHED = {"/v1/chat/completions": OPENAI_CHAT, "/v1/responses": OPENAI_RESPONSES, "/v1/messages": ANTHROPIC}
WIRES = (OPENAI_CHAT, AZURE_CHAT, OPENAI_RESPONSES, ANTHROPIC, GOOGLE)


@dataclass(frozen=True)
class Takes:
    """What a model takes: efforts (None: any, (): no such lever), images, a temperature, a thinking budget."""

    efforts: tuple[str, ...] | None = None
    images: bool = True
    temperature: bool = True
    budgets: bool = True

    def fault(self, asked: Asked) -> Fault | None:
        """What the model refuses in this request."""
        if asked.effort is not None and self.efforts is not None and asked.effort not in self.efforts:
            return Fault("effort", value=asked.effort, allowed=self.efforts)
        if asked.images and not self.images:
            return Fault("image")
        if asked.temperature not in (None, 1) and not self.temperature:
            return Fault("temperature", value=str(asked.temperature), allowed=("1",))
        return Fault("budget", value=str(asked.budget)) if asked.budget is not None and not self.budgets else None


class Hosted:
    """The server.

    brain: may be replaced between calls. key: the only one that is let in. models: what each model takes; None for
    any model, which takes everything. asked: every request that came, those that were refused too. hanging:
    released once for each call that began to hang; `on_hang` is called then. left: released once for each client
    that left such a call. batches: the jobs of its batch APIs; their requests are in `asked` too, once made.
    """

    def __init__(
        self, brain: Brain, *, key: str = "sk-local-key", models: Mapping[str, Takes] | None = None
    ) -> None:
        self.brain, self.key, self.models = brain, key, models
        self.asked: list[Asked] = []
        self.batches = BatchServer(self.reply, BATCHED)
        self.on_hang: Callable[[], object] = lambda: None
        self.hanging, self.left = threading.Semaphore(0), threading.Semaphore(0)
        self._errors: list[BaseException] = []
        self._told, self._tell = socket.socketpair()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._told.close()
        if self._errors and error is None:
            raise self._errors[0]

    def release(self) -> None:
        """Let all hanging calls go on, those to come too."""
        self._tell.close()

    def reply(self, wire: Wire, asked: Asked) -> Reply:
        """What is replied: a fault of the request itself, or what the brain says."""
        self.asked.append(asked)
        if self.key not in (asked.headers.get(name, "").removeprefix("Bearer ") for name in wire.keys):
            return Fault("key")
        if self.models is not None and asked.model not in self.models:
            return Fault("model", value=asked.model)
        takes = Takes() if self.models is None else self.models[asked.model]
        return takes.fault(asked) or wire.check(asked) or self.brain(asked)

    def hang(self, connection: socket.socket) -> bool:
        """Wait until told to go on; False if the client left before."""
        self.hanging.release()
        self.on_hang()
        ready, _, _ = select.select([connection, self._told], [], [])
        if self._told in ready:
            return True
        self.left.release()
        return False

    def failed(self, error: BaseException | None) -> None:
        """Keep what a handler raised, unless it is only that the client left."""
        if error is not None and not isinstance(error, (BrokenPipeError, ConnectionResetError)):
            self._errors.append(error)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # the end of the block waits for the calls
    request_queue_size = 128

    def __init__(self, hosted: Hosted) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hosted = hosted

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.hosted.failed(sys.exception())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        self.close_connection = True
        sent, length = self.rfile, int(self.headers["content-length"])
        if len(data := sent.read(length)) < length:
            return None  # the client was killed while it asked
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self._serve_batches("POST", headers, data):
            return None
        body = json.loads(data)
        for wire in WIRES:
            if match := wire.path.fullmatch(self.path):
                asked = wire.asked(match, headers, body)
                return self._reply(wire, asked, self.server.hosted.reply(wire, asked))
        return self._send(404, {"error": {"message": f"Invalid URL (POST {self.path})"}})

    def do_GET(self) -> None:
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not self._serve_batches("GET", headers, b""):
            self._send(404, {"error": {"message": f"Invalid URL (GET {self.path})"}})

    def _serve_batches(self, method: str, headers: Mapping[str, str], data: bytes) -> bool:
        """Whether the address is one of a batch API, and was served."""
        hosted = self.server.hosted
        page = hosted.batches.answer(method, self.path, headers, data, hosted.url)
        if page is not None:
            self._send(*page)
        return page is not None

    def _reply(self, wire: Wire, asked: Asked, reply: Reply) -> None:
        if not isinstance(reply, Fault):
            self._stream(wire.frames(asked, said(asked, reply))) if asked.stream else self._send(
                200, wire.whole(asked, said(asked, reply))
            )
        elif reply.kind in ("cut", "ended", "garbage"):
            self._cut(wire, asked, reply)
        elif reply.kind == "hang":
            self._hang(wire, asked, reply)
        elif reply.kind == "gateway":
            self._send(502, PAGE)
        elif reply.kind == "page":
            self._send(reply.status, reply.body)
        elif reply.kind == "failed":
            self._reply(wire, asked, replace(reply.spoken, ends="failed"))
        elif reply.kind == "in full":
            self._send(reply.status, wire.problem(asked, replace(reply, kind="error"))[1])
        elif reply.kind != "reset":
            self._problem(wire, asked, reply)

    def _hang(self, wire: Wire, asked: Asked, fault: Fault) -> None:
        hosted = self.server.hosted
        if not (fault.midway and asked.stream):
            if hosted.hang(self.connection):
                self._reply(wire, asked, fault.spoken)
            return
        frames = wire.frames(asked, said(asked, fault.spoken))
        self._begin_stream()
        self._frames(frames[: len(frames) // 2])
        if hosted.hang(self.connection):
            self._frames(frames[len(frames) // 2 :])
            self._end_stream()

    def _problem(self, wire: Wire, asked: Asked, fault: Fault) -> None:
        if fault.midway and asked.stream:
            frames = wire.frames(asked, said(asked, fault.spoken))
            self._stream([*frames[: len(frames) // 2], wire.broken(asked, fault)])
            return
        status, body = wire.problem(asked, fault)
        after = {wire.after: fault.after} if fault.kind == "rate" and fault.after and wire.after else {}
        self._send(status, body, after)

    def _cut(self, wire: Wire, asked: Asked, fault: Fault) -> None:
        made = said(asked, fault.spoken)
        if asked.stream:
            frames = wire.frames(asked, made)
            half = len(frames) // 2
            torn = [frames[half][: len(frames[half]) // 2] + "\n\n"] if fault.kind == "garbage" else []
            self._stream([*frames[:half], *torn], whole=fault.kind != "cut")
        elif fault.kind == "garbage":
            self._send(200, PAGE)
        else:
            self._send(200, wire.whole(asked, made), whole=False)

    def _send(
        self, status: int, body: Any, headers: Mapping[str, str] | None = None, *, whole: bool = True
    ) -> None:
        """Send bytes, a page and what is empty as they are, and anything else as JSON."""
        as_it_is = body is PAGE or body == ""
        data = body if isinstance(body, bytes) else (body if as_it_is else json.dumps(body)).encode()
        kind = "text/html" if body is PAGE else "application/json"
        told = {"content-type": kind, "content-length": str(len(data)), **(headers or {})}
        self._head(status, told)
        self.wfile.write(data if whole else data[: len(data) // 2])

    def _stream(self, frames: list[str], *, whole: bool = True) -> None:
        """Each frame in a chunk of its own; the empty chunk that ends a stream only if it is whole."""
        self._begin_stream()
        self._frames(frames)
        if whole:
            self._end_stream()

    def _begin_stream(self) -> None:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})

    def _frames(self, frames: list[str]) -> None:
        for data in (frame.encode() for frame in frames):
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
