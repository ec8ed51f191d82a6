"""Verifies attempts within the limits of a solve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive._util.deadline import Deadline, DeadlineExceeded
from adaptive.policy import limits
from adaptive.policy.vote import DECISIVE_VERIFIERS
from adaptive.types.attempt import Attempt
from adaptive.types.events import OnEvent
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier
from adaptive.verify.combine import skip_verifiers


@dataclass(frozen=True)
class AttemptVerifier:
    """Verifies attempts at one question. verifiers: the verifier of each model."""

    question: str
    verifiers: Sequence[Verifier]
    options: Options
    on_event: OnEvent
    deadline: Deadline

    async def verify_attempt(
        self, attempt: Attempt, before: list[Attempt], pending: Sequence[Attempt] = ()
    ) -> Attempt:
        """Return an attempt with its verdict, and report the verdict as an event.

        Args:
            attempt: The attempt to judge.
            before: The attempts before it, with their verdicts.
            pending: Attempts that are made but not judged yet; what they spent counts for the limits.
        """
        reached = limits.find_reached_limit((*before, attempt, *pending), self.options, self.deadline.elapsed)
        verdict = await self._verify_within_limits(attempt, before, reached)
        number = len(before)
        sample = {"sample": number} if attempt.arm == "vote" else {}
        self.on_event({"event": "verdict", "attempt": number, **sample, "answer": attempt.answer,
                    "accepted": verdict.accepted, "score": verdict.score, "verifier": verdict.verifier,
                    "reason": verdict.reason})  # fmt: skip
        return attempt.with_verdict(verdict)

    async def _verify_within_limits(self, attempt: Attempt, before: list[Attempt], reached_limit: str) -> Verdict:
        """Return a verdict; without slow verifiers if a limit is reached, or the deadline passes meanwhile."""
        question, verifier, deadline = self.question, self.verifiers[attempt.model], self.deadline
        if reached_limit:
            names = DECISIVE_VERIFIERS if deadline.expired else ("judge",)
            return await skip_verifiers(verifier, reached_limit, names).verify(question, attempt, before)
        try:
            async with deadline.enforce():
                return await verifier.verify(question, attempt, before)
        except DeadlineExceeded:
            late = limits.describe_timeout(self.options)
            verdict = await skip_verifiers(verifier, late, DECISIVE_VERIFIERS).verify(question, attempt, before)
            # The call that was cut off may have cost something; nobody knows how much.
            lost = Usage(seconds=deadline.elapsed - deadline.previous_seconds, estimated=("verifier",))
            return replace(verdict, usage=verdict.usage + lost if verdict.usage else lost)
