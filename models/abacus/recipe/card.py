"""Writes abacus' card from what the evaluation measured: `python card.py FIGURES.json README.md`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from corpus import MAKERS

Figures = dict[str, Any]
SHOWN = (0, 16, 32, 64, 128, 256, 512)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def budgets(figures: Figures, of: Figures) -> list[str]:
    """Accuracy at the shown budgets."""
    return [f"{of['accuracy'][figures['budgets'].index(b)]:.1f}" for b in SHOWN]


def by_family(figures: Figures) -> str:
    """Accuracy of each family at medium effort, by budget."""
    head = ["family", *(f"{b}" for b in SHOWN), "tokens"]
    rows = [
        [name, *budgets(figures, of["medium"]), f"{of['medium']['tokens']:.0f}"]
        for name, of in figures["families"].items()
    ]
    of = figures["all"]["medium"]
    return table(head, [*rows, ["**all**", *budgets(figures, of), f"{of['tokens']:.0f}"]])


def by_effort(figures: Figures) -> str:
    """Accuracy of each family with all of its thinking, by effort."""
    head = ["family", "none", *figures["all"], *(f"{e} tokens" for e in figures["all"])]
    rows = []
    for name, of in (*figures["families"].items(), ("**all**", figures["all"])):
        whole = [f"{of[e]['accuracy'][-1]:.1f}" for e in of]
        rows.append([name, f"{of['medium']['accuracy'][0]:.1f}", *whole, *(f"{of[e]['tokens']:.0f}" for e in of)])
    return table(head, rows)


def card(figures: Figures, body: str) -> str:
    """The card: its words from the template beside this file, its figures from the evaluation."""
    count = figures["questions"] // len(figures["families"])
    planted, own, hard = (figures[k] for k in ("planted mistakes", "a Wait after its own chains", "hard half"))
    values = {
        "by_family": by_family(figures),
        "by_effort": by_effort(figures),
        "questions": f"{figures['questions']:,}",
        "count": str(count),
        "older": f"{mean(figures['families'][name]['medium']['accuracy'][-1] for name in (*MAKERS, 'gsm')):.1f} %",
        "error": f"{50 / count**0.5:.0f}",
        "mended": f"{planted['mended']:.1f} %",
        "kept": f"{planted['kept']:.1f} %",
        "planted": str(planted["chains"]),
        "before": f"{own['before']:.1f} %",
        "after": f"{own['after']:.1f} %",
        "own_wrong": str(own["wrong"]),
        "own_mended": str(own["mended"]),
        "own_broken": str(own["broken"]),
        "hard_direct": f"{hard['direct']:.1f} %",
        "hard_thinking": f"{hard['thinking']:.1f} %",
        "refused": f"{figures['refused outside the domain']:.1f} %",
    }
    for name, value in values.items():
        body = body.replace(f"@{name}@", value)
    return body


def main() -> None:
    figures, out = Path(sys.argv[1]), Path(sys.argv[2])
    template = Path(__file__).with_name("card.md").read_text()
    out.write_text(card(json.loads(figures.read_text()), template))


if __name__ == "__main__":
    main()
