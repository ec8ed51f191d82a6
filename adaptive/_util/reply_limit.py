"""A limit on what is read from a server, whatever it sends: one endless line, an endless list, or a bomb.

It works with httpx and with other libraries that have its interface: the clients of providers bring their own.
"""

from __future__ import annotations

import math
import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from types import ModuleType
from typing import Any

from adaptive.errors import AdaptiveError, InputError, to_single_line

MEGABYTE = 1_000_000
MAX_REPLY = 16.0
"""Megabytes of a reply by default: more than the longest answer takes; JSON of that size needs some 400 MB."""
STREAM_REPLIES = 4
"""How many replies' size a stream of events has at most: it brings a token in up to 400 bytes."""
_STREAM_TYPES = ("text/event-stream", "application/x-ndjson")
BEGINNING = 20_000
"""Bytes of a reply that are kept to see whether it is an error."""


class UnboundedReplyError(AdaptiveError):
    """A server sent more than is read of one reply, or something that could become more."""


def check_max_reply(megabytes: object) -> None:
    """Raise `InputError` unless it is a limit."""
    if not isinstance(megabytes, int | float) or not 0 < megabytes < math.inf:
        raise InputError(f"max_reply must be a number of megabytes above 0, got {megabytes!r}.")


class LimitedStream:
    """A reply's bytes, up to a limit since the last `restart`; `beginning` keeps the first of them.

    Args:
        stream: The reply.
        megabytes: The limit.
        who: The server, for sentences.
    """

    def __init__(self, stream: Any, megabytes: float, who: str) -> None:
        self._stream, self._megabytes, self._who = stream, megabytes, who
        self._read, self.beginning = 0, b""

    def restart(self) -> None:
        """Count from here: what came was of use."""
        self._read = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            self._take(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._take(chunk)
            yield chunk

    def close(self) -> None:
        """Close the reply."""
        self._stream.close()

    async def aclose(self) -> None:
        """Close the reply."""
        await self._stream.aclose()

    def _take(self, chunk: bytes) -> None:
        self.beginning += chunk[: BEGINNING - len(self.beginning)]
        self._count(chunk)

    def _count(self, chunk: bytes) -> None:
        self._read += len(chunk)
        self._check(self._read, self._megabytes)

    def _check(self, read: int, megabytes: float) -> None:
        if read > megabytes * MEGABYTE:
            raise UnboundedReplyError(
                f"{self._who} sent more than {megabytes:g} MB without an answer: raise -o max_reply=… if that is "
                "right."
            )


class LimitedEvents(LimitedStream):
    """A stream of events: the limit is that of a line, and of the whole as `STREAM_REPLIES` tells."""

    def __init__(self, stream: Any, megabytes: float, who: str) -> None:
        super().__init__(stream, megabytes, who)
        self._all = 0

    def _count(self, chunk: bytes) -> None:
        self._all += len(chunk)
        self._check(self._all, STREAM_REPLIES * self._megabytes)
        line = chunk[max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1 :]
        if len(line) < len(chunk):
            self.restart()
        super()._count(line)


def limit_reply(response: Any, megabytes: float, who: str, *, events: bool = False) -> LimitedStream:
    """Limit what is read of a response whose body was not read yet; return its stream.

    Args:
        response: The response to a request that asked for no compression.
        megabytes: The limit.
        who: The server, for sentences.
        events: Whether a stream of events may have more, if no line does; otherwise `restart` is to be called.

    Raises:
        UnboundedReplyError: It is compressed all the same: a few bytes could become gigabytes.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        shown = to_single_line(encoding, 40)
        raise UnboundedReplyError(
            f"{who} compresses its reply ({shown}), which was not asked for: switch that off there."
        )
    has_events = events and response.headers.get("content-type", "").startswith(_STREAM_TYPES)
    library = sys.modules[type(response).__module__.partition(".")[0]]
    kind = _derive_class(LimitedEvents if has_events else LimitedStream, library)
    stream: LimitedStream = kind(response.stream, megabytes, who)
    response.stream = stream
    response.encoding = "utf-8"  # a charset can be a compression too
    return stream


@cache
def _derive_class(kind: type[LimitedStream], library: ModuleType) -> Any:
    """Return the class as a stream of an HTTP library, which checks that."""
    return type(kind.__name__, (kind, library.SyncByteStream, library.AsyncByteStream), {})
