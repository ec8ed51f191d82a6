"""Fits the lines over the text's log-odds and the embedding, and measures them on questions held out.

An embedding has more numbers than there are questions: it is reduced to its principal components on the rows that
are fitted to, each scaled to the same spread, at most one for ten rows. What comes out is folded into weights for
the embedding as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from adaptive.learn.fit import logistic
from adaptive.learn.fit.difficulty import assign_folds
from adaptive.learn.fit.metrics import measure_difficulty
from adaptive.profile.embedding import Embedding, Lines, odds

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Solved = NDArray[np.bool_]

COMPONENTS, ROWS_EACH = 64, 10
"""The most components, and the rows that there must be for each."""
SPREAD_FROM = 1e-9
"""A component that varies less says nothing."""
SUREST = 5e-5
"""Probabilities are told with four digits: none is taken for surer than that."""


@dataclass(frozen=True)
class Given:
    """What is known of the questions. name: of the embedding model. vectors: of each question, shape (n, D)."""

    name: str
    vectors: NDArray[np.float32]

    def fit(self, rows: Labels, text: Floats, solved: Solved, group: Labels, seed: int) -> Fused:
        """Fit to `rows`; solved, group: of all n questions.

        text: p(solved) of `rows` by models of the text that were not fitted to them, shape (m, rungs).
        """
        seen = Seen(text, self.vectors[rows].astype(np.float64), solved[rows], group[rows])
        held_out = np.round(seen.out_of_fold(seed), 4)
        figures = {
            "model": self.name,
            "dimension": self.vectors.shape[1],
            "components": components(seen.vectors),
            **measure_difficulty(solved[rows], held_out, solved),
            "gain": gain(seen, held_out),
        }
        return Fused(Embedding(self.name, self.vectors.shape[1]), seen.fit(seed), held_out, figures)


@dataclass(frozen=True)
class Fused:
    """What was fitted. held_out: p(solved) of the rows by lines that were not fitted to them, shape (m, rungs)."""

    embedding: Embedding
    lines: Lines
    held_out: Floats
    figures: dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """m questions: the text's p(solved), shape (m, rungs), embeddings (m, D), solved (m, rungs), group (m,)."""

    text: Floats
    vectors: Floats
    solved: Solved
    group: Labels

    def part(self, rows: Solved) -> Seen:
        """Some of the questions."""
        return Seen(self.text[rows], self.vectors[rows], self.solved[rows], self.group[rows])

    def fit(self, seed: int) -> Lines:
        """A calibrated line for each rung."""
        mean, axes = reduction(self.vectors, seed)
        reduced, text = (self.vectors - mean) @ axes, odds(self.text)
        each = [self._rung(k, np.column_stack([text[:, k], reduced]), seed) for k in range(text.shape[1])]
        on_vector = np.stack([axes @ one.weights[1:] for one in each])
        bias = np.array([one.bias for one in each]) - on_vector @ mean
        return Lines(np.array([one.weights[0] for one in each]), on_vector, bias)

    def _rung(self, k: int, columns: Floats, seed: int) -> logistic.LogisticFit:
        return logistic.fit_logistic(columns, self.solved[:, k], np.ones(len(columns)), self.group, seed)

    def out_of_fold(self, seed: int) -> Floats:
        """What lines say of questions whose groups they were not fitted to, shape (m, rungs)."""
        names = [str(g) for g in self.group]
        fold = assign_folds(self.solved.sum(axis=1), logistic.FOLDS + 1, seed + 1, names)
        found = np.empty(self.text.shape)
        for number in np.unique(fold):
            out = fold == number
            found[out] = self.part(~out).fit(seed).p_solved(self.text[out], self.vectors[out])
        return found


def components(vectors: Floats) -> int:
    """To how many numbers embeddings of shape (n, D) are reduced."""
    return max(1, min(COMPONENTS, len(vectors) // ROWS_EACH, int(vectors.shape[1])))


def reduction(vectors: Floats, seed: int) -> tuple[Floats, Floats]:
    """The mean, shape (D,), and what turns differences from it into components of spread 1, shape (D, C)."""
    with threadpool_limits(limits=1):
        made = PCA(components(vectors), random_state=seed).fit(vectors)
    spread = np.sqrt(made.explained_variance_)
    same = spread < SPREAD_FROM
    return made.mean_, np.where(same, 0.0, made.components_.T / np.where(same, 1.0, spread))


def gain(seen: Seen, held_out: Floats) -> dict[str, Any]:
    """By how much the log-loss falls against the text alone, the mean over rungs and questions, in nats.

    low, high: its 95 % interval, of groups of questions. pays: whether it falls for sure.
    """
    each = (_losses(seen.solved, seen.text) - _losses(seen.solved, held_out)).mean(axis=1)
    mean = float(each.mean())
    of_group = np.bincount(seen.group, each - mean)
    width = 1.959964 * float(np.sqrt(np.sum(of_group**2))) / len(each)
    return {"log_loss": mean, "low": mean - width, "high": mean + width, "pays": mean - width > 0}


def _losses(solved: Solved, p: Floats) -> Floats:
    p = np.clip(p, SUREST, 1 - SUREST)
    return np.asarray(-np.where(solved, np.log(p), np.log(1 - p)))
