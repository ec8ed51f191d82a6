"""Chooses a token from logits: greedy, or by temperature, top-k and top-p with a repeatable seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adaptive.engines.protocol import Sampling

Floats = NDArray[np.floating]


def sample_token(logits: Floats, sampling: Sampling, position: int) -> tuple[int, float]:
    """Choose the next token of a sequence.

    The random number depends on the seed and the position alone, so a sequence that is continued, forked or
    computed afresh gets the same tokens.

    Args:
        logits: Shape (vocabulary,).
        sampling: Temperature, top-k, top-p and seed.
        position: How many ids come before the token.

    Returns:
        The id and its log-probability (nats) in the untempered distribution.
    """
    token = int(logits.argmax()) if sampling.temperature <= 0 else _sample_nucleus(logits, sampling, position)
    return token, compute_logprob(logits, token)


def compute_logprob(logits: Floats, token: int) -> float:
    """Return the log-probability (nats) of `token` under logits of shape (vocabulary,)."""
    top = logits.max()
    return float(logits[token] - top) - float(np.log(np.exp(logits - top).sum(dtype=np.float64)))


def _sample_nucleus(logits: Floats, sampling: Sampling, position: int) -> int:
    ranked = _rank_ids(logits, sampling.top_k)
    scaled = logits[ranked].astype(np.float64) / sampling.temperature
    weights = np.exp(scaled - scaled[0])
    cumulative = np.cumsum(weights / weights.sum())
    # The nucleus is the shortest head that holds top_p; the first id is always in it.
    size = min(int(np.searchsorted(cumulative, sampling.top_p)) + 1, len(ranked))
    point = np.random.default_rng((sampling.seed % 2**64, position)).random() * cumulative[size - 1]
    return int(ranked[min(int(np.searchsorted(cumulative, point, side="right")), size - 1)])


def _rank_ids(logits: Floats, top_k: int) -> NDArray[np.intp]:
    """Return the ids from the most to the least likely, only the best `top_k` if that is above 0."""
    if 0 < top_k < len(logits):
        best = np.argpartition(-logits, top_k - 1)[:top_k]
        best.sort()  # so that ties fall to the lower id, whatever order the partition left
        return best[np.argsort(-logits[best], kind="stable")]
    return np.argsort(-logits, kind="stable")
