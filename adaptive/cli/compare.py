"""`adaptive compare`: one prompt at several settings, the effect of each, and the cheapest that answers."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.errors import ACCEPTED, FAILED, NOT_ACCEPTED, STARVED, Interrupted
from adaptive.cli.support.options import engine_detail_options
from adaptive.cli.support.solver import CHECK, CHECK_TIMEOUT, SECONDS, FiniteFloat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adaptive.compare.cell import CellSetting, ComparisonRow
    from adaptive.compare.run import Comparison
    from adaptive.verify import Verifier


MODEL_OPTION_HELP = (
    "Model: embedded, hf:ID, http://host:port/v1, openai:o4-mini and so on; repeatable. Default: embedded."
)
EPILOG = """A cell of a chat model is one call at exactly that effort and cap. On other engines it is one attempt
whose thinking budget is the cap less the room for the answer. There is no recovery and no escalation.

Each cell is kept as soon as it is paid for: if interrupted or killed, the same command goes on from there, and
another --check judges the same answers.

Exit codes: 0 a cell answered (and was accepted, with --check), 1 all failed, 2 wrong usage or input, 3 none was
accepted, 4 all starved, 130 interrupted."""
FILE = click.Path(dir_okay=False, path_type=Path)


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
@click.option("--plot", type=FILE, metavar="FILE.png", help="Plot the tokens of each setting to a file.")
def compare_command(prompt: str | None, json: bool, csv: str | None, plot: Path | None, **params: Any) -> None:
    """Compare models, efforts and caps on one prompt.

    PROMPT is read from stdin when it is - or not given. Shows the tokens, seconds and cost of each setting, which
    ones starve, and what a higher effort or cap changed.
    """
    from adaptive.cli.support.questions import read_user_questions

    if json and csv == "-":
        raise click.UsageError("--json and --csv - both want stdout: leave out one, or name a file for --csv")
    output = ComparisonOutput(json, csv, plot, params["check"] is not None)
    output.check_ready()
    code = _run_comparison(read_user_questions(prompt, None)[0].text, output, **params)
    click.get_current_context().exit(code)


def _run_comparison(
    prompt: str,
    output: ComparisonOutput,
    *,
    images: Sequence[str],
    check: str | None,
    check_timeout: float,
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
    judge = _parse_optional_check(check, check_timeout)
    with CellCache(cache or get_default_cache_path()) as kept:
        comparison = Comparison(asking, wanted, kept, Prices.load(prices, priced), judge, concurrency)
        try:
            _ask_missing_cells(comparison, specs, messages, fresh)
        except Interrupted:
            output.write(comparison)
            raise
        output.write(comparison)
    return get_comparison_exit_code(comparison.rows, checked=judge is not None)


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


@dataclass(frozen=True)
class ComparisonOutput:
    """Where a comparison is printed: stdout and files."""

    json: bool
    csv: str | None
    plot: Path | None
    checked: bool

    def check_ready(self) -> None:
        """Raise `InputError` if an output cannot be made, before anything is paid for."""
        if self.plot is not None:
            from adaptive._util.plotting import require_matplotlib

            require_matplotlib()

    def write(self, comparison: Comparison) -> None:
        """Print and write the cells so far."""
        from adaptive.compare.table import print_comparison, to_csv, to_json

        rows = comparison.rows
        if self.csv == "-":
            click.echo(to_csv(rows), nl=False)
        elif self.csv is not None:
            _write_csv(Path(self.csv), to_csv(rows))
        if self.plot is not None:
            self._write_plot(self.plot, rows)
        if self.json:
            asking = comparison.request
            asked = {"prompt": asking.prompt, "images": len(asking.images), "temperature": asking.temperature,
                     "checked": self.checked}  # fmt: skip
            click.echo(dumps(to_json(rows, self.checked, asked), ensure_ascii=False))
        elif rows:
            print_comparison(rows, self.checked, stderr=self.csv == "-")

    def _write_plot(self, file: Path, rows: Sequence[ComparisonRow]) -> None:
        from adaptive.compare.plot import write_comparison_plot
        from adaptive.compare.summary import summarise_settings

        if rows:
            write_comparison_plot(summarise_settings(rows, self.checked), file)
            click.echo(f"Wrote the plot {file}.", err=True)


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
    paid, asked = sum_run_usage(comparison.rows), len(comparison.cells) - cached_count
    cost = "" if paid.cost is None or not asked else f", ${paid.cost:.4g}"
    click.echo(
        f"Asked {asked} cells ({paid.total} tokens{cost}); {cached_count} were kept in {comparison.cache.path}.",
        err=True,
    )


def _write_csv(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="")
    click.echo(f"Wrote the cells to {file}.", err=True)


def _parse_optional_check(text: str | None, timeout: float) -> Verifier | None:
    if text is None:
        return None
    from adaptive.verify.check import parse_check

    return parse_check(text, timeout)
