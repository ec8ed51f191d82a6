"""`adaptive serve`: a model with adaptive thinking behind OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from adaptive.cli.support.serve_config import CHECKS, MODELS, SERVER_KEYS, parse_model_table, read_config
from adaptive.cli.support.solver import COUNT, build_solver_from_options, get_solver_parallel, solver_options
from adaptive.errors import InputError
from adaptive.solve_log import SolveLog, find_log_path

if TYPE_CHECKING:
    from adaptive.serve.app import OfferedModel

EPILOG = """Clients use http://HOST:PORT/v1 as their base URL, and MODEL as the name of the model.
SIGTERM or Ctrl-C stops it: it takes nothing new and finishes what it has accepted; a second one ends it."""


def _use_config(ctx: click.Context, _: click.Parameter, file: str | None) -> dict[str, Any] | None:
    """Read the file first, so that its settings are the defaults of the options."""
    if file is None:
        return None
    config = read_config(file)
    ctx.default_map = {**(ctx.default_map or {}), **{key: config[key] for key in SERVER_KEYS if key in config}}
    return {"file": file, **config}


@click.command(epilog=EPILOG)
@click.option(
    "--config",
    type=click.Path(),
    is_eager=True,
    callback=_use_config,
    metavar="FILE",
    help="TOML file of several models: tables [models.NAME] of model, profile and the other options below.",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0: a free one."
)
@click.option("--name", metavar="NAME", help="The model's name in requests; default: MODEL.")
@click.option(
    "--keys",
    type=click.Path(),
    metavar="FILE",
    help="TOML file of the keys that clients send: [NAME] tables of key, max_tokens and max_cost.",
)
@click.option(
    "--concurrency",
    type=COUNT,
    metavar="N",
    help="Solves of a model at once; default: as many as suit the engine.",
)
@click.option(
    "--queue",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    metavar="N",
    help="Requests of a model that wait for their turn; more get status 429.",
)
@click.option(
    "--body-limit",
    type=COUNT,
    default=4 * 2**20,
    show_default=True,
    metavar="BYTES",
    help="Largest body of a request.",
)
@click.option(
    "--drain",
    type=COUNT,
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Time to finish accepted requests after SIGTERM.",
)
@click.option(
    "--view", is_flag=True, help="Log the solves, and show the log at /view to keys that have view = true."
)
@solver_options
@click.pass_context
def serve_command(
    ctx: click.Context,
    /,
    config: dict[str, Any] | None,
    host: str,
    port: int,
    name: str | None,
    keys: str | None,
    concurrency: int | None,
    queue: int,
    body_limit: int,
    drain: int,
    view: bool,
    **params: Any,
) -> None:
    """Serve a model to clients of OpenAI's protocol.

    Each question gets as much thinking as it needs. The options of a solve are those of all requests, unless a
    request sets its own.
    """
    from adaptive._util.optional import import_optional

    for module in ("starlette", "uvicorn", "prometheus_client"):
        import_optional(module, "serve")
    from adaptive._util.redact import redact_address
    from adaptive.serve.app import ModelServer
    from adaptive.serve.keys import Keyring
    from adaptive.serve.run import is_loopback, open_socket, run_server
    from adaptive.view.app import build_view_app
    from adaptive.view.pages import ViewPages

    keyring = Keyring.load(keys) if keys else Keyring()
    if view and keyring.is_open:
        raise InputError("--view shows everybody's solves: give --keys, and a key with view = true.")
    tables = {name or redact_address(params["model"]): params} if config is None else _read_tables(ctx, config)
    with open_socket(host, port) as listening, SolveLog(find_log_path()) if view else nullcontext() as log:
        checks = {} if config is None else config[CHECKS]
        models = [_open_model(served, table, checks, concurrency, queue) for served, table in tables.items()]
        for model, table in zip(models, tables.values(), strict=True):
            _require_prices(model, table["judge"], keyring.money_limits)
        if keyring.is_open and not is_loopback(listening):
            click.echo("Warning: anybody who reaches this address can use the model: give --keys.", err=True)
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/v1"
        pages = None if log is None else build_view_app(ViewPages(log.path))
        by_name = {model.name: model for model in models}
        app = ModelServer(by_name, keyring, body_limit, log, pages).build_app()
        ready = f"Serving {', '.join(tables)} at {address}"
        run_server(app, listening, drain, lambda: click.echo(ready, err=True))


MODEL_OPTIONS = (
    *(option for option in serve_command.params if option.name not in (*SERVER_KEYS, "config", "name")),
    click.Option(["--concurrency"], type=COUNT),
    click.Option(["--queue"], type=click.IntRange(min=0)),
)
"""What a model's table may set. The last two have no default: what the server sets counts."""


def _read_tables(ctx: click.Context, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of the file's models by name; raise `InputError` if the command line has some too."""
    for option in ctx.command.params:
        typed = ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
        if typed and option.name not in (*SERVER_KEYS, "config", "debug"):
            raise InputError(f"{option.opts[-1]} is of one model: with --config, write it in the model's table.")
    return {
        name: parse_model_table(name, table, config["file"], MODEL_OPTIONS)
        for name, table in config[MODELS].items()
    }


def _require_prices(model: OfferedModel, judge: str | None, limits: Sequence[float]) -> None:
    """Raise `InputError` if a key's limit of money cannot be kept, because a price is unknown."""
    from adaptive.solver.build import find_solver

    if limits and (solver := find_solver(model.chat.solver)):
        solver.require_prices(limits[0])
        if judge:
            solver.prices.require_price(judge, limits[0])


def _open_model(
    name: str, settings: Mapping[str, Any], checks: Mapping[str, str], concurrency: int | None, queue: int
) -> OfferedModel:
    """Open a model, once for all checks; `concurrency` and `queue` are those of models that set none."""
    from adaptive.agents.chat_model import ChatAdaptive
    from adaptive.serve.app import OfferedModel
    from adaptive.serve.solve_queue import SolveQueue
    from adaptive.solver.build import replace_check
    from adaptive.verify.check import parse_check

    own = {"concurrency": concurrency, "queue": queue, **{n: v for n, v in settings.items() if v is not None}}
    solver = build_solver_from_options(**{n: v for n, v in settings.items() if n not in ("concurrency", "queue")})
    turns = SolveQueue(own["concurrency"] or get_solver_parallel(solver, settings["model"]), own["queue"])
    limit = settings["check_timeout"]
    solvers = {check: replace_check(solver, parse_check(spec, limit)) for check, spec in checks.items()}
    checked = {check: ChatAdaptive(model=settings["model"], solver=one) for check, one in solvers.items()}
    return OfferedModel(name, ChatAdaptive(model=settings["model"], solver=solver), turns, checked)
