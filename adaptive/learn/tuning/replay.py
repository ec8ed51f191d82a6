"""Replays a policy on recorded outcomes: the attempts, the answer and the cost of a solve, without a call.

The rules are those of a solve (`adaptive.policy.escalate`, `adaptive.policy.vote`, the profile's verifier); only
making an attempt is replaced by looking it up. A prompt is counted once for each effort it is rendered for, and
once more for a vote; everything else is counted as the engine would have had to compute it.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, RecordedQuestion, make_plain_key
from adaptive.learn.tuning.ways import WayResult
from adaptive.policy import allocate, escalate, select
from adaptive.policy.arms import EscalationState, Plan, plan_each_arm
from adaptive.policy.vote import count_vote, count_wanted_samples
from adaptive.profile.probe import find_direct_answer
from adaptive.profile.profile import Profile
from adaptive.profile.verifier import build_profile_verifier
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Effort
from adaptive.types.options import Options
from adaptive.types.policy import After, Policy
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier

T = TypeVar("T")
History = tuple[tuple[OutcomeKey, Arm, int, int | None], ...]
JudgedKey = tuple[str, History]
"""A question's id, and the attempts at it up to the one that is judged."""
NO_USAGE = Usage(cost=0.0)


@dataclass(frozen=True, order=True)
class ArmTrial:
    """An arm tried after a rejected attempt: whether the answer was right before and after it, and its tokens."""

    after: After
    arm: Arm
    right_before: bool
    right_after: bool
    tokens: int


@dataclass
class Replay:
    """Replayed solves with one profile and default options. Predictions and verdicts are cached."""

    profile: Profile
    p_solved_by_question: dict[str, list[float]] = field(default_factory=dict)
    verdicts: dict[JudgedKey, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.verifier: Verifier = build_profile_verifier(self.profile, p_solved=self.p_solved)
        thinking = list(dict.fromkeys(r.effort for r in self.profile.ladder if r.thinks))
        self.efforts: list[Effort] = thinking if len(thinking) > 1 else []

    @classmethod
    def from_recorded(cls, profile: Profile, recorded: Iterable[RecordedQuestion]) -> Replay:
        """Build it from recorded questions."""
        texts = list(dict.fromkeys(one.question.text for one in recorded))
        return cls(profile, dict(zip(texts, profile.p_solved(texts), strict=True)))

    def solve(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result of solving a recorded question; raise `KeyError` if a rung was not recorded.

        A question outside the profile's domain gets the recorded plain call, which nothing verifies.
        """
        if self.profile.is_outside(recorded.question.text):
            if (plain := recorded.find_plain()) is None:
                raise KeyError(make_plain_key(0))
            return WayResult(plain.solved, plain.compute_usage(), plain.key)
        return _ReplayedSolve(self, recorded).run()

    def try_arms(self, recorded: RecordedQuestion) -> list[ArmTrial]:
        """Return trials of every arm after every rung whose answer is rejected, each tried alone."""
        trials: list[ArmTrial] = []
        for index, rung in enumerate(self.profile.ladder):
            first = _ReplayedSolve(self, recorded)
            if not first.make_attempt(Plan(index, replace(rung, waits=0), "first", "")):
                trials += first.try_arms(self.p_solved(recorded.question.text))
        return trials

    def with_policy(self, other: Policy, threshold: float | None = None) -> Replay:
        """Return the same with another policy, and perhaps another threshold of the verifier model."""
        verifier = self.profile.verifier
        if verifier is not None and threshold is not None:
            verifier = replace(verifier, threshold=threshold)
        verdicts = (
            {} if verifier is None else self.verdicts
        )  # without a verifier model the policy's thresholds decide verdicts
        return Replay(replace(self.profile, policy=other, verifier=verifier), self.p_solved_by_question, verdicts)

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

    def p_solved(self, question: str) -> list[float]:
        """Return the text's p(solved) at each rung."""
        if question not in self.p_solved_by_question:
            (self.p_solved_by_question[question],) = self.profile.p_solved([question])
        return self.p_solved_by_question[question]


@dataclass
class _ReplayedSolve:
    """One replayed solve."""

    replay: Replay
    recorded: RecordedQuestion
    attempts: list[Attempt] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    usage: Usage = NO_USAGE
    prompts_read: set[str] = field(default_factory=set)
    history: History = ()

    def __post_init__(self) -> None:
        outcomes = self.recorded.outcomes
        self.options = Options(
            waits=None if any(k.waits for k in outcomes) else 0,
            samples=None if any(k.sample for k in outcomes) else 0,
        )

    def run(self) -> WayResult:
        """Attempt, judge and escalate until it is over."""
        profile = self.replay.profile
        text = self.replay.p_solved(self.recorded.question.text)
        plan: Plan | str = allocate.choose_first_rung(profile.ladder, profile.policy, text, Options())
        while isinstance(plan, Plan):
            over = self.vote(plan) if plan.arm == "vote" else self.make_attempt(plan)
            plan = "accepted" if over else escalate.choose_next_plan(self.make_situation(self.sharpen(text)))
        best = select.select_best_attempt(self.attempts)
        verdict = self.attempts[best].verdict
        assert verdict is not None  # every attempt here was judged
        outcome = self.outcomes[best]
        return WayResult(
            outcome.solved, self.usage, outcome.key, verdict.score, verdict.accepted, attempts=len(self.attempts)
        )

    def try_arms(self, text: Sequence[float]) -> list[ArmTrial]:
        """Return a trial of each arm after the attempts so far."""
        now, before = self.make_situation(text), self.is_right()
        plans = [p for p in plan_each_arm(now).values() if isinstance(p, Plan) and self.is_recorded(p)]
        forks = [(plan, self.fork()) for plan in plans]
        for plan, fork in forks:
            _ = fork.vote(plan) if plan.arm == "vote" else fork.make_attempt(plan)
        return [
            ArmTrial(now.after, p.arm, before, f.is_right(), f.usage.total - self.usage.total) for p, f in forks
        ]

    def fork(self) -> _ReplayedSolve:
        """Return a copy of this solve, to go on with independently."""
        return replace(
            self, attempts=[*self.attempts], outcomes=[*self.outcomes], prompts_read={*self.prompts_read}
        )

    def is_recorded(self, plan: Plan) -> bool:
        """Return whether a plan's attempt was recorded."""
        if plan.arm == "vote":
            return self.find_sample(plan, 1) is not None
        base = self.outcomes[plan.base] if plan.base is not None else None
        return self.find_key(plan, base) in self.recorded.outcomes

    def is_right(self) -> bool:
        """Return whether the best answer so far is right."""
        return self.outcomes[select.select_best_attempt(self.attempts)].solved

    def sharpen(self, text: Sequence[float]) -> Sequence[float]:
        """Return p(solved) from the text and the direct answer, if any, as `Profile.predict_difficulty`."""
        probe, direct = self.replay.profile.probe, find_direct_answer(self.attempts)
        if not text or probe is None or direct is None:
            return text
        return [round(p, 4) for p in probe.p_solved(text, direct)]

    def make_situation(self, text: Sequence[float]) -> EscalationState:
        """Return the arguments of `adaptive.policy.escalate.choose_next_plan`."""
        profile = self.replay.profile
        return EscalationState(
            self.attempts, profile.ladder, profile.policy, text, self.options, self.replay.efforts
        )

    def make_attempt(self, plan: Plan) -> bool:
        """Make one attempt; return whether it is accepted."""
        base = self.outcomes[plan.base] if plan.base is not None else None
        outcome = self.recorded.outcomes[self.find_key(plan, base)]
        self.count_usage(outcome, base)
        return bool(self.judge(outcome, plan).accepted)

    def find_key(self, plan: Plan, base: Outcome | None) -> OutcomeKey:
        """Return the key of a plan's attempt; Waits were recorded at the largest budget."""
        if not plan.rung.thinks:
            return DIRECT
        if plan.arm != "wait" or base is None:
            return OutcomeKey(plan.rung.effort, plan.rung.budget, plan.rung.waits)
        largest = max(r.budget for r in self.replay.profile.ladder)
        return replace(base.key, budget=largest, waits=base.key.waits + 1)

    def count_usage(self, outcome: Outcome, base: Outcome | None) -> None:
        """Add an attempt's cost, with its prompt only if that was not read before."""
        spent = outcome.compute_usage(base)
        prompt = self.find_prompt(outcome.key)
        self.usage += replace(spent, prompt=0 if prompt in self.prompts_read else spent.prompt, cost=0.0)
        self.prompts_read.add(prompt)

    def find_prompt(self, key: OutcomeKey) -> str:
        """Return the effort of its prompt. The direct answer shares the prompt of the first rung that thinks."""
        efforts = (r.effort for r in self.replay.profile.ladder if r.thinks)
        return next(efforts, key.effort) if key == DIRECT else key.effort

    def judge(self, outcome: Outcome, plan: Plan) -> Verdict:
        """Judge an attempt, and add it to the attempts."""
        attempt = replace(outcome.attempt, arm=plan.arm, rung=plan.index, base=plan.base)
        self.history += ((outcome.key, plan.arm, plan.index, plan.base),)
        key = (self.recorded.question.id, self.history)
        verdict = self.replay.judge(self.recorded, key, attempt, self.attempts)
        self.attempts.append(replace(attempt, verdict=verdict))
        self.outcomes.append(outcome)
        return verdict

    def vote(self, plan: Plan) -> bool:
        """Sample until the vote is settled; return whether a sample or the majority is accepted."""
        policy = self.replay.profile.policy
        self.prompts_read.discard(vote_prompt := f"{plan.rung.effort} vote")
        sampled = 0
        while True:
            more = count_wanted_samples(self.attempts, plan, policy)
            samples = [self.find_sample(plan, n) for n in range(sampled + 1, sampled + more + 1)]
            for outcome in samples:
                if outcome is None:
                    self.options = replace(self.options, samples=0)  # no other vote was recorded
                    return False
                spent = outcome.compute_usage()
                self.usage += replace(
                    spent, prompt=0 if vote_prompt in self.prompts_read else spent.prompt, cost=0.0
                )
                self.prompts_read.add(vote_prompt)
                self.judge(outcome, plan)
            sampled += more
            now = count_vote(self.attempts, plan, policy)
            self.attempts = list(now.attempts)
            if now.accepted or not more:
                return now.accepted

    def find_sample(self, plan: Plan, number: int) -> Outcome | None:
        """Return a recorded sample, or None if fewer were recorded: then the vote is over."""
        return self.recorded.outcomes.get(OutcomeKey(plan.rung.effort, plan.rung.budget, 0, number))


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
