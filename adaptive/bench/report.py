"""The figures in words, and the rows of the table: the same on the terminal and in the report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adaptive._util.html_page import PageTemplates
from adaptive.bench.baselines import MissingBaseline
from adaptive.bench.calibration import RungReliability
from adaptive.bench.figures import BenchLine, Figures
from adaptive.learn.report.front_table import AS_MUCH, NAMES, format_difference, format_equal_accuracy, format_mix
from adaptive.learn.tuning.resampling import Interval
from adaptive.types.usage import TOKEN_FIELDS, CostUnit


def list_heads(unit: CostUnit) -> tuple[str, ...]:
    """Return the heads of the table, whose ways are compared in this unit."""
    return ("way", "right", "95 %", "tokens", f"policy's {NAMES[unit]}", "policy's accuracy", "p")


def format_headline(figures: Figures) -> str:
    """Return the result in one sentence: what the policy gains over mixes of constants, and over the best one."""
    gain, best = figures.front.gain, figures.get_line("best")
    assert best.against is not None  # only the policy's own line has none
    accuracy = best.against.accuracy
    return (
        f"{format_difference(gain.accuracy)} points of accuracy over a random mix of constants that takes "
        f"{AS_MUCH[gain.unit]}; {format_equal_accuracy(gain)}. Against the {best.name}: {_format_saving(best)} "
        f"{gain.unit} at {format_difference(accuracy)} points."
    )


def format_cells(line: BenchLine) -> tuple[str, ...]:
    """Return a line of the table, a cell for each of `list_heads`."""
    span = f"{100 * line.accuracy.low:.1f} to {100 * line.accuracy.high:.1f}"
    own = (_format_name(line), format_percent(line.accuracy.value), span, f"{line.tokens:.1f}")
    if line.against is None:
        return (*own, "", "", "")
    ratio, accuracy = line.against.ratio, line.against.accuracy
    cost = _format_ratio(ratio) if ratio else "-"
    return (*own, cost, format_difference(accuracy), format_p_value(line.against.p))


def extra_columns(found: Figures) -> list[tuple[str, Callable[[BenchLine], str]]]:
    """Return the columns that not every bench has: cost and seconds."""
    columns: list[tuple[str, Callable[[BenchLine], str]]] = []
    if any(line.cost is not None for line in found.lines):
        columns.append(("cost", lambda line: "" if line.cost is None else f"{line.cost:.3g}"))
    if any(line.seconds for line in found.lines):
        columns.append(("seconds p50, p90, p99", _format_seconds))
    return columns


def format_token_kinds(line: BenchLine) -> tuple[str, ...]:
    """Return the mean tokens of each kind, a dash if it is unknown, and their sum."""
    counts = (line.kinds[kind] for kind in TOKEN_FIELDS)
    return (*("-" if count is None else f"{count:.1f}" for count in counts), f"{line.tokens:.1f}")


RUNG_HEAD = ("P(solved) at", "predicted", "solved", "95 %", "error", "AUROC", "expected tokens", "tokens")


def format_rung_cells(rung: RungReliability) -> tuple[str, ...]:
    """Return the calibration of a rung, a cell for each of `RUNG_HEAD`."""
    span = f"{100 * rung.solved.low:.1f} to {100 * rung.solved.high:.1f}"
    auroc = "-" if rung.auroc is None else f"{rung.auroc:.3f}"
    shares = format_percent(rung.predicted), format_percent(rung.solved.value)
    return (rung.name, *shares, span, f"{rung.error:.3f}", auroc, f"{rung.expected:.0f}", f"{rung.tokens:.0f}")


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
    return f"{line.name} *" if line.corner else line.name


def _format_saving(line: BenchLine) -> str:
    """The policy's cost compared with this line's, in percent."""
    assert line.against is not None  # only the policy's own line has none
    if line.against.ratio is None:
        return "more"
    saved = 1 - line.against.ratio.value
    return f"{100 * abs(saved):.0f} % {'fewer' if saved >= 0 else 'more'}"


def _format_ratio(ratio: Interval) -> str:
    return f"{100 * ratio.value:.0f} % ({100 * ratio.low:.0f} to {100 * ratio.high:.0f})"


def _format_seconds(line: BenchLine) -> str:
    return "" if line.seconds is None else ", ".join(f"{s:.2f}" for s in line.seconds.values())


TEMPLATE = "bench/report.html.jinja"


def render_report(found: Figures, plots: Mapping[str, str]) -> str:
    """Return the HTML page; `plots` are SVG by name, from `adaptive.bench.plots.write_plots`.

    All text from the figures is escaped; only the plots are inserted unchanged.
    """
    return PageTemplates(percent=format_percent).render(
        TEMPLATE,
        found=found,
        words=sys.modules[__name__],
        headline=format_headline(found),
        mix=format_mix(found.front.gain),
        extra=extra_columns(found),
        counted=TOKEN_FIELDS,
        plots={name: Markup(svg) for name, svg in plots.items()},  # matplotlib made and escaped them
    )


PLAIN_WIDTH = 160
"""Width of a table that is not printed on a terminal."""


def format_caption(unit: CostUnit) -> str:
    """Return what the columns are."""
    name = NAMES[unit]
    return (
        f"* a corner of the hull of constants. policy's {name}: its mean {name} over this way's. policy's "
        "accuracy: its share right less this way's, in points, paired. p: McNemar's exact test."
    )


def print_bench_table(figures: Figures, console: Console | None = None) -> None:
    """Print the result in one sentence, the table and its notes."""
    console = console or _open_console()
    console.print(Text(format_headline(figures), style="bold"), soft_wrap=True)
    console.print(_build_table(figures))
    for line in (
        format_caption(figures.front.gain.unit),
        *figures.notes,
        *map(explain_missing_baseline, figures.absent),
    ):
        console.print(Text(line), soft_wrap=True)
    if figures.rungs:
        console.print(_build_rung_table(figures))
    if figures.reading:
        for line in filter(None, (figures.reading.sentence, figures.reading.note)):
            console.print(Text(line), soft_wrap=True)


def _build_table(figures: Figures) -> Table:
    extra = extra_columns(figures)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate((*list_heads(figures.front.gain.unit), *(name for name, _ in extra))):
        table.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for line in figures.lines:
        cells = (*format_cells(line), *(cell(line) for _, cell in extra))
        table.add_row(*map(Text, cells), style="bold" if line.kind == "policy" else None)
    return table


def _build_rung_table(figures: Figures) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(RUNG_HEAD):
        table.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for rung in figures.rungs:
        table.add_row(*map(Text, format_rung_cells(rung)))
    return table


def _open_console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)
