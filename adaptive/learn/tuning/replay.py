"""Replays a policy on recorded outcomes: what a solve would have bought, answered and spent, without a call.

The rules are the solve's own (`adaptive.policy.escalate`, `adaptive.policy.vote`, the profile's verifier): only buying an
attempt is looking it up. A prompt is counted once for each effort it is written for, and once more for a vote;
everything else is counted as the engine would have had to compute it.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from adaptive.learn.data.outcome import DIRECT, Key, Outcome, Recorded
from adaptive.learn.tuning.ways import Taken
from adaptive.policy import allocate, escalate, select
from adaptive.policy.arms import Plan, Situation, candidates
from adaptive.policy.vote import tallied, wanted
from adaptive.profile.probe import probe_of
from adaptive.profile.profile import Profile
from adaptive.profile.verifier import verifier_of
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Effort
from adaptive.types.options import Options
from adaptive.types.policy import After, Policy
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier

T = TypeVar("T")
History = tuple[tuple[Key, Arm, int, int | None], ...]
Seen = tuple[str, History]
"""A question, and the attempts at it up to the one that is judged."""
NO_USAGE = Usage(cost=0.0)


@dataclass(frozen=True, order=True)
class Trial:
    """An arm tried after a rejected attempt: whether that was right, and the better of both is; tokens more."""

    after: After
    arm: Arm
    before: bool
    kept: bool
    tokens: int


@dataclass
class Replay:
    """Solves with one profile, and nothing asked for. What its models say is kept: they are asked again."""

    profile: Profile
    known: dict[str, list[float]] = field(default_factory=dict)
    verdicts: dict[Seen, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.verifier: Verifier = verifier_of(self.profile, p_solved=self.p_solved)
        thinking = list(dict.fromkeys(r.effort for r in self.profile.ladder if r.thinks))
        self.efforts: list[Effort] = thinking if len(thinking) > 1 else []

    @classmethod
    def of(cls, profile: Profile, recorded: Iterable[Recorded]) -> Replay:
        """Of recorded questions that are read at once, which an embedding model is asked about in one go."""
        texts = list(dict.fromkeys(one.question.text for one in recorded))
        return cls(profile, dict(zip(texts, profile.p_solved(texts), strict=True)))

    def taken(self, recorded: Recorded) -> Taken:
        """What the solve of one recorded question comes to. Raises `KeyError` where a rung was not recorded."""
        return _Solve(self, recorded).run()

    def trials(self, recorded: Recorded) -> list[Trial]:
        """Every arm tried after every rung of the ladder whose answer is rejected: the direct one, and each
        alone."""
        found: list[Trial] = []
        for index, rung in enumerate(self.profile.ladder):
            first = _Solve(self, recorded)
            if not first.buy(Plan(index, replace(rung, waits=0), "first", "")):
                found += first.tried(self.p_solved(recorded.question.text))
        return found

    def with_policy(self, other: Policy, threshold: float | None = None) -> Replay:
        """The same with another policy and perhaps another threshold of the verifier model."""
        verifier = self.profile.verifier
        if verifier is not None and threshold is not None:
            verifier = replace(verifier, threshold=threshold)
        verdicts = {} if verifier is None else self.verdicts  # the policy's thresholds count where no model does
        return Replay(replace(self.profile, policy=other, verifier=verifier), self.known, verdicts)

    def verdict(self, asked: Recorded, seen: Seen, attempt: Attempt, before: Sequence[Attempt]) -> Verdict:
        """The verdict on an attempt after others; a model's probability is kept, for any threshold."""
        if seen not in self.verdicts:
            self.verdicts[seen] = _now(self.verifier.verify(asked.question.text, attempt, before))
        verdict, model = self.verdicts[seen], self.profile.verifier
        if model is None or verdict.verifier != "learned":
            return verdict
        return replace(verdict, accepted=verdict.score >= model.threshold)

    def p_solved(self, question: str) -> list[float]:
        """The text's probabilities, one a rung."""
        if question not in self.known:
            (self.known[question],) = self.profile.p_solved([question])
        return self.known[question]


@dataclass
class _Solve:
    """One replayed solve."""

    by: Replay
    recorded: Recorded
    attempts: list[Attempt] = field(default_factory=list)
    bought: list[Outcome] = field(default_factory=list)
    usage: Usage = NO_USAGE
    told: set[str] = field(default_factory=set)
    history: History = ()

    def __post_init__(self) -> None:
        outcomes = self.recorded.outcomes
        self.options = Options(
            waits=None if any(k.waits for k in outcomes) else 0,
            samples=None if any(k.sample for k in outcomes) else 0,
        )

    def run(self) -> Taken:
        """Buy, judge and escalate until it is over."""
        profile = self.by.profile
        text = self.by.p_solved(self.recorded.question.text)
        plan: Plan | str = allocate.first(profile.ladder, profile.policy, text, Options())
        while isinstance(plan, Plan):
            over = self.vote(plan) if plan.arm == "vote" else self.buy(plan)
            plan = "accepted" if over else escalate.following(self.situation(self.sharper(text)))
        kept = select.best(self.attempts)
        verdict = self.attempts[kept].verdict
        assert verdict is not None  # every attempt here was judged
        outcome = self.bought[kept]
        return Taken(
            outcome.solved, self.usage, outcome.key, verdict.score, verdict.accepted, attempts=len(self.attempts)
        )

    def tried(self, text: Sequence[float]) -> list[Trial]:
        """What each arm brings after what was bought so far."""
        now, before = self.situation(text), self.right()
        plans = [p for p in candidates(now).values() if isinstance(p, Plan) and self.has(p)]
        forks = [(plan, self.fork()) for plan in plans]
        for plan, fork in forks:
            _ = fork.vote(plan) if plan.arm == "vote" else fork.buy(plan)
        return [Trial(now.after, p.arm, before, f.right(), f.usage.total - self.usage.total) for p, f in forks]

    def fork(self) -> _Solve:
        """This solve as it stands, to go on with apart."""
        return replace(self, attempts=[*self.attempts], bought=[*self.bought], told={*self.told})

    def has(self, plan: Plan) -> bool:
        """Whether what a plan buys was recorded."""
        if plan.arm == "vote":
            return self.sample(plan, 1) is not None
        base = self.bought[plan.base] if plan.base is not None else None
        return self.key(plan, base) in self.recorded.outcomes

    def right(self) -> bool:
        """Whether the answer that is kept so far is right."""
        return self.bought[select.best(self.attempts)].solved

    def sharper(self, text: Sequence[float]) -> Sequence[float]:
        """What `text` says of difficulty, and the direct answer, where there was one: as `Profile.difficulty`."""
        probe, direct = self.by.profile.probe, probe_of(self.attempts)
        if not text or probe is None or direct is None:
            return text
        return [round(p, 4) for p in probe.p_solved(text, direct)]

    def situation(self, text: Sequence[float]) -> Situation:
        """What `policy.following` is asked with."""
        profile = self.by.profile
        return Situation(self.attempts, profile.ladder, profile.policy, text, self.options, self.by.efforts)

    def buy(self, plan: Plan) -> bool:
        """One attempt; whether it is accepted."""
        base = self.bought[plan.base] if plan.base is not None else None
        outcome = self.recorded.outcomes[self.key(plan, base)]
        self.count(outcome, base)
        return self.judge(outcome, plan).accepted

    def key(self, plan: Plan, base: Outcome | None) -> Key:
        """Where the attempt that a plan buys was recorded: Waits at the largest budget."""
        if not plan.rung.thinks:
            return DIRECT
        if plan.arm != "wait" or base is None:
            return Key(plan.rung.effort, plan.rung.budget, plan.rung.waits)
        largest = max(r.budget for r in self.by.profile.ladder)
        return replace(base.key, budget=largest, waits=base.key.waits + 1)

    def count(self, outcome: Outcome, base: Outcome | None) -> None:
        """What it takes, its prompt only where that was not read before."""
        spent = outcome.usage(base)
        told = self.prompt_of(outcome.key)
        self.usage += replace(spent, prompt=0 if told in self.told else spent.prompt, cost=0.0)
        self.told.add(told)

    def prompt_of(self, key: Key) -> str:
        """What its prompt is written for: the direct answer shares that of the first rung that thinks."""
        efforts = (r.effort for r in self.by.profile.ladder if r.thinks)
        return next(efforts, key.effort) if key == DIRECT else key.effort

    def judge(self, outcome: Outcome, plan: Plan) -> Verdict:
        """The verdict on an attempt, which is one of the attempts then."""
        attempt = replace(outcome.attempt, arm=plan.arm, rung=plan.index, base=plan.base)
        self.history += ((outcome.key, plan.arm, plan.index, plan.base),)
        seen = (self.recorded.question.id, self.history)
        verdict = self.by.verdict(self.recorded, seen, attempt, self.attempts)
        self.attempts.append(replace(attempt, verdict=verdict))
        self.bought.append(outcome)
        return verdict

    def vote(self, plan: Plan) -> bool:
        """Samples until the vote is settled; whether one of them or their majority is accepted."""
        known = self.by.profile.policy
        self.told.discard(vote_prompt := f"{plan.rung.effort} vote")
        drawn = 0
        while True:
            more = wanted(self.attempts, plan, known)
            samples = [self.sample(plan, n) for n in range(drawn + 1, drawn + more + 1)]
            for outcome in samples:
                if outcome is None:
                    self.options = replace(self.options, samples=0)  # there is no other vote to be had
                    return False
                spent = outcome.usage()
                self.usage += replace(spent, prompt=0 if vote_prompt in self.told else spent.prompt, cost=0.0)
                self.told.add(vote_prompt)
                self.judge(outcome, plan)
            drawn += more
            now = tallied(self.attempts, plan, known)
            self.attempts = list(now.attempts)
            if now.accepted or not more:
                return now.accepted

    def sample(self, plan: Plan, number: int) -> Outcome | None:
        """A recorded sample; None where so many were not drawn: the vote is over then."""
        return self.recorded.outcomes.get(Key(plan.rung.effort, plan.rung.budget, 0, number))


def _now(judging: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that has nothing to wait for, as the verifiers that are replayed."""
    try:
        judging.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("a verifier that waits for something cannot be replayed")
