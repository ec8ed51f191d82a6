"""Questions read once: which tokens each has, and its counts. All that training needs of the texts.

Reading is the dearest part of training, and every fold needs it: so it is done once, over all tokens, and each fit
takes the columns that its own rows have often enough.
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
    """n questions. names: T tokens, sorted. present: sparse, shape (n, T), 1 where the token is in the question.

    counts: log(1 + count) for each of `COUNTS`, shape (n, len(COUNTS)).
    """

    names: tuple[str, ...]
    present: Any
    counts: Floats

    @classmethod
    def read(cls, questions: Sequence[str]) -> Corpus:
        """Read the questions."""
        known: dict[str, int] = {}
        found, ends = array("i"), array("q", [0])
        counts = np.empty((len(questions), len(COUNTS)))
        for row, question in enumerate(questions):
            reading = QuestionFeatures(question)
            counts[row] = reading.to_counts()
            found.extend([known.setdefault(t, len(known)) for t in set(reading.to_tokens())])
            ends.append(len(found))
        names = sorted(known)
        place = np.empty(len(known), dtype=np.int32)
        place[[known[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        columns = place[np.frombuffer(found, dtype=np.int32)] if len(found) else np.empty(0, np.int32)
        parts = (np.ones(len(columns)), columns, np.frombuffer(ends, dtype=np.int64))
        return cls(tuple(names), csr_matrix(parts, shape=(len(questions), len(names))), np.log1p(counts))

    def __len__(self) -> int:
        return int(self.present.shape[0])

    def select(self, rows: Rows) -> Corpus:
        """These questions alone."""
        return replace(self, present=self.present[rows], counts=self.counts[rows])

    def find_frequent_tokens(self, least: int, most: int) -> list[str]:
        """The tokens that `least` questions have, the `most` frequent of them, sorted."""
        count = np.bincount(self.present.indices, minlength=len(self.names))
        there = np.flatnonzero(count >= least)
        kept = there[np.argsort(-count[there], kind="stable")[:most]]
        return [self.names[i] for i in np.sort(kept)]

    def to_matrix(self, vocabulary: Sequence[str], scaled: Floats) -> Any:
        """Sparse rows: `scaled` for the counts, then the tokens of `vocabulary`."""
        known = [self._columns.get(t, -1) for t in vocabulary]
        inside = [c for c in known if c >= 0]
        words = self.present[:, inside]
        if len(inside) < len(known):  # a token that no question here has
            there = np.flatnonzero(np.array(known) >= 0)
            words = csr_matrix((words.data, there[words.indices], words.indptr), (len(self), len(known)))
        return hstack([csr_matrix(scaled), words], format="csr")

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        return {name: i for i, name in enumerate(self.names)}
