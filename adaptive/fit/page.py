"""The page at the end of a fit: what was measured, as a table, and one sentence that says what to use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.bench.metrics import compute_mcnemar_p, measure_accuracy
from adaptive.bench.report import format_p_value, format_percent
from adaptive.fit.decision import Decision, HeldOutEvidence, PairedEvidence
from adaptive.learn.report.front_table import format_difference
from adaptive.learn.report.tables import format_markdown_table, round_up
from adaptive.learn.tuning.constants import Constant
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.ways import Way
from adaptive.types.routine import PLAIN_NAME
from adaptive.types.usage import MILLION, CostUnit


def list_fit_columns(unit: CostUnit) -> tuple[str, ...]:
    """Return the heads of the columns of the table; `unit` is what costs are counted in."""
    return ("way", "right (95 %)", unit, f"{unit} of a plain call", "accuracy against a plain call", "p")


@dataclass(frozen=True)
class FitLine:
    """One way on the held-out questions. tokens, dollars: means; None if the price is not known.

    against_plain: None for the plain call.
    """

    name: str
    accuracy: Interval
    tokens: float
    dollars: float | None
    against_plain: PairedEvidence | None

    @classmethod
    def from_ways(cls, way: Way, plain: Way) -> FitLine:
        """Measure a way, and compare it with the plain call unless it is that."""
        against = None if way.name == PLAIN_NAME else PairedEvidence.from_ways(way, plain)
        dollars = float(way.spent.mean()) / MILLION if way.unit == "dollars" else None
        return cls(way.name, measure_accuracy(way.right), float(way.tokens.mean()), dollars, against)

    def format_cells(self, unit: CostUnit) -> tuple[str, ...]:
        """Return the cells of a row; `unit` is what costs are counted in."""
        accuracy = f"{format_percent(self.accuracy.value)} ({_format_span(self.accuracy)})"
        cost = f"{self.tokens:.0f}" if unit == "tokens" or self.dollars is None else f"{self.dollars:.3g}"
        cells = (self.name, accuracy, cost)
        if self.against_plain is None:
            return (*cells, "", "", "")
        one = self.against_plain
        ratio = f"{100 * one.cost.value:.0f} % ({100 * one.cost.low:.0f} to {100 * one.cost.high:.0f})"
        p = compute_mcnemar_p(one.mended, one.broken)
        return (*cells, ratio, format_difference(one.accuracy), format_p_value(p))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        against = self.against_plain
        return {
            "name": self.name,
            "accuracy": _interval_to_json(self.accuracy),
            "tokens": round(self.tokens, 2),
            **({} if self.dollars is None else {"dollars": round(self.dollars, 9)}),
            "against_plain": None if against is None else evidence_to_json(against),
        }


def format_sentence(
    decision: Decision, best: Constant, evidence: HeldOutEvidence, share: float, points_of: str = "accuracy"
) -> str:
    """Return what to use, in one sentence.

    Args:
        decision: The decision.
        best: The best constant.
        evidence: What decided.
        share: The share of the questions that is held out.
        points_of: What points are of.
    """
    count = evidence.profile_against_best.questions
    if decision.choice == "profile":
        than = best.name if best.kind == "plain" else f"the best fixed setting ({best.name})"
        return (
            f"Use this profile: {_format_evidence(evidence.profile_against_best, than, points_of)}, "
            f"on {count} held-out questions."
        )
    more = "" if decision.needed is None else f"about {round_up(decision.needed / share)} questions"
    if decision.choice == "fixed":
        assert evidence.best_against_plain is not None
        unshown = f"{more} might show that its policy is better" if more else "its policy is no better"
        return (
            f"Use {_format_constant(best)}, which this profile does: "
            f"{_format_evidence(evidence.best_against_plain, PLAIN_NAME, points_of)}, on {count} held-out "
            f"questions; {unshown}."
        )
    hope = f"{more} might show more" if more else "more questions like these would hardly change that"
    return (
        f"Leave the model as it is, which this profile does: on {count} held-out questions nothing is shown to be "
        f"better than {PLAIN_NAME}; {hope}."
    )


def _format_constant(constant: Constant) -> str:
    if constant.kind != "rung" or constant.rung.model:
        return f"always {constant.name}"
    effort = constant.rung.effort if constant.rung.thinks else "no thinking"
    return f"a fixed budget of {constant.rung.budget} ({effort})"


def _format_evidence(one: PairedEvidence, than: str, points_of: str) -> str:
    points = f"{format_difference(one.accuracy)} points of {points_of}"
    return f"{format_saving(one.cost, one.unit)} than {than}, at {points}"


def format_saving(cost: Interval, unit: CostUnit = "tokens") -> str:
    """Return a ratio of costs as a saving with its interval: "31 % fewer tokens (24 to 37)"."""
    sign, word = (-1, "fewer") if cost.value <= 1 else (1, "more")
    ends = sorted(round(100 * sign * (end - 1)) + 0 for end in (cost.low, cost.high))
    return f"{abs(100 * (cost.value - 1)):.0f} % {word} {unit} ({ends[0]} to {ends[1]})"


def format_page(
    title: str,
    facts: Sequence[str],
    lines: Sequence[FitLine],
    notes: Sequence[str],
    sentence: str,
    unit: CostUnit,
) -> str:
    """Return the page as Markdown; the sentence is its last line.

    Args:
        title: The heading.
        facts: What was done, a sentence each.
        lines: The rows of the table.
        notes: What the reader should know of the figures, a sentence each.
        sentence: What to use.
        unit: What costs are counted in.
    """
    table = format_markdown_table(list_fit_columns(unit), [line.format_cells(unit) for line in lines])
    return "\n\n".join([f"# {title}", "\n".join(facts), table, "\n".join(notes), sentence]) + "\n"


def evidence_to_json(one: PairedEvidence) -> dict[str, Any]:
    """Return a comparison in plain JSON types."""
    return {
        "questions": one.questions, "mended": one.mended, "broken": one.broken,
        "accuracy": _interval_to_json(one.accuracy), one.unit: _interval_to_json(one.cost),
        "p": round(compute_mcnemar_p(one.mended, one.broken), 6),
    }  # fmt: skip


def _interval_to_json(one: Interval) -> dict[str, float]:
    return {name: round(value, 6) for name, value in vars(one).items()}


def _format_span(one: Interval) -> str:
    return f"{100 * one.low:.1f} to {100 * one.high:.1f}"
