"""Risk control: is it sure that a policy loses no more than promised, against always using the top rung?

n calibration questions, drawn independently. On each the policy loses (only the top rung is right), gains (only
the policy is) or does neither: D in {1, -1, 0}, and the promise is E[D] < target, a share of the questions. A
p-value here is for the opposite, H0: E[D] >= target; a policy whose p-value is at most delta keeps the promise
with confidence 1 - delta, whatever the questions are (Angelopoulos et al. 2021, "Learn then Test", arXiv
2110.01052).

H0 leaves the chance of a gain open. The p-value is the largest probability, over all chances of a gain, of counts
that speak against H0 at least as much as those that were seen: an exact unconditional test for paired answers
(Hsueh, Liu and Chen 2001, Biometrics 57:478-483). What speaks more against H0 is what has the larger likelihood
ratio, and not the smaller difference of the counts: a difference of 0 is seen often where many questions are lost
and as many gained, so that 299 questions without any loss would prove nothing. The ratio falls with every loss and
grows with every gain, so the largest probability is found where E[D] is the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.tuning.paired_test import RejectionRegion, bound_gain_chance, maximise_probability

BETA = 0.001
"""What a p-value pays for leaving out chances of a gain that the gains seen speak against."""
MAX_QUESTIONS = 1_000_000
"""More calibration questions than that are not thought of."""

PRECISE = 1e-6
STEPS = 65


def compute_p_value(losses: int, gains: int, n: int, target: float, beta: float = BETA) -> float:
    """The p-value of `losses` and `gains` in `n` questions, for H0: the mean loss is `target` or more.

    Valid for every n: under H0 it is at most a with a probability of at most a. It grows with losses and falls
    with gains. The chance of a gain is looked for in its confidence set of level 1 - beta (Clopper and Pearson
    1934), and beta is added (Berger and Boos 1994, JASA 89:1012-1016): sharper and much quicker. It must be fixed
    before the counts are seen; with 0 all chances are looked through, and without losses and gains the p-value is
    (1 - target)^n. The probabilities are exact, their maximum is found to 1 in 1,000.
    Raises `ValueError` for counts that cannot be, `InputError` for a target that is not above -1 and at most 1.
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
    """The largest target that is not rejected, to 1e-6: with this confidence the mean loss is no more.

    A share of the questions in -1..1, negative where the policy is better than the top rung; 1 where nothing is
    known. A target may be rejected and a larger one not, for each orders the counts in its own way: all that are
    not are looked for, in `STEPS` over two standard deviations. Raises what `compute_p_value` raises, and
    `InputError` for a confidence that is not in 0..1.
    """
    delta = _to_delta(confidence, beta)

    def kept(target: float) -> bool:
        return compute_p_value(losses, gains, n, target, beta) > delta

    if not n:
        return 1.0
    least = _bisect_edge(kept, (losses - gains) / n, 1.0)
    most = min(1.0, least + 2 * math.sqrt(losses + gains + 1) / n)
    steps = np.linspace(least, most, STEPS).tolist()
    last = next((i for i in range(STEPS - 2, 0, -1) if kept(steps[i])), None)
    return least if last is None else _bisect_edge(kept, steps[last], steps[last + 1])


def _bisect_edge(is_kept: Callable[[float], bool], low: float, high: float) -> float:
    """A target between one that is kept and one that is not, to 1e-6, where keeping ends."""
    while high - low > PRECISE:
        middle = (low + high) / 2
        low, high = (middle, high) if is_kept(middle) else (low, middle)
    return high


def count_rejected(p_values: Iterable[float], delta: float) -> int:
    """How many hypotheses, in the order in which they come, are rejected before the first that is not.

    Fixed-sequence testing: with probability 1 - delta none of these is true, however many there are, where the
    order was fixed without the calibration questions (arXiv 2110.01052). P-values behind that first one are not
    asked for.
    """
    count = 0
    for p in p_values:
        if not p <= delta:
            break
        count += 1
    return count


def count_minimum_questions(target: float, confidence: float, beta: float = BETA) -> int:
    """How many calibration questions are needed at all, where none is lost.

    The smallest n with (1 - target)^n + beta <= 1 - confidence. Raises `InputError` where target or confidence
    are not in 0..1.
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
    """About how many calibration questions would do for the promise, if losses and gains stay such shares.

    As many as reject H0 with the counts that are expected, losses rounded up and gains down: others may be seen,
    so about every second try will do. None where the expected loss is not below the target, or more than
    `MAX_QUESTIONS` were needed. Raises what `count_minimum_questions` raises.
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
    """1 - confidence, where that can be reached at all."""
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
