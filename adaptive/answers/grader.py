"""What a grader is: it tells whether an answer is right by the reference answer, or that this cannot be told."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Real
from types import TracebackType
from typing import Protocol, Self

from adaptive._util.closing import Closing
from adaptive._util.redact import redact_text
from adaptive.types.verdict import CannotTell


@dataclass(frozen=True)
class Grade:
    """Whether an answer is right.

    Attributes:
        right: Whether the answer is right; False if undecided.
        decided: False if it could not be told.
        reason: Why the answer is wrong or undecided, in a few words.
    """

    right: bool
    decided: bool = True
    reason: str = ""

    @classmethod
    def undecided(cls, why: str) -> Grade:
        """Return the grade of an answer that cannot be graded."""
        return cls(False, False, why)


class Grader(Protocol):
    """Grades answers against a reference. To be closed after use, by hand or as a context manager."""

    @property
    def name(self) -> str:
        """The name that `adaptive.answers.registry.open_grader` takes."""

    def grade(self, question: str, answer: str | None, reference: str) -> Grade:
        """Return whether `answer` is right. It raises nothing, whatever the texts are.

        Args:
            question: The question's text.
            answer: The answer to grade; None if there is none, which is wrong.
            reference: The right answer; if it is blank, the grade is undecided.
        """

    def close(self) -> None:
        """End the process or whatever else grading started."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BaseGrader(Closing):
    """A grader that compares two texts that are not blank."""

    name: str

    def grade(self, question: str, answer: str | None, reference: str) -> Grade:
        """Return whether `answer` is right. It raises nothing, whatever the texts are.

        Args:
            question: The question's text.
            answer: The answer to grade; None if there is none, which is wrong.
            reference: The right answer; if it is blank, the grade is undecided.
        """
        if not reference.strip():
            return Grade.undecided("there is no reference answer")
        if answer is None or not answer.strip():
            return Grade(False, reason="there is no answer")
        try:
            return self.compare(question, answer, reference)
        except CannotTell as why:
            return Grade.undecided(str(why))

    @abstractmethod
    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank.

        Args:
            question: The question's text.
            answer: The answer to grade.
            reference: The right answer.

        Raises:
            CannotTell: If the two cannot be compared. Nothing else is raised.
        """

    def close(self) -> None:
        """End the process or whatever else grading started."""


def parse_score(value: object) -> float | None:
    """Return the number from 0 to 1 that `value` is; None if it is none."""
    try:
        score = float(value) if isinstance(value, Real) else -1.0
    except OverflowError:
        return None
    return score if 0 <= score <= 1 else None


def describe_value(value: object) -> str:
    """Return a short text that shows a value, or only its type if it is not plain."""
    return redact_text(repr(value)) if isinstance(value, float | str | None) else f"of type {type(value).__name__}"
