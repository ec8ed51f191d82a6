"""A reply is split into thinking and answer by the model's own markers, token by token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.engines.protocol import Markers
from adaptive.reason.reply import ReplySplitter, opens_thinking

OPEN, CLOSE, STOP, GAP = 100, 101, 102, 10
TAGS = Markers(OPEN, CLOSE, (STOP,), (GAP, GAP))
START, MESSAGE, FINAL, ANALYSIS, ASSISTANT = 200, 201, 202, 203, 204
HARMONY = Markers(OPEN, CLOSE, (STOP,), (START, ASSISTANT, OPEN, FINAL, MESSAGE))


def split(ids: list[int], markers: Markers = TAGS, opened: bool = False) -> tuple[list[int], list[int], bool]:
    splitter = ReplySplitter(markers, opened)
    for token in ids:
        splitter.add(token)
    return splitter.thinking, splitter.answer, splitter.in_thinking


@pytest.mark.parametrize(
    ("ids", "opened", "thinking", "answer", "still"),
    [
        ([1, 2, CLOSE, GAP, GAP, 3], True, [1, 2], [3], False),
        ([1, 2, CLOSE, GAP, 3], True, [1, 2], [3], False),
        ([1, 2, CLOSE, 3, GAP, GAP, 4], True, [1, 2], [3, GAP, GAP, 4], False),
        ([OPEN, 1, CLOSE, 2], False, [1], [2], False),
        ([1, 2], False, [], [1, 2], False),
        ([1, 2], True, [1, 2], [], True),
        ([1, CLOSE, 2], False, [1], [2], False),  # it has only an end
        ([OPEN, 1, CLOSE, 2, OPEN, 3, CLOSE, 4], False, [1, 3], [2, 4], False),
        ([CLOSE, 1], True, [], [1], False),
        ([], True, [], [], True),
    ],
)
def test_tags(ids: list[int], opened: bool, thinking: list[int], answer: list[int], still: bool) -> None:
    assert split(ids, opened=opened) == (thinking, answer, still)


def test_channels() -> None:
    final = [START, ASSISTANT, OPEN, FINAL, MESSAGE]
    assert split([OPEN, ANALYSIS, MESSAGE, 1, CLOSE, *final, 2], HARMONY) == ([1], [2], False)
    assert split([OPEN, FINAL, MESSAGE, 2], HARMONY) == ([], [2], False)


def test_a_model_without_markers_only_answers() -> None:
    assert split([1, OPEN, 2, CLOSE], Markers(None, None, (STOP,))) == ([], [1, OPEN, 2, CLOSE], False)


@pytest.mark.parametrize(("prompt", "opened"), [([1, OPEN, 10], True), ([OPEN, 1, CLOSE, 2], False), ([1], False)])
def test_a_prompt_may_open_the_thinking(prompt: list[int], opened: bool) -> None:
    assert opens_thinking(prompt, TAGS) is opened
    assert not opens_thinking(prompt, Markers(None, None, (STOP,)))


@given(ids=st.lists(st.sampled_from([1, 2, GAP, OPEN, CLOSE])), opened=st.booleans())
def test_no_token_is_lost_or_told_twice(ids: list[int], opened: bool) -> None:
    splitter = ReplySplitter(TAGS, opened)
    parts = [splitter.add(token) for token in ids]
    told = [token for token, part in zip(ids, parts, strict=True) if part != "marker"]
    assert sorted(splitter.thinking + splitter.answer) == sorted(told)
    assert OPEN not in splitter.answer
    assert CLOSE not in splitter.thinking + splitter.answer
    assert splitter.answer == [t for t in ids[splitter.answer_at :] if t in splitter.answer][
        : len(splitter.answer)
    ] or (OPEN in ids or CLOSE in ids)
