"""The server of `adaptive mcp`: two tools, over stdio or streamable HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import anyio
import click
import uvicorn
from mcp.server.fastmcp import FastMCP
from mcp.types import CallToolResult, ToolAnnotations

from adaptive.cli.support.mcp_compare import CompareTool
from adaptive.cli.support.mcp_solve import SolveTool
from adaptive.cli.support.signals import run_until_signal
from adaptive.solver.spent import SpentTokens

NAME = "adaptive"
SHUTDOWN_SECONDS = 1
"""How long an HTTP server that was told to end waits for its clients."""
ANNOTATIONS = ToolAnnotations(readOnlyHint=True, openWorldHint=False)

ToolCall = Callable[..., Coroutine[Any, Any, CallToolResult]]


def build_mcp_server(solve: SolveTool, compare: CompareTool, concurrency: int) -> FastMCP[Any]:
    """Build the server.

    Args:
        solve: The tool that solves one question.
        compare: The tool that compares settings on one prompt.
        concurrency: How many calls run at the same time; further ones wait.

    Returns:
        The server, which does not serve yet.
    """
    server: FastMCP[Any] = FastMCP(NAME, log_level="WARNING")
    slots = asyncio.Semaphore(concurrency)
    for tool, description in ((solve.solve, solve.description), (compare.compare, compare.description)):
        call = _limit_calls(tool, slots)
        server.add_tool(call, description=description, annotations=ANNOTATIONS)
    return server


def serve_stdio(server: FastMCP[Any]) -> None:
    """Serve one client on stdin and stdout until it closes them, or a signal arrives."""
    run_until_signal(server.run_stdio_async(), SpentTokens())


def serve_http(server: FastMCP[Any], host: str, port: int) -> None:
    """Serve clients over streamable HTTP until a signal arrives.

    Args:
        server: The server.
        host: The address to bind.
        port: The port to bind; 0 for a free one.

    Raises:
        OSError: The address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        shown = f"[{host}]" if family is socket.AF_INET6 else host
        path = server.settings.streamable_http_path
        click.echo(f"Serving http://{shown}:{listener.getsockname()[1]}{path}", err=True)
        config = uvicorn.Config(
            server.streamable_http_app(), log_level="warning", timeout_graceful_shutdown=SHUTDOWN_SECONDS
        )
        run_until_signal(uvicorn.Server(config).serve([listener]), SpentTokens())


def _limit_calls(tool: ToolCall, slots: asyncio.Semaphore) -> ToolCall:
    """Return the tool with as many calls at once as there are slots, each cancelled once."""

    @wraps(tool)
    async def call(**arguments: Any) -> CallToolResult:
        async with slots:
            return await _cancel_once(tool(**arguments))

    return call


async def _cancel_once(work: Coroutine[Any, Any, CallToolResult]) -> CallToolResult:
    """Return the result of `work`. If the caller is cancelled, cancel the work once and wait for it.

    A client that cancels its call cancels a scope of anyio's, which cancels again at every `await`: the work's
    clean-up, such as aborting a request, would be cut off.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        raise
