"""The page at the end of a fit: what was measured, as a table, and one sentence that says what to use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.bench.metrics import Interval, compute_mcnemar_p, measure_accuracy
from adaptive.bench.report import format_p_value, format_percent
from adaptive.fit.constants import PLAIN_NAME, Constant
from adaptive.fit.decision import Decision, HeldOutEvidence, PairedEvidence
from adaptive.learn.report.tables import format_markdown_table
from adaptive.learn.tuning.ways import Way

HEAD = ("way", "right (95 %)", "tokens", "tokens of a plain call", "accuracy against a plain call", "p")


@dataclass(frozen=True)
class FitLine:
    """One way on the held-out questions. against_plain: None for the plain call."""

    name: str
    accuracy: Interval
    tokens: float
    against_plain: PairedEvidence | None

    @classmethod
    def from_ways(cls, way: Way, plain: Way) -> FitLine:
        """Measure a way, and compare it with the plain call unless it is that."""
        against = None if way.name == PLAIN_NAME else PairedEvidence.from_ways(way, plain)
        return cls(way.name, measure_accuracy(way.right), float(way.tokens.mean()), against)

    def format_cells(self) -> tuple[str, ...]:
        """Return the cells of a row below `HEAD`."""
        accuracy = f"{format_percent(self.accuracy.value)} ({_format_span(self.accuracy)})"
        cells = (self.name, accuracy, f"{self.tokens:.0f}")
        if self.against_plain is None:
            return (*cells, "", "", "")
        one = self.against_plain
        ratio = f"{100 * one.tokens.value:.0f} % ({100 * one.tokens.low:.0f} to {100 * one.tokens.high:.0f})"
        p = compute_mcnemar_p(one.mended, one.broken)
        return (*cells, ratio, format_points(one.accuracy), format_p_value(p))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        against = self.against_plain
        return {
            "name": self.name,
            "accuracy": _interval_to_json(self.accuracy),
            "tokens": round(self.tokens, 2),
            "against_plain": None if against is None else evidence_to_json(against),
        }


def format_sentence(decision: Decision, best: Constant, evidence: HeldOutEvidence, share: float) -> str:
    """Return what to use, in one sentence.

    Args:
        decision: The decision.
        best: The best constant.
        evidence: What decided.
        share: The share of the questions that is held out.
    """
    count = evidence.profile_against_best.questions
    if decision.choice == "profile":
        than = best.name if best.rung is None else f"the best fixed setting ({best.name})"
        return (
            f"Use this profile: {_format_evidence(evidence.profile_against_best, than)}, "
            f"on {count} held-out questions."
        )
    more = "" if decision.needed is None else f"about {round_up(decision.needed / share)} questions"
    if decision.choice == "fixed":
        assert best.rung is not None  # a plain call is no fixed budget
        assert evidence.best_against_plain is not None
        effort = best.rung.effort if best.rung.thinks else "no thinking"
        unshown = f"{more} might show that its policy is better" if more else "its policy is no better"
        return (
            f"Use a fixed budget of {best.rung.budget} ({effort}), which this profile does: "
            f"{_format_evidence(evidence.best_against_plain, PLAIN_NAME)}, on {count} held-out questions; "
            f"{unshown}."
        )
    hope = f"{more} might show more" if more else "more questions like these would hardly change that"
    return (
        f"Leave the model as it is, which this profile does: on {count} held-out questions nothing is shown to be "
        f"better than {PLAIN_NAME}; {hope}."
    )


def _format_evidence(one: PairedEvidence, than: str) -> str:
    return f"{format_saving(one.tokens)} than {than}, at {format_points(one.accuracy)} points of accuracy"


def format_saving(tokens: Interval) -> str:
    """Return a ratio of tokens as a saving with its interval: "31 % fewer tokens (24 to 37)"."""
    sign, word = (-1, "fewer") if tokens.value <= 1 else (1, "more")
    ends = sorted(round(100 * sign * (end - 1)) + 0 for end in (tokens.low, tokens.high))
    return f"{abs(100 * (tokens.value - 1)):.0f} % {word} tokens ({ends[0]} to {ends[1]})"


def format_points(difference: Interval) -> str:
    """Return a difference of accuracies in points with its interval: "+0.7 (-2.0 to +3.4)"."""
    value, low, high = (
        f"{round(100 * end, 1) + 0:+.1f}" for end in (difference.value, difference.low, difference.high)
    )
    return f"{value} ({low} to {high})"


def round_up(count: float) -> int:
    """Return a number of questions, rounded up to two digits: an estimate has no more."""
    step: int = 10 ** max(0, math.floor(math.log10(max(1.0, count))) - 1)
    return int(math.ceil(count / step - 1e-9) * step)


def format_page(
    title: str, facts: Sequence[str], lines: Sequence[FitLine], notes: Sequence[str], sentence: str
) -> str:
    """Return the page as Markdown; the sentence is its last line.

    Args:
        title: The heading.
        facts: What was done, a sentence each.
        lines: The rows of the table.
        notes: What the reader should know of the figures, a sentence each.
        sentence: What to use.
    """
    table = format_markdown_table(HEAD, [line.format_cells() for line in lines])
    return "\n\n".join([f"# {title}", "\n".join(facts), table, "\n".join(notes), sentence]) + "\n"


def evidence_to_json(one: PairedEvidence) -> dict[str, Any]:
    """Return a comparison in plain JSON types."""
    return {
        "questions": one.questions, "mended": one.mended, "broken": one.broken,
        "accuracy": _interval_to_json(one.accuracy), "tokens": _interval_to_json(one.tokens),
        "p": round(compute_mcnemar_p(one.mended, one.broken), 6),
    }  # fmt: skip


def _interval_to_json(one: Interval) -> dict[str, float]:
    return {name: round(value, 6) for name, value in vars(one).items()}


def _format_span(one: Interval) -> str:
    return f"{100 * one.low:.1f} to {100 * one.high:.1f}"
