"""A server that plays hostile replies: those of `REPLIES` by their name, or any content for each of its paths."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any

JSON, EVENTS, PAGE = "application/json", "text/event-stream", "text/html"
MEGABYTE = b" " * 1_000_000
DEEP = b"[" * 200_000


@dataclass(frozen=True)
class HostileReply:
    """A reply: its content type, the parts of its body, headers and status. endless: its reader has to stop it."""

    kind: str
    parts: Callable[[], Iterable[bytes]]
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    endless: bool = False


def whole(body: bytes, kind: str = JSON, status: int = 200, **headers: str) -> HostileReply:
    return HostileReply(kind, lambda: [body], headers, status)


def endless(kind: str, part: bytes, first: bytes = b"") -> HostileReply:
    return HostileReply(kind, lambda: chain([first], repeat(part)), endless=True)


def packed(data: bytes, name: str, kind: str = JSON) -> HostileReply:
    return HostileReply(kind, lambda: [data], {"content_encoding": name}, endless=True)


BOMB = gzip.compress(MEGABYTE * 50)
REPLIES: dict[str, HostileReply] = {
    "a gzip bomb": packed(BOMB, "gzip"),
    "a gzip bomb of events": packed(gzip.compress(b"data: {}\n\n" * 2_000_000), "gzip", EVENTS),
    "a bomb in a bomb": packed(gzip.compress(BOMB), "gzip, gzip"),
    "a deflated bomb": packed(zlib.compress(MEGABYTE * 50), "deflate"),
    "an encoding that is not known": packed(b"x" * 100, "zip-of-death"),
    "an endless body": endless(JSON, MEGABYTE, b"{"),
    "an endless page": endless(PAGE, b"<p>" * 9_000),
    "an endless line": endless(EVENTS, MEGABYTE, b"data: "),
    "an endless event": endless(EVENTS, b"data: 1\n" * 9_000),
    "endless empty events": endless(EVENTS, b"data: {}\n\n" * 9_000),
    "endless pings": endless(EVENTS, b": ping\n\n" * 9_000),
    "an endless error": HostileReply(JSON, lambda: repeat(MEGABYTE), status=500, endless=True),
    "deep JSON": whole(DEEP),
    "deep JSON in an event": whole(b"data: " + DEEP + b"\n\n", EVENTS),
    "a huge number": whole(b'{"a": ' + b"9" * 100_000 + b"}"),
    "no content": whole(b""),
    "no events": whole(b"", EVENTS),
    "only the end": whole(b"data: [DONE]\n\n", EVENTS),
    "half a character": whole(b'{"a": "\xf0\x9f"}'),
    "half a surrogate": whole(rb'{"a": "\ud83d"}'),
    "null": whole(b"null"),
    "a list": whole(b"[]"),
    "a number": whole(b"7"),
    "an object of nothing": whole(b"{}"),
    "null events": whole(b"data: null\n\n" * 3, EVENTS),
    "a page": whole(b"<html>hello</html>", PAGE),
    "a page as JSON": whole(b"<html>hello</html>"),
    "a picture": whole(b"\x89PNG\r\n\x1a\n", "image/png"),
    "an error of no form": whole(b'{"error": [[["x"]]]}', status=400),
    "a status that is none": whole(b"{}", status=299),
    "a redirect to itself": whole(b"", status=307, location="/"),
    "a wrong length": whole(b"{}", content_length="100"),
    "a charset that unpacks": whole(BOMB, f"{JSON}; charset=zlib_codec"),
}  # fmt: skip


class HostileServer(ThreadingHTTPServer):
    """Replies to each path as it was told, and to others as to None; `sent` counts bytes, `asked` requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: dict[str | None, HostileReply] = {None: whole(b"{}", status=404)}
        self.sent, self.asked = 0, 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def say(self, path: str | None, body: Any, **headers: str) -> None:
        """Reply with bytes, or with JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.replies[path] = whole(data, **headers)

    def stream(self, *parts: Any, path: str = "/v1/completions") -> None:
        """Reply with events, which are bytes or JSON."""
        lines = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
        self.replies[path] = HostileReply(EVENTS, lambda: [b"data: " + line + b"\n\n" for line in lines])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that leaves is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: HostileServer

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.server.asked += 1
        replies = self.server.replies
        reply = replies.get(self.path) or replies[None]
        self.send_response(reply.status)
        for name, value in {"content-type": reply.kind, **reply.headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        try:
            for part in reply.parts():
                self.wfile.write(part)
                self.server.sent += len(part)
        except OSError:
            pass  # the client left

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()


@contextmanager
def serving() -> Iterator[HostileServer]:
    """A server until the end of the block."""
    with HostileServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
