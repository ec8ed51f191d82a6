"""The benchmark of conversations: its shapes are what they are called, and it says when a promise is broken."""

from __future__ import annotations

from typing import Any

import pytest

from adaptive.learn.data.questions import Question
from adaptive.solver.conversation import read_shape, to_chat_turns
from benchmarks.conversations import SHAPES, count_rows, find_broken_promises, format_table

ONE, OTHER = Question("1", "What is 47 + 38 - 12?", "73"), Question("2", "What is 1 + 1?", "2")
NAMES = {
    "alone": "alone",
    "second turn": "history",
    "system prompt": "system",
    "hand-off": "alone",
    "hand-back": "history",
    "tool, needed": "tools",
    "tool, not needed": "tools",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_what_it_is_called(shape: str) -> None:
    messages = SHAPES[shape](ONE, OTHER)
    assert read_shape(messages).name == NAMES[shape]
    asked = "What is 47 + 38 - X?" if shape == "tool, needed" else ONE.text
    assert to_chat_turns(messages)[-1][1].endswith(asked)
    assert ("X = 12" in to_chat_turns(messages)[-1][1]) == (shape == "tool, needed")


def rows(shape: str, right: int, accepted: int, wrong: int, of: int = 100) -> list[dict[str, Any]]:
    """Rows of a shape; `wrong` more are accepted and wrong."""
    kinds = [(True, True)] * accepted + [(False, True)] * wrong + [(True, None)] * (right - accepted)
    kinds += [(False, None)] * (of - len(kinds))
    return [{"shape": shape, "right": r, "accepted": a, "refused": "", "tokens": 10} for r, a in kinds]


@pytest.mark.parametrize(
    ("right", "accepted", "wrong", "broken"),
    [(90, 80, 0, []), (90, 80, 3, []), (90, 80, 4, ["4 of 100 are accepted and wrong"]), (0, 0, 0, []),
     (50, 40, 0, ["50 are right, alone 90, and 40 are accepted"])],
)  # fmt: skip
def test_a_broken_promise_is_said(right: int, accepted: int, wrong: int, broken: list[str]) -> None:
    by_shape = {"alone": rows("alone", 90, 85, 0), "second turn": rows("second turn", right, accepted, wrong)}
    assert list(find_broken_promises(by_shape)) == [f"second turn: {one}" for one in broken]
    counts = count_rows(by_shape["second turn"])
    assert counts["accepted and wrong"] == wrong
    assert f"| second turn | 100 | {right} | {accepted + wrong} | {wrong} | 0 |" in format_table(by_shape)
