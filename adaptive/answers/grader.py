"""What a grader is: it tells whether an answer is right, given the reference answer, and says where it cannot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from types import TracebackType
from typing import Protocol, Self

from adaptive._util.redact import redact_text
from adaptive.types.verdict import CannotTell


@dataclass(frozen=True)
class Grade:
    """Whether an answer is right.

    decided: False where it could not be told; then `right` is False and `reason` says why in a few words.
    """

    right: bool
    decided: bool = True
    reason: str = ""

    @classmethod
    def undecided(cls, why: str) -> Grade:
        """The grade of an answer about which nothing can be told."""
        return cls(False, False, why)


class Grader(Protocol):
    """Grades answers by its `name`; closed when done with, by hand or as a context manager."""

    @property
    def name(self) -> str:
        """As `grader_for` takes it."""

    def grade(self, question: str, answer: str | None, reference: str) -> Grade:
        """Whether `answer` is right; raises nothing, whatever the texts are."""

    def close(self) -> None:
        """End what was started for grading."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BaseGrader(ABC):
    """A grader that compares two texts: no answer is wrong, and without a reference nothing can be told."""

    name: str

    def grade(self, question: str, answer: str | None, reference: str) -> Grade:
        """Whether `answer` is right; raises nothing, whatever the texts are."""
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
        """The grade of two texts that are not blank; may raise `CannotTell` and nothing else."""

    def close(self) -> None:  # noqa: B027 -- most have nothing to end
        """End what was started for grading."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def parse_score(value: object) -> float | None:
    """The number from 0 to 1 that `value` is; None where it is none."""
    try:
        score = float(value) if isinstance(value, Real) else -1.0
    except OverflowError:
        return None
    return score if 0 <= score <= 1 else None


def describe_value(value: object) -> str:
    """What `value` is, to be shown."""
    return redact_text(repr(value)) if isinstance(value, float | str | None) else f"of type {type(value).__name__}"
