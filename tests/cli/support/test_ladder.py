from __future__ import annotations

import pytest

from adaptive.cli.support.options import parse_ladder
from adaptive.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,64,128,256", [("none", 0), ("low", 64), ("medium", 128), ("high", 256)]),
        ("0, 64, 256", [("none", 0), ("low", 64), ("high", 256)]),
        ("0,64", [("none", 0), ("medium", 64)]),
        ("0,8,16,32,64", [("none", 0), ("low", 8), ("medium", 16), ("medium", 32), ("high", 64)]),
        ("0,64:low,256:high", [("none", 0), ("low", 64), ("high", 256)]),
    ],
)
def test_ladders(text: str, expected: list[tuple[str, int]]) -> None:
    assert [(r.effort, r.budget) for r in parse_ladder(text)] == expected


@pytest.mark.parametrize("text", ["", "0,", "a", "1.5", "0,99999999999", "²", "0,-5"])
def test_what_is_no_ladder(text: str) -> None:
    with pytest.raises(InputError, match="write whole numbers"):
        parse_ladder(text)


@pytest.mark.parametrize(
    ("text", "message"), [("0,32,16", "must be ordered by budget"), ("0,16:huge", "effort 'huge' is not known")]
)
def test_ladders_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_ladder(text)
