"""Runs the server until a signal: then it takes nothing new, and finishes what it has accepted."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from adaptive.errors import AdaptiveError

BACKLOG = 2048
"""Connections that the system holds until they are accepted."""


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises `AdaptiveError` if that is not possible."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:  # UnicodeError: of a name that cannot be one
        reason = error.strerror if isinstance(error, OSError) else "this is no name of a host"
        raise AdaptiveError(f"cannot listen on {host}:{port}: {reason}.") from error
    return listening


def is_loopback(listening: socket.socket) -> bool:
    """Return whether only this machine can reach a socket."""
    address = listening.getsockname()[0]
    return bool(address == "::1" or address.startswith("127."))


def run_server(app: ASGIApp, listening: socket.socket, drain: int, on_started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends it at once.

    Args:
        app: The application.
        listening: The socket.
        drain: Seconds in which accepted requests are finished; then they are cut off.
        on_started: Called when requests are answered.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=drain,
    )
    server = _AnnouncedServer(config, on_started)
    # uvicorn sends itself the signal again once it has drained: a drained server ended as it was told to.
    former = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run([listening])
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _AnnouncedServer(uvicorn.Server):
    """A server that says when it has started."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()
