"""Grids: each setting once, and one sentence for what is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.compare.cell import CellSetting
from adaptive.compare.grid import build_cells, build_grid, parse_caps, parse_cell, parse_efforts
from adaptive.errors import InputError
from adaptive.types.ladder import EFFORTS

LISTED = st.lists(st.sampled_from(EFFORTS), min_size=1)
CAPS = st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=5)


@given(st.lists(st.sampled_from(("a", "b", "c")), min_size=1), LISTED, CAPS, st.integers(1, 4))
def test_a_grid_has_each_setting_once_a_round(models: list[str], efforts: Any, caps: list[int], n: int) -> None:
    made = build_cells(build_grid(models, efforts, caps), n)
    assert len(made) == len(set(made)) == len({*models}) * len({*efforts}) * len({*caps}) * n
    assert [cell.repeat for cell in made] == sorted(cell.repeat for cell in made)


@given(LISTED, CAPS)
def test_what_is_listed_is_read_once_in_its_order(efforts: Any, caps: list[int]) -> None:
    assert parse_efforts(", ".join(efforts)) == list(dict.fromkeys(efforts))
    assert parse_caps(",".join(map(str, caps))) == list(dict.fromkeys(caps))


@given(st.text(min_size=1).filter(lambda s: s.strip() == s), st.sampled_from(EFFORTS), st.integers(1, 2**31 - 1))
def test_a_cell_is_read_from_its_right_end(model: str, effort: Any, cap: int) -> None:
    assert parse_cell(f"{model},{effort},{cap}") == CellSetting(model, effort, cap)


@pytest.mark.parametrize(
    ("parse", "text", "said"),
    [
        (parse_efforts, "low,hihg", "effort 'hihg' is not known: use one of none, minimal"),
        (parse_efforts, "low,,high", "the efforts 'low,,high' have an empty part: write them as low,high."),
        (parse_efforts, "", "the efforts '' have an empty part"),
        (parse_caps, "4000,4k", "the cap '4k' is no number of tokens from 1 on: write 4000, say."),
        (parse_caps, "0", "the cap '0' is no number of tokens"),
        (parse_caps, "-5", "the cap '-5'"),
        (parse_caps, "1e3", "the cap '1e3'"),
        (parse_caps, "9" * 5000, "is no number of tokens"),
        (parse_cell, "openai:o1", "the cell 'openai:o1' is not written MODEL,EFFORT,CAP"),
        (parse_cell, ",low,4000", "is not written MODEL,EFFORT,CAP"),
        (parse_cell, "m,4000,low", "effort '4000' is not known"),
    ],
)
def test_what_is_none_is_said_in_a_sentence(parse: Any, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")
