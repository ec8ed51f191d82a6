"""Formats the figures of a profile trained on outcomes, for the terminal and for the card in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.learn.fit.thresholds import Gates
from adaptive.learn.report import tables
from adaptive.learn.report.domain_card import format_domain
from adaptive.learn.report.tables import format_ladder, format_markdown_table, format_percentage
from adaptive.profile.profile import Profile


@dataclass(frozen=True)
class Provenance:
    """How a profile was made. tune_share: left for tuning, in 0..1. rule: a remark about the rule or the log."""

    command: str
    source: str
    questions: int
    tune_share: float
    rule: str = ""


def format_training_figures(profile: Profile, gates: Gates) -> str:
    """Return all figures as text with Markdown tables."""
    figures = profile.figures
    return "\n\n".join([
        tables.format_levels(figures["difficulty"]),
        _format_rungs(profile, figures),
        _format_reliability("difficulty, from the text", figures["difficulty"]["reliability"]),
        *_format_probe_reliability(figures["probe"]),
        *format_verifier(figures["verifier"]),
        tables.format_gates(gates),
        tables.format_thinking(figures),
        _format_importance(profile, figures),
    ])  # fmt: skip


def format_training_card(profile: Profile, gates: Gates, provenance: Provenance, plots: Sequence[str]) -> str:
    """Return the README.md of a profile's folder.

    Args:
        profile: The trained profile.
        gates: Its thresholds.
        provenance: How it was made.
        plots: The names of image files beside the card.
    """
    shown = "".join(f"![{name}]({name})\n" for name in plots)
    tuned = format_percentage(provenance.tune_share)
    return f"""# Profile {profile.name}

What `adaptive` knows of the model `{profile.model}`: how likely each rung of its ladder is to solve a question,
from the question's text and, where one was given, from the direct answer; and how likely an answer is right.

{format_ladder(profile.ladder, profile.model)}

## How it was made

    {provenance.command}

From {provenance.questions} questions of `{provenance.source}`, each recorded at every rung; {tuned} of the
groups of questions were left to tune the policy on. {provenance.rule}
`seen.txt` names what it was fitted to, as hashes: leave these out when measuring it.

## Figures

All probabilities are of questions that the model was not fitted to, with no group of questions on both sides;
intervals are 95 % Wilson intervals. Thresholds are the exception: each half of the answers is judged by the other
half's, and answers to one question may be in both, so their intervals are too narrow.

{format_training_figures(profile, gates)}

{shown}
## Where it applies

{format_domain(profile.figures["domain"])}

## What it cannot do

* It predicts for questions like those it was fitted to, and says of others that they are unlike them. A question
  of another kind that is told in their words is not noticed.
* A rung is taken to solve what a cheaper one solves. Where thinking breaks answers that were right, p(solved) of
  the dearer rungs is somewhat too high.
* The thresholds hold on average over such questions, without a guarantee for a single one, and only for this
  model and the sampling that it was recorded with.

Files: `profile.json` (ladder, style, policy, probe, verifier, figures), `difficulty.skops` (the fitted
scikit-learn estimators), `difficulty.npz` (the same as plain weights, made from it), `domain.npz` (where it
applies), `seen.txt`.
"""


def _format_rungs(profile: Profile, figures: dict[str, Any]) -> str:
    if figures["probe"] is None:
        return tables.format_rungs(profile.ladder, figures["difficulty"])
    head = ("rung", "effort", "budget", "solved", "Brier", "with probe", "base", "log-loss", "with probe", "base",
            "AUROC", "with probe")  # fmt: skip
    rows = [
        (i, rung.effort, rung.budget, text["solved"], text["brier"], probe["brier"], text["brier_base"],
         text["log_loss"], probe["log_loss"], text["log_loss_base"], text["auroc"], probe["auroc"])
        for i, (rung, text, probe) in enumerate(
            zip(profile.ladder, figures["difficulty"]["rungs"], figures["probe"]["rungs"], strict=True)
        )
    ]  # fmt: skip
    title = (
        "P(solved at this rung): from the text alone, with the probe (the direct answer), and always predicting "
        "the share (base):"
    )
    return title + "\n\n" + format_markdown_table(head, rows)


def _format_probe_reliability(figures: dict[str, Any] | None) -> list[str]:
    """Return the reliability of the probe, if there is one."""
    if figures is None:
        return ["No probe: the ladder has no direct answer."]
    return [_format_reliability("difficulty, after a direct answer", figures["reliability"])]


def _format_reliability(name: str, rows: list[dict[str, Any]]) -> str:
    shown = [(f"from {r['from']:.1f}", r["count"], r["predicted"], r["solved"]) for r in rows]
    return f"Reliability of {name}:\n\n" + format_markdown_table(
        ("predicted", "count", "mean", "came true"), shown
    )


def format_verifier(figures: dict[str, Any] | None) -> list[str]:
    """Return how well the verifier model recognises right answers, and what it accepts."""
    if figures is None:
        return ["No verifier model: nearly all answers are right, or nearly none is."]
    head = ("answer", "judged", "right", "AUROC", "confidence", "Brier", "confidence", "base")
    rows = [
        (k["kind"] + (", after a direct one" if k["after_direct"] else ""), k["count"],
         format_percentage(k["right"]), k["auroc"], k["auroc_confidence"], k["brier"], k["brier_confidence"],
         k["brier_base"])
        for k in figures["by_kind"]
    ]  # fmt: skip
    title = "Verifier model, P(right | attempt), beside the raw confidence, over all situations of a policy:\n\n"
    return [
        title + format_markdown_table(head, rows),
        _format_gate(figures["gate"]),
        _format_reliability("the verifier model", figures["reliability"]),
    ]


def _format_gate(gate: dict[str, Any]) -> str:
    wanted = f"{format_percentage(gate['target'])} of those accepted are to be right"
    if gate["threshold"] is None:
        return f"It accepts no answer: {wanted}, and no threshold reaches that on enough answers."
    precision, low, high = (format_percentage(gate[key]) for key in ("precision", "low", "high"))
    return (
        f"It accepts from {gate['threshold']:.3f} on ({wanted}): {gate['accepted']} of {gate['judged']} answers, "
        f"{precision} of them right ({low} to {high})."
    )


def _format_importance(profile: Profile, figures: dict[str, Any]) -> str:
    """Return the heaviest weights of each model: log-odds per standard deviation, for tokens per presence."""
    rows = []
    for i, text in enumerate(figures["tokens_of_text"]):
        rows.append((f"rung {i}, text", _format_weights(text)))
        if figures["probe"]:
            rows.append((f"rung {i}, probe", _format_weights(figures["probe"]["importance"][i])))
    if figures["verifier"]:
        rows.append(("verifier", _format_weights(figures["verifier"]["importance"])))
    title = "What weighs most: change of log-odds for a standard deviation, and of a token for being there.\n\n"
    return title + format_markdown_table(("model", "weights"), rows)


def _format_weights(rows: Sequence[Sequence[Any]], most: int = 8) -> str:
    return ", ".join(
        f"`{name.replace('|', '¦').replace('`', chr(39))}` {weight:+.2f}" for name, weight in rows[:most]
    )
