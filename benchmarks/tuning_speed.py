"""How long `tune` and `bench --replay` take, on questions of a planted table (`benchmarks.planted`).

    python -m benchmarks.tuning_speed --questions 1000
    python -m benchmarks.tuning_speed --questions 1000 --arms    # with Waits and samples, which policies may buy

Processor seconds of one thread, without the second that the imports take. To set two commits side by side, run it
with each of them in PYTHONPATH.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeVar

import click

from adaptive.bench.run import bench_policy, replay_policy
from adaptive.bench.split import QuestionSplit
from adaptive.learn.data.outcome import Outcome, RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.splits import assign_split
from adaptive.learn.train import TrainSettings, train
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.tune import tune_policy
from adaptive.profile.profile import Profile
from adaptive.types.attempt import Round
from adaptive.types.policy import Policy
from benchmarks.planted import LADDER, PLAN, SCENARIOS, make_questions

T = TypeVar("T")
SAMPLES, WAIT_TOKENS = 4, 30


def measure(name: str, do: Callable[[], T]) -> T:
    """Return what a function returns, and print its processor seconds."""
    start = time.process_time()
    result = do()
    click.echo(f"{name}: {time.process_time() - start:.1f} s")
    return result


def add_arms(recorded: RecordedQuestion, rng: Random) -> RecordedQuestion:
    """Return a question with a Wait after each chain, and with samples of the first rung that thinks."""
    thinking = [one for key, one in recorded.outcomes.items() if not key.is_direct]
    waited = [_continue(one) for one in thinking]
    sampled = [_draw(thinking[0], number, rng) for number in range(1, SAMPLES + 1)]
    return replace(recorded, outcomes={**recorded.outcomes, **{one.key: one for one in (*waited, *sampled)}})


def _continue(outcome: Outcome) -> Outcome:
    attempt = outcome.attempt
    rounds = (*attempt.rounds, Round(WAIT_TOKENS, 1, "natural"))
    made = replace(attempt, arm="wait", waits=1, rounds=rounds)
    return replace(outcome, key=replace(outcome.key, waits=1), attempt=made)


def _draw(outcome: Outcome, number: int, rng: Random) -> Outcome:
    """Return a sample: as right as the chain in four of five, and else wrong."""
    right = outcome.solved and rng.random() < 0.8
    answer = outcome.attempt.answer if right else str(rng.randrange(10**6, 10**7))
    made = replace(outcome.attempt, arm="vote", answer=answer, text=answer or "")
    return replace(outcome, key=replace(outcome.key, sample=number), attempt=made, right=right)


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--questions", type=int, default=1000, show_default=True)
@click.option("--arms", is_flag=True, help="With a Wait after each chain and 4 samples.")
def main(questions: int, arms: bool) -> None:
    recorded = list(make_questions(SCENARIOS[0], questions, Random(0), "q"))
    policy = Policy(vote_most=SAMPLES, max_waits=1) if arms else Policy(vote_most=0, max_waits=0)
    if arms:
        rng = Random(1)
        recorded = [add_arms(one, rng) for one in recorded]
    with tempfile.TemporaryDirectory() as folder, OutcomeStore(Path(folder) / "outcomes.db", PLAN) as outcomes:
        outcomes.add_questions([one.question for one in recorded])
        for one in recorded:
            for each in one.outcomes.values():
                outcomes.add(one.question, each)
        base = Profile("planted", "planted", LADDER, policy=policy)
        trained = measure("train", lambda: train(outcomes, base, TrainSettings(domain_alpha=0.0)))
    forecasts, profile = trained.models.held_out.to_forecasts(), trained.profile
    parts = {one.question.id: assign_split(one.question, profile.tune_share or 0.5) for one in recorded}
    known = [one for one in recorded if one.question.text in forecasts]
    test = [one for one in recorded if parts[one.question.id] == "tune"]
    measure("tune", lambda: tune_policy(profile, Search(known, forecasts), test, Goal(0.03, 0.9)))
    split = QuestionSplit(tuple(test), tuple(known), ())
    measure("bench --replay", lambda: bench_policy(profile, split, replay_policy(profile, test), 0.01, {}))


if __name__ == "__main__":
    main()
