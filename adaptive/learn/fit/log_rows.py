"""Logged solves as further rows to fit difficulty to: each has one observed rung, and the others are missing.

A log holds what a policy chose to try: a dear rung was tried after a cheaper answer was rejected, so it looks
somewhat worse there than over all such questions. Each rung is fitted to the rows that have it, and the result is
measured on recorded questions alone, which have every rung.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from adaptive._util.redact import redact_address
from adaptive.learn.data.observations import Observation
from adaptive.learn.data.outcome import attempt_to_key, rung_to_key
from adaptive.learn.data.splits import hash_question
from adaptive.learn.fit.difficulty import Solved
from adaptive.profile.features import normalise_question
from adaptive.types.ladder import Ladder


@dataclass(frozen=True)
class LogRows:
    """m questions. solved, observed: shape (m, rungs), whether a rung's answer is right, and whether it was made.

    observations: how many it has. left_out: how many were not used, by the reason in words.
    """

    texts: list[str]
    solved: Solved
    observed: Solved
    observations: int
    left_out: dict[str, int]

    @property
    def groups(self) -> list[str]:
        """The group of each question: its own text."""
        return [normalise_question(text) for text in self.texts]

    @classmethod
    def from_observations(
        cls, observations: Iterable[Observation], ladder: Ladder, model: str, recorded_keys: Collection[str]
    ) -> LogRows:
        """Select observations: of the model, at a rung of the ladder; of equal questions and rungs the newest.

        Args:
            observations: Logged solves, oldest first.
            ladder: The ladder of the profile.
            model: The spec of the model.
            recorded_keys: Keys (`hash_question`) of recorded questions, which are not used: all is known about
                them, and some are left to tune and test on.
        """
        rungs = {rung_to_key(rung): i for i, rung in enumerate(ladder)}
        texts: dict[str, str] = {}
        right: dict[tuple[str, int], bool] = {}
        left_out: dict[str, int] = {}
        for one in observations:
            key, of = hash_question(one.question), _name_model(one, model)
            rung = rungs.get(attempt_to_key(one.effort, one.budget, one.waits, of))
            if why := _explain_exclusion(one, rung, of in ladder.models, key in recorded_keys):
                left_out[why] = left_out.get(why, 0) + 1
            elif rung is not None:
                if (key, rung) in right:
                    left_out[REPEATED] = left_out.get(REPEATED, 0) + 1
                texts.setdefault(key, one.question)
                right[key, rung] = one.right
        row = {key: i for i, key in enumerate(texts)}
        solved, observed = (np.zeros((len(texts), len(ladder)), dtype=np.bool_) for _ in range(2))
        for (key, rung), value in right.items():
            solved[row[key], rung], observed[row[key], rung] = value, True
        return cls(list(texts.values()), solved, observed, len(right), left_out)


REPEATED = "were observed at the same rung again later"


def _name_model(one: Observation, model: str) -> str:
    """Return the model of an observation as rungs name it."""
    return "" if one.model == redact_address(model) else one.model


def _explain_exclusion(one: Observation, rung: int | None, known_model: bool, recorded: bool) -> str:
    """Return why nothing can be learned from an observation, or "" if something can.

    Args:
        one: The observation.
        rung: The index of its rung.
        known_model: Whether the ladder has rungs of its model.
        recorded: Whether its question was recorded.
    """
    if not known_model:
        return "are of another model"
    if one.arm == "vote":
        return "are samples of a vote"
    if rung is None:
        return "are of no rung of this ladder"
    return "are of questions that were recorded" if recorded else ""
