"""The loop against always the top rung and against every fixed budget, on fresh questions, everything counted.

    python -m benchmarks.loop models/abacus/questions/fresh.jsonl

Every arm answers the same questions with the same engine, greedily. Tokens are all that a solve made, injected
or read (prompt, thinking, injected, answer), over all its attempts; `computed` leaves out what a later attempt
found in the cache. The difference in accuracy is paired, with a 95 % interval from 2,000 bootstrap samples of
the questions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from adaptive.answers.equality import same_answer
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import load_model_profile
from adaptive.solver.build import build_solver
from adaptive.types.options import Options

KINDS = ("prompt", "cached", "thinking", "injected", "answer", "verifier")


@dataclass(frozen=True)
class Arm:
    """A way to solve, and what came of it: one entry a question."""

    name: str
    right: tuple[bool, ...]
    results: tuple[dict[str, Any], ...]

    @property
    def accuracy(self) -> float:
        """Percent right."""
        return 100 * float(np.mean(self.right))

    def tokens(self, kind: str) -> float:
        """Mean tokens of one kind a question."""
        return float(np.mean([r["usage"][kind] for r in self.results]))

    @property
    def computed(self) -> float:
        """Mean tokens a question that the engine computed: what an escalation finds in the cache is left out."""
        return self.tokens("total") - self.tokens("cached")


def run(name: str, engine: TokenEngine, profile: Profile, options: Options, rows: Sequence[dict[str, str]]) -> Arm:
    """Solve every question one way."""
    solver = build_solver(engine, profile=profile, options=options)
    console = Console(stderr=True)
    results = [
        solver.invoke({"messages": [("user", row["question"])]})["adaptive_result"]
        for row in track(rows, description=name, console=console, disable=not console.is_terminal)
    ]
    right = [
        r["answer"] is not None and same_answer(r["answer"], row["answer"])
        for r, row in zip(results, rows, strict=True)
    ]
    arm = Arm(name, tuple(right), tuple(results))
    console.print(f"{name}: {arm.accuracy:.1f} % at {arm.tokens('total'):.0f} tokens")
    return arm


def arms(engine: TokenEngine, profile: Profile, rows: Sequence[dict[str, str]]) -> list[Arm]:
    """The loop, always the top rung, and every rung's effort and budget without waits."""
    fixed = [
        (
            f"fixed: {rung.effort}, {rung.budget}",
            Options(adapt=False, effort=rung.effort, budget=rung.budget, waits=0),
        )
        for rung in profile.ladder
    ]
    ways = [("adaptive", Options()), ("always the top rung", Options(adapt=False)), *fixed]
    return [run(name, engine, profile, options, rows) for name, options in ways]


def difference(one: Arm, other: Arm) -> tuple[float, float, float]:
    """Accuracy of `one` less that of `other` in points, and its paired 95 % interval."""
    delta = 100 * (np.array(one.right, float) - np.array(other.right, float))
    draws = np.random.default_rng(0).integers(0, len(delta), (2000, len(delta)))
    low, high = np.percentile(delta[draws].mean(axis=1), (2.5, 97.5))
    return float(delta.mean()), float(low), float(high)


def table(results: Sequence[Arm]) -> Table:
    """Accuracy and mean tokens a question of every arm, beside the top rung."""
    top = results[1]
    shown = Table("", "right", "against top rung (95 %)", "tokens", "of top", "computed", "of top", *KINDS)
    for arm in results:
        delta, low, high = difference(arm, top)
        against = "" if arm is top else f"{delta:+.1f} ({low:+.1f} to {high:+.1f})"
        total, computed = arm.tokens("total"), arm.computed
        spent = [
            f"{total:.1f}",
            percent(total, top.tokens("total")),
            f"{computed:.1f}",
            percent(computed, top.computed),
        ]
        shown.add_row(arm.name, f"{arm.accuracy:.1f} %", against, *spent, *(f"{arm.tokens(k):.1f}" for k in KINDS))
    return shown


def percent(part: float, whole: float) -> str:
    """A share, to a whole percent."""
    return f"{100 * part / whole:.0f} %"


def story(arm: Arm) -> str:
    """How the loop spent its attempts."""
    attempts = [r["attempts"] for r in arm.results]
    direct = np.mean([len(a) == 1 and a[0]["rung"] == 0 for a in attempts])
    waited = np.mean([any(b["arm"] == "wait" for b in a) for a in attempts])
    accepted = [ok for ok, r in zip(arm.right, arm.results, strict=True) if r["accepted"]]
    share = len(accepted) / len(arm.right)
    return (
        f"without thinking {100 * direct:.0f} %, with a Wait {100 * waited:.0f} %, "
        f"{np.mean([len(a) for a in attempts]):.2f} attempts a question; accepted {100 * share:.0f} %, "
        f"of these right {100 * float(np.mean(accepted or [0])):.1f} %"
    )


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("questions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-m", "--model", default="embedded", show_default=True)
@click.option("--profile", type=click.Path(exists=True, file_okay=False), help="Default: the model's own.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where every result is written.")
@click.option("--skip", default=0, show_default=True, help="Leave out so many first ones.")
@click.option("--limit", type=click.IntRange(min=1), help="Then only so many questions.")
def main(questions: Path, model: str, profile: str | None, out: Path | None, skip: int, limit: int | None) -> None:
    """Run all arms and print the table."""
    rows = [json.loads(line) for line in questions.read_text().splitlines()][skip:][:limit]
    engine = open_engine(model)
    results = arms(engine, load_model_profile(model, engine.context_window, profile), rows)
    console = Console(width=140)
    console.print(f"{len(rows)} questions of {questions}, model {model}")
    console.print(table(results))
    console.print(f"adaptive: {story(results[0])}")
    if out:
        kept = {
            arm.name: [{"right": r, **one} for r, one in zip(arm.right, arm.results, strict=True)]
            for arm in results
        }
        out.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
