"""The features of all questions, read once: which tokens each has, and its counts.

Reading is the slowest part of training, and every fold needs it. So it is done once, for all tokens, and each fit
selects the columns that are frequent in its own rows.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from adaptive.profile.features import COUNTS, QuestionFeatures

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """n questions. names: T tokens, sorted. present: sparse, shape (n, T), 1 if the question has the token.

    counts: log(1 + count) for each of `COUNTS`, shape (n, len(COUNTS)).
    """

    names: tuple[str, ...]
    present: Any
    counts: Floats

    @classmethod
    def read(cls, questions: Sequence[str]) -> Corpus:
        """Read the questions."""
        numbers: dict[str, int] = {}
        tokens, ends = array("i"), array("q", [0])
        counts = np.empty((len(questions), len(COUNTS)))
        for row, question in enumerate(questions):
            features = QuestionFeatures(question)
            counts[row] = features.to_counts()
            tokens.extend([numbers.setdefault(t, len(numbers)) for t in set(features.to_tokens())])
            ends.append(len(tokens))
        names = sorted(numbers)
        place = np.empty(len(numbers), dtype=np.int32)
        place[[numbers[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        columns = place[np.frombuffer(tokens, dtype=np.int32)] if len(tokens) else np.empty(0, np.int32)
        parts = (np.ones(len(columns)), columns, np.frombuffer(ends, dtype=np.int64))
        return cls(tuple(names), csr_matrix(parts, shape=(len(questions), len(names))), np.log1p(counts))

    def __len__(self) -> int:
        return int(self.present.shape[0])

    def select(self, rows: Rows) -> Corpus:
        """Return these questions alone."""
        return replace(self, present=self.present[rows], counts=self.counts[rows])

    def find_frequent_tokens(self, least: int, most: int) -> list[str]:
        """Return the `most` frequent tokens, sorted, that at least `least` questions have."""
        count = np.bincount(self.present.indices, minlength=len(self.names))
        frequent = np.flatnonzero(count >= least)
        selected = frequent[np.argsort(-count[frequent], kind="stable")[:most]]
        return [self.names[i] for i in np.sort(selected)]

    def to_matrix(self, vocabulary: Sequence[str], scaled: Floats) -> Any:
        """Return sparse rows: the scaled counts, then the presence of the tokens of `vocabulary`."""
        columns = [self._columns.get(t, -1) for t in vocabulary]
        present = [c for c in columns if c >= 0]
        words = self.present[:, present]
        if len(present) < len(columns):  # no question here has some token
            there = np.flatnonzero(np.array(columns) >= 0)
            words = csr_matrix((words.data, there[words.indices], words.indptr), (len(self), len(columns)))
        return hstack([csr_matrix(scaled), words], format="csr")

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        return {name: i for i, name in enumerate(self.names)}
