"""The options that make the solver, and the solver that they make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import engine_options, parse_engine_settings
from adaptive.types.ladder import EFFORTS

if TYPE_CHECKING:
    from adaptive.prices import Prices
    from adaptive.verify import Verifier


class FiniteFloat(click.FloatRange):
    """A float that is a number: `nan` passes every range check."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; fails as click does."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class _WaitString(click.types.StringParamType):
    """Text; `|` parts several in the environment variable, since spaces belong to them."""

    envvar_list_splitter = "|"


COUNT = click.IntRange(min=1)
COUNT_OR_0 = click.IntRange(min=0)
SECONDS = FiniteFloat(min=0, min_open=True)
CHECK = "Tests answers: a command (answer on stdin, exit code 0), re:PATTERN, schema:FILE or python:MODULE.NAME."
SOLVER_OPTIONS = (
    click.option("--profile", metavar="FOLDER", help="What is known of the model; it may bring its own."),
    click.option("--effort", type=click.Choice(EFFORTS),
                 help="Effort of all attempts, whatever the difficulty; none: no thinking."),
    click.option("--budget", type=COUNT_OR_0, metavar="TOKENS",
                 help="Thinking tokens of the first attempt, whatever the difficulty; no attempt has more."),
    click.option("--waits", type=COUNT_OR_0, metavar="N", help="How often an early end is put off at most."),
    click.option("--wait-string", type=_WaitString(), multiple=True, help="What is said then; repeat to rotate."),
    click.option("--samples", type=COUNT_OR_0, metavar="N", help="Most samples of a vote; 0: no vote."),
    click.option("--stop", metavar="NAMES",
                 help="Early stops that stay on, of loop,converged,confident,hopeless; or none."),
    click.option("--stronger", metavar="MODEL", help="A better model, to turn to when answers are rejected."),
    click.option("--no-adapt/--adapt", default=False, help="One attempt, whatever the difficulty and verdict."),
    click.option("--verify", metavar="NAMES", help="The verifiers, parted by commas."),
    click.option("--check", metavar="CHECK", help=CHECK),
    click.option("--check-timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS",
                 help="For each check."),
    click.option("--judge", metavar="PROVIDER:MODEL", help="Chat model that judges answers, say openai:o4-mini."),
    click.option("--max-tokens", type=COUNT, metavar="N", help="Most tokens of all attempts together."),
    click.option("--max-cost", type=FiniteFloat(min=0, min_open=True), metavar="DOLLARS",
                 help="Most that all attempts of a question cost together."),
    click.option("--timeout", type=SECONDS, metavar="SECONDS", help="For each question."),
    click.option("--prices", type=click.Path(), metavar="FILE",
                 help="What models cost: a TOML or JSON file, MODEL to input, cached and output."),
    click.option("--price", multiple=True, metavar="MODEL=IN/OUT",
                 help="What a model costs, in dollars for a million tokens, or IN/CACHED/OUT; repeatable."),
    click.option("--max-attempts", type=COUNT, metavar="N", help="Most attempts; a vote is one."),
    click.option("--temperature", type=FiniteFloat(min=0), default=0.0, show_default=True, help="0 is greedy."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="For sampling."),
)  # fmt: skip


def solver_options(command: Any) -> Any:
    """Adds the options that `build_solver_from_options` takes to a command, those of the engine first."""
    for option in reversed(SOLVER_OPTIONS):
        command = option(command)
    return engine_options(command)


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
    **option_fields: Any,
) -> Any:
    """The compiled graph. LangGraph takes a second to import: only when there is something to solve."""
    from adaptive.prices import Prices
    from adaptive.solver.build import build_solver
    from adaptive.types.options import Options

    known = Prices.load(prices, price)
    return build_solver(
        model,
        profile=profile,
        options=Options(adapt=not no_adapt, **option_fields),
        engine=parse_engine_settings(served_model, markers, options),
        stronger=stronger,
        check=_parse_optional_check(check, check_timeout),
        judge=_open_judge(judge, known, option_fields["max_cost"]),
        prices=known,
    )


def _parse_optional_check(text: str | None, timeout: float) -> Verifier | None:
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
