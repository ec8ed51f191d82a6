"""What each arm of escalation pays, from the same starting attempts, and whether choosing among them pays.

    python -m benchmarks.arms arms.jsonl --profile models/abacus/profile

Reads what `benchmarks.recording` wrote; asks no model. The first table is over starting attempts that the
profile's verifier rejects: how many wrong answers an arm makes right and right ones wrong, by its own answer and
by the better of both kept, and right answers gained for 1,000 tokens (95 % bootstrap interval over questions).
The second compares, at equal tokens, taking the arm that gained most for its tokens on the other half of the
questions with always a Wait and always a vote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from adaptive.profile.profile import Profile
from adaptive.profile.untrained import build_untrained_profile
from adaptive.types.attempt import Arm
from adaptive.types.policy import After
from adaptive.verify import build_verifier
from benchmarks.outcomes import Brought, Replay, Start, read

DRAWS = 2000
UNKNOWN_WINDOW = 4096
Choice = Callable[[Start], str | None]


def interval(values: Sequence[float], weights: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of sum(values) / sum(weights) over questions."""
    v, w = np.asarray(values, float), np.asarray(weights, float)
    draws = np.random.default_rng(seed).integers(0, len(v), (DRAWS, len(v)))
    low, high = np.percentile(v[draws].sum(axis=1) / w[draws].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def arm_names(starts: Sequence[Start], after: After) -> list[str]:
    """The arms that were recorded after such attempts, in the order of the first that has all."""
    found = dict.fromkeys(name for s in starts if s.after == after for name in s.arms)
    return list(found)


def payoffs(starts: Sequence[Start], after: After) -> Table:
    """The first table, for attempts that ended in one way."""
    table = Table("arm", "n", "right before", "own", "kept", "mends", "breaks", "tokens", "right for 1,000 tokens")
    table.title = f"after attempts that were {after}, rejected by the verifier"
    for name in arm_names(starts, after):
        rows = [(s, s.arms[name]) for s in starts if s.after == after and not s.accepted and name in s.arms]
        if not rows:
            continue
        gained = [1000 * (b.right - s.right) for s, b in rows]
        tokens = [b.tokens for _, b in rows]
        low, high = interval(gained, tokens)
        wrong, right = [b for s, b in rows if not s.right], [b for s, b in rows if s.right]
        table.add_row(
            name,
            str(len(rows)),
            *(percent([p(s, b) for s, b in rows]) for p in (_before, _own, _kept)),
            f"{sum(b.right for b in wrong)} ({sum(b.raw for b in wrong)}) of {len(wrong)}",
            f"{sum(not b.right for b in right)} ({sum(not b.raw for b in right)}) of {len(right)}",
            f"{np.mean(tokens):.0f}",
            f"{sum(gained) / sum(tokens):+.2f} ({low:+.2f} to {high:+.2f})",
        )
    return table


def percent(right: Sequence[bool]) -> str:
    """A share in percent."""
    return f"{100 * np.mean(right):.1f} %"


def _before(start: Start, _: Brought) -> bool:
    return start.right


def _own(_: Start, brought: Brought) -> bool:
    return brought.raw


def _kept(_: Start, brought: Brought) -> bool:
    return brought.right


@dataclass(frozen=True)
class Measured:
    """What an arm brought after rejected attempts that ended in one way.

    gain: right answers gained for 1,000 tokens, with one added against it to each count that a share is taken of.
    """

    arm: Arm
    after: After
    gain: float


def measured(starts: Sequence[Start]) -> list[Measured]:
    """What each arm brought after rejected attempts."""
    found = []
    for after in ("cut", "ended"):
        for arm in get_args(Arm):
            rows = [(s, s.arms[arm]) for s in starts if s.after == after and not s.accepted and arm in s.arms]
            wrong, right = [b for s, b in rows if not s.right], [b for s, b in rows if s.right]
            if rows and wrong and right:
                share = len(right) / len(rows)
                mends = sum(b.right for b in wrong) / (len(wrong) + 1)
                breaks = (sum(not b.right for b in right) + 1) / (len(right) + 2)
                tokens = float(np.mean([b.tokens for _, b in rows]))
                gain = 1000 * ((1 - share) * mends - share * breaks) / tokens
                found.append(Measured(arm, after, gain))  # type: ignore[arg-type]
    return found


def chooser(known: Sequence[Measured]) -> Choice:
    """The arm that gained most for its tokens, if it gained anything; None to stop."""

    def choose(start: Start) -> str | None:
        gains = {one.arm: one.gain for one in known if one.after == start.after and one.arm in start.arms}
        best = max(gains, key=lambda a: gains[a], default=None)
        return best if best is not None and gains[best] > 0 else None

    return choose


@dataclass(frozen=True)
class Way:
    """A way to escalate, replayed over starting attempts: right or not and tokens, one entry a question."""

    name: str
    right: np.ndarray
    tokens: np.ndarray


def replayed(name: str, starts: Sequence[Start], choose: Choice) -> Way:
    """Every rejected start escalated by the arm chosen for it."""
    right, tokens = [], []
    for start in starts:
        arm = None if start.accepted else choose(start)
        got = start.arms[arm] if arm is not None else None
        right.append(got.right if got else start.right)
        tokens.append(start.cost + (got.tokens if got else 0))
    return Way(name, np.array(right, float), np.array(tokens, float))


def fixed(arm: str, until: float) -> Choice:
    """Always this arm where the score is under `until`, and the next best thing where the arm cannot be had."""
    return lambda start: arm if start.score < until and arm in start.arms else None


def at_equal_tokens(arm: str, starts: Sequence[Start], tokens: float) -> Way:
    """The fixed arm taken for as many of the lowest scores as these mean tokens pay for."""
    scores = [*sorted({s.score for s in starts if not s.accepted}), 1.01]
    ways = [replayed(f"always {arm}", starts, fixed(arm, until)) for until in [0.0, *scores]]
    return max(
        (w for w in ways if w.tokens.mean() <= tokens + 1e-9),
        key=lambda w: float(w.tokens.mean()),
        default=ways[0],
    )


def compared(starts: Sequence[Start]) -> Table:
    """The second table: the best arm of the other half, and each fixed arm at its tokens."""
    half = np.random.default_rng(0).permutation(len(starts)) % 2
    parts = [[s for s, h in zip(starts, half, strict=True) if h == one] for one in (0, 1)]
    policies = [replayed("policy", parts[i], chooser(measured(parts[1 - i]))) for i in (0, 1)]
    order = parts[0] + parts[1]
    policy = Way("policy", *(np.concatenate([getattr(p, k) for p in policies]) for k in ("right", "tokens")))
    none = replayed("no escalation", order, lambda _: None)
    names = ("wait", "2 waits", "budget", "budget, top", "effort", "vote")
    arms = [n for n in names if any(n in s.arms for s in order)]
    table = Table("way", "right", "tokens", "the policy against it, at its tokens or less (95 %)")
    for way in [policy, none, *(at_equal_tokens(a, order, float(policy.tokens.mean())) for a in arms)]:
        delta = 100 * (policy.right - way.right)
        low, high = interval(list(delta), [1.0] * len(delta))
        against = "" if way is policy else f"{delta.mean():+.1f} ({low:+.1f} to {high:+.1f})"
        table.add_row(way.name, f"{100 * way.right.mean():.1f} %", f"{way.tokens.mean():.0f}", against)
    return table


def votes(starts: Sequence[Start]) -> Table:
    """Adaptive votes against all samples, over every starting attempt, rejected or not."""
    whole = next(n for n in starts[0].arms if n.startswith("vote of"))
    rows = [(s.arms["vote"], s.arms[whole]) for s in starts]
    delta = [100.0 * (a.right - b.right) for a, b in rows]
    low, high = interval(delta, [1.0] * len(rows))
    table = Table("", "samples", "right", "tokens")
    for name, column in (("adaptive", 0), (whole, 1)):
        got = [r[column] for r in rows]
        samples, right, tokens = (np.mean([getattr(g, k) for g in got]) for k in ("samples", "right", "tokens"))
        table.add_row(name, f"{samples:.2f}", f"{100 * right:.1f} %", f"{tokens:.0f}")
    fewer = np.mean([b.samples for _, b in rows]) / np.mean([a.samples for a, _ in rows])
    table.caption = f"{fewer:.2f} times fewer samples at {np.mean(delta):+.2f} points ({low:+.2f} to {high:+.2f})"
    return table


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("recorded", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--profile",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Default: what is taken for a model of which nothing is known.",
)
@click.option("--accept", type=float, help="One accept threshold for every effort, in place of the profile's.")
@click.option("--sure", type=float, help="vote_sure, in place of the profile's.")
@click.option("--limit", type=int, help="Only the first so many questions.")
def main(recorded: Path, folder: Path | None, accept: float | None, sure: float | None, limit: int | None) -> None:
    """Print the tables."""
    profile = Profile.load(folder) if folder else build_untrained_profile("a model", UNKNOWN_WINDOW)
    policy = profile.policy
    if accept is not None:
        policy = replace(policy, accept=dict.fromkeys(policy.accept, accept))
    if sure is not None:
        policy = replace(policy, vote_sure=sure)
    replay = Replay(build_verifier(policy), policy)
    rows = [replay.starts(row) for row in read(recorded)[:limit]]
    console = Console(width=150)
    budgets = [s.attempt.budget for s in rows[0]]
    for place, budget in enumerate(budgets):
        starts = [row[place] for row in rows]
        accepted = [s.right for s in starts if s.accepted]
        console.print(
            f"\n[bold]{len(starts)} starting attempts with a budget of {budget}[/bold]: "
            f"{100 * np.mean([s.right for s in starts]):.1f} % right, {len(accepted)} accepted, of these "
            f"{100 * np.mean(accepted or [0]):.1f} % right"
        )
        for after in ("cut", "ended"):
            if any(s.after == after and not s.accepted for s in starts):
                console.print(payoffs(starts, after))  # type: ignore[arg-type]
        console.print(compared(starts))
        console.print(votes(starts))


if __name__ == "__main__":
    main()
