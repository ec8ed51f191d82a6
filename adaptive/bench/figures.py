"""All figures of a bench, from which the table, the plots and the report are made and which are kept as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from adaptive.bench import metrics, s1_metrics
from adaptive.bench.baselines import Absent, Baseline, Trial
from adaptive.bench.calibration import Judged, judged
from adaptive.bench.metrics import Against, Interval
from adaptive.learn.data.outcome import DIRECT, Recorded, key_of
from adaptive.learn.fit.metrics import LEVELS
from adaptive.learn.tuning.ways import Taken

POLICY = "the policy"


@dataclass(frozen=True)
class Line:
    """One way in the table. questions: how many it was measured on, all of them as a rule.

    accuracy: share right. tokens: mean of a question, and by `kinds`. against: the policy against it, on the
    questions of this line; None for the policy. front: no other way that one can buy beats it.
    """

    kind: str
    name: str
    said: str
    questions: int
    accuracy: Interval
    tokens: float
    kinds: dict[str, float]
    against: Against | None = None
    cost: float | None = None
    seconds: dict[str, float] | None = None
    front: bool = False


@dataclass(frozen=True)
class Level:
    """Questions of one difficulty, and by the kind of way the mean tokens and the share right there."""

    name: str
    questions: int
    tokens: dict[str, float]
    right: dict[str, float]


@dataclass(frozen=True)
class Figures:
    """Everything. lines: the policy first. measures: s1's, by what they are of. notes: sentences for the reader.

    about: what was benched, and how, in words: names to text.
    """

    lines: tuple[Line, ...]
    absent: tuple[Absent, ...]
    measures: dict[str, s1_metrics.Measures]
    judged: Judged
    levels: tuple[Level, ...]
    notes: tuple[str, ...]
    about: dict[str, str]

    @property
    def policy(self) -> Line:
        """The policy's line."""
        return self.lines[0]

    def of(self, kind: str) -> Line:
        """The line of a kind that every bench has."""
        return next(line for line in self.lines if line.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def figures(trial: Trial, within: float, notes: Sequence[str], about: dict[str, str], live: bool) -> Figures:
    """Measures a policy against all baselines.

    within: share of the policy's attempts that stayed within their budgets. live: whether the policy really ran,
    so that it has seconds and perhaps a price.
    """
    baselines = trial.baselines()
    found = [one for one in baselines if isinstance(one, Baseline)]
    absent = tuple(one for one in baselines if isinstance(one, Absent))
    taken = {one.kind: _taken(one, trial.recorded) for one in found}
    lines = [_policy(trial, live), *(_line(one, trial) for one in found)]
    partly = [_partly(line, len(trial.recorded)) for line in lines if line.questions < len(trial.recorded)]
    return Figures(
        lines=tuple(_on_front(lines, len(trial.recorded))),
        absent=absent,
        measures=_measures(trial, within),
        judged=judged(trial.policy.taken),
        levels=tuple(_levels(trial, {"top": taken["top"], "best": taken["best"], "policy": trial.policy.taken})),
        notes=(*notes, *partly),
        about=about,
    )


def _policy(trial: Trial, live: bool) -> Line:
    taken = trial.policy.taken
    line = _measured("policy", POLICY, "", taken)
    return replace(line, cost=metrics.cost(taken), seconds=metrics.latency(taken)) if live else line


def _line(one: Baseline, trial: Trial) -> Line:
    rows = [i for i, recorded in enumerate(trial.recorded) if one.needs(recorded)]
    taken = [one.choose(trial.recorded[i]) for i in rows]
    line = _measured(one.kind, one.name, one.said, taken)
    return replace(line, against=metrics.against([trial.policy.taken[i] for i in rows], taken))


def _measured(kind: str, name: str, said: str, taken: Sequence[Taken]) -> Line:
    right = np.array([t.right for t in taken], dtype=np.float64)
    tokens = float(np.mean([t.tokens for t in taken]))
    return Line(kind, name, said, len(taken), metrics.accuracy(right), tokens, metrics.kinds(taken))


def _taken(one: Baseline, recorded: Sequence[Recorded]) -> list[Taken]:
    return [one.choose(r) for r in recorded if one.needs(r)]


def _partly(line: Line, count: int) -> str:
    return (
        f"{line.name} is measured on the {line.questions} of {count} questions that it was recorded of, and "
        "compared with the policy on these."
    )


def _on_front(lines: Sequence[Line], count: int) -> list[Line]:
    """The lines, marked where none that can be bought beats them; those of fewer questions stay out of it."""
    buyable = [line for line in lines if line.kind != "oracle" and line.questions == count]
    best = metrics.front([line.tokens for line in buyable], [line.accuracy.value for line in buyable])
    marked = {id(line) for line, front in zip(buyable, best, strict=True) if front}
    return [replace(line, front=id(line) in marked) for line in lines]


def _measures(trial: Trial, within: float) -> dict[str, s1_metrics.Measures]:
    """Of the ladder's fixed budgets, the direct answer among them, and of the direct answer and the policy."""
    rungs = [_run(trial.recorded, rung) for rung in trial.ladder]
    thinking = float(np.mean([t.usage.thinking for t in trial.policy]))
    policy = s1_metrics.Run(thinking, float(trial.policy.right.mean()), within)
    return {"fixed budgets": s1_metrics.measures(rungs), POLICY: s1_metrics.measures([rungs[0], policy])}


def _run(recorded: Sequence[Recorded], rung: Any) -> s1_metrics.Run:
    outcomes = [one.outcomes[key_of(rung)] for one in recorded]
    return s1_metrics.Run(
        thinking=float(np.mean([o.usage().thinking for o in outcomes])),
        accuracy=float(np.mean([o.solved for o in outcomes])),
        within=float(np.mean([o.attempt.charged <= rung.budget for o in outcomes])),
    )


def _levels(trial: Trial, ways: dict[str, Sequence[Taken]]) -> list[Level]:
    """Tokens by difficulty: the direct answer is right (easy), some rung is (medium), none is (hard)."""
    of = np.array([_level(one, trial) for one in trial.recorded])
    return [_of_level(LEVELS[at], np.flatnonzero(of == at).tolist(), ways) for at in range(len(LEVELS))]


def _of_level(name: str, rows: Sequence[int], ways: dict[str, Sequence[Taken]]) -> Level:
    tokens = {kind: float(np.mean([taken[i].tokens for i in rows])) for kind, taken in ways.items() if rows}
    right = {kind: float(np.mean([taken[i].right for i in rows])) for kind, taken in ways.items() if rows}
    return Level(name, len(rows), tokens, right)


def _level(recorded: Recorded, trial: Trial) -> int:
    if recorded.solved(DIRECT):
        return 0
    return 1 if any(recorded.solved(key_of(rung)) for rung in trial.ladder) else 2
