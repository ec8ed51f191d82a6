"""Verdicts within a solve's limits: told as they are given, and cut off when the time is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive._util.deadline import Clock, TimeUp
from adaptive.policy import limits
from adaptive.policy.vote import DECISIVE
from adaptive.solver.runnables import Write
from adaptive.types.attempt import Attempt
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier
from adaptive.verify.combine import unasked


@dataclass(frozen=True)
class Judging:
    """Judges attempts at one question; verifiers: of each model."""

    question: str
    verifiers: Sequence[Verifier]
    options: Options
    write: Write
    clock: Clock

    async def judged(self, one: Attempt, before: list[Attempt], beside: Sequence[Attempt] = ()) -> Attempt:
        """An attempt with its verdict, told; `beside` are attempts that were made and not judged yet."""
        why = limits.reached((*before, one, *beside), self.options, self.clock.seconds)
        verdict = await self._verdict(one, before, why)
        number = len(before)
        sample = {"sample": number} if one.arm == "vote" else {}
        self.write({"event": "verdict", "attempt": number, **sample, "answer": one.answer,
                    "accepted": verdict.accepted, "score": verdict.score, "verifier": verdict.verifier,
                    "reason": verdict.reason})  # fmt: skip
        return one.judged(verdict)

    async def _verdict(self, one: Attempt, before: list[Attempt], why: str) -> Verdict:
        """A verdict; where a limit was reached (`why`), or the time is up meanwhile, without what takes long."""
        question, verifier, clock = self.question, self.verifiers[one.model], self.clock
        if why:
            names = DECISIVE if clock.over else ("judge",)
            return await unasked(verifier, why, names).verify(question, one, before)
        try:
            async with clock.limited():
                return await verifier.verify(question, one, before)
        except TimeUp:
            late = limits.out_of_time(self.options)
            verdict = await unasked(verifier, late, DECISIVE).verify(question, one, before)
            # What was asked and cut off may have cost something, and nobody knows what.
            lost = Usage(seconds=clock.seconds - clock.before, estimated=("verifier",))
            return replace(verdict, usage=verdict.usage + lost if verdict.usage else lost)
