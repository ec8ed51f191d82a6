"""Names of settings, and the ladder that is made of them."""

from __future__ import annotations

import pytest

from adaptive.errors import InputError
from adaptive.learn.importing.ladder import SeenSetting, build_ladder
from adaptive.learn.importing.row import ImportedSetting


@pytest.mark.parametrize(
    ("text", "effort", "budget", "name"),
    [
        ("low", "low", None, ""), (" High ", "high", None, ""), ("none", "none", 0, ""), ("0", "none", 0, ""),
        ("No thinking", "none", 0, ""), ("1024", "", 1024, ""), ("low 64", "low", 64, ""),
        ("64:low", "low", 64, ""),
        ("default", "default", None, ""), ("o3-mini", "", None, "o3-mini"), ("low low", "", None, "low low"),
        ("turbo high", "", None, "turbo high"),
    ],
)  # fmt: skip
def test_names_of_efforts_and_budgets_are_read(text: str, effort: str, budget: int | None, name: str) -> None:
    assert ImportedSetting.parse(text) == ImportedSetting(name, "", effort, budget)


def seen(*settings: tuple[str, int]) -> list[SeenSetting]:
    return [SeenSetting(ImportedSetting.parse(name), name, output) for name, output in settings]


def ladder(order: str, *settings: tuple[str, int]) -> list[tuple[str, int]]:
    return [(r.effort, r.budget) for r in build_ladder(seen(*settings), order.split(",") if order else ()).ladder]


def test_efforts_and_budgets_tell_their_order() -> None:
    assert ladder("", ("high", 9), ("none", 50), ("low", 7)) == [("none", 0), ("low", 7), ("high", 9)]
    assert ladder("", ("4096", 9), ("512", 7)) == [("medium", 512), ("medium", 4096)]
    assert ladder("", ("low 64", 9), ("low 32", 7)) == [("low", 32), ("low", 64)]


def test_other_names_need_an_order() -> None:
    with pytest.raises(InputError, match=r"do not tell which setting is dearer.*--order 'big,small'"):
        ladder("", ("small", 90), ("big", 50))
    assert ladder("small,big", ("small", 90), ("big", 50)) == [("default", 90), ("default", 91)]
    assert ladder("", ("small", 90)) == [("default", 90)]


def test_budgets_never_fall_where_a_dearer_setting_thought_less() -> None:
    assert ladder("", ("low", 90), ("high", 50)) == [("low", 90), ("high", 90)]


def test_an_order_must_name_every_setting_and_agree_with_the_budgets() -> None:
    with pytest.raises(InputError, match="--order does not name high"):
        ladder("low", ("low", 1), ("high", 2))
    with pytest.raises(InputError, match=r"the budgets fall in the order 64 .64., 32 .32."):
        ladder("64,32", ("32", 1), ("64", 2))


def test_two_direct_answers_have_no_place() -> None:
    both = [SeenSetting(ImportedSetting("", model, "none", 0), f"{model} none", 5) for model in ("a", "b")]
    with pytest.raises(InputError, match=r"2 settings do not think .a none, b none."):
        build_ladder(both, ("a none", "b none"))


def test_the_window_is_that_of_the_plain_call_or_not_known() -> None:
    assert build_ladder(seen(("low", 9))).to_plan()["window"] == 0
    assert build_ladder(seen(("default", 70))).to_plan()["window"] == 70
