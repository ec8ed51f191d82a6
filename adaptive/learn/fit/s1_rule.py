"""s1's own rule of difficulty (Muennighoff et al. 2025, arXiv 2501.19393, §2.2), from outcomes.

A question is easy if the base model answers it without thinking, or either of two models does. Of the others it is
medium if some rung solves it, hard if none does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, RecordedQuestion
from adaptive.learn.data.splits import hash_question
from adaptive.learn.fit.examples import Examples


@dataclass(frozen=True)
class S1Rule:
    """Labels by the rule.

    solved: shape (n, rungs). Easy questions are solved at every rung, medium ones at the top rung alone, hard ones
    at
    none: the rule does not know the rungs between. summary: how many of each there are, in words.
    """

    solved: NDArray[np.bool_]
    summary: str

    @classmethod
    def apply(cls, examples: Examples, second: Iterable[RecordedQuestion] = ()) -> S1Rule:
        """Apply the rule to examples; `second` has outcomes of another model at the same questions.

        Raises:
            InputError: The second model has none of the questions, or nothing was recorded without thinking.
        """
        if examples.ladder[0].thinks:
            raise InputError("--rule s1 needs answers without thinking, and the ladder has none: leave it out.")
        other = {hash_question(r.question.text): r.is_solved(DIRECT) for r in second}
        keys = [hash_question(text) for text in examples.texts]
        matched = sum(key in other for key in keys)
        if other and not matched:
            raise InputError("the outcomes of --second hold none of the questions: record the same with both.")
        easy = examples.solved[:, 0] | np.array([other.get(key, False) for key in keys], dtype=np.bool_)
        solved = np.repeat(easy[:, None], len(examples.ladder), axis=1)
        solved[:, -1] |= examples.solved.any(axis=1)
        return cls(solved, _format_summary(solved, matched if other else None))


def _format_summary(solved: NDArray[np.bool_], matched: int | None) -> str:
    count, easy, some = len(solved), int(solved[:, 0].sum()), int(solved[:, -1].sum())
    who = "the model" if matched is None else f"the model, or the second one (which has {matched} of them),"
    return (
        f"By s1's rule {easy} of {count} questions are easy ({who} solves them without thinking), {some - easy} "
        f"are medium (some rung does), {count - some} hard. P(solved) is P(easy) but at the top rung, where it is "
        "P(easy or medium)."
    )
