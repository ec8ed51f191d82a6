"""Formats the result of tuning, for the terminal, for the profile and for its card."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from adaptive._util.files import write_atomically
from adaptive.learn.fit.thresholds import estimate_share
from adaptive.learn.report.tables import Row, format_markdown_table
from adaptive.learn.tuning.search import TestedSetting, TuningResult
from adaptive.learn.tuning.ways import Way
from adaptive.profile.domain import UNLIKE
from adaptive.profile.files import CARD_FILE

HEADING = "## What it promises"


def promise_to_json(result: TuningResult) -> dict[str, Any]:
    """Return the promise and its evidence in plain JSON types; raise `ValueError` if no policy was chosen."""
    chosen, goal = _require_chosen(result), result.goal
    return {
        "target_loss": goal.target,
        "confidence": goal.confidence,
        "max_tokens": goal.max_tokens,
        "max_cost": goal.max_cost,
        "questions": len(chosen.way),
        "groups": chosen.paired.groups,
        "outside": result.outside,
        "searched": result.searched,
        "losses": chosen.losses,
        "gains": chosen.gains,
        "bound": round(chosen.bound, 5),
        "right": round(float(chosen.way.right.mean()), 4),
        "against": result.reference.name,
        "right_against": round(float(result.on_reference.right.mean()), 4),
        "tokens": round(float(chosen.way.tokens.mean()), 1),
        "tokens_against": round(float(result.on_reference.tokens.mean()), 1),
        "saving": [round(one, 4) for one in result.saving],
        "oracle": round(result.oracle, 4),
        "constant": chosen.constant.name if chosen.constant else None,
    }


def format_promise(result: TuningResult) -> str:
    """Return the chosen policy, its promise and the tested policies, as Markdown."""
    chosen = _require_chosen(result)
    rows = [_format_row(f"always {result.reference.name}", result.on_reference)]
    rows += [_format_row(_name_row(t, result), t.way, t) for t in result.tested[: result.passed + 1]]
    head = ("", "right", "tokens", "losses", "gains", "p-value")
    verdict = _format_nothing(result) if result.gains_nothing else _format_gain(result, chosen)
    outside = _describe_outside(result, len(chosen.way))
    return f"{verdict}{outside}\n\n{format_markdown_table(head, rows)}\n\n{_format_dials(chosen)}"


def _format_gain(result: TuningResult, chosen: TestedSetting) -> str:
    goal, reference = result.goal, result.reference.name
    saved, low, high = (f"{100 * one:.0f}" for one in result.saving)
    what = f"Always {chosen.constant.name}" if chosen.constant else "The policy"
    return (
        f"{what} saves {saved} % ({low} to {high}) of the tokens of always {reference}. With confidence "
        f"{goal.confidence:g} it loses at most {_format_points(goal.target)} points of accuracy against it, on "
        f"questions like the {_describe_draws(chosen)} that it was tested on: there it lost {chosen.losses} that "
        f"always {reference} has right and gained {chosen.gains} that it has not, which bounds the loss by "
        f"{_format_points(chosen.bound)} points. An oracle would save {100 * result.oracle:.0f} %."
    )


def _format_nothing(result: TuningResult) -> str:
    goal, reference = result.goal, result.reference.name
    target = f"{_format_points(goal.target)} point{'' if goal.target == 0.01 else 's'}"
    best = next((one for one in result.tested if one.constant != result.reference), None)
    why = "nothing cheaper is among what was searched"
    if best is not None:
        why = (
            f"nothing cheaper surely loses less than {target} with confidence {goal.confidence:g}; the most "
            f"accurate lost {best.losses} and gained {best.gains} of {len(best.way)} questions"
        )
        needed = None if result.needed is None else max(result.needed, result.least)
        more = "too much for any number of questions" if needed is None else f"about {needed} would be enough"
        allowed = f"{math.ceil(1000 * best.bound) / 1000:.3f}"  # never less than the bound
        why = f"{why}, {more}; these data allow --target-loss {allowed}"
    oracle = f"An oracle would save {100 * result.oracle:.0f} %."
    return f"Nothing to gain here: use always {reference}, which this profile now does ({why}). {oracle}"


def _format_dials(chosen: TestedSetting) -> str:
    policy, threshold = chosen.setting.policy, chosen.setting.threshold
    accepted = f"Accepted: from p(right) {threshold:g} on."
    if chosen.constant is not None:
        return f"First and last: {chosen.constant.name}. {accepted}"
    return (
        f"First: the direct answer from p(solved) {policy.probe_from:g} on, else the cheapest rung with "
        f"{policy.target:g}, or within {policy.slack:g} of the top one's; under {policy.hopeless:g} at the top "
        f"rung only the direct answer. {accepted} An arm must promise more than {policy.worth:g} right answers "
        "for 1,000 tokens."
    )


def format_refusal(result: TuningResult) -> str:
    """Return why nothing was chosen, in one sentence: everything that keeps the promise is too dear."""
    tokens = f"{result.on_reference.tokens.mean():.0f} tokens"
    return (
        "nothing that keeps the promise stays under what a question may take: raise --max-tokens-per-question or "
        f"--max-cost (always {result.reference.name} takes {tokens}), or --target-loss."
    )


def write_promise(folder: Path, result: TuningResult) -> None:
    """Write the promise into the profile's card, in place of an older one."""
    card = folder / CARD_FILE
    text = card.read_text(encoding="utf-8") if card.is_file() else "# Profile\n"
    before, _, after = text.partition(HEADING)
    _, next_heading, rest = after.partition("\n## ")
    section = f"{HEADING}\n\n{format_promise(result)}\n"
    write_atomically(card, f"{before.rstrip()}\n\n{section}{f'{next_heading}{rest}' if next_heading else ''}")


def _describe_draws(chosen: TestedSetting) -> str:
    groups = chosen.paired.groups
    return str(len(chosen.way)) if groups is None else f"{len(chosen.way)} of {groups} groups"


def _describe_outside(result: TuningResult, inside: int) -> str:
    if not result.outside:
        return ""
    share = f"{100 * result.outside / (inside + result.outside):.1f} %"
    return f" It says nothing about the {share} of questions that are {UNLIKE}: they are left to the model."


def _require_chosen(result: TuningResult) -> TestedSetting:
    if result.chosen is None:
        raise ValueError("no policy was chosen")
    return result.chosen


def _name_row(tested: TestedSetting, result: TuningResult) -> str:
    named = f"always {tested.constant.name}, " if tested.constant else ""
    if tested not in result.tested[: result.passed]:
        return f"{named}does not keep it"
    chosen = result.chosen is not None and tested.setting.policy == result.chosen.setting.policy
    return f"{named}{'chosen' if chosen else 'keeps it'}"


def _format_row(name: str, way: Way, tested: TestedSetting | None = None) -> Row:
    right, low, high = estimate_share(int(way.right.sum()), len(way))
    counts = (tested.losses, tested.gains, tested.p_value) if tested else (None, None, None)
    return (
        name,
        f"{100 * right:.1f} % ({100 * low:.1f} to {100 * high:.1f})",
        f"{way.tokens.mean():.0f}",
        *counts,
    )


def _format_points(part: float) -> str:
    return f"{100 * part:.2g}"
