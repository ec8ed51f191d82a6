"""Tables whose truth is known: does tuning find what is there, and nothing where nothing is?

    python -m benchmarks.planted --seeds 20 --out planted.jsonl

A made-up model has four rungs. A question needs one of them, or is solved by none; a right rung and those above it
are right, but for a few that chance decides. In each scenario something else is planted: whether the text shows
what a question needs, whether the verifier's confidence tells right from wrong, a top rung that breaks answers,
heavy tails of the tokens, and groups of 40 questions that are alike. A profile is trained for each scenario, once,
on questions of its own. Each seed draws others to search and to test on (more if they come in groups), and 300
more that are the truth. Rows are written as they come; what is in the file is not done again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
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
from adaptive.learn.train import TrainSettings, train
from adaptive.learn.tuning.constants import choose_constant, list_constants
from adaptive.learn.tuning.front import MixCurve
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.tune import tune_policy
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
TRAINING, SEARCH, TEST, TRUTH = 200, 150, 250, 300
"""How many questions are drawn to train, search and test on, and as the truth."""
GROUP, GROUPED = 40, 7
"""Of questions in groups so many times as many are trained, searched and tested on."""
CONFIDENCE = 0.9
KINDS = ("apple river", "stone window", "cloud engine", "paper garden", "silver bridge")
FILLERS = ("one two three", "morning light", "seven boats", "old letters", "quiet street", "green hills")


@dataclass(frozen=True)
class Scenario:
    """What is planted. shares: of the questions that need each rung, and last of those that none solves.

    target: the most accuracy to lose. The fewer groups, the more has to be allowed before anything can be shown.
    """

    name: str
    visible: bool = True
    knows: bool = True
    top_breaks: float = 0.0
    heavy: bool = False
    grouped: bool = False
    target: float = 0.03
    shares: tuple[float, ...] = (0.25, 0.25, 0.2, 0.15, 0.15)


SCENARIOS = (
    Scenario("difficulty shows, confidence tells"),
    Scenario("difficulty shows, confidence is noise", knows=False),
    Scenario("difficulty hidden, confidence tells", visible=False),
    Scenario("nothing shows", visible=False, knows=False),
    Scenario("the top rung breaks answers", knows=False, top_breaks=0.3),
    Scenario("heavy tails", heavy=True),
    Scenario("groups of 40", knows=False, grouped=True, target=0.1),
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
        right, wrong = (str(rng.randrange(10**5, 10**6)) for _ in range(2))
        question = Question(f"{name}{number}", text, right, group)
        outcomes = [_make_outcome(scenario, rung, need, (right, wrong), rng) for rung in range(len(LADDER))]
        yield RecordedQuestion(question, {one.key: one for one in outcomes})


def _make_outcome(scenario: Scenario, rung: int, need: int, answers: tuple[str, str], rng: Random) -> Outcome:
    """Return an attempt. answers: the right one and a wrong one, which all rungs give if nothing is to tell."""
    right = rung >= need if rng.random() < 0.98 else rng.random() < 0.5
    if rung == len(LADDER) - 1 and rng.random() < scenario.top_breaks:
        right = False
    usual = MEAN_TOKENS[rung] * (1.25 if rung < need and scenario.knows else 1.0)  # a long chain tells, too
    spread = rng.lognormvariate(-0.5, 1.0) if scenario.heavy else rng.uniform(0.8, 1.2)
    tokens = max(1, round(usual * spread)) if rung else 0
    told = 0.97 if right else 0.2
    sure = min(0.999, max(0.001, rng.gauss(told, 0.05))) if scenario.knows else rng.uniform(0.05, 0.95)
    key = rung_to_key(LADDER[rung]) if rung else DIRECT
    wrong = str(rng.randrange(10**5, 10**6)) if scenario.knows else answers[1]
    answer = answers[0] if right else wrong
    attempt = Attempt(
        rung, "first", key.effort, key.budget, 0, answer, answer, "", "answered", "natural" if rung else "none",
        rounds=(Round(tokens, 0, "natural"),) if rung else (),
        confidence=sure, weakest=-0.1 if rung else None,
        usage=Usage(prompt=PROMPT, thinking=tokens, answer=8),
    )  # fmt: skip
    return Outcome(key, attempt, right, PROMPT, 0)


@cache
def train_profile(scenario: Scenario) -> Profile:
    """Train a profile on questions that nothing else is measured on."""
    count = TRAINING * (GROUPED if scenario.grouped else 1)
    recorded = list(make_questions(scenario, count, Random(scenario.name), "l"))
    with tempfile.TemporaryDirectory() as folder, OutcomeStore(Path(folder) / "outcomes.db", PLAN) as outcomes:
        outcomes.add_questions([one.question for one in recorded])
        for one in recorded:
            for each in one.outcomes.values():
                outcomes.add(one.question, each)
        base = Profile("planted", "planted", LADDER, policy=Policy(vote_most=0, max_waits=0))
        return train(outcomes, base, TrainSettings(tune_share=0.0, domain_alpha=0.0)).profile


def measure(scenario: Scenario, profile: Profile, seed: int) -> dict[str, Any]:
    """Tune a profile on one draw, and look up the truth.

    Args:
        scenario: What is planted.
        profile: What `train_profile` returns for it.
        seed: Of the draw.
    """
    rng, times = Random(f"{scenario.name} {seed}"), GROUPED if scenario.grouped else 1
    search, test, truth = (
        list(make_questions(scenario, count, rng, name))
        for name, count in (("s", times * SEARCH), ("t", times * TEST), ("u", TRUTH))
    )
    texts = [one.question.text for one in search]
    forecasts = dict(zip(texts, profile.forecast(texts), strict=True))
    result = tune_policy(profile, Search(search, forecasts, seed), test, Goal(scenario.target, CONFIDENCE))
    assert result.chosen is not None
    replay = Replay.from_recorded(profile, truth)
    way = Way.replay("policy", replay.with_policy(result.chosen.policy).solve, truth)
    constants = {one: one.replay(truth, replay) for one in list_constants(LADDER, truth, direct_first=True)}
    best = constants[choose_constant(list(constants.items()), LADDER)]
    reference = constants[result.reference]
    return {
        "scenario": scenario.name, "seed": seed, "target": scenario.target,
        "right": way.right.mean(), "tokens": way.tokens.mean(),
        "best_right": best.right.mean(), "best_tokens": best.tokens.mean(), "reference": result.reference.name,
        "reference_tokens": reference.tokens.mean(),
        "lost": reference.right.mean() - way.right.mean(), "constant": result.gains_nothing,
        **find_visible_oracle(truth, scenario),
        "hull_gain": way.right.mean() - compute_hull(list(constants.values()), float(way.tokens.mean())),
    }  # fmt: skip


def find_visible_oracle(truth: Sequence[RecordedQuestion], scenario: Scenario) -> dict[str, float | None]:
    """Return the accuracy and mean tokens of who reads each question's need in its text; None if it is not there.

    A question that no rung solves is given the cheapest. Where the top rung breaks answers, those that need it are
    given it all the same.
    """
    if not scenario.visible:
        return {"oracle_right": None, "oracle_tokens": None}
    chosen = []
    for one in truth:
        kind = " ".join(one.question.text.split()[:2])
        need = KINDS.index(kind) % len(LADDER)  # the last kind, which none solves, gets rung 0
        chosen.append(one.outcomes[rung_to_key(LADDER[need]) if need else DIRECT])
    return {
        "oracle_right": float(np.mean([one.solved for one in chosen])),
        "oracle_tokens": float(np.mean([one.compute_usage().total for one in chosen])),
    }


def compute_hull(constants: Sequence[Way], tokens: float) -> float:
    """Return the accuracy of the best mix of two constants at this cost."""
    mixes = MixCurve.from_hull([way.tokens.mean() for way in constants], [way.right.mean() for way in constants])
    return float(mixes.compute_accuracies(tokens)[0])


def build_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return a row for each scenario."""
    head = ("scenario", "right", "tokens", "best constant", "its tokens", "oracle", "its tokens", "of those",
            "over the hull", "below it", "promise broken", "constant chosen")  # fmt: skip
    seeds = 1 + max(row["seed"] for row in rows)
    table = Table(*head, title=f"means of {seeds} seeds")
    for scenario in dict.fromkeys(row["scenario"] for row in rows):
        some = [row for row in rows if row["scenario"] == scenario]
        mean = {name: float(np.mean([row[name] for row in some])) for name in
                ("right", "tokens", "best_right", "best_tokens", "hull_gain")}  # fmt: skip
        oracle = ("-", "-", "-")
        if some[0]["oracle_tokens"]:
            right, tokens = (
                float(np.mean([row[name] for row in some])) for name in ("oracle_right", "oracle_tokens")
            )
            oracle = (f"{100 * right:.1f} %", f"{tokens:.0f}", f"{mean['tokens'] / tokens:.2f}x")
        table.add_row(
            scenario, f"{100 * mean['right']:.1f} %", f"{mean['tokens']:.0f}", f"{100 * mean['best_right']:.1f} %",
            f"{mean['best_tokens']:.0f}", *oracle,
            f"{100 * mean['hull_gain']:+.1f}", str(sum(row["hull_gain"] < -0.01 for row in some)),
            str(sum(row["lost"] > row["target"] for row in some)), str(sum(row["constant"] for row in some)),
        )  # fmt: skip
    return table


@click.command(help=__doc__)
@click.option("--seeds", type=int, default=20, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--only", "names", multiple=True, type=click.Choice([one.name for one in SCENARIOS]))
def main(seeds: int, out: Path, names: tuple[str, ...]) -> None:
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    done = {(row["scenario"], row["seed"]) for row in rows}
    with out.open("a", encoding="utf-8") as file:
        for seed in range(seeds):
            for scenario in SCENARIOS:
                if (scenario.name, seed) not in done and scenario.name in (names or [scenario.name]):
                    rows.append(row := measure(scenario, train_profile(scenario), seed))
                    file.write(json.dumps(row, default=float) + "\n")
                    file.flush()
                    click.echo(f"{scenario.name}, seed {seed}: {row['tokens']:.0f} tokens", err=True)
    Console(width=200).print(build_table(rows))


if __name__ == "__main__":
    main()
