"""Outcomes planted by hand: what they take is known by counting on fingers.

Prompts have 10 ids, answers 3, what closes thinking 2. LADDER's rungs are the direct answer, low 8, low 16 and
high 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from adaptive.bench.baselines import BenchSetup
from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.tuning.cost_front import MeasuredConstants
from adaptive.learn.tuning.ways import Chooser, Way
from adaptive.types.attempt import Attempt, Round
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.usage import Usage
from tests.support.choosing import make_fixed_chooser

LADDER = Ladder((Rung("none", 0), Rung("low", 8), Rung("low", 16), Rung("high", 16)))
LOW8, LOW16, HIGH16 = OutcomeKey("low", 8), OutcomeKey("low", 16), OutcomeKey("high", 16)
WINDOW = 99
PLAN = {"model": "planted", "ladder": LADDER.to_json(), "window": WINDOW, "grader": "auto"}


def outcome(
    key: OutcomeKey,
    right: bool | None = False,
    thinks: Sequence[tuple[int, int]] = (),
    end: Any = "natural",
    sure: float | None = 0.5,
    answer: str | None = "1",
) -> Outcome:
    """An attempt; thinks: tokens of each round, and how many of them were injected. It ends its last round so."""
    rounds = tuple(Round(tokens, injected, end) for tokens, injected in thinks)
    attempt = Attempt(
        rung=0, arm="first", effort=key.effort, budget=key.budget, waits=key.waits, answer=answer, text="",
        thinking="", status="answered", finish=end if rounds else "none", rounds=rounds, confidence=sure,
        usage=Usage(answer=3),
    )  # fmt: skip
    return Outcome(key, attempt, right, prompt=10, closing=2 if rounds else 0)


def question(number: int = 0) -> Question:
    """A question of its own."""
    return Question(f"q{number}", f"What is {number} + 1?", str(number + 1))


def recorded(*outcomes: Outcome, number: int = 0) -> RecordedQuestion:
    """A question with these attempts."""
    return RecordedQuestion(question(number), {o.key: o for o in outcomes})


def rungs(
    right: Sequence[bool], sure: Sequence[float | None] = (0.5, 0.5, 0.5, 0.5), number: int = 0, *more: Outcome
) -> RecordedQuestion:
    """A question with every rung: 13, 23, 27 and 29 tokens. The low chain is cut at 8 and ends after 12."""
    return recorded(
        outcome(DIRECT, right[0], sure=sure[0]),
        outcome(LOW8, right[1], [(8, 0)], "budget", sure[1]),
        outcome(LOW16, right[2], [(12, 0)], "natural", sure[2]),
        outcome(HIGH16, right[3], [(14, 0)], "natural", sure[3]),
        *more,
        number=number,
    )


def trial_of(
    asked: Iterable[RecordedQuestion],
    tuning: Iterable[RecordedQuestion] = (),
    loss: float = 0.0,
    policy: Chooser | None = None,
) -> BenchSetup:
    """A test of a policy that is always the top rung, where no other is given."""
    asked = tuple(asked)
    way = Way.replay("policy", policy or make_fixed_chooser(HIGH16), asked)
    tuned = tuple(tuning) or asked
    constants = MeasuredConstants.replay(LADDER, tuned, asked, (SureJudge(), SureJudge()))
    return BenchSetup(asked, tuned, way, LADDER, constants, loss, 0.85)


class SureJudge:
    """Accepts a direct answer from a confidence of 0.8 on, and else prefers it from 0.7 on."""

    def accepts_direct(self, recorded: RecordedQuestion) -> bool:
        """Whether its confidence is high."""
        return (recorded.outcomes[DIRECT].attempt.confidence or 0) >= 0.8

    def prefers_direct(self, recorded: RecordedQuestion, rung: Rung) -> bool:
        """Whether its confidence is middling, whatever the rung's is."""
        return (recorded.outcomes[DIRECT].attempt.confidence or 0) >= 0.7


def written(path: Path, questions: Iterable[RecordedQuestion], **plan: Any) -> Path:
    """A file of outcomes with these; plan: in place of values of `PLAN`."""
    with OutcomeStore(path, {**PLAN, **plan}) as file:
        for one in questions:
            file.add_questions([one.question])
            for made in one.outcomes.values():
                file.add(one.question, made)
    return path
