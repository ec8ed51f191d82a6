"""Tries arms after rejected attempts on recorded questions, and looks at verdicts, to measure payoffs."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.replay_state import ReplayState
from adaptive.policy.arms import list_plans
from adaptive.types.attempt import Arm


@dataclass(frozen=True, order=True)
class ArmTrial:
    """An arm tried after a rejected attempt.

    arm, source, rung: see `FollowUp`. p_solved, expected: that the arm's rung solves the question, and its tokens,
    as forecast. right_before, right_after: whether the best answer was right. tokens: what the arm took, in the
    unit of the policy.
    """

    arm: Arm
    source: int
    rung: int
    p_solved: float
    expected: float
    right_before: bool
    right_after: bool
    tokens: float


@dataclass(frozen=True)
class JudgedAttempt:
    """A rung's own attempt with the score of its verdict, and p(solved) of its rung. right: whether it is."""

    rung: int
    p_solved: float
    score: float
    right: bool


def try_arms(replay: Replay, recorded: RecordedQuestion) -> list[ArmTrial]:
    """Return trials of every arm after every rung whose answer is rejected, each tried alone."""
    trials: list[ArmTrial] = []
    for index in range(len(replay.profile.ladder)):
        first = replay.start_at(recorded, index)
        if not first.accepted:
            trials += _try_arms_after(first, index)
    return trials


def _try_arms_after(state: ReplayState, source: int) -> list[ArmTrial]:
    """Return a trial of each arm after the attempt at the rung `source`."""
    now, before = state.situation, state.is_right()
    arms = (plans for plans in list_plans(now).values() if not isinstance(plans, str))
    plans = [plan for some in arms for plan in some if state.is_recorded(plan)]
    p, expected = now.forecast.p_solved, now.forecast.tokens
    return [
        ArmTrial(plan.arm, source, plan.index, p[plan.index], expected[plan.index], before, after.is_right(),
                 state.model.measure(after.usage) - state.model.measure(state.usage))
        for plan, after in ((plan, state.follow(plan)) for plan in plans)
    ]  # fmt: skip


def judge_rungs(replay: Replay, recorded: RecordedQuestion) -> list[JudgedAttempt]:
    """Return each rung's own attempt with its verdict, where the verifier model gave it."""
    judged = []
    for index in range(len(replay.profile.ladder)):
        state = replay.start_at(recorded, index)
        verdict, outcome = state.attempts[0].verdict, state.outcomes[0]
        if verdict is not None and verdict.verifier == "learned":
            p = replay.texts.forecast(recorded.question.text).p_solved[index]
            judged.append(JudgedAttempt(index, p, verdict.score, outcome.solved))
    return judged
