"""The probe: P(solved at rung k | question, direct answer). s1's rule run at inference (arXiv 2501.19393 §2.2).

Where the base model's direct answer, about ten tokens, was given and rejected, its confidence sharpens what the
question's text alone told. Plain numbers, no numpy: a profile keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log1p

from adaptive.types.attempt import Attempt
from adaptive.types.logistic import LogitModel, log_odds
from adaptive.verify.learned import UNSURE


def extract_direct_features(direct: Attempt) -> dict[str, float]:
    """What the probe sees of a direct answer, besides what the text told.

    sure: log-odds of its confidence; unknown: 1 where there is none; missing: 1 where there is no answer; length:
    log of 1 + tokens of the answer, size: of 1 + its characters.
    """
    return {
        "sure": log_odds(UNSURE if direct.confidence is None else direct.confidence),
        "unknown": float(direct.confidence is None),
        "missing": float(direct.answer is None),
        "length": log1p(direct.usage.answer),
        "size": log1p(len(direct.answer or "")),
    }


def find_direct_answer(attempts: Iterable[Attempt], model: int = 0) -> Attempt | None:
    """The direct answer that the model `model` gave among these attempts, None where it gave none."""
    return next((a for a in attempts if a.finish == "none" and a.model == model), None)


@dataclass(frozen=True)
class Probe:
    """A line for each rung. `text` among its weights is for the log-odds that the text alone gives that rung."""

    rungs: tuple[LogitModel, ...]

    def p_solved(self, text: Sequence[float], direct: Attempt) -> list[float]:
        """Probabilities that each rung solves a question, never falling.

        text: those by the text alone, one a rung. direct: the direct answer to the question.
        """
        seen = extract_direct_features(direct)
        each = (line.predict({**seen, "text": log_odds(p)}) for line, p in zip(self.rungs, text, strict=True))
        return list(accumulate(each, max))
