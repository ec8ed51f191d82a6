"""Answers graded against the references that came with their questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptive.cli.report import Result


def graded(result: Result, reference: str) -> Result:
    """The result with its `reference`: the answer, whether ours is right, and whether the first attempt's was.

    One that failed has no attempts, and is wrong.
    """
    from adaptive.verify.compare import same_answer

    first = result["attempts"][0] if "attempts" in result else result
    right = same_answer(result["answer"], reference)
    first_right = same_answer(first["answer"], reference)
    return {**result, "reference": {"answer": reference, "right": right, "first_right": first_right}}


@dataclass
class Score:
    """How many answers with a reference there were, how many were right, and what escalation did to them."""

    count: int = 0
    right: int = 0
    mended: int = 0
    broken: int = 0

    def add(self, reference: dict[str, Any]) -> None:
        """Count one graded result's `reference`."""
        right, first = reference["right"], reference["first_right"]
        self.count += 1
        self.right += right
        self.mended += right and not first
        self.broken += first and not right

    def __str__(self) -> str:
        mended, broken = _counted(self.mended, "wrong answer"), _counted(self.broken, "right answer")
        return f"Right: {self.right} of {self.count}. Escalation made {mended} right and {broken} wrong."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
