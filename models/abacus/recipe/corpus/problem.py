"""A question with the solution that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from corpus.tape import Number, Solution, Tape, show


def as_text(value: Number) -> str:
    """How most families write their answer."""
    return show(value)


@dataclass(frozen=True)
class Problem:
    """`answer_form` writes the final value: most families show it, fractions and the like have their own."""

    family: str
    question: str
    solution: Solution
    answer_form: Callable[[Number], str] = as_text

    def run(self, tape: Tape) -> str:
        """The answer as text; the lines are left on the tape."""
        return self.answer_form(Fraction(self.solution(tape)))
