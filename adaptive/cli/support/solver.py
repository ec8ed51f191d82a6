"""The options of the command line that make a solver. Those that set `Options` are made from its fields."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

import click

from adaptive.cli.support.options import engine_options, parse_engine_settings
from adaptive.errors import InputError
from adaptive.types.model_spec import ModelSpec
from adaptive.types.options import Options
from adaptive.types.setting import Setting, read_settings
from adaptive.types.worth import parse_worth

if TYPE_CHECKING:
    from adaptive.prices import Prices
    from adaptive.verify import Verifier


class FiniteFloat(click.FloatRange):
    """A finite float in a range; click's own range checks let `nan` pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; fail as click does."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class Share(FiniteFloat):
    """A share: a number in a range, or a percentage such as "5%"."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share; fail as click does."""
        text = str(value).strip()
        if not text.endswith("%"):
            return super().convert(value, param, ctx)
        try:
            share = float(text.removesuffix("%")) / 100
        except ValueError:
            self.fail(f"{value!r} is no percentage.", param, ctx)
        return super().convert(share, param, ctx)


class _Worth(click.types.StringParamType):
    """A number, or one with a unit, such as "2000tok"."""

    name = "worth"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or the text if it has a unit; fail as click does."""
        try:
            worth = parse_worth(value, "it")
        except InputError as error:
            self.fail(str(error), param, ctx)
        return str(value) if worth.unit else worth.amount


def worth_option(text: str) -> Callable[[Any], Any]:
    """Return the option `--worth` of a command that does not solve, with its help."""
    return click.option("--worth", type=_Worth(), metavar="WORTH", help=text)


class _WaitString(click.types.StringParamType):
    """Text; `|` separates several in the environment variable, since spaces belong to them."""

    envvar_list_splitter = "|"


def _setting_option(name: str) -> Callable[[Any], Any]:
    """The option that sets a field of `Options`, made from what is declared there."""
    kind, setting = SETTINGS[name]
    default = next(f.default for f in fields(Options) if f.name == name)
    shown: dict[str, Any] = {} if default in (None, ()) else {"default": default, "show_default": True}
    return click.option(
        f"--{name.replace('_', '-')}",
        type=_build_param_type(kind, setting),
        multiple=get_origin(kind) is tuple,
        metavar=setting.unit,
        help=setting.help,
        **shown,
    )


def _build_param_type(kind: Any, setting: Setting) -> Any:
    base = next(iter(get_args(kind)), kind)
    if get_origin(base) is Literal:
        return click.Choice(get_args(base))
    if get_origin(kind) is tuple:
        return _WaitString()
    if base is int:
        return click.IntRange(cast("int | None", setting.ge), cast("int | None", setting.le))
    if setting.unit == "WORTH":
        return _Worth()
    if setting.unit == "SHARE":
        return Share(setting.ge, setting.le)
    if base is float:
        least = setting.ge if setting.gt is None else setting.gt
        return FiniteFloat(least, setting.le, min_open=setting.gt is not None)
    return click.STRING


SETTINGS = read_settings(Options)
COUNT = click.IntRange(min=1)
SECONDS = FiniteFloat(min=0, min_open=True)
CHECK = "Check answers by a command (answer on stdin, exit code 0), re:PATTERN, schema:FILE or python:MODULE.NAME."
CHECK_TIMEOUT = "Stop a check after this many seconds; the answer then counts as not checked."
PRICE_OPTIONS = (
    click.option("--prices", type=click.Path(), metavar="FILE",
                 help="TOML or JSON file of prices: MODEL to input, cached and output."),
    click.option("--price", multiple=True, metavar="MODEL=IN/OUT",
                 help="Price of a model in dollars per million tokens, or IN/CACHED/OUT; repeatable."),
)  # fmt: skip
SOLVER_OPTIONS = (
    click.option("--profile", metavar="FOLDER",
                 help="Profile of the model, or none; default: the fitted one, else the one that it brings."),
    *map(_setting_option, ("effort", "budget", "worth", "waits", "wait_string", "samples", "stop")),
    click.option("--stronger", metavar="MODEL", help="Stronger model to escalate to when answers are rejected."),
    click.option("--no-adapt/--adapt", default=False,
                 help="Make one attempt, whatever the difficulty and verdict."),
    _setting_option("verify"),
    click.option("--check", metavar="CHECK", help=CHECK),
    click.option("--check-timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS",
                 help=CHECK_TIMEOUT),
    click.option("--judge", metavar="PROVIDER:MODEL",
                 help="Chat model that judges the answers, for example openai:o4-mini."),
    *map(_setting_option, ("max_tokens", "max_output_tokens", "max_cost", "timeout")),
    *PRICE_OPTIONS,
    *map(_setting_option, ("max_attempts", "temperature", "seed", "explore")),
)  # fmt: skip


def solver_options(command: Any) -> Any:
    """Add the options that `build_solver_from_options` takes to a command, those of the engine first."""
    for option in reversed(SOLVER_OPTIONS):
        command = option(command)
    return engine_options(command)


def price_options(command: Any) -> Any:
    """Add the options of prices to a command, as `prices` and `price`."""
    for option in reversed(PRICE_OPTIONS):
        command = option(command)
    return command


def build_solver_from_options(
    model: str,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    profile: str | None,
    no_adapt: bool,
    stronger: str | None,
    check: str | None,
    check_timeout: float,
    judge: str | None,
    prices: str | None,
    price: tuple[str, ...],
    shows_thinking: bool = False,
    **option_fields: Any,
) -> Any:
    """Return the compiled graph. LangGraph is imported here, as it takes a second: `--help` does without."""
    from adaptive.prices import Prices
    from adaptive.solver.build import build_solver

    price_list = Prices.load(prices, price)
    engine, is_chat = parse_engine_settings(served_model, markers, options), ModelSpec.parse(model).is_chat
    solver = build_solver(
        model,
        profile=profile,
        options=Options(adapt=not no_adapt, **option_fields),
        engine={**engine, **({"shows_thinking": True} if shows_thinking and is_chat else {})},
        stronger=stronger,
        check=parse_optional_check(check, check_timeout),
        judge=_open_judge(judge, price_list, option_fields["max_cost"]),
        prices=price_list,
    )
    if profile is not None:
        _note_other_models(solver)
    return solver


def _note_other_models(graph: Any) -> None:
    """Say which other models a profile that was named asks: it may be a stranger's."""
    from adaptive.cli.support.report import to_one_line
    from adaptive.solver.build import find_solver

    solver = find_solver(graph)
    own = solver.models[0].profile if solver else None
    if own and (names := [name for name in own.models if name]):
        text = f"Note: the profile {own.name} also asks {', '.join(names)}, with your keys."
        click.echo(to_one_line(text), err=True)


def get_solver_parallel(graph: Any, spec: str) -> int:
    """Return how many solves at once the engine of a graph of `build_solver_from_options` can use."""
    from adaptive.engines.registry import get_engine_parallel
    from adaptive.solver.build import find_solver

    solver = find_solver(graph)
    return get_engine_parallel(getattr(solver.models[0], "engine", None) if solver else None, spec)


def parse_optional_check(text: str | None, timeout: float) -> Verifier | None:
    """Return the verifier that `--check` names, with a limit in seconds; None without one."""
    if text is None:
        return None
    from adaptive.verify.check import parse_check

    return parse_check(text, timeout)


def _open_judge(spec: str | None, prices: Prices, max_cost: float | None) -> Verifier | None:
    if spec is None:
        return None
    from adaptive.verify.judge import Judge, open_judge_model

    if max_cost is not None:
        prices.require_price(spec, max_cost)
    return Judge(open_judge_model(spec), spec=spec, prices=prices)
