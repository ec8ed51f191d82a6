"""Grades answers by the right one, as a verifier, with the graders of `adaptive record`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from adaptive.answers.grader import Grader
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import CannotTell
from adaptive.verify.external import Assessment, ExternalVerifier


@dataclass(frozen=True)
class ReferenceCheck(ExternalVerifier):
    """Accepts an answer that the grader finds right; undecided if the grader is.

    Attributes:
        grader: The grader, which the caller closes.
        reference: The right answer.
    """

    grader: Grader
    reference: str
    name: str = "reference"

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Grade the answer. Raise `CannotTell` if the grader cannot tell."""
        # In a thread, since math-verify may be asked.
        grade = await asyncio.to_thread(self.grader.grade, question, answer, self.reference)
        if not grade.decided:
            raise CannotTell(grade.reason)
        reason = grade.reason or f"it is the right answer, {self.reference}"
        return Assessment(grade.right, float(grade.right), reason)
