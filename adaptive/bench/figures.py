"""All figures of a bench: they are written as JSON, and the table, plots and report are made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from adaptive.bench import metrics, s1_metrics
from adaptive.bench.baselines import Baseline, BenchSetup, MissingBaseline
from adaptive.bench.calibration import (
    RungReliability,
    ScoreReliability,
    measure_rung_reliability,
    measure_score_reliability,
)
from adaptive.bench.metrics import PairedComparison
from adaptive.learn.data.outcome import RecordedQuestion, rung_to_key
from adaptive.learn.data.readings import HeldOutReading
from adaptive.learn.fit.metrics import LEVELS
from adaptive.learn.tuning.cost_front import CostFront
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.ways import WayResult
from adaptive.types.forecast import Forecast
from adaptive.types.usage import MILLION, CostUnit

POLICY = "the policy"


@dataclass(frozen=True)
class BenchLine:
    """One way in the table.

    Args:
        kind: Its kind (`adaptive.bench.baselines.Kind`).
        name: Its name.
        said: A description, "" if the name says it all.
        questions: The number of questions it was measured on, usually all.
        accuracy: The share of right answers.
        tokens: Mean tokens per question.
        kinds: The same for each kind of tokens.
        against: The policy compared with it on these questions; None for the policy.
        cost: Mean dollars per question, if known.
        seconds: Percentiles of the seconds per question, if measured.
        corner: Whether it is a constant and a corner of the hull of constants, chosen on the tuning questions.
    """

    kind: str
    name: str
    said: str
    questions: int
    accuracy: Interval
    tokens: float
    kinds: dict[str, float | None]
    against: PairedComparison | None = None
    cost: float | None = None
    seconds: dict[str, float] | None = None
    corner: bool = False

    def measure(self, unit: CostUnit) -> float:
        """Return the mean tokens of a question, or its mean cost in millionths of a dollar, if it is known."""
        return self.tokens if unit == "tokens" or self.cost is None else MILLION * self.cost


@dataclass(frozen=True)
class DifficultyLevel:
    """Questions of one difficulty, with mean tokens and accuracy there by kind of way."""

    name: str
    questions: int
    tokens: dict[str, float]
    right: dict[str, float]


@dataclass(frozen=True)
class Figures:
    """All figures of a bench.

    Args:
        lines: The table, the policy first.
        front: All constants, their hull, the policy and the oracle, and what the policy gains over the hull.
        absent: Baselines that were not measured.
        measures: s1's measures of the fixed budgets and of the policy.
        judged: The calibration of the policy's scores.
        rungs: The calibration of P(solved) at each rung; empty if the profile predicts nothing.
        levels: Tokens and accuracy by difficulty.
        notes: Sentences for the reader.
        about: The run in words, names to text.
        reading: How often the test questions were read; None if nobody counts.
    """

    lines: tuple[BenchLine, ...]
    front: CostFront
    absent: tuple[MissingBaseline, ...]
    measures: dict[str, s1_metrics.S1Measures]
    judged: ScoreReliability
    rungs: tuple[RungReliability, ...]
    levels: tuple[DifficultyLevel, ...]
    notes: tuple[str, ...]
    about: dict[str, str]
    reading: HeldOutReading | None = None

    @property
    def policy(self) -> BenchLine:
        """The policy's line."""
        return self.lines[0]

    def get_line(self, kind: str) -> BenchLine:
        """Return the line of a kind that every bench has."""
        return next(line for line in self.lines if line.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def compute_figures(
    setup: BenchSetup,
    within: float,
    notes: Sequence[str],
    about: dict[str, str],
    live: bool,
    forecasts: Sequence[Forecast] = (),
) -> Figures:
    """Measure a policy against all baselines.

    Args:
        setup: The questions and the policy's results.
        within: The share of the policy's attempts that stayed within their budgets.
        notes: Sentences for the reader.
        about: The run in words.
        live: Whether the policy was run, not replayed: only then it has seconds and perhaps a price.
        forecasts: What the profile predicts of each question; empty if it predicts nothing.
    """
    baselines = setup.build_baselines()
    measured = [one for one in baselines if isinstance(one, Baseline)]
    absent = tuple(one for one in baselines if isinstance(one, MissingBaseline))
    replayed = {one.kind: _replay_baseline(one, setup.recorded) for one in measured}
    lines = [_bench_policy(setup, live), *(_measure_baseline(one, setup) for one in measured)]
    partly = [
        _note_partial_line(line, len(setup.recorded)) for line in lines if line.questions < len(setup.recorded)
    ]
    return Figures(
        lines=tuple(lines),
        front=setup.constants.build_front(POLICY, setup.policy),
        absent=absent,
        measures=_measure_budgets(setup, within),
        judged=measure_score_reliability(setup.policy.results),
        rungs=measure_rung_reliability(setup.ladder, forecasts, setup.recorded, setup.unit) if forecasts else (),
        levels=tuple(
            _measure_levels(
                setup, {"top": replayed["top"], "best": replayed["best"], "policy": setup.policy.results}
            )
        ),
        notes=(*notes, *partly),
        about=about,
    )


def _bench_policy(setup: BenchSetup, live: bool) -> BenchLine:
    results = setup.policy.results
    line = _build_line("policy", POLICY, "", results)
    return replace(line, seconds=metrics.compute_latency(results)) if live else line


def _measure_baseline(one: Baseline, setup: BenchSetup) -> BenchLine:
    rows = [i for i, recorded in enumerate(setup.recorded) if one.is_recorded(recorded)]
    results = [one.choose(setup.recorded[i]) for i in rows]
    line = _build_line(one.kind, one.name, one.description, results)
    against = metrics.compare_paired([setup.policy.results[i] for i in rows], results, setup.policy.unit)
    return replace(line, against=against, corner=one.corner)


def _build_line(kind: str, name: str, description: str, results: Sequence[WayResult]) -> BenchLine:
    right = np.array([t.right for t in results], dtype=np.float64)
    tokens = float(np.mean([t.tokens for t in results]))
    return BenchLine(
        kind,
        name,
        description,
        len(results),
        metrics.measure_accuracy(right),
        tokens,
        metrics.average_tokens_by_kind(results),
        cost=metrics.average_cost(results),
    )


def _replay_baseline(one: Baseline, recorded: Sequence[RecordedQuestion]) -> list[WayResult]:
    return [one.choose(r) for r in recorded if one.is_recorded(r)]


def _note_partial_line(line: BenchLine, count: int) -> str:
    return (
        f"{line.name} is measured on the {line.questions} of {count} questions that it was recorded of, and "
        "compared with the policy on these."
    )


def _measure_budgets(setup: BenchSetup, within: float) -> dict[str, s1_metrics.S1Measures]:
    """s1's measures of the ladder's fixed budgets, and of the direct answer and the policy."""
    rungs = [_measure_rung(setup.recorded, rung) for rung in setup.ladder]
    thinking = float(np.mean([t.usage.most_thinking for t in setup.policy]))
    policy = s1_metrics.S1Run(thinking, float(setup.policy.right.mean()), within)
    return {
        "fixed budgets": s1_metrics.compute_s1_measures(rungs),
        POLICY: s1_metrics.compute_s1_measures([rungs[0], policy]),
    }


def _measure_rung(recorded: Sequence[RecordedQuestion], rung: Any) -> s1_metrics.S1Run:
    outcomes = [one.outcomes[rung_to_key(rung)] for one in recorded]
    return s1_metrics.S1Run(
        thinking=float(np.mean([o.compute_usage().most_thinking for o in outcomes])),
        accuracy=float(np.mean([o.solved for o in outcomes])),
        within=float(np.mean([o.attempt.chain_tokens <= rung.budget for o in outcomes])),
    )


def _measure_levels(setup: BenchSetup, ways: dict[str, Sequence[WayResult]]) -> list[DifficultyLevel]:
    """Tokens by difficulty: the cheapest rung is right (easy), some rung is (medium), none is (hard)."""
    of = np.array([_classify_difficulty(one, setup) for one in setup.recorded])
    return [_measure_level(LEVELS[at], np.flatnonzero(of == at).tolist(), ways) for at in range(len(LEVELS))]


def _measure_level(name: str, rows: Sequence[int], ways: dict[str, Sequence[WayResult]]) -> DifficultyLevel:
    tokens = {kind: float(np.mean([results[i].tokens for i in rows])) for kind, results in ways.items() if rows}
    right = {kind: float(np.mean([results[i].right for i in rows])) for kind, results in ways.items() if rows}
    return DifficultyLevel(name, len(rows), tokens, right)


def _classify_difficulty(recorded: RecordedQuestion, setup: BenchSetup) -> int:
    if recorded.is_solved(rung_to_key(setup.ladder[0])):
        return 0
    return 1 if any(recorded.is_solved(rung_to_key(rung)) for rung in setup.ladder) else 2
