"""Does the promise hold? Tunes on many random calibration sets and counts how often more is lost than promised.

    python -m benchmarks.guarantee OUTCOMES.db PROFILE --splits 1000

OUTCOMES are those that PROFILE was trained on. The policies that `adaptive tune` lines up are found once for each
target, on the questions that the models were fitted to, and replayed once on the others. Then calibration sets of
half of these are drawn, and on each the policies are tested and the cheapest of those that passed is chosen, as
`adaptive tune` does it. What the choice loses is looked up in two ways:

other half: the set is drawn without replacement, and the loss is that on the questions that were not drawn. Their
noise is part of it, and counts against the promise twice: a half has more or less than its share by chance, and
where the calibration half has few of the losses the other has the rest.
population: the set is drawn with replacement. The questions are the population then, and its loss is known: this
is what is promised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from adaptive.learn.data.held_out import read_held_out
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.splits import assign_split, hash_question
from adaptive.learn.tuning.constants import choose_constant, list_constants
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.line_up import line_up_policies
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.risk import compute_p_value
from adaptive.learn.tuning.tune import NEARLY_BEST
from adaptive.learn.tuning.ways import Way
from adaptive.profile.profile import Profile

TARGETS, CONFIDENCES = (0.01, 0.02, 0.05), (0.9, 0.95)
HEAD = ("target", "confidence", "lose more", "judged by", "nothing chosen", "broken", "95 %", "allowed", "saved")

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Told = Callable[[str], None]


@dataclass(frozen=True)
class Line:
    """Policies in the order in which they are tested, on n questions.

    lost: 1 where only the reference is right, -1 where only the policy is, else 0; shape (policies, n). tokens: of
    each question, shape (policies, n). top: the reference's tokens of a question, in the mean. targets: the loss
    that each must be shown to stay below, where that is less than the promise; shape (policies,).
    """

    lost: Counts
    tokens: Floats
    top: float
    targets: Floats

    @classmethod
    def of(cls, ways: Sequence[Way], top: Way, targets: Sequence[float]) -> Line:
        """From replayed policies, the reference, and their targets."""
        lost = [(top.right - way.right).astype(np.int64) for way in ways]
        return cls(
            np.array(lost), np.array([way.tokens for way in ways]), float(top.tokens.mean()), np.array(targets)
        )

    def losing_more(self, target: float) -> int:
        """How many policies lose more than the target."""
        return int(np.sum(self.lost.sum(axis=1) > target * self.lost.shape[1]))


@dataclass(frozen=True)
class Sets:
    """How often each of n questions is in a calibration set, and among those that judge it; shape (splits, n)."""

    name: str
    calibration: Counts
    judging: Counts


def halves(n: int, splits: int, rng: np.random.Generator) -> Sets:
    """One half to calibrate on, the other to judge by."""
    first = np.tile((np.arange(n) < n // 2).astype(np.int64), (splits, 1))
    calibration = rng.permuted(first, axis=1)
    return Sets("other half", calibration, 1 - calibration)


def with_replacement(n: int, splits: int, rng: np.random.Generator) -> Sets:
    """As many as a half, from the questions as the population, which judges."""
    calibration = rng.multinomial(n // 2, np.full(n, 1 / n), size=splits)
    return Sets("population", calibration, np.ones((splits, n), dtype=np.int64))


@dataclass(frozen=True)
class Found:
    """What came of `splits` calibration sets. broken: more was lost than the target. saved: the share of the
    reference's tokens that is not taken, in the mean of the sets on which a policy was chosen."""

    splits: int
    chosen: int
    broken: int
    saved: float | None

    def broken_within(self) -> tuple[float, float]:
        """The share that is broken, its 95 % interval."""
        return clopper_pearson(self.broken, self.splits)


@dataclass(frozen=True)
class Counted:
    """What can be seen of a line on sets: losses, gains and mean tokens, shape (splits, policies)."""

    line: Line
    sets: Sets
    losses: Counts
    gains: Counts
    tokens: Floats

    @classmethod
    def of(cls, line: Line, sets: Sets) -> Counted:
        """Count."""
        losses, gains = (sets.calibration @ (line.lost == sign).T.astype(np.int64) for sign in (1, -1))
        size = sets.calibration.sum(axis=1)[:, None]
        return cls(line, sets, losses, gains, sets.calibration @ line.tokens.T / size)

    def chosen(self, target: float, confidence: float) -> Counts:
        """The place in the line of each set's choice, -1 where nothing keeps the promise; shape (splits,)."""
        n, delta = int(self.sets.calibration[0].sum()), 1 - confidence
        alive = np.ones(len(self.losses), dtype=np.bool_)
        cheapest, found = np.full(len(alive), np.inf), np.full(len(alive), -1)
        for place in range(self.losses.shape[1]):
            pairs = zip(self.losses[alive, place].tolist(), self.gains[alive, place].tolist(), strict=True)
            least = min(target, float(self.line.targets[place]))
            alive[alive] = [_p_value(losses, gains, n, least) <= delta for losses, gains in pairs]
            better = alive & (self.tokens[:, place] < cheapest)
            cheapest[better], found[better] = self.tokens[better, place], place
        return found

    def found(self, target: float, confidence: float) -> Found:
        """How often the choice breaks the promise, and what it saves."""
        places = self.chosen(target, confidence)
        some = np.flatnonzero(places >= 0)
        judging, policies = self.sets.judging[some], places[some]
        lost = np.sum(judging * self.line.lost[policies], axis=1)
        broken = int(np.sum(lost > target * judging.sum(axis=1)))
        taken = float(self.line.tokens.mean(axis=1)[policies].mean()) if len(some) else None
        return Found(len(places), len(some), broken, None if taken is None else 1 - taken / self.line.top)


def clopper_pearson(count: int, of: int) -> tuple[float, float]:
    """The exact 95 % interval of a share (Clopper and Pearson 1934, Biometrika 26:404-413)."""
    low = float(betaincinv(count, of - count + 1, 0.025)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 0.975)) if count < of else 1.0
    return low, high


@cache
def _p_value(losses: int, gains: int, n: int, target: float) -> float:
    return compute_p_value(losses, gains, n, target)


def parts(outcomes: Path, profile: Profile) -> tuple[list[RecordedQuestion], list[RecordedQuestion]]:
    """The recorded questions to search with, and those that `adaptive tune` tests on."""
    found: dict[str, list[RecordedQuestion]] = {"learn": [], "tune": []}
    with OutcomeStore(outcomes) as file:
        for one in file:
            if one.is_complete(profile.ladder):
                found[assign_split(one.question, profile.tune_share or 0.0)].append(one)
    return found["learn"], found["tune"]


def lines(folder: Path, outcomes: Path, seed: int, tell: Told) -> Iterator[tuple[float, Line]]:
    """For each target the policies that are lined up for it, on the questions to test on."""
    profile, held_out = Profile.load(folder), read_held_out(folder)
    learn, every = parts(outcomes, profile)
    test = [one for one in every if not profile.is_outside(one.question.text)]
    p_solved = {q: held_out[k] for one in learn if (k := hash_question(q := one.question.text)) in held_out}
    search = Search([one for one in learn if one.question.text in p_solved], p_solved, seed).restrict_to(profile)
    replay = Replay.from_recorded(profile, test)
    measured = [(one, one.replay(search.recorded)) for one in list_constants(profile.ladder, [*learn, *test])]
    for target in TARGETS:
        reference = choose_constant(measured, profile.ladder, margin=target * NEARLY_BEST)
        on_reference = reference.replay(test)
        policies = line_up_policies(profile, search, Goal(target), measured, reference)
        ways = [Way.replay("", replay.with_policy(one.policy).solve, test) for one in policies]
        tell(
            f"{target:g}: {len(ways)} policies, found on {len(search.recorded)} questions, for {len(test)} others"
        )
        yield target, Line.of(ways, on_reference, [one.target for one in policies])


def rows(target: float, line: Line, splits: int, rng: np.random.Generator) -> Iterator[tuple[str, ...]]:
    """The table's rows for one target."""
    n = line.lost.shape[1]
    more = f"{line.losing_more(target)} of {len(line.lost)}"
    for sets in (halves(n, splits, rng), with_replacement(n, splits, rng)):
        counted = Counted.of(line, sets)
        for confidence in CONFIDENCES:
            found = counted.found(target, confidence)
            low, high = found.broken_within()
            yield (
                f"{target:g}", f"{confidence:g}", more, sets.name, f"{100 * (1 - found.chosen / splits):.1f} %",
                f"{100 * found.broken / splits:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}",
                f"{100 * (1 - confidence):.0f} %", "-" if found.saved is None else f"{100 * found.saved:.1f} %",
            )  # fmt: skip


@click.command()
@click.argument("outcomes", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("profile", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--splits", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(outcomes: Path, profile: Path, splits: int, seed: int) -> None:
    """Print the table, in Markdown."""
    rng = np.random.default_rng(seed)
    found = lines(profile, outcomes, seed, lambda said: click.echo(said, err=True))
    shown = [row for target, line in found for row in rows(target, line, splits, rng)]
    for row in (HEAD, ["---"] * len(HEAD), *shown):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
