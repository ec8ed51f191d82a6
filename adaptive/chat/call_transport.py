"""An HTTP transport for the client of a provider that gives its requests to us in place of the network.

The client builds each request and reads each reply, refusals and errors too, as it does in an ordinary call.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class WireRequest:
    """A request as the client would send it. headers: names in lower case; they hold the key."""

    path: str
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class WireReply:
    """A reply as it would come over the wire: the HTTP status and the JSON body."""

    status: int
    body: Any


Send = Callable[[WireRequest], Awaitable[WireReply]]


class CallTransport:
    """The transport. It works with any HTTP library that has the interface of httpx; clients bring their own.

    Args:
        send: Is given each request, and returns the reply to it.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    async def handle_async_request(self, request: Any) -> Any:
        """Return the response to a request, both of the client's HTTP library."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = await self._send(WireRequest(request.url.path, json.loads(await request.aread()), headers))
        library = sys.modules[type(request).__module__.partition(".")[0]]
        return library.Response(reply.status, json=reply.body)

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""
