"""Formats figures in words and Markdown tables, for the terminal and for the card of a profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from adaptive.learn.fit.metrics import LEVELS
from adaptive.learn.fit.thresholds import Gate, Gates
from adaptive.types.ladder import Ladder

Row = Sequence[object]


def format_markdown_table(head: Row, rows: Sequence[Row]) -> str:
    """Return a Markdown table with aligned columns; floats have three digits after the point."""
    cells = [[_format_cell(value) for value in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _format_cell(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def round_up(count: float) -> int:
    """Return a number of questions, rounded up to two digits: an estimate has no more."""
    step: int = 10 ** max(0, math.floor(math.log10(max(1.0, count))) - 1)
    return int(math.ceil(count / step - 1e-9) * step)


def format_percentage(part: float) -> str:
    """Return a share in 0..1 as a percentage."""
    return f"{100 * part:.1f} %"


def format_levels(figures: dict[str, Any]) -> str:
    """Return how often the predicted level was right, and the table of predicted and true levels."""
    level = figures["level"]
    accuracy, low, high, base = (format_percentage(level[key]) for key in ("accuracy", "low", "high", "base"))
    title = (
        f"Level (easy, medium, hard) right on {accuracy} of {figures['held_out']} "
        f"held-out questions ({low} to {high}); always naming the commonest: {base}."
    )
    rows = [(f"is {name}", *row) for name, row in zip(LEVELS, level["table"], strict=True)]
    return title + "\n\n" + format_markdown_table(("", *(f"said {name}" for name in LEVELS)), rows)


def format_ladder(ladder: Ladder, model: str) -> str:
    """Return the table of a ladder's rungs; with their models if there are several.

    Args:
        ladder: The ladder.
        model: The spec of the profile's own model.
    """
    if len(ladder.models) == 1:
        rows: list[Row] = [(i, one.effort, one.budget) for i, one in enumerate(ladder)]
        return format_markdown_table(("rung", "effort", "thinking budget"), rows)
    rows = [(i, one.model or model, one.effort, one.budget) for i, one in enumerate(ladder)]
    return format_markdown_table(("rung", "model", "effort", "thinking budget"), rows)


def format_rungs(ladder: Ladder, figures: dict[str, Any]) -> str:
    """Return how well p(solved) is predicted at each rung."""
    head = ("rung", "budget", "solved", "Brier", "base", "log-loss", "base", "AUROC")
    keys = ("solved", "brier", "brier_base", "log_loss", "log_loss_base", "auroc")
    rows = [
        (i, rung.budget, *(rung_figures[k] for k in keys))
        for i, (rung, rung_figures) in enumerate(zip(ladder, figures["rungs"], strict=True))
    ]
    return (
        "P(solved at this rung or a cheaper one), against always predicting its share:\n\n"
        + format_markdown_table(head, rows)
    )


def format_reliability(figures: dict[str, Any]) -> str:
    """Return the share that came true for each tenth of the predictions."""
    rows = [(f"from {r['from']:.1f}", r["count"], r["predicted"], r["solved"]) for r in figures["reliability"]]
    return "Reliability, all rungs together:\n\n" + format_markdown_table(
        ("predicted", "count", "mean", "solved"), rows
    )


def format_gates(gates: Gates) -> str:
    """Return from which confidence on answers are accepted, and how many of these are right."""
    named = {"direct answer": gates.direct, **{f"thinking, {e}": g for e, g in gates.chains.items()}}
    every = {**named, "both agree": gates.agreement}
    rows = [_format_gate(name, gate) for name, gate in every.items() if gate.answers]
    head = ("answer", "judged", "right", "threshold", "accepted", "precision", "interval")
    title = f"Accepted from the confidence at which {format_percentage(gates.direct.target)} are right:"
    return title + "\n\n" + format_markdown_table(head, rows)


def _format_gate(name: str, gate: Gate) -> Row:
    precision, low, high = gate.estimate_precision()
    right = format_percentage(gate.right / gate.answers) if gate.answers else None
    judged = (name, gate.answers, right, gate.threshold, format_percentage(gate.coverage))
    return (
        (*judged, format_percentage(precision), f"{low:.3f}-{high:.3f}")
        if gate.accepted
        else (*judged, None, None)
    )


def format_thinking(figures: dict[str, Any]) -> str:
    """Return what thinking mended, broke and cost."""
    tokens = figures["tokens"]
    if tokens["direct"] is None:
        return f"The dearest chain took {tokens['chains']:.0f} tokens in the mean, the prompt apart."
    return (
        f"On the {figures['audited']} audited questions (picked by chance, every effort run) the dearest "
        f"chain mended {figures['mended']} wrong direct answers and broke {figures['broken']} right ones. "
        f"A direct answer took {tokens['direct']:.0f} tokens in the mean, the dearest chain "
        f"{tokens['chains']:.0f}, their prompt apart."
    )
