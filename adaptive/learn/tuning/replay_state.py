"""A state of a replayed solve: the attempts so far, looked up in what was recorded, with their costs and verdicts.

The policies of a search differ in what they choose, not in what an attempt brings. So states are kept: a policy
that makes the same attempts as one before it finds their costs and verdicts, and only chooses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.tuning.replayed_model import History, ReplayedModel
from adaptive.learn.tuning.ways import WayResult
from adaptive.policy import escalate, select
from adaptive.policy.arms import EscalationState, Plan
from adaptive.policy.vote import count_vote, count_wanted_samples
from adaptive.profile.probe import find_direct_answer
from adaptive.types.attempt import Attempt
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

NO_USAGE = Usage(cost=0.0)
Next = escalate.Following | Plan | str


@dataclass
class ReplayState:
    """The attempts so far. `accepted`: whether that ends the solve. following: the states that were asked for."""

    model: ReplayedModel
    recorded: RecordedQuestion
    attempts: list[Attempt] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    usage: Usage = NO_USAGE
    prompts_read: set[str] = field(default_factory=set)
    history: History = ()
    accepted: bool = False
    following: dict[Any, ReplayState] = field(default_factory=dict)
    nexts: list[tuple[Policy, Next]] = field(default_factory=list)

    def __post_init__(self) -> None:
        outcomes = self.recorded.outcomes
        self.options = Options(
            waits=None if any(k.waits for k in outcomes) else 0,
            samples=None if any(k.sample for k in outcomes) else 0,
        )

    def follow(self, plan: Plan) -> ReplayState:
        """Return the state after a plan."""
        key = (plan.arm, plan.index, plan.rung, plan.base, plan.samples, plan.every_sample)
        if key not in self.following:
            after = self.fork()
            after.accepted = after.vote(plan) if plan.arm == "vote" else after.make_attempt(plan)
            self.following[key] = after
        return self.following[key]

    def choose_next_plan(self, rules: Policy, worth: Policy) -> Plan | str:
        """Return the same as `escalate.choose_next_plan`, which does all but the choice once for all worths.

        Args:
            rules: The policy without its worth, the same object for policies that differ in that alone.
            worth: The policy.
        """
        next_ = next((one for known, one in self.nexts if known is rules), None)
        if next_ is None:
            next_ = escalate.find_following(self.with_policy(rules))
            self.nexts.append((rules, next_))
        return next_.choose(worth) if isinstance(next_, escalate.Following) else next_

    def fork(self) -> ReplayState:
        """Return a copy of this state, to go on with independently."""
        copy = ReplayState(
            self.model, self.recorded, [*self.attempts], [*self.outcomes], self.usage, {*self.prompts_read},
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
        profile, forecast = self.model.profile, self.model.texts.forecast(self.recorded.question.text)
        direct = find_direct_answer(self.attempts)
        if forecast and profile.probe is not None and direct is not None:  # as in `Profile.predict_difficulty`
            p_solved = (round(p, 4) for p in profile.probe.p_solved(forecast.p_solved, direct))
            forecast = replace(forecast, p_solved=tuple(p_solved))
        return EscalationState(
            self.attempts, profile.ladder, profile.policy, forecast, self.options, self.model.efforts
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
        ladder = self.model.profile.ladder
        largest = max(ladder[i].budget for i in ladder.list_rungs_of(base.key.model))
        return replace(base.key, budget=largest, waits=base.key.waits + 1)

    def count_usage(self, outcome: Outcome, base: Outcome | None) -> None:
        """Add an attempt's cost, with its prompt only if that was not read before."""
        prompt = self.find_prompt(outcome.key)
        self.usage += outcome.compute_usage(base, prompt_read=prompt in self.prompts_read)
        self.prompts_read.add(prompt)

    def find_prompt(self, key: OutcomeKey) -> str:
        """Return the effort of its prompt. The direct answer shares the prompt of the first rung that thinks."""
        efforts = (r.effort for r in self.model.profile.ladder if r.thinks and r.model == key.model)
        effort = next(efforts, key.effort) if key.is_direct else key.effort
        return f"{key.model} {effort}"

    def judge(self, outcome: Outcome, plan: Plan) -> Verdict:
        """Judge an attempt, and add it to the attempts."""
        attempt = replace(outcome.attempt, arm=plan.arm, rung=plan.index, base=plan.base)
        self.history += ((outcome.key, plan.arm, plan.index, plan.base),)
        question = self.recorded.question
        key = (question.id, self.history)
        if plan.every_sample:
            verdict = self.model.judge_sample(question.text, attempt, self.attempts)
        else:
            verdict = self.model.judge(question.text, key, attempt, self.attempts)
        self.attempts.append(replace(attempt, verdict=verdict))
        self.outcomes.append(outcome)
        return verdict

    def vote(self, plan: Plan) -> bool:
        """Sample until the vote is settled; return whether a sample or the majority is accepted.

        Raises:
            KeyError: The plan draws every sample, and fewer were recorded.
        """
        policy = self.model.profile.policy
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
