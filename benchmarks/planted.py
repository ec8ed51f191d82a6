"""Tables whose truth is known: does tuning find what is there, and nothing where nothing is?

    python -m benchmarks.planted --seeds 20 --out planted.jsonl

A made-up model has four rungs. A question needs one of them, or is solved by none; a right rung and those above it
are right, but for a few that chance decides. In each scenario something else is planted: whether the text shows
what a question needs, whether the verifier's confidence tells right from wrong, a top rung that breaks answers,
heavy tails of the tokens, and groups of 40 questions that are alike. Each seed draws 800 questions (3,200 in
groups) to train and tune on, and 2,000 others that are the truth. Rows are written as they come; what is in the
file is not done again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from adaptive.learn.data.outcome import DIRECT, Outcome, RecordedQuestion, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import assign_split
from adaptive.learn.train import TrainSettings, train
from adaptive.learn.tuning.constants import choose_constant, list_constants
from adaptive.learn.tuning.front import MixCurve, find_hull
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.tune import Goal, tune_policy
from adaptive.learn.tuning.ways import Way
from adaptive.profile.profile import Profile
from adaptive.reason.budget import Style
from adaptive.types.attempt import Attempt, Round
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy
from adaptive.types.stops import Stops
from adaptive.types.usage import Usage

LADDER = Ladder((Rung("none", 0), Rung("low", 64), Rung("medium", 256), Rung("high", 1024)))
MEAN_TOKENS = (8, 50, 200, 800)
PROMPT = 20
PLAN = {
    "model": "planted", "ladder": LADDER.to_json(), "style": asdict(Style()), "stops": asdict(Stops()), "seed": 0,
    "temperature": 0.7, "window": 4096, "grader": "auto",
}  # fmt: skip
QUESTIONS, TRUTH, GROUP = 800, 2_000, 40
GROUPED = 3_200
"""Of questions in groups so many are drawn, for 80 groups."""
GOAL = Goal(target=0.03, confidence=0.9)
KINDS = ("apple river", "stone window", "cloud engine", "paper garden", "silver bridge")
FILLERS = ("one two three", "morning light", "seven boats", "old letters", "quiet street", "green hills")


@dataclass(frozen=True)
class Scenario:
    """What is planted. shares: of the questions that need each rung, and last of those that none solves."""

    name: str
    visible: bool = True
    knows: bool = True
    top_breaks: float = 0.0
    heavy: bool = False
    grouped: bool = False
    shares: tuple[float, ...] = (0.25, 0.25, 0.2, 0.15, 0.15)


SCENARIOS = (
    Scenario("difficulty shows, confidence tells"),
    Scenario("difficulty shows, confidence is noise", knows=False),
    Scenario("difficulty hidden, confidence tells", visible=False),
    Scenario("nothing shows", visible=False, knows=False),
    Scenario("the top rung breaks answers", knows=False, top_breaks=0.3),
    Scenario("heavy tails", heavy=True),
    Scenario("groups of 40", knows=False, grouped=True),
)


def make_questions(scenario: Scenario, count: int, rng: Random, name: str) -> Iterator[RecordedQuestion]:
    """Draw questions with an attempt at each rung."""
    need = 0
    for number in range(count):
        if not scenario.grouped or number % GROUP == 0:
            need = rng.choices(range(len(LADDER) + 1), scenario.shares)[0]
        kind = KINDS[need if scenario.visible else rng.randrange(len(KINDS))]
        text = f"{kind} {rng.choice(FILLERS)} {rng.choice(FILLERS)} number {rng.randrange(10**6)}"
        group = f"{name}{number // GROUP}" if scenario.grouped else ""
        question = Question(f"{name}{number}", text, "7", group)
        outcomes = [_make_outcome(scenario, rung, need, rng) for rung in range(len(LADDER))]
        yield RecordedQuestion(question, {one.key: one for one in outcomes})


def _make_outcome(scenario: Scenario, rung: int, need: int, rng: Random) -> Outcome:
    right = rung >= need if rng.random() < 0.98 else rng.random() < 0.5
    if rung == len(LADDER) - 1 and rng.random() < scenario.top_breaks:
        right = False
    usual = MEAN_TOKENS[rung] * (1.25 if rung < need and scenario.knows else 1.0)  # a long chain tells, too
    spread = rng.lognormvariate(-0.5, 1.0) if scenario.heavy else rng.uniform(0.8, 1.2)
    tokens = max(1, round(usual * spread)) if rung else 0
    told = 0.97 if right else 0.2
    sure = min(0.999, max(0.001, rng.gauss(told, 0.05))) if scenario.knows else rng.uniform(0.05, 0.95)
    key = rung_to_key(LADDER[rung]) if rung else DIRECT
    answer = "7" if right else str(rng.randrange(8, 10**6))
    attempt = Attempt(
        rung, "first", key.effort, key.budget, 0, answer, answer, "", "answered", "natural" if rung else "none",
        rounds=(Round(tokens, 0, "natural"),) if rung else (),
        trace=tuple(range(tokens)), confidence=sure, weakest=-0.1 if rung else None,
        usage=Usage(prompt=PROMPT, thinking=tokens, answer=8),
    )  # fmt: skip
    return Outcome(key, attempt, right, PROMPT, 0)


def measure(scenario: Scenario, seed: int) -> dict[str, Any]:
    """Train and tune on one draw, and look up the truth."""
    rng = Random(f"{scenario.name} {seed}")
    recorded = list(make_questions(scenario, GROUPED if scenario.grouped else QUESTIONS, rng, "q"))
    truth = list(make_questions(scenario, TRUTH, rng, "t"))
    with tempfile.TemporaryDirectory() as folder, OutcomeStore(Path(folder) / "outcomes.db", PLAN) as outcomes:
        outcomes.add_questions([one.question for one in recorded])
        for one in recorded:
            for each in one.outcomes.values():
                outcomes.add(one.question, each)
        base = Profile("planted", "planted", LADDER, policy=Policy(vote_most=0, max_waits=0))
        trained = train(outcomes, base, TrainSettings(seed=seed, domain_alpha=0.0))
    forecasts = trained.models.held_out.to_forecasts()
    share = trained.profile.tune_share or 0.5
    parts = {one.question.id: assign_split(one.question, share) for one in recorded}
    learn = [r for r in recorded if parts[r.question.id] == "learn" and r.question.text in forecasts]
    test = [r for r in recorded if parts[r.question.id] == "tune"]
    result = tune_policy(trained.profile, Search(learn, forecasts, seed), test, GOAL)
    assert result.chosen is not None
    replay = Replay.from_recorded(trained.profile, truth).with_policy(result.chosen.policy)
    way = Way.replay("policy", replay.solve, truth)
    constants = {one: one.replay(truth) for one in list_constants(LADDER, truth)}
    best = constants[choose_constant(list(constants.items()), LADDER)]
    reference = result.reference.replay(truth)
    return {
        "scenario": scenario.name, "seed": seed, "right": way.right.mean(), "tokens": way.tokens.mean(),
        "best_right": best.right.mean(), "best_tokens": best.tokens.mean(), "reference": result.reference.name,
        "lost": reference.right.mean() - way.right.mean(), "constant": result.gains_nothing,
        "oracle_tokens": find_visible_oracle_tokens(truth, scenario),
        "hull_gain": way.right.mean() - compute_hull(list(constants.values()), float(way.tokens.mean())),
    }  # fmt: skip


def find_visible_oracle_tokens(truth: Sequence[RecordedQuestion], scenario: Scenario) -> float | None:
    """Return the mean tokens of who knows each question's need from its text; None if the text does not show it.

    A question that no rung solves is given the cheapest.
    """
    if not scenario.visible:
        return None
    taken = []
    for one in truth:
        kind = " ".join(one.question.text.split()[:2])
        need = KINDS.index(kind) % (len(LADDER))  # the last kind, which none solves, gets rung 0
        taken.append(one.outcomes[rung_to_key(LADDER[need])].compute_usage().total)
    return float(np.mean(taken))


def compute_hull(constants: Sequence[Way], tokens: float) -> float:
    """Return the accuracy of the best mix of two constants at this cost."""
    points = np.array([(way.tokens.mean(), way.right.mean()) for way in constants])
    corners = points[find_hull(*points.T)]
    return float(MixCurve.from_points(*corners.T).compute_accuracies(tokens)[0])


def build_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return a row for each scenario."""
    head = ("scenario", "right", "tokens", "best constant", "its tokens", "of an oracle's tokens",
            "over the hull, points", "below it", "promise broken", "constant chosen")  # fmt: skip
    seeds = 1 + max(row["seed"] for row in rows)
    table = Table(*head, title=f"means of {seeds} seeds, {QUESTIONS} questions each")
    for scenario in dict.fromkeys(row["scenario"] for row in rows):
        some = [row for row in rows if row["scenario"] == scenario]
        mean = {name: float(np.mean([row[name] for row in some])) for name in
                ("right", "tokens", "best_right", "best_tokens", "hull_gain")}  # fmt: skip
        oracle = [row["tokens"] / row["oracle_tokens"] for row in some if row["oracle_tokens"]]
        table.add_row(
            scenario, f"{100 * mean['right']:.1f} %", f"{mean['tokens']:.0f}", f"{100 * mean['best_right']:.1f} %",
            f"{mean['best_tokens']:.0f}", f"{np.mean(oracle):.2f}x" if oracle else "-",
            f"{100 * mean['hull_gain']:+.1f}", str(sum(row["hull_gain"] < -0.01 for row in some)),
            str(sum(row["lost"] > GOAL.target for row in some)), str(sum(row["constant"] for row in some)),
        )  # fmt: skip
    return table


@click.command(help=__doc__)
@click.option("--seeds", type=int, default=20, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(seeds: int, out: Path) -> None:
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    done = {(row["scenario"], row["seed"]) for row in rows}
    with out.open("a", encoding="utf-8") as file:
        for seed in range(seeds):
            for scenario in SCENARIOS:
                if (scenario.name, seed) not in done:
                    rows.append(row := measure(scenario, seed))
                    file.write(json.dumps(row, default=float) + "\n")
                    file.flush()
                    click.echo(f"{scenario.name}, seed {seed}: {row['tokens']:.0f} tokens", err=True)
    Console(width=200).print(build_table(rows))


if __name__ == "__main__":
    main()
