"""Recorded outcomes as features and labels, read one question at a time: token traces are dropped at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.data.outcome import Outcome, RecordedQuestion, rung_to_key
from adaptive.learn.data.splits import get_group, hash_question
from adaptive.learn.fit.graded import GradedQuestion
from adaptive.learn.fit.situations import SituationKind, iter_situations
from adaptive.profile.probe import extract_direct_features
from adaptive.types.ladder import Ladder
from adaptive.types.usage import CostUnit, Usage
from adaptive.verify.learned import extract_attempt_features

Floats = NDArray[np.float64]
Solved = NDArray[np.bool_]


@dataclass(frozen=True)
class VerifierExample:
    """A situation as features, without the difficulty, which is predicted later. question: its question's row."""

    question: int
    kind: SituationKind
    after_direct: bool
    rung: int
    right: bool
    features: dict[str, float]


@dataclass
class Examples:
    """Questions of one ladder.

    direct: features of the direct answers; empty if the ladder has none. left_out: how many questions were not
    used, by the reason in words.
    """

    ladder: Ladder
    texts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    direct: list[dict[str, float]] = field(default_factory=list)
    graded: list[GradedQuestion] = field(default_factory=list)
    verifier_examples: list[VerifierExample] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    _rows: list[list[bool]] = field(default_factory=list)
    _usages: list[list[Usage]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)

    @classmethod
    def read(
        cls, recorded: Iterable[RecordedQuestion], ladder: Ladder, wanted: Callable[[RecordedQuestion], bool]
    ) -> Examples:
        """Read questions, each once, if every rung was recorded and graded.

        Args:
            recorded: The questions with their outcomes.
            ladder: The ladder of the recording.
            wanted: Selects questions.
        """
        examples = cls(ladder)
        for one in recorded:
            if wanted(one):
                examples._add(one)
        return examples

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def solved(self) -> Solved:
        """Whether each rung's own answer is right, shape (n, rungs)."""
        return np.array(self._rows, dtype=np.bool_).reshape(len(self), len(self.ladder))

    @cached_property
    def tokens(self) -> Floats:
        """What each rung's attempt took, its prompt included, in `unit`, shape (n, rungs)."""
        spent = [[one.measure(self.unit) for one in row] for row in self._usages]
        return np.array(spent, dtype=np.float64).reshape(len(self), len(self.ladder))

    @cached_property
    def unit(self) -> CostUnit:
        """Dollars if the cost of every attempt is known, else tokens."""
        costs = [one.cost for row in self._usages for one in row]
        return "tokens" if not costs or None in costs else "dollars"

    def average_tokens(self) -> tuple[float, ...]:
        """Return what each rung's attempt took in the mean, in `unit`."""
        return tuple(round(float(one), 1) for one in self.tokens.mean(axis=0))

    def _add(self, recorded: RecordedQuestion) -> None:
        key = hash_question(recorded.question.text)
        outcomes = [recorded.outcomes.get(rung_to_key(r)) for r in self.ladder]
        recorded_rungs = [o for o in outcomes if o is not None]
        if len(recorded_rungs) < len(outcomes):
            self._leave_out("lack an attempt at some rung")
        elif any(o.right is None for o in recorded_rungs):
            self._leave_out("have an answer that could not be graded")
        elif key in self._keys:
            self._leave_out("are in the file twice")
        else:
            self._keys.add(key)
            self._append(recorded, recorded_rungs)

    def _append(self, recorded: RecordedQuestion, outcomes: list[Outcome]) -> None:
        row = len(self.texts)
        self.texts.append(recorded.question.text)
        self.groups.append(get_group(recorded.question))
        self._rows.append([o.solved for o in outcomes])
        self._usages.append([o.compute_usage() for o in outcomes])
        if not self.ladder[0].thinks:
            self.direct.append(extract_direct_features(outcomes[0].attempt))
        self.graded.append(GradedQuestion.from_outcomes(outcomes))
        for one in iter_situations(recorded, self.ladder):
            features = extract_attempt_features(one.attempt, one.others)
            self.verifier_examples.append(
                VerifierExample(row, one.kind, one.after_direct, one.attempt.rung, one.right, features)
            )

    def _leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1
