"""How many questions of the same kind a fitted domain calls outside, and how many of another."""

from __future__ import annotations

import numpy as np
import pytest

from adaptive.learn.fit.domain import fit_domain
from tests.support.questions import make_essays, make_sums

SEEDS = range(6)


def flagged(alpha: float, count: int, seed: int) -> float:
    """The share of new questions of the same kind that are outside."""
    every = list(dict.fromkeys(make_sums(3 * count + 600, seed)))
    home, new = every[:count], every[count:]
    domain = fit_domain(home, home, alpha).domain
    return float(np.mean([domain.is_outside(q) for q in new]))


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_of_the_same_kind_about_alpha_are_outside(alpha: float) -> None:
    shares = [flagged(alpha, 300, seed) for seed in SEEDS]
    assert alpha / 2 < np.mean(shares) < 1.5 * alpha
    assert max(shares) < 3 * alpha


@pytest.mark.parametrize("count", [1, 2, 15, 40])
def test_few_questions_flag_few_of_their_kind(count: int) -> None:
    """With n questions the most novel bounds the rest: a new one is above it with 1 in n + 1."""
    shares = [flagged(0.05, count, seed) for seed in SEEDS]
    assert np.mean(shares) <= 0.05 + 2.5 / (count + 1)


@pytest.mark.parametrize("count", [40, 300])
def test_of_another_kind_nearly_all_are_outside(count: int) -> None:
    home = make_sums(count)
    domain = fit_domain(home, home).domain
    assert np.mean([domain.is_outside(q) for q in make_essays(200)]) > 0.97


def test_a_group_does_not_vouch_for_its_own() -> None:
    """Each question three times in one group: without groups every one is known, with groups none is."""
    home = make_sums(100)
    tripled = [q for q in home for _ in range(3)]
    alone = fit_domain(tripled, [str(i) for i in range(len(tripled))]).domain
    grouped = fit_domain(tripled, tripled).domain
    assert alone.threshold < grouped.threshold
    assert grouped.threshold == pytest.approx(fit_domain(home, home).domain.threshold, abs=0.5)


def test_questions_of_new_groups_are_of_the_same_kind_if_groups_were_left_out() -> None:
    """Twelve templates of made-up words: a thirteenth is as novel as each of the twelve is without it."""
    rng = np.random.default_rng(0)
    words = [["".join(rng.choice(list("aeioubcdfgl"), 6)) for _ in range(9)] for _ in range(40)]
    texts = [[f"{' '.join(one)} {rng.integers(10, 99)}?" for _ in range(20)] for one in words]
    home = [(text, str(i)) for i, group in enumerate(texts[:12]) for text in group]
    by_group = fit_domain([t for t, _ in home], [g for _, g in home], 0.2).domain
    by_question = fit_domain([t for t, _ in home], [t for t, _ in home], 0.2).domain
    new = [text for group in texts[12:] for text in group]
    assert np.mean([by_group.is_outside(q) for q in new]) < 0.45
    assert np.mean([by_question.is_outside(q) for q in new]) == 1


def test_all_questions_alike_are_fitted_too() -> None:
    domain = fit_domain(["2+2?"] * 30, ["2+2?"] * 30).domain
    assert not domain.is_outside("2+2?")
    assert domain.is_outside(make_essays(1)[0])
