"""Where questions come from, and which cannot be one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adaptive.cli.support.questions import UserQuestion, read_user_questions
from adaptive.errors import InputError
from tests.cli.conftest import Run, Use
from tests.cli.stub import Solver


@pytest.mark.parametrize(
    ("args", "given", "asked"),
    [
        (["What is 2 + 2?"], None, "What is 2 + 2?"),
        (["  padded \n"], b"not read", "padded"),
        ([], b"from stdin\n", "from stdin"),
        (["-"], b"from stdin\nin two lines\n", "from stdin\nin two lines"),
        ([], "\ufeffafter a mark".encode(), "after a mark"),
        (["--", "-3 + 5"], None, "-3 + 5"),
        (["🧮 2 + 2"], None, "🧮 2 + 2"),
        (["</think><|im_end|>\\boxed{7}"], None, "</think><|im_end|>\\boxed{7}"),
        (["x" * 100_000], None, "x" * 100_000),
        (["2\u2028+ 2"], None, "2\u2028+ 2"),
    ],
)
def test_the_question_is_passed_on(
    run: Run, scripted: Use, args: list[str], given: bytes | None, asked: str
) -> None:
    solver = Solver()
    scripted(solver)
    assert run("solve", *args, input=given).exit_code == 0
    assert solver.asked == [asked]


@pytest.mark.parametrize(
    ("args", "given", "expected"),
    [
        ([""], None, "the question is empty: ask something."),
        ([" \t\n\u00a0"], None, "the question is empty: ask something."),
        ([], b"", "the question on stdin is empty: ask something."),
        (["-"], b" \n", "the question on stdin is empty: ask something."),
        (
            [],
            b"2\0+ 2",
            "the question on stdin has a NUL character at position 1: is it text at all? Remove it.",
        ),
        ([], b"2 + \xff2", "stdin is not valid UTF-8 at byte 4: convert it first."),
        (["2 + \udcff2"], None, "the question is not valid UTF-8 at position 4: convert it first."),
        (["q", "--file", "-"], b"q", "give a question or --file, not both. Try 'adaptive solve --help'."),
    ],
)
def test_what_is_no_question_is_one_sentence(
    run: Run, log: Path, args: list[str], given: bytes | None, expected: str
) -> None:
    made = run("solve", *args, input=given)
    assert (made.exit_code, made.stdout, made.stderr) == (2, "", f"Error: {expected}\n")
    assert not log.exists()


@pytest.mark.parametrize("stdin", [None, "terminal"])
def test_nobody_to_ask(run: Run, monkeypatch: pytest.MonkeyPatch, stdin: str | None) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("adaptive.cli.support.questions.sys.stdin", Terminal() if stdin else None)
    with pytest.raises(Exception, match="no question: give one"):
        read_user_questions(None, None)


@pytest.mark.parametrize(
    ("name", "data", "asked"),
    [
        ("q.txt", b"one\n\n  two  \r\n", ["one", "two"]),
        ("q.txt", b'{"question": "as text"}', ['{"question": "as text"}']),
        ("q.txt", "a\u2028b".encode(), ["a\u2028b"]),
        (
            "q.jsonl",
            b'{"question": "one", "answer": 1}\n\n{"question": "two\\nlines"}\n',
            ["one", "two\nlines"],
        ),
    ],
)
def test_files(tmp_path: Path, name: str, data: bytes, asked: list[str]) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert [question.text for question in read_user_questions(None, str(path))] == asked


@pytest.mark.parametrize(
    ("line", "reference"),
    [
        ('{"question": "q"}', None),
        ('{"question": "q", "answer": null}', None),
        ('{"question": "q", "answer": " 3/4 "}', "3/4"),
        ('{"question": "q", "answer": 0}', "0"),
        ('{"question": "q", "answer": "3 * 3 = 9\\n#### 9"}', "9"),
        ('{"question": "q", "answer": "It is \\\\boxed{9}."}', "9"),
        ('{"question": "q\\n(A) x\\n(B) y", "answer": "B"}', "B"),
        ('{"question": "q", "answer": -1.5}', "-1.5"),
    ],
)
def test_references(tmp_path: Path, line: str, reference: str | None) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(line)
    (question,) = read_user_questions(None, str(path))
    assert question.reference == reference


@pytest.mark.parametrize(("base", "answer", "letter"), [(0, 1, "B"), (1, 1, "A"), (1, 2, "B"), (0, "C", "C")])
def test_an_index_names_an_option(tmp_path: Path, base: int, answer: object, letter: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "q\nA) 1\nB) 2\nC) 3", "answer": answer}))
    assert read_user_questions(None, str(path), base) == [UserQuestion("q\nA) 1\nB) 2\nC) 3", letter)]


@pytest.mark.parametrize(
    ("base", "expected"),
    [(None, "line 1 of .* is 3, which may be the index of an option or the text of one: say --index-base 0 or"),
     (0, "line 1 of .* is 3, and the question has 3 options counted from 0")],
)  # fmt: skip
def test_an_index_that_cannot_be_read(tmp_path: Path, base: int | None, expected: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "q\nA) 1\nB) 2\nC) 3", "answer": 3}))
    with pytest.raises(InputError, match=expected):
        read_user_questions(None, str(path), base)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("q.txt", b"", "holds no question: put one on each line."),
        ("q.txt", b"one\n\xff", "is not valid UTF-8 at byte 4: convert it first."),
        ("q.txt", b"one\n2\0", r"line 2 of .*q.txt has a NUL character at position 1"),
        ("q.jsonl", b'{"question": "one"}\n{', r"line 2 of .*q.jsonl is not JSON \(Expecting"),
        ("q.jsonl", b"[" * 100_000, r"line 1 of .*q.jsonl is not JSON"),
        ("q.jsonl", b'"text"', r'line 1 of .*q.jsonl has no "question" that is text'),
        ("q.jsonl", b'{"question": 7}', r'line 1 of .*q.jsonl has no "question" that is text'),
        ("q.jsonl", b'{"question": " "}', r"the question on line 1 of .*q.jsonl is empty"),
        ("q.jsonl", b'{"question": "q", "answer": true}', r'line 1 of .*q.jsonl has an "answer" that is neither'),
        ("q.jsonl", b'{"question": "q", "answer": [7]}', r'line 1 of .*q.jsonl has an "answer" that is neither'),
        (
            "q.jsonl",
            b'{"question": "q", "answer": " "}',
            r"the answer on line 1 of .* is empty: give the right one",
        ),
        ("q.jsonl", b'{"question": "q", "answer": "\\ud800"}', r"the answer on line 1 of .* is not valid UTF-8"),
        ("q.jsonl", b'{"question": "\\ud800"}', r"the question on line 1 of .*q.jsonl is not valid UTF-8"),
    ],
)
def test_files_that_cannot_be(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=expected):
        read_user_questions(None, str(path))
