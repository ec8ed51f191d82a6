"""Replays a policy on recorded outcomes: the attempts, the answer and the cost of a solve, without a call.

The rules are those of a solve (`adaptive.policy.escalate`, `adaptive.policy.vote`, the profile's verifier); only
making an attempt is replaced by looking it up. A prompt is counted once for each effort it is rendered for, and
once more for a vote; everything else is counted as the engine would have had to compute it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from adaptive.learn.data.outcome import RecordedQuestion, make_plain_key
from adaptive.learn.tuning.replay_state import ReplayState
from adaptive.learn.tuning.replayed_model import JudgedKey, ReplayedModel, TextFacts, strip_choices
from adaptive.learn.tuning.ways import WayResult
from adaptive.policy import allocate, select
from adaptive.policy.arms import Plan
from adaptive.policy.routine import continue_routine
from adaptive.profile.profile import Profile
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Rung
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine
from adaptive.types.verdict import Verdict


@dataclass
class _Shared:
    """What replays with other policies share: verdicts, states of solves, and policies without their worth."""

    texts: TextFacts
    verdicts: dict[JudgedKey, Verdict] = field(default_factory=dict)
    models: list[tuple[ReplayedModel, dict[str, ReplayState]]] = field(default_factory=list)
    rules: list[Policy] = field(default_factory=list)

    def find_rules(self, policy: Policy) -> Policy:
        """Return the policy without its worth, the same object for all that differ in that alone."""
        rules = replace(policy, worth=None)
        for one in self.rules:
            if one == rules:
                return one
        self.rules.append(rules)
        return rules

    def find_model(self, profile: Profile) -> tuple[ReplayedModel, dict[str, ReplayState]]:
        """Return the model under a profile, and the first states of its solves by question."""
        alike = strip_choices(profile.policy)
        for model, starts in self.models:
            if model.alike == alike and model.profile.verifier == profile.verifier:
                return model, starts
        # without a verifier model the policy's thresholds decide verdicts
        verdicts = {} if profile.verifier is None else self.verdicts
        self.models.append((ReplayedModel(profile, self.texts, verdicts), {}))
        return self.models[-1]


class Replay:
    """Replayed solves with one profile and default options. Predictions, verdicts and states are cached."""

    def __init__(
        self,
        profile: Profile,
        forecasts: Mapping[str, Forecast] | None = None,
        shared: _Shared | None = None,
        first_rungs: Mapping[str, int] | None = None,
    ) -> None:
        """Replay a profile.

        Args:
            profile: The profile.
            forecasts: What is expected of questions, by their text; of others the profile is asked.
            shared: What a replay of the same profile with another policy has found.
            first_rungs: The rung that promises most, by the question's text, if that is known already.
        """
        self.profile, self.first_rungs = profile, first_rungs or {}
        self.shared = shared or _Shared(TextFacts(profile, dict(forecasts or {})))
        self.texts = self.shared.texts
        self.model, self.starts = self.shared.find_model(profile)
        self.firsts = [Plan(i, replace(rung, waits=0), "first", "") for i, rung in enumerate(profile.ladder)]

    @classmethod
    def from_recorded(cls, profile: Profile, recorded: Iterable[RecordedQuestion]) -> Replay:
        """Build it from recorded questions."""
        texts = list(dict.fromkeys(one.question.text for one in recorded))
        return cls(profile, dict(zip(texts, profile.forecast(texts), strict=True)))

    @cached_property
    def rules(self) -> Policy:
        """The policy without its worth."""
        return self.shared.find_rules(self.profile.policy)

    def solve(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result of solving a recorded question; raise `KeyError` if a rung was not recorded.

        A question outside the profile's domain gets the recorded plain call, which nothing verifies.
        """
        if self.texts.is_outside(recorded.question.text):
            if (plain := recorded.find_plain()) is None:
                raise KeyError(make_plain_key(0))
            return WayResult(plain.solved, plain.compute_usage(), plain.key)
        state, policy = self.start(recorded), self.profile.policy
        plan: Plan | str = self.choose_first_plan(recorded.question.text)
        while isinstance(plan, Plan):
            state = state.follow(plan)
            plan = "accepted" if state.accepted else state.choose_next_plan(self.rules, policy)
        return state.result

    def choose_first_plan(self, question: str) -> Plan:
        """Return the first attempt at a question."""
        if question in self.first_rungs and self.profile.policy.always is None:
            return self.firsts[self.first_rungs[question]]
        text = self.texts.forecast(question)
        return allocate.choose_first_rung(self.profile.ladder, self.profile.policy, text, Options())

    def start(self, recorded: RecordedQuestion) -> ReplayState:
        """Return the state before the first attempt."""
        start = self.starts.get(recorded.question.id)
        if start is None or start.recorded is not recorded:
            start = self.starts[recorded.question.id] = ReplayState(self.model, recorded)
        return start

    def start_at(self, recorded: RecordedQuestion, index: int) -> ReplayState:
        """Return the state after a first attempt at a rung."""
        return self.start(recorded).follow(self.firsts[index])

    def accepts_direct(self, recorded: RecordedQuestion) -> bool:
        """Return whether the answer of the first rung is accepted; outside the profile's domain none is."""
        return not self.texts.is_outside(recorded.question.text) and self.start_at(recorded, 0).accepted

    def prefers_direct(self, recorded: RecordedQuestion, rung: Rung) -> bool:
        """Return whether it is kept, although it was not accepted, once there is the answer of a rung too.

        Outside the profile's domain nothing tells which is better: the rung's answer is kept.
        """
        if self.texts.is_outside(recorded.question.text):
            return False
        routine = self.shared.find_rules(replace(self.profile.policy, always=Routine(rung, after_direct=True)))
        direct = self.start_at(recorded, 0)
        plan = continue_routine(direct.with_policy(routine))
        assert plan is not None  # it follows a direct answer
        return select.select_best_attempt(direct.follow(plan).attempts) == 0

    def with_policy(
        self, other: Policy, threshold: float | None = None, first_rungs: Mapping[str, int] | None = None
    ) -> Replay:
        """Return the same with another policy, and perhaps another threshold of the verifier model.

        Args:
            other: The policy.
            threshold: Of the verifier model; None keeps it.
            first_rungs: The rung that promises most to this policy, by the question's text, if it is known.
        """
        verifier = self.profile.verifier
        if verifier is not None and threshold is not None:
            verifier = replace(verifier, threshold=threshold)
        return Replay(replace(self.profile, policy=other, verifier=verifier), None, self.shared, first_rungs)


def select_replayable(profile: Profile, recorded: Iterable[RecordedQuestion]) -> list[RecordedQuestion]:
    """Return the questions that a replay can solve: those outside the profile's domain need a plain call."""
    return [one for one in recorded if not profile.is_outside(one.question.text) or one.find_plain() is not None]
