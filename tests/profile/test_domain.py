"""The domain of a profile: what is outside, its file, and what cannot be used."""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive.errors import InputError
from adaptive.learn.fit.domain import fit_domain
from adaptive.profile.domain import ALPHA, FILE, LATER_TABLES, ROUNDING, UNLIKE, Domain
from adaptive.profile.files import PROFILE_FILE
from adaptive.profile.profile import Profile
from adaptive.profile.question_traits import TABLES
from adaptive.types.conversation import ALONE, ConversationShape
from adaptive.types.policy import Policy
from tests.support.questions import make_essays, make_sums
from tests.support.solving import profile

SUMS = make_sums(200)
DOMAIN = fit_domain(SUMS, SUMS).domain
SHIPPED = Profile.load(Path(__file__).parents[2] / "models" / "abacus" / "profile")
KNOWN, FOREIGN = make_sums(1, seed=9)[0], make_essays(1)[0]


@given(st.text(max_size=300))
def test_any_text_has_a_score_and_a_p_value(text: str) -> None:
    assert math.isfinite(DOMAIN.score(text))
    assert 1 / (len(SUMS) + 1) <= DOMAIN.p_value(text) <= 1
    assert DOMAIN.is_outside(text) == (DOMAIN.score(text) > DOMAIN.threshold + ROUNDING)


@pytest.mark.parametrize("text", ["", "?", "7", "é" * 5, "\ud800 lone", "x " * 100_000, "9" * 100_000])
def test_hostile_texts_are_read(text: str) -> None:
    assert math.isfinite(DOMAIN.score(text))


def test_the_values_of_numbers_do_not_matter_but_their_sizes_do() -> None:
    assert DOMAIN.score("What is 12 + 34 - 56?") == DOMAIN.score("What is 98 + 76 - 11?")
    assert DOMAIN.score("What is 12 + 34 - 56?") < DOMAIN.score("What is 12345678 + 34 - 56?")


def test_a_question_of_another_kind_is_outside() -> None:
    assert not DOMAIN.is_outside(KNOWN)
    assert DOMAIN.is_outside(FOREIGN)
    assert DOMAIN.p_value(FOREIGN) == 1 / (len(SUMS) + 1)
    assert DOMAIN.p_value(KNOWN) > ALPHA


def test_alpha_0_calls_nothing_outside() -> None:
    assert not replace(DOMAIN, alpha=0.0).is_outside(FOREIGN)


@pytest.mark.parametrize(
    "changed",
    [
        {"scores": np.zeros(5_000_000, np.uint8)},
        {"scores": np.zeros((2, 2))},
        {"scores": np.asarray(1.0)},
        {"lengths": np.empty(0), "mean": np.empty((5, 0)), "deviation": np.empty((5, 0))},
        {"lengths": np.full(len(DOMAIN.scale.lengths), np.nan)},
        {"triples": np.zeros(2**16, np.int8)},
        {"count_deviation": np.zeros_like(DOMAIN.spread.deviation)},
    ],
)
def test_forged_arrays_are_one_sentence_and_take_little_memory(tmp_path: Path, changed: dict[str, Any]) -> None:
    DOMAIN.save(tmp_path)
    write_arrays(tmp_path / FILE, {**read_arrays(tmp_path / FILE), **changed})
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"domain\.npz is damaged"):
            Domain.load(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_the_file_holds_all_of_it(tmp_path: Path) -> None:
    DOMAIN.save(tmp_path)
    read = Domain.load(tmp_path, 0.1)
    questions = [*make_sums(50, seed=3), *make_essays(50)]
    assert [read.score(q) for q in questions] == [DOMAIN.score(q) for q in questions]
    assert (read.alpha, read.threshold < DOMAIN.threshold) == (0.1, True)
    assert (tmp_path / FILE).stat().st_size < 300_000
    assert sorted(p.name for p in tmp_path.iterdir()) == [FILE]


def test_a_file_of_an_older_version_is_read_without_what_it_lacks(tmp_path: Path) -> None:
    DOMAIN.save(tmp_path)
    with np.load(tmp_path / FILE) as arrays:
        held = {name: value for name, value in arrays.items() if name not in LATER_TABLES}
    rows = [place for place, name in enumerate([*TABLES, "counts"]) if name not in LATER_TABLES]
    older = {**held, "mean": held["mean"][rows], "deviation": held["deviation"][rows]}
    np.savez(tmp_path / FILE, **older)
    read = Domain.load(tmp_path)
    assert read.score(KNOWN) < read.score(FOREIGN)
    assert read.score(FOREIGN) != DOMAIN.score(FOREIGN)
    read.save(tmp_path)
    assert Domain.load(tmp_path).score(FOREIGN) == read.score(FOREIGN)


@pytest.mark.parametrize("harm", ["missing", "cut", "no table", "short table", "not a number"])
def test_a_file_that_cannot_be_used_is_one_sentence(harm: str, tmp_path: Path) -> None:
    DOMAIN.save(tmp_path)
    file = tmp_path / FILE
    with np.load(file) as arrays:
        held = dict(arrays)
    if harm == "missing":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(file.read_bytes()[:200])
    elif harm == "no table":
        np.savez(file, **{name: held[name] for name in held if name != "pairs"})
    elif harm == "short table":
        np.savez(file, **{**held, "pairs": held["pairs"][:-1]})
    else:
        np.savez(file, **{**held, "scores": held["scores"] * np.nan})
    with pytest.raises(InputError, match=r"domain\.npz.*: train") as caught:
        Domain.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_profile_keeps_its_domain(tmp_path: Path) -> None:
    replace(profile(), domain_model=lambda: DOMAIN).save(tmp_path)
    assert json.loads((tmp_path / PROFILE_FILE).read_text())["domain_alpha"] == ALPHA
    read = Profile.load(tmp_path)
    assert [read.is_outside(q) for q in (KNOWN, FOREIGN)] == [False, True]
    known = read.predict_difficulty(KNOWN)
    assert (known["outside"], known["typical"] > ALPHA) == (False, True)


def test_a_profile_without_a_domain_says_nothing_about_it(tmp_path: Path) -> None:
    profile().save(tmp_path)
    read = Profile.load(tmp_path)
    assert not read.is_outside(FOREIGN)
    assert set(read.predict_difficulty(FOREIGN)) == {"level", "p_solved"}


@pytest.mark.parametrize(
    ("question", "outside"),
    [
        ("How many moons does Mars have?", True),
        ("How many days has February in 2024?", True),
        ("Is 91 a prime number?", True),
        ("What is the derivative of x^2 at x = 3?", True),
        ("How do I sort 5 numbers in Python?", True),
        ("Who wrote Hamlet?", True),
        ("How many days are in 3 weeks?", False),
        ("There are 5 cats and 3 dogs. How many animals are there?", False),
        ("What is 30% of 250?", False),
        ("If 3*k + 12 = 48, what is k?", False),
        ("7 + 8 * 2", False),
    ],
)
def test_what_abacus_never_learned_is_outside_the_shipped_domain(question: str, outside: bool) -> None:
    """It knows the words of the first ones, as of numbers, days and moons of a story."""
    domain = SHIPPED.domain_model()
    assert domain is not None
    assert domain.is_outside(question) == outside


@pytest.mark.parametrize("alpha", [2, -0.1, "much"])
def test_an_alpha_that_is_no_share_is_one_sentence(alpha: object, tmp_path: Path) -> None:
    replace(profile(), domain_model=lambda: DOMAIN).save(tmp_path)
    file = tmp_path / PROFILE_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), "domain_alpha": alpha}))
    with pytest.raises(InputError, match="'domain_alpha'"):
        Profile.load(tmp_path)


def test_why_nothing_was_measured_is_said_of_shape_first_and_only_of_measured_models() -> None:
    own = replace(profile(), shapes=(ALONE,), domain_model=lambda: DOMAIN)
    assert own.explain_unmeasured(ALONE, KNOWN) == ""
    assert own.explain_unmeasured(ALONE, FOREIGN) == UNLIKE
    assert "measured on single questions" in own.explain_unmeasured(ConversationShape(tools=True), FOREIGN)
    assert replace(own, policy=Policy(measured=False)).explain_unmeasured(ALONE, FOREIGN) == ""


def test_no_table_is_nearly_full() -> None:
    filled = [np.unpackbits(DOMAIN.tables[name]).mean() for name in TABLES]
    assert 0 < min(filled) < max(filled) < 0.05
