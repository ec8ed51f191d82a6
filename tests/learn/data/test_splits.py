from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import SEEN_FILE, assign_split, hash_question, read_used_keys, write_used_keys

TEXT = st.text(max_size=30)


@given(TEXT, TEXT, TEXT, st.floats(0, 1))
def test_questions_of_a_group_are_in_one_part(one: str, other: str, group: str, share: float) -> None:
    a, b = Question("1", one, "x", group), Question("2", other if group else f"  {one.upper()} ", "y", group)
    if group or one.upper().lower() == one.lower():  # some letters have no way back
        assert assign_split(a, share) == assign_split(b, share)


def test_the_share_is_kept() -> None:
    asked = [Question(str(i), f"What is {i} + 1?", str(i + 1)) for i in range(4000)]
    for share in (0.0, 0.2, 0.5):
        tuned = sum(assign_split(q, share) == "tune" for q in asked) / len(asked)
        assert tuned == pytest.approx(share, abs=0.03)
        assert share or not tuned


def test_a_larger_share_only_takes_from_the_learned() -> None:
    asked = [Question(str(i), f"What is {i} + 1?", str(i + 1)) for i in range(500)]
    assert all(assign_split(q, 0.6) == "tune" for q in asked if assign_split(q, 0.3) == "tune")


def test_what_was_seen_is_known_in_any_spelling(tmp_path: Path) -> None:
    assert read_used_keys(tmp_path) == frozenset()
    write_used_keys(tmp_path, ["What is 1 + 2?", "what is 1 + 2", "b"])
    assert read_used_keys(tmp_path) == {hash_question("WHAT IS  1 + 2 ?"), hash_question("b")}
    write_used_keys(tmp_path, ["c"], before=read_used_keys(tmp_path))
    assert len(read_used_keys(tmp_path)) == 3


@pytest.mark.parametrize("content", [b"abc\n", b"\xff", b"G" * 16])
def test_a_file_that_is_none_of_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SEEN_FILE).write_bytes(content)
    with pytest.raises(InputError, match=r"seen.txt .*train the profile again"):
        read_used_keys(tmp_path)


def test_a_large_file_that_is_none_of_ours_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / SEEN_FILE).write_bytes(b"xy\n" * 3_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"holds 'xy', which is no key"):
            read_used_keys(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
