"""Reliability plots: predicted against observed shares, as PNG files beside the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adaptive._util.optional import import_optional
from adaptive.errors import InputError

TITLES = {"difficulty": "P(solved), from the text", "probe": "P(solved), after a direct answer",
         "verifier": "P(right), of an answer"}  # fmt: skip


def write_reliability_plots(folder: Path, figures: dict[str, Any]) -> tuple[list[str], str]:
    """Write a plot for each model with figures; return the file names, and why there are none, in words."""
    try:
        pyplot = _import_pyplot()
    except InputError as error:
        return [], str(error)
    files = [
        _write_plot(pyplot, folder, name, figures[name]["reliability"]) for name in TITLES if figures.get(name)
    ]
    return files, ""


def _import_pyplot() -> Any:
    import_optional("matplotlib", "learn").use("Agg")  # draws into files, wants no display
    return import_optional("matplotlib.pyplot", "learn")


def _write_plot(pyplot: Any, folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    figure, axes = pyplot.subplots(figsize=(4, 4), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    most = max(r["count"] for r in rows)
    sizes = [10 + 190 * r["count"] / most for r in rows]
    axes.scatter([r["predicted"] for r in rows], [r["solved"] for r in rows], s=sizes, alpha=0.7)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted", ylabel="came true", title=TITLES[name])
    file = f"reliability_{name}.png"
    figure.savefig(folder / file, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return file
