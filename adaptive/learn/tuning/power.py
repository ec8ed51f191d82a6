"""How many questions could show a saving: an estimate for a policy that nobody has found yet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.splits import get_group
from adaptive.learn.tuning.risk import count_questions_needed
from adaptive.learn.tuning.ways import Way

Z = 1.959964


def count_questions_to_show(
    saving: float,
    reference: Way,
    constants: Iterable[Way],
    recorded: Sequence[RecordedQuestion],
    promise: tuple[float, float],
) -> int | None:
    """Estimate how many questions would show a policy that saves so much and is as accurate as the reference.

    Such a policy moves some questions from the reference to a cheaper constant, as many as save that share. Of the
    moved questions it gains as many as only the cheaper constant has right, and loses as many. It is shown if the
    promise is kept and the 95 % interval of the saving is above 0, as about every second run would find. In groups
    whole groups are moved, which takes the most questions.

    Args:
        saving: The share of the reference's cost, in 0..1.
        reference: The results of the reference.
        constants: The results of constants on the same questions.
        recorded: The questions.
        promise: The most accuracy to lose, and the confidence of that, both in 0..1.

    Returns:
        The number for the constant that needs fewest; None if no constant saves so much.
    """
    sizes = np.array(list(Counter(get_group(one.question) for one in recorded).values()))
    alike = float((sizes**2).sum() / sizes.sum())
    counts = [_count_with_constant(saving, reference, way, promise) for way in constants]
    needed = [one for one in counts if one is not None]
    return math.ceil(alike * min(needed)) if needed else None


def _count_with_constant(saving: float, reference: Way, way: Way, promise: tuple[float, float]) -> int | None:
    saved = reference.spent - way.spent
    most = float(saved.sum() / reference.spent.sum())
    if most < saving:
        return None
    moved = saving / most
    gains = moved * float(np.mean(way.right > reference.right))
    for_promise = count_questions_needed(gains, gains, *promise)
    spread = float(np.mean(saved**2)) / (moved * float(saved.mean()) ** 2) - 1
    return None if for_promise is None else max(for_promise, math.ceil(Z**2 * spread))
