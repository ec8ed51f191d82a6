"""The probe: P(solved at rung k | question, direct answer). s1's rule run at inference (arXiv 2501.19393 §2.2).

If the model's direct answer, about ten tokens, was rejected, its confidence sharpens what the question's text
alone predicts. Plain numbers without numpy, which a profile keeps as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log1p

from adaptive.types.attempt import Attempt
from adaptive.types.logistic import LogitModel, log_odds
from adaptive.verify.learned import UNSURE


def extract_direct_features(direct: Attempt) -> dict[str, float]:
    """Return the probe's features of a direct answer.

    sure: log-odds of its confidence; unknown: 1 if there is no confidence; missing: 1 if there is no answer;
    length: log of 1 + its tokens; size: log of 1 + its characters.
    """
    return {
        "sure": log_odds(UNSURE if direct.confidence is None else direct.confidence),
        "unknown": float(direct.confidence is None),
        "missing": float(direct.answer is None),
        "length": log1p(direct.usage.answer),
        "size": log1p(len(direct.answer or "")),
    }


def find_direct_answer(attempts: Iterable[Attempt], model: int = 0) -> Attempt | None:
    """Return the direct answer at the first rung by the model `model` among these attempts, or None."""
    return next((a for a in attempts if a.finish == "none" and a.model == model and not a.rung), None)


@dataclass(frozen=True)
class Probe:
    """A linear model for each rung. Its weight `text` is for the log-odds that the text alone gives that rung."""

    rungs: tuple[LogitModel, ...]

    def p_solved(self, text: Sequence[float], direct: Attempt) -> list[float]:
        """Return the probability that each rung solves a question.

        Args:
            text: The probabilities from the text alone, one for each rung.
            direct: The direct answer to the question.
        """
        features = extract_direct_features(direct)
        return [line.predict({**features, "text": log_odds(p)}) for line, p in zip(self.rungs, text, strict=True)]
