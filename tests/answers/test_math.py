from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.answers.equality import same_answer
from adaptive.answers.grader import Grade
from adaptive.answers.math import AutoGrader, MathGrader
from adaptive.answers.math_process import LONGEST_TEXT
from adaptive.answers.registry import open_grader
from adaptive.answers.simplify import normalise_text
from adaptive.errors import InputError

HANGS = r"10^{10^{10}}"


@pytest.fixture(scope="module")
def auto() -> Iterator[AutoGrader]:
    with AutoGrader(seconds=30) as grader:  # a machine may be busy
        yield grader


@pytest.fixture(scope="module")
def maths() -> Iterator[MathGrader]:
    with MathGrader(seconds=30) as grader:
        yield grader


RIGHT = [
    (r"\frac{1}{2}", "0.5"),
    ("x^2+1", "1 + x^2"),
    (r"3\sqrt{2}", r"\sqrt{18}"),
    ("√2", r"\sqrt{2}"),
    ("sqrt(2)", r"$\sqrt{2}$"),
    ("2pi", r"2\pi"),
    ("x**2", "x^2"),
    ("(1,2)", "(1, 2)"),
    ("[0, 1)", r"\left[0,1\right)"),
    (r"(-\infty, 5]", "(-∞,5]"),
    ("{2, 1}", r"\{1,2\}"),
    ("2^{10}", "1024"),
    ("10!", "3628800"),
    (r"x \le 5", "x ≤ 5"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    (r"\text{no solution}", "No solution."),
]
WRONG = [
    ("x^2+1", "x^2+2"),
    ("12 or 13", "12"),
    (r"5} \boxed{6", r"\{5, 6\}"),
    ("[0, 1)", "[0, 1]"),
    ("race", "care"),
    ("The answer is unknown", r"\frac{1}{2}"),
    ("0.7071", r"\frac{\sqrt{2}}{2}"),
    ("}{", "x"),
    (r"\sqrt", "x+1"),
]


@pytest.mark.parametrize(("answer", "reference"), RIGHT)
def test_the_same_maths(auto: AutoGrader, maths: MathGrader, answer: str, reference: str) -> None:
    assert auto.grade("", answer, reference) == maths.grade("", answer, reference) == Grade(True)


@pytest.mark.parametrize(("answer", "reference"), WRONG)
def test_other_maths(auto: AutoGrader, answer: str, reference: str) -> None:
    grade = auto.grade("", answer, reference)
    assert (grade.right, grade.decided) == (False, True)
    assert grade.reason


@pytest.mark.parametrize(
    ("answer", "reference", "said"),
    [
        ("5x", r"\sqrt", "cannot read the reference"),
        ("5x", "}{", "braces of the reference do not match"),
        (r"\frac{1}{0}", r"\frac{2}{0}", "failed on it"),
        ("x+" * LONGEST_TEXT, "x^2", f"has {2 * LONGEST_TEXT} characters"),
        ("x^2", "x+" * LONGEST_TEXT, f"reference has {2 * LONGEST_TEXT} characters"),
    ],
)
def test_what_cannot_be_told(auto: AutoGrader, answer: str, reference: str, said: str) -> None:
    grade = auto.grade("", answer, reference)
    assert (grade.right, grade.decided) == (False, False)
    assert said in grade.reason


def test_only_math_verify_rounds_plain_numbers(auto: AutoGrader, maths: MathGrader) -> None:
    assert maths.grade("", "0.333333", "1/3").right
    assert not auto.grade("", "0.333333", "1/3").right


@given(st.fractions(max_denominator=999, min_value=-(10**6), max_value=10**6))
def test_equal_numbers_are_right(auto: AutoGrader, maths: MathGrader, value: Fraction) -> None:
    latex = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
    for grader in (auto, maths):
        assert grader.grade("", str(value), latex).right
        assert grader.grade("", latex, str(value)).right


@given(st.text(r"{}()[]\$ ^_,;#&%~√", max_size=12), st.text(r"{}()[]\$ ^_,;#&%~√", max_size=12))
def test_what_is_no_maths_is_right_only_as_the_same_text(maths: MathGrader, answer: str, reference: str) -> None:
    right = maths.grade("", answer, reference).right
    assert right == same_answer(answer, reference)
    assert not right or normalise_text(answer) == normalise_text(reference)


@given(st.text(max_size=30), st.text(max_size=30))
def test_grading_never_raises(auto: AutoGrader, answer: str, reference: str) -> None:
    grade = auto.grade("", answer, reference)
    assert grade.right <= grade.decided
    assert grade.right or grade.reason


@pytest.mark.parametrize(
    ("answer", "reference"), [(HANGS, "7"), pytest.param("7", HANGS, marks=pytest.mark.slow), ("99999999!", "7x")]
)
def test_what_does_not_end_is_undecided_and_the_next_is_graded(answer: str, reference: str) -> None:
    with MathGrader(seconds=1) as grader:
        assert grader.grade("", answer, reference) == Grade(False, False, "math-verify did not end within 1 s")
        grader._process.seconds = 30  # the process has begun again, the machine may be busy
        assert grader.grade("", "1+x", "x+1").right


def test_many_threads(auto: AutoGrader) -> None:
    def right(i: int) -> bool:
        other = auto.grade("", f"{i}+x", f"x+{i + 1}")
        return auto.grade("", f"{i}+x", f"x+{i}").right and not other.right

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(right, range(40)))


async def test_in_an_event_loop(auto: AutoGrader) -> None:
    assert auto.grade("", "2+x", "x+2").right


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@on_linux
def test_a_process_that_was_killed_is_replaced() -> None:
    before = _children(os.getpid(), "reaper.py")
    with open_grader("maths") as grader:
        grader.grade("", "1+x", "x+1")
        (kept,) = _children(os.getpid(), "reaper.py") - before
        (child,) = _children(kept, "math_child.py")
        os.kill(child, signal.SIGKILL)
        ended = grader.grade("", "1+x", "x+1")
        assert (ended.right, ended.decided) == (False, False)
        assert "process ended" in ended.reason
        assert grader.grade("", "1+x", "x+1").right
    assert not _runs(kept)


@on_linux
def test_close_leaves_no_process() -> None:
    before = _children(os.getpid(), "reaper.py")
    grader = open_grader("auto")
    assert grader.grade("", "1+x", "x+1").right
    (kept,) = _children(os.getpid(), "reaper.py") - before
    (child,) = _children(kept, "math_child.py")
    grader.close()
    grader.close()
    assert not _runs(kept)
    assert not _runs(child)


SCRIPT = """
from adaptive.answers.math import AutoGrader
grader = AutoGrader(600)
grader.grade("", "1+x", "x+1")
print("begun", flush=True)
print(grader.grade("", {answer!r}, "7"), flush=True)
input()
"""


@on_linux
@pytest.mark.parametrize("answer", ["1+x", HANGS])
def test_a_killed_program_leaves_no_process(answer: str) -> None:
    """Idle, or in the middle of what does not end."""
    words = [sys.executable, "-c", SCRIPT.format(answer=answer)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"begun\n"
        (kept,) = _children(program.pid, "reaper.py")
        (child,) = _children(kept, "math_child.py")
        if answer == HANGS:
            _until(lambda: _stat(child)[0] == b"R")
        else:
            program.stdout.readline()
        program.kill()
        assert program.communicate() == (b"", b"")
    _until(lambda: not (_runs(kept) or _runs(child)))


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_limits_that_cannot_be(seconds: float) -> None:
    with pytest.raises(InputError, match="time limit"):
        MathGrader(seconds)


def _children(parent: int, script: str) -> set[int]:
    """The processes of that parent whose own script it is."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) and int(stat[1]) == parent:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if any(word.decode().endswith(script) for word in words[:6]):
                found.add(int(entry.name))
    return found


def _stat(pid: int) -> list[bytes]:
    """The state and the parent of a process; empty where it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if stat[0] == b"Z" else stat


def _runs(pid: int) -> bool:
    return bool(_stat(pid))


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)
