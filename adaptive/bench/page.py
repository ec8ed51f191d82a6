"""The report: one HTML file with everything in it, to be read in a browser, on paper or in the dark."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from adaptive.attempt import COUNTED
from adaptive.bench import words
from adaptive.bench.figures import Figures

TEMPLATE = "report.html.jinja"


def report(found: Figures, plots: Mapping[str, str]) -> str:
    """The page. plots: SVG by name, as `adaptive.bench.plots.write_plots` returns it.

    All text from the figures is escaped; only the plots are taken as they are.
    """
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters.update(percent=words.percent)
    source = files("adaptive.bench").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return page.from_string(source).render(
        found=found,
        words=words,
        headline=words.headline(found),
        extra=words.extra(found),
        counted=COUNTED,
        plots={name: Markup(svg) for name, svg in plots.items()},  # matplotlib made and escaped them
    )
