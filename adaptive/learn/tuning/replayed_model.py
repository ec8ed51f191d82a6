"""What replays of one model share, whatever policy chooses: forecasts, verdicts, and the states of solves."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from adaptive.learn.data.outcome import OutcomeKey
from adaptive.policy.vote import ALIKE
from adaptive.profile.profile import Profile
from adaptive.profile.verifier import build_profile_verifier
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Effort
from adaptive.types.policy import Policy
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier
from adaptive.verify.combine import hold_back_measured

T = TypeVar("T")
History = tuple[tuple[OutcomeKey, Arm, int, int | None], ...]
JudgedKey = tuple[str, History]
"""A question's id, and the attempts at it up to the one that is judged."""


@dataclass
class TextFacts:
    """What the text of a question tells under one profile. Each is found once."""

    profile: Profile
    forecasts: dict[str, Forecast] = field(default_factory=dict)
    outside: dict[str, bool] = field(default_factory=dict)

    def forecast(self, question: str) -> Forecast:
        """Return what the text tells of each rung."""
        if question not in self.forecasts:
            (self.forecasts[question],) = self.profile.forecast([question])
        return self.forecasts[question]

    def is_outside(self, question: str) -> bool:
        """Return whether a question is outside the profile's domain."""
        if question not in self.outside:
            self.outside[question] = self.profile.is_outside(question)
        return self.outside[question]


@dataclass
class ReplayedModel:
    """A model under one profile, as far as attempts and verdicts depend on it, whatever a policy chooses.

    profile: with a policy of the same limits. texts: what texts tell. verdicts: with the scores of the verifier
    model, for any threshold; replays with other thresholds share them.
    """

    profile: Profile
    texts: TextFacts
    verdicts: dict[JudgedKey, Verdict]

    def __post_init__(self) -> None:
        self.verifier: Verifier = build_profile_verifier(
            self.profile, p_solved=lambda text: self.texts.forecast(text).p_solved
        )
        thinking = list(dict.fromkeys(r.effort for r in self.profile.ladder if r.thinks))
        self.efforts: list[Effort] = thinking if len(thinking) > 1 else []

    @cached_property
    def alike(self) -> Policy:
        """What of the policy attempts and verdicts depend on."""
        return strip_choices(self.profile.policy)

    def judge(self, question: str, key: JudgedKey, attempt: Attempt, before: Sequence[Attempt]) -> Verdict:
        """Return the verdict on an attempt. A verifier model's score is cached, for any threshold.

        Args:
            question: The question's text.
            key: Identifies the attempt with its history.
            attempt: The attempt to judge.
            before: The attempts before it.
        """
        if key not in self.verdicts:
            self.verdicts[key] = _run_coroutine(self.verifier.verify(question, attempt, before))
        verdict, model = self.verdicts[key], self.profile.verifier
        if model is None or verdict.verifier != "learned":
            return verdict
        return replace(verdict, accepted=verdict.score >= model.threshold)

    def judge_sample(self, question: str, sample: Attempt, before: Sequence[Attempt]) -> Verdict:
        """Return the verdict on a sample of a vote that draws every sample; the arguments are those of `judge`."""
        verifier = hold_back_measured(self.verifier, ALIKE)
        return _run_coroutine(verifier.verify(question, sample, before))

    def measure(self, usage: Usage) -> float:
        """Return a usage in the unit of the profile's policy."""
        return usage.measure(self.profile.policy.unit)


def strip_choices(policy: Policy) -> Policy:
    """Return the policy without what only chooses among attempts: two that are the same then bring the same."""
    return replace(policy, worth=None, always=None, escalates=True, follow_ups=(), evidence=())


def _run_coroutine(judging: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, such as that of a replayed verifier, and return its result."""
    try:
        judging.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("a verifier that waits for something cannot be replayed")
