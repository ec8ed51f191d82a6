"""Values of rows: dotted paths, numbers of tokens and verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.learn.importing.values import find_value, read_turns, to_count, to_verdict


def test_a_dotted_path_goes_into_objects_lists_and_json_in_text() -> None:
    row = {"a": {"b": [{"c": 1}]}, "a.b": 2, "text": '{"x": {"y": 3}}', "d": {"e.f": 4}, "n": None}
    for path, value in (("a.b.0.c", 1), ("a.b", 2), ("text.x.y", 3), ("d.e.f", 4), ("n.o", None), ("a.b.9", None)):
        assert find_value(row, path) == value


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(True, True), ("yes", True), ("C", True), (1, True), ("1.0", True), ("I", False), ("P", False), (0.5, False),
     ("false", False), (None, None), ("", None), (float("nan"), None), ("nan", None)],
)  # fmt: skip
def test_verdicts_as_tools_write_them(value: Any, verdict: bool | None) -> None:
    assert to_verdict(value, None, "here") is verdict


def test_points_are_right_from_a_number_on() -> None:
    assert [to_verdict(value, 4, "here") for value in (3, 4, "5")] == [False, True, True]
    assert to_verdict("P", 0.5, "here") is True
    for value in (3, "maybe", [1]):
        with pytest.raises(InputError, match=r"here has the verdict .*--right-from"):
            to_verdict(value, None, "here")


def test_numbers_of_tokens() -> None:
    assert [to_count(value, "n", "here") for value in (3, "3", 3.0, None, "", float("nan"))] == [3, 3, 3] + [
        None
    ] * 3
    for value in (-1, 2.5, "many", True, [1]):
        with pytest.raises(InputError, match=r"here has the n .* no number of tokens"):
            to_count(value, "n", "here")


def test_the_question_of_messages_is_the_only_turn_or_all_with_their_roles() -> None:
    system, first = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1?"}
    assert read_turns([system, first]) == "1+1?"
    assert read_turns('[{"role": "user", "content": [{"type": "text", "text": "1+1?"}]}]') == "1+1?"
    assert read_turns([first, {"role": "assistant", "content": "2"}, {"role": "user", "content": "+1?"}]) == (
        "user: 1+1?\n\nassistant: 2\n\nuser: +1?"
    )
    assert read_turns("plain text") == "plain text"
