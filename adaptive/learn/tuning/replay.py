"""Replays a policy on recorded outcomes: the attempts, the answer and the cost of a solve, without a call.

The rules are those of a solve (`adaptive.policy.escalate`, `adaptive.policy.vote`, the profile's verifier); only
making an attempt is replaced by looking it up. A prompt is counted once for each effort it is rendered for, and
once more for a vote; everything else is counted as the engine would have had to compute it.

The policies of a search differ in what they choose, not in what an attempt brings. So the states of a solve are
kept: a policy that makes the same attempts as one before it finds their costs and verdicts, and only chooses.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from adaptive.learn.data.outcome import (
    Outcome,
    OutcomeKey,
    RecordedQuestion,
    make_plain_key,
    rung_to_key,
)
from adaptive.learn.tuning.ways import WayResult
from adaptive.policy import allocate, escalate, select
from adaptive.policy.arms import EscalationState, Plan, list_plans
from adaptive.policy.routine import continue_routine
from adaptive.policy.vote import ALIKE, count_vote, count_wanted_samples
from adaptive.profile.probe import find_direct_answer
from adaptive.profile.profile import Profile
from adaptive.profile.verifier import build_profile_verifier
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Effort, Rung
from adaptive.types.logistic import Logistic
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier
from adaptive.verify.combine import hold_back_measured

T = TypeVar("T")
History = tuple[tuple[OutcomeKey, Arm, int, int | None], ...]
JudgedKey = tuple[str, History]
"""A question's id, and the attempts at it up to the one that is judged."""
NO_USAGE = Usage(cost=0.0)


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


@dataclass
class Replay:
    """Replayed solves with one profile and default options. Predictions, verdicts and states are cached."""

    profile: Profile
    forecasts: dict[str, Forecast] = field(default_factory=dict)
    verdicts: dict[JudgedKey, Verdict] = field(default_factory=dict)
    shelves: list[_Shelf] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.verifier: Verifier = build_profile_verifier(
            self.profile, p_solved=lambda text: self.forecast(text).p_solved
        )
        thinking = list(dict.fromkeys(r.effort for r in self.profile.ladder if r.thinks))
        self.efforts: list[Effort] = thinking if len(thinking) > 1 else []
        self.starts = self._find_starts()

    @classmethod
    def from_recorded(cls, profile: Profile, recorded: Iterable[RecordedQuestion]) -> Replay:
        """Build it from recorded questions."""
        texts = list(dict.fromkeys(one.question.text for one in recorded))
        return cls(profile, dict(zip(texts, profile.forecast(texts), strict=True)))

    def solve(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result of solving a recorded question; raise `KeyError` if a rung was not recorded.

        A question outside the profile's domain gets the recorded plain call, which nothing verifies.
        """
        if self.profile.is_outside(recorded.question.text):
            if (plain := recorded.find_plain()) is None:
                raise KeyError(make_plain_key(0))
            return WayResult(plain.solved, plain.compute_usage(), plain.key)
        text, policy = self.forecast(recorded.question.text), self.profile.policy
        state = self.start(recorded)
        plan: Plan | str = allocate.choose_first_rung(self.profile.ladder, policy, text, Options())
        while isinstance(plan, Plan):
            state = state.follow(plan)
            plan = "accepted" if state.accepted else escalate.choose_next_plan(state.with_policy(policy))
        return state.result

    def start(self, recorded: RecordedQuestion) -> _ReplayedSolve:
        """Return the state before the first attempt."""
        start = self.starts.get(recorded.question.id)
        if start is None or start.recorded is not recorded:
            start = self.starts[recorded.question.id] = _ReplayedSolve(self, recorded)
        return start

    def accepts_direct(self, recorded: RecordedQuestion) -> bool:
        """Return whether the answer of the first rung is accepted; outside the profile's domain none is."""
        if self.profile.is_outside(recorded.question.text):
            return False
        return self.start(recorded).follow(self._plan_first(0)).accepted

    def prefers_direct(self, recorded: RecordedQuestion, rung: Rung) -> bool:
        """Return whether it is kept, although it was not accepted, once there is the answer of a rung too.

        Outside the profile's domain nothing tells which is better: the rung's answer is kept.
        """
        if self.profile.is_outside(recorded.question.text):
            return False
        routine = replace(self.profile.policy, always=Routine(rung, after_direct=True))
        direct = self.start(recorded).follow(self._plan_first(0))
        plan = continue_routine(direct.with_policy(routine))
        assert plan is not None  # it follows a direct answer
        return select.select_best_attempt(direct.follow(plan).attempts) == 0

    def try_arms(self, recorded: RecordedQuestion) -> list[ArmTrial]:
        """Return trials of every arm after every rung whose answer is rejected, each tried alone."""
        trials: list[ArmTrial] = []
        for index in range(len(self.profile.ladder)):
            first = self.start(recorded).follow(self._plan_first(index))
            if not first.accepted:
                trials += first.try_arms(index)
        return trials

    def judge_rungs(self, recorded: RecordedQuestion) -> list[JudgedAttempt]:
        """Return each rung's own attempt with its verdict."""
        judged = []
        for index in range(len(self.profile.ladder)):
            state = self.start(recorded).follow(self._plan_first(index))
            verdict, outcome = state.attempts[0].verdict, state.outcomes[0]
            if verdict is not None and verdict.verifier == "learned":
                p = self.forecast(recorded.question.text).p_solved[index]
                judged.append(JudgedAttempt(index, p, verdict.score, outcome.solved))
        return judged

    def _plan_first(self, index: int) -> Plan:
        return Plan(index, replace(self.profile.ladder[index], waits=0), "first", "")

    def with_policy(self, other: Policy, threshold: float | None = None) -> Replay:
        """Return the same with another policy, and perhaps another threshold of the verifier model."""
        verifier = self.profile.verifier
        if verifier is not None and threshold is not None:
            verifier = replace(verifier, threshold=threshold)
        verdicts = (
            {} if verifier is None else self.verdicts
        )  # without a verifier model the policy's thresholds decide verdicts
        profile = replace(self.profile, policy=other, verifier=verifier)
        return Replay(profile, self.forecasts, verdicts, self.shelves)

    def _find_starts(self) -> dict[str, _ReplayedSolve]:
        """Return the states that were kept for policies under which attempts bring the same."""
        policy, verifier = self.profile.policy, self.profile.verifier
        alike = replace(policy, worth=None, always=None, escalates=True, follow_ups=(), evidence=())
        for shelf in self.shelves:
            if shelf.policy == alike and shelf.verifier == verifier:
                return shelf.starts
        self.shelves.append(_Shelf(alike, verifier))
        return self.shelves[-1].starts

    def judge(
        self, recorded: RecordedQuestion, key: JudgedKey, attempt: Attempt, before: Sequence[Attempt]
    ) -> Verdict:
        """Return the verdict on an attempt. A verifier model's score is cached, for any threshold.

        Args:
            recorded: The question.
            key: Identifies the attempt with its history.
            attempt: The attempt to judge.
            before: The attempts before it.
        """
        if key not in self.verdicts:
            self.verdicts[key] = _run_coroutine(self.verifier.verify(recorded.question.text, attempt, before))
        verdict, model = self.verdicts[key], self.profile.verifier
        if model is None or verdict.verifier != "learned":
            return verdict
        return replace(verdict, accepted=verdict.score >= model.threshold)

    def judge_sample(self, recorded: RecordedQuestion, sample: Attempt, before: Sequence[Attempt]) -> Verdict:
        """Return the verdict on a sample of a vote that draws every sample; the arguments are those of `judge`."""
        verifier = hold_back_measured(self.verifier, ALIKE)
        return _run_coroutine(verifier.verify(recorded.question.text, sample, before))

    def measure(self, usage: Usage) -> float:
        """Return a usage in the unit of the profile's policy."""
        return usage.measure(self.profile.policy.unit)

    def forecast(self, question: str) -> Forecast:
        """Return what the text tells of each rung."""
        if question not in self.forecasts:
            (self.forecasts[question],) = self.profile.forecast([question])
        return self.forecasts[question]


@dataclass
class _Shelf:
    """The first states of solves by question. What their attempts bring depends on this of a profile."""

    policy: Policy
    verifier: Logistic | None
    starts: dict[str, _ReplayedSolve] = field(default_factory=dict)


@dataclass
class _ReplayedSolve:
    """A state of a replayed solve: the attempts so far. `accepted`: whether that ends it."""

    replay: Replay
    recorded: RecordedQuestion
    attempts: list[Attempt] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    usage: Usage = NO_USAGE
    prompts_read: set[str] = field(default_factory=set)
    history: History = ()
    accepted: bool = False
    following: dict[Any, _ReplayedSolve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        outcomes = self.recorded.outcomes
        self.options = Options(
            waits=None if any(k.waits for k in outcomes) else 0,
            samples=None if any(k.sample for k in outcomes) else 0,
        )

    def follow(self, plan: Plan) -> _ReplayedSolve:
        """Return the state after a plan."""
        key = (plan.arm, plan.index, plan.rung, plan.base, plan.samples, plan.every_sample)
        if key not in self.following:
            after = self.fork()
            after.accepted = after.vote(plan) if plan.arm == "vote" else after.make_attempt(plan)
            self.following[key] = after
        return self.following[key]

    def fork(self) -> _ReplayedSolve:
        """Return a copy of this state, to go on with independently."""
        copy = _ReplayedSolve(
            self.replay, self.recorded, [*self.attempts], [*self.outcomes], self.usage, {*self.prompts_read},
            self.history,
        )  # fmt: skip
        copy.options = self.options
        return copy

    @cached_property
    def result(self) -> WayResult:
        """The result if the solve ends here."""
        best = select.select_best_attempt(self.attempts)
        verdict = self.attempts[best].verdict
        assert verdict is not None  # every attempt here was judged
        outcome = self.outcomes[best]
        return WayResult(
            outcome.solved, self.usage, outcome.key, verdict.score, verdict.accepted, attempts=len(self.attempts)
        )

    def try_arms(self, source: int) -> list[ArmTrial]:
        """Return a trial of each arm after the attempt at the rung `source`."""
        now, before = self.situation, self.is_right()
        arms = (plans for plans in list_plans(now).values() if not isinstance(plans, str))
        plans = [plan for some in arms for plan in some if self.is_recorded(plan)]
        p, expected = now.forecast.p_solved, now.forecast.tokens
        return [
            ArmTrial(plan.arm, source, plan.index, p[plan.index], expected[plan.index], before, after.is_right(),
                     self.replay.measure(after.usage) - self.replay.measure(self.usage))
            for plan, after in ((plan, self.follow(plan)) for plan in plans)
        ]  # fmt: skip

    def is_recorded(self, plan: Plan) -> bool:
        """Return whether a plan's attempt was recorded."""
        if plan.arm == "vote":
            return self.find_sample(plan, 1) is not None
        base = self.outcomes[plan.base] if plan.base is not None else None
        return self.find_key(plan, base) in self.recorded.outcomes

    def is_right(self) -> bool:
        """Return whether the best answer so far is right."""
        return self.outcomes[select.select_best_attempt(self.attempts)].solved

    @cached_property
    def situation(self) -> EscalationState:
        """The arguments of `adaptive.policy.escalate.choose_next_plan`."""
        profile, forecast = self.replay.profile, self.replay.forecast(self.recorded.question.text)
        direct = find_direct_answer(self.attempts)
        if forecast and profile.probe is not None and direct is not None:  # as in `Profile.predict_difficulty`
            p_solved = (round(p, 4) for p in profile.probe.p_solved(forecast.p_solved, direct))
            forecast = replace(forecast, p_solved=tuple(p_solved))
        return EscalationState(
            self.attempts, profile.ladder, profile.policy, forecast, self.options, self.replay.efforts
        )

    def with_policy(self, policy: Policy) -> EscalationState:
        """Return the situation under a policy that another replay may have."""
        return replace(self.situation, policy=policy)

    def make_attempt(self, plan: Plan) -> bool:
        """Make one attempt; return whether it is accepted."""
        base = self.outcomes[plan.base] if plan.base is not None else None
        outcome = self.recorded.require_chain(self.find_key(plan, base))
        self.count_usage(outcome, base)
        return bool(self.judge(outcome, plan).accepted)

    def find_key(self, plan: Plan, base: Outcome | None) -> OutcomeKey:
        """Return the key of a plan's attempt; Waits were recorded at the largest budget."""
        if not plan.rung.thinks or plan.arm != "wait" or base is None:
            return rung_to_key(plan.rung)
        ladder = self.replay.profile.ladder
        largest = max(ladder[i].budget for i in ladder.list_rungs_of(base.key.model))
        return replace(base.key, budget=largest, waits=base.key.waits + 1)

    def count_usage(self, outcome: Outcome, base: Outcome | None) -> None:
        """Add an attempt's cost, with its prompt only if that was not read before."""
        prompt = self.find_prompt(outcome.key)
        self.usage += outcome.compute_usage(base, prompt_read=prompt in self.prompts_read)
        self.prompts_read.add(prompt)

    def find_prompt(self, key: OutcomeKey) -> str:
        """Return the effort of its prompt. The direct answer shares the prompt of the first rung that thinks."""
        efforts = (r.effort for r in self.replay.profile.ladder if r.thinks and r.model == key.model)
        effort = next(efforts, key.effort) if key.is_direct else key.effort
        return f"{key.model} {effort}"

    def judge(self, outcome: Outcome, plan: Plan) -> Verdict:
        """Judge an attempt, and add it to the attempts."""
        attempt = replace(outcome.attempt, arm=plan.arm, rung=plan.index, base=plan.base)
        self.history += ((outcome.key, plan.arm, plan.index, plan.base),)
        key = (self.recorded.question.id, self.history)
        if plan.every_sample:
            verdict = self.replay.judge_sample(self.recorded, attempt, self.attempts)
        else:
            verdict = self.replay.judge(self.recorded, key, attempt, self.attempts)
        self.attempts.append(replace(attempt, verdict=verdict))
        self.outcomes.append(outcome)
        return verdict

    def vote(self, plan: Plan) -> bool:
        """Sample until the vote is settled; return whether a sample or the majority is accepted.

        Raises:
            KeyError: The plan draws every sample, and fewer were recorded.
        """
        policy = self.replay.profile.policy
        self.prompts_read.discard(vote_prompt := "vote")
        sampled = 0
        while True:
            more = count_wanted_samples(self.attempts, plan, policy)
            samples = [self.find_sample(plan, n) for n in range(sampled + 1, sampled + more + 1)]
            for outcome in samples:
                if outcome is None:
                    if plan.every_sample:
                        raise KeyError(_make_sample_key(plan, plan.samples))
                    self.options = replace(self.options, samples=0)  # no other vote was recorded
                    return False
                self.usage += outcome.compute_usage(prompt_read=vote_prompt in self.prompts_read)
                self.prompts_read.add(vote_prompt)
                self.judge(outcome, plan)
            sampled += more
            now = count_vote(self.attempts, plan, policy)
            self.attempts = list(now.attempts)
            if now.accepted or not more:
                return now.accepted

    def find_sample(self, plan: Plan, number: int) -> Outcome | None:
        """Return a recorded sample, or None if fewer were recorded: then the vote is over."""
        return self.recorded.outcomes.get(_make_sample_key(plan, number))


def _make_sample_key(plan: Plan, number: int) -> OutcomeKey:
    return replace(rung_to_key(replace(plan.rung, waits=0)), sample=number)


def select_replayable(profile: Profile, recorded: Iterable[RecordedQuestion]) -> list[RecordedQuestion]:
    """Return the questions that a replay can solve: those outside the profile's domain need a plain call."""
    return [one for one in recorded if not profile.is_outside(one.question.text) or one.find_plain() is not None]


def _run_coroutine(judging: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, such as that of a replayed verifier, and return its result."""
    try:
        judging.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("a verifier that waits for something cannot be replayed")
