"""What is recommended: a table of cases, and what holds for all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.bench.metrics import compare_shares
from adaptive.fit.decision import (
    LEAST_SAVING,
    MARGIN,
    Decision,
    HeldOutEvidence,
    PairedEvidence,
    choose,
    decide,
    is_better,
)
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.risk import compute_upper_bound

NOTHING = Interval(1.0, 0.97, 1.03)
HALF = Interval(0.5, 0.45, 0.55)
DOUBLE = Interval(2.0, 1.9, 2.1)
LITTLE = Interval(0.995, 0.992, 0.998)


def paired(tokens: Interval, count: int = 300, mended: int = 0, broken: int = 0) -> PairedEvidence:
    return PairedEvidence.from_counts(count, mended, broken, tokens)


SAVES, SAME, COSTS = paired(HALF), paired(NOTHING), paired(DOUBLE)
GAINS = paired(NOTHING, mended=30, broken=5)
GAINS_DEARLY = replace(GAINS, cost=DOUBLE)
LOSES = paired(HALF, mended=5, broken=30)
UNSURE = paired(HALF, mended=34, broken=34)
FEW = paired(HALF, count=30)


@pytest.mark.parametrize(
    ("profile_best", "profile_plain", "best_plain", "choice"),
    [
        (SAVES, SAVES, SAVES, "profile"),
        (SAVES, SAVES, SAME, "profile"),
        (SAVES, SAVES, None, "profile"),
        (GAINS, GAINS, SAVES, "profile"),
        (GAINS_DEARLY, GAINS_DEARLY, GAINS, "profile"),
        (SAME, SAVES, SAVES, "fixed"),
        (COSTS, SAME, SAVES, "fixed"),
        (LOSES, SAVES, SAVES, "fixed"),
        (UNSURE, UNSURE, SAVES, "fixed"),
        (FEW, FEW, SAVES, "fixed"),
        (SAME, GAINS_DEARLY, GAINS_DEARLY, "fixed"),
        (paired(LITTLE), SAVES, SAVES, "fixed"),
        (SAVES, SAME, SAVES, "fixed"),  # an accident of the questions: it saves against one and not the other
        (SAVES, SAME, SAME, "plain"),
        (SAME, SAVES, SAME, "plain"),  # the property below: no saving against the best constant is shown
        (SAME, SAME, SAME, "plain"),
        (SAME, SAME, None, "plain"),
        (COSTS, COSTS, COSTS, "plain"),
        (LOSES, LOSES, LOSES, "plain"),
        (UNSURE, UNSURE, UNSURE, "plain"),
        (FEW, FEW, FEW, "plain"),
        (FEW, FEW, None, "plain"),
    ],
)
def test_what_is_recommended(
    profile_best: PairedEvidence, profile_plain: PairedEvidence, best_plain: PairedEvidence | None, choice: str
) -> None:
    assert choose(HeldOutEvidence(profile_best, profile_plain, best_plain), MARGIN) == choice


@pytest.mark.parametrize(
    ("evidence", "enough"),
    [
        (FEW, range(72, 75)),  # of 73 questions without a loss: 0.95 ** 73 is 0.024
        (UNSURE, range(390, 420)),
        (SAME, None),
        (COSTS, None),
        (LOSES, None),
        (paired(HALF, count=3000, mended=60, broken=90), None),  # more questions would show the loss
        (paired(Interval(0.9, 0.75, 1.05)), range(800, 900)),
        (paired(NOTHING, mended=8, broken=4), range(850, 880)),
        (PairedEvidence.from_counts(0, 0, 0, HALF), None),
    ],
)
def test_how_many_questions_would_be_enough(evidence: PairedEvidence, enough: range | None) -> None:
    needed = decide(HeldOutEvidence(evidence, evidence, None)).needed
    assert needed is None if enough is None else needed in enough
    assert decide(HeldOutEvidence(COSTS, COSTS, evidence)).needed == needed


def test_the_number_is_of_what_needs_fewest_questions() -> None:
    few, many = (decide(HeldOutEvidence(one, one, None)).needed for one in (FEW, UNSURE))
    assert few is not None
    assert many is not None
    assert decide(HeldOutEvidence(UNSURE, UNSURE, FEW)) == Decision("plain", few)
    assert decide(HeldOutEvidence(FEW, FEW, UNSURE)) == Decision("plain", few)
    assert decide(HeldOutEvidence(FEW, UNSURE, None)) == Decision("plain", many)
    assert decide(HeldOutEvidence(FEW, COSTS, SAME)) == Decision("plain", None)
    assert decide(HeldOutEvidence(UNSURE, UNSURE, SAVES)) == Decision("fixed", many)
    assert decide(HeldOutEvidence(SAVES, SAVES, None)) == Decision("profile", None)


@st.composite
def evidences(draw: st.DrawFn) -> PairedEvidence:
    """Any intervals, whatever counts they are of."""
    worst, loss, gain = sorted(draw(st.floats(-0.3, 0.3)) for _ in range(3))
    low, value, high = sorted(draw(st.floats(0.1, 3.0)) for _ in range(3))
    return PairedEvidence(100, 5, 5, Interval(loss, worst, gain), Interval(value, low, high))


MARGINS = st.floats(0.0, 0.2)


@given(evidences(), evidences(), st.none() | evidences(), MARGINS)
def test_nothing_is_promised_that_no_interval_shows(
    best: PairedEvidence, plain: PairedEvidence, fixed: PairedEvidence | None, margin: float
) -> None:
    choice = choose(HeldOutEvidence(best, plain, fixed), margin)
    recommended = {"profile": [best, plain], "fixed": [fixed], "plain": []}[choice]
    for one in recommended:
        assert one is not None
        saves, may_lose = one.cost.high < 1, one.accuracy.low < 0
        assert saves or not may_lose
        assert one.accuracy.low >= -margin
        assert one.accuracy.high >= 0


@given(evidences(), MARGINS, st.floats(0, 0.5), st.floats(0, 0.5), MARGINS)
def test_less_accuracy_more_tokens_or_a_smaller_margin_never_make_it_better(
    one: PairedEvidence, margin: float, less: float, more: float, narrower: float
) -> None:
    accuracy = Interval(*(end - less for end in (one.accuracy.value, one.accuracy.low, one.accuracy.high)))
    cost = Interval(*(end + more for end in (one.cost.value, one.cost.low, one.cost.high)))
    if is_better(replace(one, accuracy=accuracy, cost=cost), max(0, margin - narrower)):
        assert is_better(one, margin)


def test_the_limits() -> None:
    saving = replace(FEW, cost=Interval(0.5, 0.4, 1 - LEAST_SAVING - 1e-9))

    def better(low: float, high: float, one: PairedEvidence = saving) -> bool:
        return is_better(replace(one, accuracy=Interval(0.0, low, high)), MARGIN)

    assert better(-MARGIN, 0.1)
    assert better(-MARGIN, 0.0)
    assert not better(-MARGIN - 1e-9, 0.1)
    assert not better(-0.02, -1e-9)
    assert not better(-MARGIN, 0.1, replace(saving, cost=Interval(0.5, 0.4, 1 - LEAST_SAVING)))
    assert better(1e-9, 0.1, replace(saving, cost=DOUBLE))
    assert not better(0.0, 0.1, replace(saving, cost=DOUBLE))


@pytest.mark.parametrize(("count", "broken"), [(30, 0), (150, 0), (150, 3)])
def test_an_interval_is_the_exact_one(count: int, broken: int) -> None:
    """Newcombe's is half as wide if the two ways never differ: it would promise too much."""
    accuracy = paired(HALF, count=count, broken=broken).accuracy
    assert accuracy.low == -compute_upper_bound(broken, 0, count, 0.975)
    assert broken or (1 + accuracy.low) ** count == pytest.approx(0.024, abs=1e-5)
    assert accuracy.low < compare_shares(count * 4 // 5 - broken, 0, broken, count // 5).low
