from __future__ import annotations

from pathlib import Path

import pytest

from adaptive.errors import InputError
from adaptive.learn.data.questions import read_questions


def _file(folder: Path, text: str) -> Path:
    file = folder / "questions.jsonl"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return file


def test_questions_are_read_once_each(tmp_path: Path) -> None:
    text = (
        '\ufeff{"question": " 2 + 3? ", "answer": 5, "family": "sums"}\n\n'
        '{"question": "2 + 3?", "answer": "5"}\r\n'
        '{"id": 7, "question": "a\u2028b", "answer": "c"}'
    )
    one, two = read_questions(_file(tmp_path, text))
    assert (one.text, one.reference) == ("2 + 3?", "5")
    assert (two.id, two.text) == ("7", "a\u2028b")


@pytest.mark.parametrize("row", ['{"question": "2 + 3?"}', '{"question": "2 + 3?", "answer": null}',
                                 '{"question": "2 + 3?", "answer": ""}'])  # fmt: skip
def test_answers_may_be_missing_where_none_is_needed(tmp_path: Path, row: str) -> None:
    file = _file(tmp_path, row + '\n{"question": "a?", "answer": "#### b"}')
    assert [one.reference for one in read_questions(file, need_answers=False)] == ["", "b"]
    with pytest.raises(InputError, match="has no 'answer' that is text"):
        read_questions(file)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [('" 3/4 "', "3/4"), ("0", "0"), ("-1.5", "-1.5"), ('"3 * 3 = 9\\n#### 9"', "9"),
     ('"It is \\\\boxed{9}."', "9")],
)  # fmt: skip
def test_a_reference_is_the_end_of_a_solution(tmp_path: Path, answer: str, reference: str) -> None:
    (question,) = read_questions(_file(tmp_path, f'{{"question": "q", "answer": {answer}}}'))
    assert question.reference == reference


def test_only_the_first_ones(tmp_path: Path) -> None:
    text = "".join(f'{{"question": "{i}?", "answer": "{i}"}}\n' for i in range(9)) + "not looked at"
    assert [q.text for q in read_questions(_file(tmp_path, text), limit=3)] == ["0?", "1?", "2?"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no question"),
        ("\n\n", "holds no question"),
        ("x", "line 1 of .* is not JSON"),
        ("[" * 100_000, "line 1 of .* is not JSON"),
        ('{"question": "1?", "answer": "1"}\n[1]', "line 2 of .* is not a JSON object"),
        ('{"answer": "1"}', "line 1 of .* has no 'question' that is text"),
        ('{"question": "1?", "answer": " "}', "line 1 of .* has no 'answer' that is text"),
        ('{"question": "1?", "answer": true}', "has no 'answer' that is text"),
        ('{"question": "1?", "answer": ["1"]}', "has no 'answer' that is text"),
        ('{"question": "1\\u0000", "answer": "1"}', "characters that are no text"),
        ('{"question": "1\\ud800", "answer": "1"}', "characters that are no text"),
        ('{"question": "1?\udcff", "answer": "1"}', "not valid UTF-8 at byte 16"),
        (
            '{"id": "a", "question": "1?", "answer": "1"}\n{"id": "a", "question": "2?", "answer": "1"}',
            "line 2 of .* has the id 'a' of line 1",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_questions(_file(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(tmp_path / "none")
