"""The figures in words, and the rows of the table: the same on the terminal and in the report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adaptive.bench.baselines import MissingBaseline
from adaptive.bench.figures import BenchLine, Figures
from adaptive.bench.metrics import Interval
from adaptive.types.usage import TOKEN_FIELDS

HEAD = ("way", "right", "95 %", "tokens", "policy's tokens", "policy's accuracy", "p")


def format_headline(figures: Figures) -> str:
    """Return the result in one sentence."""
    top, best = figures.get_line("top"), figures.get_line("best")
    assert top.against is not None  # only the policy's own line has none
    difference = top.against.accuracy
    return (
        f"{_format_saving(top, ' tokens')} than {top.name} and {_format_saving(best)} than the {best.name}, "
        f"at an accuracy {_format_points(difference.value)} points from the top rung's "
        f"(95 % {_format_points(difference.low)} to {_format_points(difference.high)})."
    )


def format_cells(line: BenchLine) -> tuple[str, ...]:
    """Return a line of the table, a cell for each of `HEAD`."""
    span = f"{100 * line.accuracy.low:.1f} to {100 * line.accuracy.high:.1f}"
    own = (_format_name(line), format_percent(line.accuracy.value), span, f"{line.tokens:.1f}")
    if line.against is None:
        return (*own, "", "", "")
    ratio, accuracy = line.against.ratio, line.against.accuracy
    tokens = _format_ratio(ratio) if ratio else "-"
    by = f"{_format_points(accuracy.value)} ({_format_points(accuracy.low)} to {_format_points(accuracy.high)})"
    return (*own, tokens, by, format_p_value(line.against.p))


def extra_columns(found: Figures) -> list[tuple[str, Callable[[BenchLine], str]]]:
    """Return the columns that not every bench has: cost and seconds."""
    columns: list[tuple[str, Callable[[BenchLine], str]]] = []
    if any(line.cost is not None for line in found.lines):
        columns.append(("cost", lambda line: "" if line.cost is None else f"{line.cost:.3g}"))
    if any(line.seconds for line in found.lines):
        columns.append(("seconds p50, p90, p99", _format_seconds))
    return columns


def format_token_kinds(line: BenchLine) -> tuple[str, ...]:
    """Return the mean tokens of each kind, and their sum."""
    return (*(f"{line.kinds[kind]:.1f}" for kind in TOKEN_FIELDS), f"{line.tokens:.1f}")


def explain_missing_baseline(absent: MissingBaseline) -> str:
    """Return why a baseline is not in the table, in a sentence."""
    return f"Not measured, {absent.name}: {absent.why}"


def format_percent(part: float) -> str:
    """Return a share in percent."""
    return f"{100 * part:.1f} %"


def format_p_value(p: float) -> str:
    """Return a p to three digits."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _format_name(line: BenchLine) -> str:
    return f"{line.name} *" if line.front else line.name


def _format_saving(line: BenchLine, what: str = "") -> str:
    """The policy's tokens compared with this line, in percent."""
    assert line.against is not None  # only the policy's own line has none
    if line.against.ratio is None:
        return f"more{what}"
    saved = 1 - line.against.ratio.value
    return f"{100 * abs(saved):.0f} % {'fewer' if saved >= 0 else 'more'}{what}"


def _format_ratio(ratio: Interval) -> str:
    return f"{100 * ratio.value:.0f} % ({100 * ratio.low:.0f} to {100 * ratio.high:.0f})"


def _format_points(part: float) -> str:
    """A share in points; never -0.0."""
    return f"{round(100 * part, 1) + 0:+.1f}"


def _format_seconds(line: BenchLine) -> str:
    return "" if line.seconds is None else ", ".join(f"{s:.2f}" for s in line.seconds.values())


TEMPLATE = "report.html.jinja"


def render_report(found: Figures, plots: Mapping[str, str]) -> str:
    """Return the HTML page; `plots` are SVG by name, from `adaptive.bench.plots.write_plots`.

    All text from the figures is escaped; only the plots are inserted unchanged.
    """
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters.update(percent=format_percent)
    source = files("adaptive.bench").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return page.from_string(source).render(
        found=found,
        words=sys.modules[__name__],
        headline=format_headline(found),
        extra=extra_columns(found),
        counted=TOKEN_FIELDS,
        plots={name: Markup(svg) for name, svg in plots.items()},  # matplotlib made and escaped them
    )


PLAIN_WIDTH = 160
"""Width of a table that is not printed on a terminal."""
CAPTION = (
    "* on the Pareto front. policy's tokens: its mean tokens over this way's. policy's accuracy: its share right "
    "less this way's, in points, paired. p: McNemar's exact test."
)


def print_bench_table(figures: Figures, console: Console | None = None) -> None:
    """Print the result in one sentence, the table and its notes."""
    console = console or _open_console()
    console.print(Text(format_headline(figures), style="bold"), soft_wrap=True)
    console.print(_build_table(figures))
    for line in (CAPTION, *figures.notes, *map(explain_missing_baseline, figures.absent)):
        console.print(Text(line), soft_wrap=True)


def _build_table(figures: Figures) -> Table:
    extra = extra_columns(figures)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate((*HEAD, *(name for name, _ in extra))):
        table.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for line in figures.lines:
        cells = (*format_cells(line), *(cell(line) for _, cell in extra))
        table.add_row(*map(Text, cells), style="bold" if line.kind == "policy" else None)
    return table


def _open_console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)
