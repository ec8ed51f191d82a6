"""`adaptive compare`: one prompt at several settings, what each lever bought, and the cheapest that answers."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.errors import ACCEPTED, FAILED, NOT_ACCEPTED, STARVED, Interrupted
from adaptive.cli.support.options import beside_model
from adaptive.cli.support.solver import CHECK, SECONDS, Number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adaptive.compare.cell import Row, Setting
    from adaptive.compare.run import Comparison
    from adaptive.verify import Verifier


MODEL = (
    "embedded, hf:ID, http://host:port/v1, openai:o4-mini, anthropic:… and so on; repeatable. Default: embedded."
)
EPILOG = """A cell of a chat model is one call at exactly that effort and cap. On other engines it is one attempt
whose thinking budget is the cap less the room of the answer. Nothing is recovered or thought on about.

Cells are kept as soon as they are paid for: interrupted or killed, the same command goes on from there, and
another --check judges the same answers.

Exit codes: 0 a cell answered (accepted, where --check is given), 1 all failed, 2 wrong usage or input, 3 none was
accepted, 4 all starved, 130 interrupted."""
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog=EPILOG)
@click.argument("prompt", required=False)
@click.option("-m", "--model", "models", multiple=True, help=MODEL)
@beside_model
@click.option("--effort", "efforts", default="low,high", show_default=True, metavar="LEVELS", help="With commas.")
@click.option("--max-tokens", "caps", default="4000", show_default=True, metavar="CAPS",
              help="Most tokens made, thinking included: 4000,40000, say.")  # fmt: skip
@click.option("--cell", "named", multiple=True, metavar="MODEL,EFFORT,CAP",
              help="One setting more; without --model no others. Repeatable.")  # fmt: skip
@click.option("--image", "images", multiple=True, metavar="FILE-or-URL", help="To go with the prompt; repeatable.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Calls at each setting; medians are told.")  # fmt: skip
@click.option("--temperature", type=Number(min=0, max=2), help="Default: the model's own, or greedy.")
@click.option("--check", metavar="CHECK", help=CHECK)
@click.option("--check-timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS",
              help="For each check.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 1024), default=4, show_default=True, metavar="N",
              help="Cells asked at once; of local models one at a time.")  # fmt: skip
@click.option(
    "--cache", type=FILE, metavar="FILE", help="Where cells are kept; default: compare.db beside the log."
)
@click.option("--fresh", is_flag=True, help="Ask again what is kept.")
@click.option("--price", "priced", multiple=True, metavar="MODEL=IN/OUT",
              help="Dollars for a million tokens; repeatable.")  # fmt: skip
@click.option("--prices", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The same in a file.")
@click.option("--json", is_flag=True, help="Print one object instead of the table.")
@click.option("--csv", metavar="FILE", help="Write the cells as CSV; - prints them instead of the table.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw the tokens of each setting.")
def compare(prompt: str | None, json: bool, csv: str | None, plot: Path | None, **given: Any) -> None:
    """Compare models, efforts and caps on one prompt.

    PROMPT is read from stdin when it is - or not given. Shows the tokens, seconds and cost of each setting, which
    ones starve, and what a higher effort or cap bought.
    """
    from adaptive.cli.support.questions import read_questions

    if json and csv == "-":
        raise click.UsageError("--json and --csv - both want stdout: leave out one, or name a file for --csv")
    output = Output(json, csv, plot, given["check"] is not None)
    output.ready()
    code = _compared(read_questions(prompt, None)[0].text, output, **given)
    click.get_current_context().exit(code)


def _compared(
    prompt: str,
    output: Output,
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
    """Run a comparison and put it out; the exit code."""
    from adaptive._util.redact import masked
    from adaptive.cli.support.compare_models import asked_of, messages_of
    from adaptive.compare.cache import Asking, Cache, default_cache, image_digests
    from adaptive.compare.grid import cells
    from adaptive.compare.run import Comparison
    from adaptive.prices import Prices

    asked = settings(named["models"], named["efforts"], named["caps"], named["named"])
    specs = {masked(one.model): one.model for one in asked}
    wanted = cells([one._replace(model=masked(one.model)) for one in asked], repeat)
    blocks, messages = messages_of(prompt, images)
    engine = asked_of(wanted, named["served_model"], named["markers"], named["options"])
    asking = Asking(prompt, image_digests(blocks), temperature, engine)
    judge = _check(check, check_timeout)
    with Cache(cache or default_cache()) as kept:
        comparison = Comparison(asking, wanted, kept, Prices.load(prices, priced), judge, concurrency)
        try:
            _run(comparison, specs, messages, fresh)
        except Interrupted:
            output.put(comparison)
            raise
        output.put(comparison)
    return exit_code(comparison.rows, checked=judge is not None)


def settings(models: Sequence[str], efforts: str, caps: str, named: Iterable[str]) -> list[Setting]:
    """The grid of what is asked for, and the settings that are named; raises `InputError`."""
    from adaptive.compare.grid import grid, parse_caps, parse_cell, parse_efforts

    one_by_one = [parse_cell(text) for text in named]
    gridded = models or ([] if one_by_one else ["embedded"])
    return [*grid(gridded, parse_efforts(efforts), parse_caps(caps)), *one_by_one]


def exit_code(rows: Sequence[Row], *, checked: bool) -> int:
    """The exit code that tells how a comparison ended."""
    bought = [row for row in rows if row.bought]
    if any(row.accepted if checked else row.ended == "answered" for row in bought):
        return ACCEPTED
    if not bought:
        return FAILED
    return STARVED if all(row.ended in ("starved", "cut off") for row in bought) else NOT_ACCEPTED


@dataclass(frozen=True)
class Output:
    """Where a comparison is put: stdout, and files."""

    json: bool
    csv: str | None
    plot: Path | None
    checked: bool

    def ready(self) -> None:
        """Raise `InputError` for what could not be put out: before anything is paid for."""
        if self.plot is not None:
            from adaptive._util.plotting import ready

            ready()

    def put(self, comparison: Comparison) -> None:
        """Put out what there is."""
        from adaptive.compare.table import print_table, to_csv, to_json

        rows = comparison.rows
        if self.csv == "-":
            click.echo(to_csv(rows), nl=False)
        elif self.csv is not None:
            _write(Path(self.csv), to_csv(rows))
        if self.plot is not None:
            self._draw(self.plot, rows)
        if self.json:
            asking = comparison.asking
            asked = {"prompt": asking.prompt, "images": len(asking.images), "temperature": asking.temperature,
                     "checked": self.checked}  # fmt: skip
            click.echo(dumps(to_json(rows, self.checked, asked), ensure_ascii=False))
        elif rows:
            print_table(rows, self.checked, stderr=self.csv == "-")

    def _draw(self, file: Path, rows: Sequence[Row]) -> None:
        from adaptive.compare.plot import write_plot
        from adaptive.compare.summary import summaries

        if rows:
            write_plot(summaries(rows, self.checked), file)
            click.echo(f"Wrote the plot {file}.", err=True)


def _run(comparison: Comparison, specs: Mapping[str, str], messages: Sequence[Any], fresh: bool) -> None:
    """Ask what is not kept, and say what that took."""
    from adaptive.cli.support.compare_models import opened_all
    from adaptive.cli.support.progress import Progress
    from adaptive.cli.support.signals import until_signal

    total, kept_in = len(comparison.cells), str(comparison.cache.path)
    if not fresh:
        until_signal(comparison.recall(), Progress(total, 0, kept_in, "asked", "cells"))
    done = len(comparison.rows)
    if comparison.missing:
        models = opened_all(comparison.missing, specs, messages, comparison.asking)
        with Progress(total, done, kept_in, "asked", "cells") as progress:
            until_signal(comparison.run(models, lambda _: progress.advance()), progress)
    _told(comparison, done)


def _told(comparison: Comparison, kept: int) -> None:
    """Say which prices are not known, and what this run paid for."""
    from adaptive.compare.summary import spent

    for model in dict.fromkeys(cell.setting.model for cell in comparison.cells):
        if note := comparison.prices.note(model):
            click.echo(f"Note: {note}.", err=True)
    paid, asked = spent(comparison.rows), len(comparison.cells) - kept
    cost = "" if paid.cost is None or not asked else f", ${paid.cost:.4g}"
    click.echo(
        f"Asked {asked} cells ({paid.total} tokens{cost}); {kept} were kept in {comparison.cache.path}.", err=True
    )


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="")
    click.echo(f"Wrote the cells to {file}.", err=True)


def _check(text: str | None, timeout: float) -> Verifier | None:
    if text is None:
        return None
    from adaptive.verify.check import parse_check

    return parse_check(text, timeout)
