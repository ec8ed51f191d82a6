"""What a right answer is worth, with a unit or without."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.types.options import Options, SolverContext
from adaptive.types.worth import Worth, parse_worth

AMOUNTS = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


@given(AMOUNTS, st.sampled_from((("", None), ("tok", "tokens"), ("usd", "dollars"), (" TOK", "tokens"))))
def test_any_amount_above_0_with_a_unit_or_without(amount: float, unit: tuple[str, Any]) -> None:
    assert parse_worth(f" {amount!r}{unit[0]} ") == Worth(amount, unit[1])
    assert parse_worth(amount) == Worth(amount)


@pytest.mark.parametrize(
    "value", [0, -1.0, "0tok", "-2usd", "nan", "inf usd", "tok", "", "2000 apples", "2k tok", "$2"]
)
def test_anything_else_is_refused_with_what_to_write(value: float | str) -> None:
    with pytest.raises(InputError) as refused:
        parse_worth(value, "it")
    assert str(refused.value) == (
        f"it must be more than 0, a number or one with a unit ('2000tok', '0.02usd'), got {value!r}."
    )


def test_options_and_contexts_refuse_it_at_once() -> None:
    with pytest.raises(InputError, match=r"^worth must be more than 0, .* got '5 eur'"):
        Options(worth="5 eur")
    with pytest.raises(InputError, match=r"^'worth' in the context must be more than 0, .* got 0"):
        SolverContext(worth=0)
