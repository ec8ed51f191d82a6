"""Risk control: does a policy lose no more accuracy than promised, against always using the top rung?

On each of n independent calibration questions the policy loses (only the top rung is right), gains (only the
policy is) or does neither: D in {1, -1, 0}. The promise is E[D] < target, a share of the questions, and the null
hypothesis is H0: E[D] >= target. A policy with a p-value of at most delta keeps the promise with confidence 1 -
delta, whatever the questions are (Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052).

H0 leaves the probability of a gain free. The p-value is the largest probability, over all of these, of counts at
least as extreme as those observed: an exact unconditional test for paired answers (Hsueh, Liu and Chen 2001,
Biometrics 57:478-483). Counts are more extreme if their likelihood ratio is larger, not if their difference is
smaller: a difference of 0 is common if many questions are lost and as many gained, so 299 questions without any
loss would prove nothing. The ratio falls with every loss and grows with every gain, so the largest probability is
where E[D] is the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.tuning.paired_test import RejectionRegion, bound_gain_chance, maximise_probability

BETA = 0.001
"""Added to a p-value for searching only the confidence set of the probability of a gain."""
MAX_QUESTIONS = 1_000_000
"""The most calibration questions that are considered."""

PRECISE = 1e-6
STEPS = 65


def compute_p_value(losses: int, gains: int, n: int, target: float, beta: float = BETA) -> float:
    """Return the p-value for H0: the mean loss is `target` or more.

    It is valid for every n: under H0 it is at most a with a probability of at most a. It grows with losses and
    falls with gains. Without losses and gains, and with beta 0, it is (1 - target)^n. The probabilities are exact,
    and their maximum has an error of at most 1 in 1,000.

    Args:
        losses: Questions that only the top rung has right.
        gains: Questions that only the policy has right.
        n: All questions.
        target: The mean loss of H0, above -1 and at most 1.
        beta: The probability of a gain is searched in its confidence set of level 1 - beta (Clopper and Pearson
            1934), and beta is added (Berger and Boos 1994, JASA 89:1012-1016), which is sharper and much faster.
            It must be fixed in advance; with 0 all probabilities are searched.

    Raises:
        ValueError: The counts are impossible.
        InputError: The target is out of range.
    """
    _check_counts(losses, gains, n, target, beta)
    if losses - gains >= n * target:
        return 1.0
    low, high = bound_gain_chance(gains, n, target, beta)
    if low > high:
        return beta  # so many gains leave no room for as many losses as H0 wants
    return min(
        1.0,
        maximise_probability(RejectionRegion.from_counts(losses, gains, n, target, low, high), low, high) + beta,
    )


def compute_upper_bound(losses: int, gains: int, n: int, confidence: float, beta: float = BETA) -> float:
    """Return the largest target that is not rejected, to 1e-6: with this confidence the mean loss is no more.

    It is a share of the questions in -1..1, negative if the policy is better than the top rung; 1 without
    questions. A target may be rejected and a larger one not, since each orders the counts differently. So `STEPS`
    targets over two standard deviations are tried. The arguments are those of `compute_p_value`.

    Raises:
        InputError: The confidence is not in 0..1.
    """
    delta = _to_delta(confidence, beta)

    def is_accepted(target: float) -> bool:
        return compute_p_value(losses, gains, n, target, beta) > delta

    if not n:
        return 1.0
    least = _bisect_edge(is_accepted, (losses - gains) / n, 1.0)
    most = min(1.0, least + 2 * math.sqrt(losses + gains + 1) / n)
    steps = np.linspace(least, most, STEPS).tolist()
    last = next((i for i in range(STEPS - 2, 0, -1) if is_accepted(steps[i])), None)
    return least if last is None else _bisect_edge(is_accepted, steps[last], steps[last + 1])


def _bisect_edge(is_accepted: Callable[[float], bool], low: float, high: float) -> float:
    """Return the largest accepted target, to 1e-6, between one that is accepted and one that is rejected."""
    while high - low > PRECISE:
        middle = (low + high) / 2
        low, high = (middle, high) if is_accepted(middle) else (low, middle)
    return high


def count_rejected(p_values: Iterable[float], delta: float) -> int:
    """Return how many hypotheses are rejected, in their order, before the first that is not.

    Fixed-sequence testing: with probability 1 - delta none of these is true, however many there are, if the order
    was fixed without the calibration questions (arXiv 2110.01052). Later p-values are not computed.
    """
    count = 0
    for p in p_values:
        if not p <= delta:
            break
        count += 1
    return count


def count_minimum_questions(target: float, confidence: float, beta: float = BETA) -> int:
    """Return how many calibration questions are needed if none is lost.

    It is the smallest n with (1 - target)^n + beta <= 1 - confidence.

    Raises:
        InputError: The target or the confidence is not in 0..1.
    """
    delta = _to_delta(confidence, beta)
    if not 0 < target <= 1:
        raise InputError(f"the target loss must be above 0 and at most 1, got {target}.")
    if target == 1:
        return 1
    n = max(1, math.ceil(math.log(delta - beta) / math.log1p(-target)))
    return n if (1 - target) ** n + beta <= delta else n + 1  # the logarithms were rounded


def count_questions_needed(
    losses_share: float, gains_share: float, target: float, confidence: float, beta: float = BETA
) -> int | None:
    """Estimate how many calibration questions the promise needs, if losses and gains keep their shares.

    It is the number at which the expected counts reject H0, with losses rounded up and gains down. Actual counts
    vary, so about every second run will succeed.

    Args:
        losses_share: The share of the questions that only the top rung has right.
        gains_share: The share that only the policy has right.
        target: The mean loss of H0.
        confidence: Of the promise, in 0..1.
        beta: As in `compute_p_value`.

    Returns:
        The number; None if the expected loss is not below the target, or more than `MAX_QUESTIONS` are needed.

    Raises:
        InputError: The target or the confidence is not in 0..1.
    """
    delta, low = _to_delta(confidence, beta), count_minimum_questions(target, confidence, beta) - 1

    def rejects(n: int) -> bool:
        losses = min(n, math.ceil(n * losses_share))
        return compute_p_value(losses, min(n - losses, math.floor(n * gains_share)), n, target, beta) <= delta

    if losses_share - gains_share >= target:
        return None
    high = low + 1
    while not rejects(high):
        low, high = high, 2 * high
        if low > MAX_QUESTIONS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rejects(middle) else (middle, high)
    return high


def _to_delta(confidence: float, beta: float) -> float:
    """Return 1 - confidence; raise `InputError` if it cannot be reached."""
    if not 0 < confidence < 1 - beta:
        raise InputError(f"the confidence must be above 0 and below {1 - beta:g}, got {confidence}.")
    return 1 - confidence


def _check_counts(losses: int, gains: int, n: int, target: float, beta: float) -> None:
    if min(losses, gains) < 0 or losses + gains > n:
        raise ValueError(f"{losses} losses and {gains} gains cannot be in {n} questions")
    if not -1 < target <= 1:
        raise InputError(f"the target loss must be above -1 and at most 1, got {target}.")
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be in 0..1, got {beta}")
