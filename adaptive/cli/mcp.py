"""`adaptive mcp`: the solver and the comparison as tools of a server that speaks the Model Context Protocol."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import click

from adaptive._util.optional import import_optional
from adaptive.cli.support.options import parse_engine_settings
from adaptive.cli.support.solver import (
    COUNT,
    build_solver_from_options,
    get_solver_parallel,
    parse_optional_check,
    solver_options,
)
from adaptive.solve_log import SolveLog, find_log_path

EPILOG = """The options are the limits of each call. A client chooses the question and its effort; for a
comparison the prompt, efforts, caps, and models that --model and --compare-model name. --max-tokens, --max-cost
and --timeout hold for a comparison as a whole, whose worst case is checked before anything is asked.

Over stdio the server ends with its client. Over HTTP it asks nobody for a password: leave it on this machine, or
put a proxy that does before it."""


@click.command(epilog=EPILOG)
@click.option("--http", is_flag=True, help="Serve streamable HTTP instead of stdio, at http://HOST:PORT/mcp.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address that --http binds.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, metavar="PORT",
              help="Port that --http binds; 0: a free one, which stderr names.")  # fmt: skip
@click.option("--compare-model", "compared", multiple=True, metavar="MODEL",
              help="Model that clients may compare with that of --model; repeatable.")  # fmt: skip
@click.option("--max-cells", type=click.IntRange(1, 1000), default=12, show_default=True, metavar="N",
              help="Maximum calls of one comparison.")  # fmt: skip
@click.option("--concurrency", type=COUNT, metavar="N",
              help="Calls of clients served at the same time; default: as many as suit the engine.")  # fmt: skip
@click.option("--no-log/--log", default=False, help="Do not write the solves to the log.")
@solver_options
def mcp_command(
    http: bool,
    host: str,
    port: int,
    compared: tuple[str, ...],
    max_cells: int,
    concurrency: int | None,
    no_log: bool,
    **params: Any,
) -> None:
    """Serve solve and compare as tools to MCP clients.

    Serves one client over stdio, or with --http any number over streamable HTTP. While a question is thought
    about, the client is told how far it is.
    """
    import_optional("mcp", "mcp")
    from adaptive.cli.support.mcp_compare import CompareTool
    from adaptive.cli.support.mcp_server import build_mcp_server, serve_http, serve_stdio
    from adaptive.cli.support.mcp_solve import SolveTool
    from adaptive.prices import Prices

    model = params["model"]
    with nullcontext() if no_log else SolveLog(find_log_path()) as log:
        solver = build_solver_from_options(**params)
        solve = SolveTool(solver, log)
        compare = CompareTool(
            models=tuple(dict.fromkeys((model, *compared))),
            engine=parse_engine_settings(params["served_model"], params["markers"], params["options"]),
            prices=Prices.load(params["prices"], params["price"]),
            check=parse_optional_check(params["check"], params["check_timeout"]),
            max_cells=max_cells,
            max_tokens=params["max_tokens"],
            max_cost=params["max_cost"],
            timeout=params["timeout"],
        )
        server = build_mcp_server(solve, compare, concurrency or get_solver_parallel(solver, model))
        serve_http(server, host, port) if http else serve_stdio(server)
