"""Outcomes of a model that never ran: sums whose digits say how hard they are, and confidences that say it too.

The direct answer does one digit, the chain two within 32 tokens and three within 64; now and then chance decides.
Right answers are sure, wrong ones are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.reason.budget import Style
from adaptive.types.attempt import Attempt, Round
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.stops import Stops
from adaptive.types.usage import Usage
from tests.learn.toy import question

LADDER = Ladder((Rung("none", 0), Rung("medium", 32), Rung("medium", 64)))
PLAN = {
    "model": "toy", "ladder": LADDER.to_json(), "style": asdict(Style()), "stops": asdict(Stops()), "seed": 0,
    "temperature": 0.7, "window": 2000, "grader": "auto",
}  # fmt: skip
Reach = Callable[[int], int]


def outcome(
    key: OutcomeKey, answer: str, right: bool | None, sure: float, tokens: int = 0, cut: bool = False
) -> Outcome:
    rung = 0 if key == DIRECT else 1 if key.budget == 32 else 2
    end = "budget" if cut else "natural"
    attempt = Attempt(
        rung, "wait" if key.waits else "first", key.effort, key.budget, key.waits, answer, answer, "", "answered",
        end if key.budget else "none", rounds=(Round(tokens, 0, end),) if tokens else (),
        trace=tuple(range(tokens)), confidence=sure, weakest=-0.1 if tokens else None,
        usage=Usage(prompt=20, thinking=tokens, answer=4),
    )  # fmt: skip
    return Outcome(key, attempt, right, 20, 0)


def recorded(number: int, rng: Random, group: str = "") -> RecordedQuestion:
    digits = rng.choice((1, 1, 2, 3, 4))
    row = question(rng, digits)
    asked = Question(f"q{number}", row["question"], row["answer"], group)
    need = 16 * digits

    def made(key: OutcomeKey, reach: int, tokens: int = 0, cut: bool = False) -> Outcome:
        right = digits <= reach if rng.random() < 0.95 else rng.random() < 0.5
        sure = rng.uniform(0.85, 1) if right else rng.uniform(0.3, 0.93)
        return outcome(key, str(int(row["answer"]) + (not right)), right, sure, tokens, cut)

    held = [made(DIRECT, 1)]
    for budget, reach in ((32, 2), (64, 3)):
        held.append(made(OutcomeKey("medium", budget), reach, min(need, budget), need > budget))
    if need <= 64:
        held.append(made(OutcomeKey("medium", 64, 1), 3, min(64, need + 8)))
    return RecordedQuestion(asked, {o.key: o for o in held})


def many(count: int, seed: int = 0, groups: Sequence[str] = ("",)) -> list[RecordedQuestion]:
    rng = Random(seed)
    return [recorded(i, rng, groups[i % len(groups)]) for i in range(count)]


def write(file: Path, made: Sequence[RecordedQuestion]) -> Path:
    with OutcomeStore(file, PLAN) as outcomes:
        outcomes.add_questions([one.question for one in made])
        for one in made:
            for each in one.outcomes.values():
                outcomes.add(one.question, each)
    return file
