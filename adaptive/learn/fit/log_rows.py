"""Logged solves as further rows to fit difficulty to: of each, one rung is known and the others are not.

A log holds what a policy chose to buy: a dear rung was seen where a cheaper answer was rejected, so it looks
somewhat worse there than over all such questions. Each rung is fitted to the rows that have it, and what comes of
it is measured on recorded questions alone, which have every rung.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from adaptive._util.redact import redact_address
from adaptive.learn.data.observations import Observation
from adaptive.learn.data.outcome import OutcomeKey, rung_to_key
from adaptive.learn.data.splits import hash_question
from adaptive.learn.fit.difficulty import Solved
from adaptive.profile.features import normalise_question
from adaptive.types.ladder import Ladder


@dataclass(frozen=True)
class LogRows:
    """m questions. solved, known: shape (m, rungs), whether a rung's answer was right, and whether it was seen.

    observations: how many of them it holds. left_out: why how many are not in it, in words.
    """

    texts: list[str]
    solved: Solved
    observed: Solved
    observations: int
    left_out: dict[str, int]

    @property
    def groups(self) -> list[str]:
        """A question of a log is alone with its own text."""
        return [normalise_question(text) for text in self.texts]

    @classmethod
    def from_observations(
        cls, observations: Iterable[Observation], ladder: Ladder, model: str, recorded_keys: Collection[str]
    ) -> LogRows:
        """Those of `model` at a rung of `ladder`, of the same question at the same rung the newest.

        recorded: keys of questions (`seen_key`) that were recorded: of these all is known, and some are left to
        tune and test on, so that they must not be learned from.
        """
        rungs = {rung_to_key(rung): i for i, rung in enumerate(ladder)}
        texts: dict[str, str] = {}
        seen: dict[tuple[str, int], bool] = {}
        left_out: dict[str, int] = {}
        for one in observations:
            key, rung = hash_question(one.question), rungs.get(OutcomeKey(one.effort, one.budget, one.waits))
            if why := _explain_exclusion(one, rung, model, key in recorded_keys):
                left_out[why] = left_out.get(why, 0) + 1
            elif rung is not None:
                if (key, rung) in seen:
                    left_out[REPEATED] = left_out.get(REPEATED, 0) + 1
                texts.setdefault(key, one.question)
                seen[key, rung] = one.right
        row = {key: i for i, key in enumerate(texts)}
        solved, known = (np.zeros((len(texts), len(ladder)), dtype=np.bool_) for _ in range(2))
        for (key, rung), right in seen.items():
            solved[row[key], rung], known[row[key], rung] = right, True
        return cls(list(texts.values()), solved, known, len(seen), left_out)


REPEATED = "were observed at the same rung again later"


def _explain_exclusion(one: Observation, rung: int | None, model: str, recorded: bool) -> str:
    """Why nothing can be learned from an observation; "" where something can."""
    if one.model != redact_address(model):
        return "are of another model"
    if one.arm == "vote":
        return "are samples of a vote"
    if rung is None:
        return "are of no rung of this ladder"
    return "are of questions that were recorded" if recorded else ""
