"""What tuning came to, in words and figures: on the terminal, in the profile and in its card."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from adaptive._util.files import write_whole
from adaptive.learn.fit.thresholds import share
from adaptive.learn.report.tables import Row, table
from adaptive.learn.tuning.search import Tested, Tuned
from adaptive.learn.tuning.ways import Way
from adaptive.profile.files import CARD

HEADING = "## What it promises"


def figures(found: Tuned) -> dict[str, Any]:
    """The promise and what it rests on, in plain JSON types. Raises `ValueError` where nothing was chosen."""
    chosen, goal = _chosen(found), found.goal
    return {
        "target_loss": goal.target,
        "confidence": goal.confidence,
        "max_tokens": goal.max_tokens,
        "max_cost": goal.max_cost,
        "questions": len(chosen.way),
        "searched": found.searched,
        "losses": chosen.losses,
        "gains": chosen.gains,
        "bound": round(chosen.bound, 5),
        "right": round(float(chosen.way.right.mean()), 4),
        "right_top": round(float(found.top.right.mean()), 4),
        "tokens": round(float(chosen.way.tokens.mean()), 1),
        "tokens_top": round(float(found.top.tokens.mean()), 1),
    }


def summary(found: Tuned) -> str:
    """The chosen policy, what it promises, and the line it was chosen from, as Markdown."""
    chosen, goal = _chosen(found), found.goal
    policy, threshold = chosen.setting.policy, chosen.setting.threshold
    said = (
        f"With confidence {goal.confidence:g} it loses at most {_points(goal.target)} points of accuracy against "
        f"always using the top rung, on questions like the {len(chosen.way)} that it was tested on: there it lost "
        f"{chosen.losses} that the top rung has right and gained {chosen.gains} that it has not, which bounds the "
        f"loss by {_points(chosen.bound)} points."
    )
    dials = (
        f"First: the direct answer from p(solved) {policy.probe_from:g} on, else the cheapest rung with "
        f"{policy.target:g}, or within {policy.slack:g} of the top one's; under {policy.hopeless:g} at the top "
        f"rung only the direct answer. Accepted: from p(right) {threshold:g} on. An arm must promise more than "
        f"{policy.worth:g} right answers for 1,000 tokens."
    )
    tested = found.tested[: found.passed + 1]
    rows = [_row("top rung", found.top), *(_row(_name(t, found), t.way, t) for t in tested)]
    head = ("", "right", "tokens", "losses", "gains", "p-value")
    return f"{said}\n\n{table(head, rows)}\n\n{dials}"


def refusal(found: Tuned) -> str:
    """Why no policy was chosen, and what would help, in one sentence."""
    goal, best = found.goal, found.tested[0] if found.tested else None
    if best is None:
        return "no policy stays under what a question may take: raise --max-tokens-per-question or --max-cost."
    if found.passed:
        return (
            "no policy that keeps the promise stays under what a question may take: raise that, or --target-loss."
        )
    count = len(best.way)
    seen = f"the most accurate policy lost {best.losses} and gained {best.gains} of {count} questions"
    promise = f"no policy surely loses less than {_points(goal.target)} points"
    could = (
        f"these data allow --target-loss {math.ceil(1000 * best.bound) / 1000:.3f}"  # never less than the bound
    )
    if found.needed is None:
        return f"{promise}: {seen}, which is too much for any number of questions; {could}."
    needed = max(found.needed, found.least)
    return f"{promise} with confidence {goal.confidence:g}: {seen}, and about {needed} would be enough; {could}."


def write_promise(folder: Path, found: Tuned) -> None:
    """Put the promise into the profile's card, in the place of an older one."""
    card = folder / CARD
    text = card.read_text(encoding="utf-8") if card.is_file() else "# Profile\n"
    before, _, after = text.partition(HEADING)
    _, found_next, rest = after.partition("\n## ")
    section = f"{HEADING}\n\n{summary(found)}\n"
    write_whole(card, f"{before.rstrip()}\n\n{section}{f'{found_next}{rest}' if found_next else ''}")


def _chosen(found: Tuned) -> Tested:
    if found.chosen is None:
        raise ValueError("no policy was chosen")
    return found.chosen


def _name(tested: Tested, found: Tuned) -> str:
    if tested not in found.tested[: found.passed]:
        return "does not"
    chosen = found.chosen is not None and tested.setting.policy == found.chosen.setting.policy
    return "chosen" if chosen else "keeps it"


def _row(name: str, way: Way, tested: Tested | None = None) -> Row:
    right, low, high = share(int(way.right.sum()), len(way))
    counts = (tested.losses, tested.gains, tested.p_value) if tested else (None, None, None)
    return (
        name,
        f"{100 * right:.1f} % ({100 * low:.1f} to {100 * high:.1f})",
        f"{way.tokens.mean():.0f}",
        *counts,
    )


def _points(part: float) -> str:
    return f"{100 * part:.2g}"
