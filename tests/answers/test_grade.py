from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.answers import math_process
from adaptive.answers.grader import Grade
from adaptive.answers.registry import open_grader
from adaptive.errors import InputError

OPTIONS = "Which is even?\n(A) 41\n(B) 42\n(C) 43"
DOTTED = "Pick one.\nA. red or blue\nB. green\nC. A\nD. green"


@pytest.mark.parametrize(
    ("name", "answer", "reference", "right"),
    [
        ("exact", " Yes. ", "yes", True),
        ("exact", r"\text{Yes}", "yes", True),
        ("exact", "0.5", "1/2", False),
        ("exact", "$", "$", False),
        ("number", "1,000", "1000", True),
        ("number", "12 apples", "12 pears", True),
        ("number", "0.75", r"\frac{3}{4}", True),
        ("number", "0.3333", "1/3", False),
        ("number", "x", "3", False),
    ],
)
def test_texts_and_numbers(name: str, answer: str, reference: str, right: bool) -> None:
    grade = open_grader(name).grade("", answer, reference)
    assert (grade.right, grade.decided) == (right, True)
    assert right or grade.reason


@pytest.mark.parametrize(
    ("question", "answer", "reference", "right"),
    [
        *((OPTIONS, answer, "B", True) for answer in (
            "B", "b", "(B)", "b.", "B)", "**B**", r"\text{(B)}", "B) 42", "(B) 42", "B. 42", "B: it is even",
            "The answer is B", "The answer is (B).", "Answer: B", "option B", "The correct choice is option B.",
            "42", "42.0",
        )),
        *((OPTIONS, answer, "B", False) for answer in (
            "A", "A or B", "B or C", "(A) (B)", "B) 43", "B) 42 or C) 43", "The answer is A or B",
            "The answer is not B", "Not B", "D", "44", "BB", "Is it B?",
        )),
        *((OPTIONS, "B", reference, True) for reference in ("(B)", "B.", "b", "42", "B) 42")),
        (DOTTED, "A. red or blue", "A", True),
        (DOTTED, "red or blue", "A", True),
        (DOTTED, "A", "C", False),
        (DOTTED, "green", "B", False),
        (DOTTED, "B", "D", False),
        ("Lists nothing.", "(e)", "E", True),
        ("Lists nothing.", "F", "E", False),
        ("First:\n(A) 1\n(B) 2\nNow:\n(A) 3\n(B) 4", "4", "B", True),
    ],
)  # fmt: skip
def test_multiple_choice(question: str, answer: str, reference: str, right: bool) -> None:
    grade = open_grader("choice").grade(question, answer, reference)
    assert (grade.right, grade.decided) == (right, True)
    assert right or grade.reason


@pytest.mark.parametrize(
    ("name", "reference", "said"),
    [
        ("auto", "", "no reference"),
        ("exact", " ", "no reference"),
        ("choice", "", "no reference"),
        ("choice", "D", "'D' names no option"),
        ("choice", "99", "'99' names no option"),
        ("choice", "1", "is 1, which may be the index of an option"),
        ("auto", "1", "is 1, which may be the index of an option"),
        ("number", "twelve", "'twelve' is no number"),
    ],
)
def test_a_reference_that_cannot_be_graded_against(name: str, reference: str, said: str) -> None:
    grade = open_grader(name).grade(OPTIONS, "B", reference)
    assert not grade.right
    assert not grade.decided
    assert said in grade.reason


@pytest.mark.parametrize("answer", [None, "", " \n"])
def test_no_answer_is_wrong(answer: str | None) -> None:
    assert open_grader("auto").grade("", answer, "5") == Grade(False, True, "there is no answer")


@given(st.sampled_from(["exact", "number", "choice"]), st.text(), st.none() | st.text(), st.text())
def test_grading_never_raises(name: str, question: str, answer: str | None, reference: str) -> None:
    grade = open_grader(name).grade(question, answer, reference)
    assert grade.right <= grade.decided
    assert grade.right or grade.reason


def test_plain_numbers_and_words_never_need_math_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_process, "is_math_verify_installed", lambda: False)
    with open_grader("auto") as grader:
        assert grader.grade("", "1,000", "1000").right
        assert grader.grade("", "0.333333", "1/3") == Grade(False, True, "the numbers or their units differ")
        assert grader.grade("", "care", "race") == Grade(False, True, "the texts differ")
        missing = grader.grade("", "1+x", "x+1")
    assert not missing.decided
    assert "pip install 'adaptive-thinking[learn]'" in missing.reason


def test_maths_without_math_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.answers.math.is_math_verify_installed", lambda: False)
    with pytest.raises(InputError, match=r"not installed: pip install 'adaptive-thinking\[learn\]'"):
        open_grader("maths")


OWN = """
from __future__ import annotations
import dataclasses

@dataclasses.dataclass
class Held:  # looks its module up
    text: str

def two(answer: str, reference: str) -> bool:
    return Held(answer).text == reference
def three(answer, reference, question): return question in answer
def third(answer, reference, asked): return asked in answer
def optional(answer, reference, tolerance=0.5): return tolerance
def low(answer, reference): return 0.49
def big(answer, reference): return 7
def nothing(answer, reference): pass
def fails(answer, reference): raise ValueError("no\\nway")
def leaves(answer, reference): raise SystemExit(3)
def alone(answer): return True
async def later(answer, reference): return True
value = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own_grader.py"
    file.write_text(OWN)
    return file


@pytest.mark.parametrize(
    ("function", "right", "decided", "said"),
    [
        ("two", False, True, "says so"),
        ("three", True, True, ""),
        ("third", True, True, ""),
        ("optional", True, True, ""),
        ("low", False, True, "says so"),
        ("big", False, False, "gave nonsense (of type int)"),
        ("nothing", False, False, "gave nonsense (None)"),
        ("fails", False, False, "failed (ValueError: no)"),
        ("leaves", False, False, "failed (SystemExit: 3)"),
    ],
)
def test_a_function_of_ones_own(own: Path, function: str, right: bool, decided: bool, said: str) -> None:
    grade = open_grader(f"{own}:{function}").grade("q", "qa", "r")
    assert (grade.right, grade.decided) == (right, decided)
    assert said in grade.reason


def test_a_function_of_a_module() -> None:
    assert open_grader("operator:eq").grade("", "a", "a").right


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nope", "there is no grader 'nope': name auto, exact"),
        ("", "there is no grader ''"),
        (":f", "there is no grader ':f'"),
        ("no_such_module:f", "cannot be loaded"),
        ("/no/such/file.py:f", "cannot be loaded"),
        ("operator:nope", "cannot be loaded"),
        ("{own}:alone", "takes .*called with an answer and a reference"),
        ("{own}:later", "is no plain function"),
        ("{own}:value", "is no plain function"),
    ],
)
def test_a_grader_that_is_none(own: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        open_grader(name.format(own=own))
    assert "\n" not in str(caught.value)
