"""The last balanced box of an answer's text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.answers.extract import extract_final_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{73}", "73"),
        (r"So it is \boxed{ 73 }.", "73"),
        (r"\boxed {73}", "73"),
        (r"\boxed{1} then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{[0, 1\}}", r"[0, 1\}"),
        (r"\boxed{\boxed{3}}", "3"),
        (r"{a \boxed{5}", "5"),
        (r"a} \boxed{5}", "5"),
        (r"\boxed{5}}", "5"),
        ("\\boxed{\n12\n}", "12"),
        (r"\\boxed{12}", None),  # an escaped backslash: not the command
        (r"\boxed{12", None),
        (r"\boxed{\frac{1}{2}", None),
        (r"\boxed{12\}", None),
        (r"\boxed{12} or \boxed{1", "12"),
        (r"\boxed{}", None),
        (r"\boxed{ }", None),
        (r"\boxed{7} \boxed{}", "7"),
        ("boxed{7}", "7"),
        (r"\boxed5", "5"),
        (r"It is \boxed 56.", "56"),
        (r"\fbox{8} or \fbox{9}", "9"),
        ("unboxed{7}", None),
        ("#### 42", "42"),
        ("The answer is (B) 2.", None),
        ("Answer: 12 apples", "12 apples"),
        ("The answer is that it depends.", None),
        ("**Answer:**\n\n**42**", "42"),
        (r"\boxed{5}. Wait, no. The answer is 6.", "6"),
        (r"Answer: 6, so \boxed{5}", "5"),
        ("73", None),
        ("", None),
        ("\\", None),
        ("\\boxed{π\x00🙂}", "π\x00🙂"),
    ],
)
def test_final_answer(text: str, answer: str | None) -> None:
    assert extract_final_answer(text) == answer


def test_a_long_hostile_text_takes_one_pass() -> None:
    started = time.process_time()
    assert extract_final_answer("\\boxed{" * 30_000) is None
    assert extract_final_answer("\\boxed" + " " * 100_000) is None
    assert extract_final_answer("\\boxed{" * 30_000 + "1" + "}" * 30_000) == "1"
    assert time.process_time() - started < 2


@given(st.text(alphabet="\\boxed{} 1a\n", max_size=60))
def test_any_text_gives_none_or_a_stripped_part_of_it(text: str) -> None:
    answer = extract_final_answer(text)
    assert answer is None or (answer in text and answer == answer.strip() != "")


@given(st.text(alphabet="{}\\ab1", max_size=20), st.text(alphabet="ab ", max_size=10))
def test_the_last_box_wins_whatever_came_before(before: str, content: str) -> None:
    boxed = before.replace("\\", "").replace("{", "") + "\\boxed{" + content + "}"
    assert extract_final_answer(boxed) == (content.strip() or None)
