"""`adaptive compare`: one prompt at several settings, the effect of each, and the cheapest that answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.errors import ACCEPTED, FAILED, NOT_ACCEPTED, STARVED, Interrupted
from adaptive.cli.support.options import engine_detail_options
from adaptive.cli.support.solver import CHECK, CHECK_TIMEOUT, SECONDS, FiniteFloat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adaptive.cli.support.compare_output import ComparisonOutput
    from adaptive.compare.cell import CellSetting, ComparisonRow
    from adaptive.compare.run import Comparison


MODEL_OPTION_HELP = (
    "Model: embedded, hf:ID, http://host:port/v1, openai:o4-mini and so on; repeatable. Default: embedded."
)
EPILOG = """A cell of a chat model is one call at exactly that effort and cap. On other engines it is one attempt
whose thinking budget is the cap less the room for the answer. There is no recovery and no escalation.

Each cell is kept as soon as it is paid for: if interrupted or killed, the same command goes on from there, and
another --check or --answer grades the same answers.

Exit codes: 0 a cell answered (and was right, with --check or --answer), 1 all failed, 2 wrong usage or input,
3 none was, 4 all starved, 130 interrupted."""
FILE = click.Path(dir_okay=False, path_type=Path)
OUTPUT_OPTIONS = ("json", "csv", "plot", "plot_axis", "html", "show_answers")
"""The parameters that say where a comparison is printed."""


@click.command(epilog=EPILOG)
@click.argument("prompt", required=False)
@click.option("-m", "--model", "models", multiple=True, help=MODEL_OPTION_HELP)
@engine_detail_options
@click.option(
    "--effort",
    "efforts",
    default="low,high",
    show_default=True,
    metavar="LEVELS",
    help="Efforts to compare, comma-separated.",
)
@click.option("--max-tokens", "caps", default="4000", show_default=True, metavar="CAPS",
              help="Maximum tokens with thinking, comma-separated, for example 4000,40000.")  # fmt: skip
@click.option("--cell", "named", multiple=True, metavar="MODEL,EFFORT,CAP",
              help="One more setting to compare; without --model the only ones. Repeatable.")  # fmt: skip
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="FILE-or-URL",
    help="Image to send with the prompt (file or URL); repeatable.",
)
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Calls at each setting; the table shows medians.")  # fmt: skip
@click.option(
    "--temperature",
    type=FiniteFloat(min=0, max=2),
    help="Sampling temperature; default: the model's own, or greedy.",
)
@click.option("--check", metavar="CHECK", help=CHECK)
@click.option("--check-timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS",
              help=CHECK_TIMEOUT)  # fmt: skip
@click.option("--answer", "reference", metavar="ANSWER",
              help="Right answer, by which each answer is shown as right or wrong.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 1024), default=4, show_default=True, metavar="N",
              help="Calls at the same time; local models take one at a time.")  # fmt: skip
@click.option(
    "--cache", type=FILE, metavar="FILE", help="File that keeps cells; default: compare.db beside the log."
)
@click.option("--fresh", is_flag=True, help="Ignore kept cells and ask again.")
@click.option("--price", "priced", multiple=True, metavar="MODEL=IN/OUT",
              help="Price of a model in dollars per million tokens; repeatable.")  # fmt: skip
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="TOML or JSON file of prices: MODEL to input, cached and output.",
)
@click.option("--json", is_flag=True, help="Print one JSON object instead of the table.")
@click.option("--csv", metavar="FILE", help="Write the cells as CSV; - prints them instead of the table.")
@click.option("--show-answers", is_flag=True, help="Print the text of each answer below the table.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Plot the tokens and cost of each setting to a file.")
@click.option("--plot-axis", type=click.Choice(["tokens", "cost"]), default="tokens", show_default=True,
              help="What the bars of the plot measure.")  # fmt: skip
@click.option("--html", type=FILE, metavar="FILE.html",
              help="Write a page with the plots, the table and the answers side by side.")  # fmt: skip
def compare_command(prompt: str | None, **params: Any) -> None:
    """Compare models, efforts and caps on one prompt.

    PROMPT is read from stdin when it is - or not given. Shows the tokens, seconds and cost of each setting, which
    ones starve, and what a higher effort or cap changed.
    """
    from adaptive.cli.support.compare_output import ComparisonOutput
    from adaptive.cli.support.questions import read_question_text

    checked = params["check"] is not None or params["reference"] is not None
    output = ComparisonOutput(**{name: params.pop(name) for name in OUTPUT_OPTIONS}, checked=checked)
    output.check_ready()
    code = _run_comparison(read_question_text(prompt), output, **params)
    click.get_current_context().exit(code)


def _run_comparison(
    prompt: str,
    output: ComparisonOutput,
    *,
    images: Sequence[str],
    check: str | None,
    check_timeout: float,
    reference: str | None,
    cache: Path | None,
    fresh: bool,
    prices: str | None,
    priced: Sequence[str],
    repeat: int,
    temperature: float | None,
    concurrency: int,
    **named: Any,
) -> int:
    """Run a comparison and print it; return the exit code."""
    from adaptive._util.redact import redact_address
    from adaptive.cli.support.compare_check import open_answer_check
    from adaptive.cli.support.compare_models import build_messages, resolve_engine_settings
    from adaptive.compare.cache import CellCache, ComparisonRequest, get_default_cache_path, hash_images
    from adaptive.compare.grid import build_cells
    from adaptive.compare.run import Comparison
    from adaptive.prices import Prices

    asked = parse_comparison_settings(named["models"], named["efforts"], named["caps"], named["named"])
    specs = {redact_address(one.model): one.model for one in asked}
    wanted = build_cells([one._replace(model=redact_address(one.model)) for one in asked], repeat)
    blocks, messages = build_messages(prompt, images)
    engine = resolve_engine_settings(wanted, named["served_model"], named["markers"], named["options"])
    asking = ComparisonRequest(prompt, hash_images(blocks), temperature, engine)
    with (
        open_answer_check(prompt, check, check_timeout, reference) as judge,
        CellCache(cache or get_default_cache_path()) as kept,
    ):
        comparison = Comparison(asking, wanted, kept, Prices.load(prices, priced), judge, concurrency)
        try:
            _ask_missing_cells(comparison, specs, messages, fresh)
        except Interrupted:
            output.write(comparison)
            raise
        output.write(comparison)
    return get_comparison_exit_code(comparison.rows, checked=output.checked)


def parse_comparison_settings(
    models: Sequence[str], efforts: str, caps: str, named: Iterable[str]
) -> list[CellSetting]:
    """Return the grid of models, efforts and caps, then the named settings; raise `InputError` if one is wrong."""
    from adaptive.compare.grid import build_grid, parse_caps, parse_cell, parse_efforts

    one_by_one = [parse_cell(text) for text in named]
    gridded = models or ([] if one_by_one else ["embedded"])
    return [*build_grid(gridded, parse_efforts(efforts), parse_caps(caps)), *one_by_one]


def get_comparison_exit_code(rows: Sequence[ComparisonRow], *, checked: bool) -> int:
    """Return the exit code of a comparison."""
    bought = [row for row in rows if row.result]
    if any(row.accepted if checked else row.status == "answered" for row in bought):
        return ACCEPTED
    if not bought:
        return FAILED
    return STARVED if all(row.status in ("starved", "cut off") for row in bought) else NOT_ACCEPTED


def _ask_missing_cells(
    comparison: Comparison, specs: Mapping[str, str], messages: Sequence[Any], fresh: bool
) -> None:
    """Ask the cells that are not kept, and print what they cost."""
    from adaptive.cli.support.compare_models import open_compared_models
    from adaptive.cli.support.progress import Progress
    from adaptive.cli.support.signals import run_until_signal

    total, kept_in = len(comparison.cells), str(comparison.cache.path)
    if not fresh:
        run_until_signal(comparison.load_cached(), Progress(total, 0, kept_in, "asked", "cells"))
    done = len(comparison.rows)
    if comparison.missing:
        models = open_compared_models(comparison.missing, specs, messages, comparison.request)
        with Progress(total, done, kept_in, "asked", "cells") as progress:
            run_until_signal(comparison.run(models, lambda _: progress.advance()), progress)
    _print_summary(comparison, done)


def _print_summary(comparison: Comparison, cached_count: int) -> None:
    """Print which prices are unknown, and the cost of this run."""
    from adaptive.compare.summary import sum_run_usage

    for model in dict.fromkeys(cell.setting.model for cell in comparison.cells):
        if note := comparison.prices.note_unknown_price(model):
            click.echo(f"Note: {note}.", err=True)
    paid, free = sum_run_usage(comparison.rows), sum(row.cached for row in comparison.rows)
    asked, shared = len(comparison.cells) - free, free - cached_count
    cost = "" if paid.cost is None or not asked else f", ${paid.cost:.4g}"
    click.echo(
        f"Asked {asked} cells ({paid.total} tokens{cost}); {cached_count} were kept in {comparison.cache.path}"
        f"{f', {shared} are the same request as another' if shared else ''}.",
        err=True,
    )
