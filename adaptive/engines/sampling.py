"""Chooses a token from logits: greedy, or by temperature, top-k and top-p with a repeatable seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adaptive.engines.protocol import Sampling

Floats = NDArray[np.floating]

# A weight, relative to the greatest, below which an id is looked at only if the likelier ones do not decide.
_UNLIKELY = 1e-6
_GREEDY = 1e-5
"""A temperature below this is none: logits divided by it may be infinite. vLLM's limit is the same."""


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
    token = int(logits.argmax()) if sampling.temperature < _GREEDY else _sample_nucleus(logits, sampling, position)
    return token, compute_logprob(logits, token)


def compute_logprob(logits: Floats, token: int) -> float:
    """Return the log-probability (nats) of `token` under logits of shape (vocabulary,)."""
    top = logits.max()
    return float(logits[token] - top) - float(np.log(np.exp(logits - top).sum(dtype=np.float64)))


def _sample_nucleus(logits: Floats, sampling: Sampling, position: int) -> int:
    scaled = logits.astype(np.float64) / sampling.temperature
    weights = np.exp(scaled - scaled.max())
    number = np.random.default_rng((sampling.seed % 2**64, position)).random()
    if sampling.top_k <= 0:
        # The few likely ids almost always decide, and to rank all is most of the work.
        ranked = _rank_ids(logits, np.flatnonzero(weights > _UNLIKELY))
        cumulative = np.cumsum(weights[ranked] / weights.sum())
        if sampling.top_p >= 1 or sampling.top_p <= cumulative[-1]:
            place = _draw(cumulative, sampling.top_p, number)
            if place < len(ranked):
                return int(ranked[place])
    ranked = _rank_ids(logits, _find_best(logits, sampling.top_k))
    cumulative = np.cumsum(weights[ranked] / weights[ranked].sum())
    cumulative[-1] = 1.0
    return int(ranked[_draw(cumulative, sampling.top_p, number)])


def _draw(cumulative: NDArray[np.float64], top_p: float, number: float) -> int:
    """Return the place that a random number (0 to 1) draws from the shortest head that holds `top_p`."""
    head = 1.0 if top_p >= 1 else cumulative[int(np.searchsorted(cumulative, top_p))]
    return int(np.searchsorted(cumulative, number * head, side="right"))


def _find_best(logits: Floats, top_k: int) -> NDArray[np.intp]:
    """Return the best `top_k` ids, or all if that is 0, rising; of equal ones the lower ids."""
    if not 0 < top_k < len(logits):
        return np.arange(len(logits))
    least = -np.partition(-logits, top_k - 1)[top_k - 1]
    better = np.flatnonzero(logits > least)
    equal = np.flatnonzero(logits == least)[: top_k - len(better)]
    return np.sort(np.concatenate([better, equal]))


def _rank_ids(logits: Floats, ids: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return rising ids from the most to the least likely; ties fall to the lower id."""
    return ids[np.argsort(-logits[ids], kind="stable")]
