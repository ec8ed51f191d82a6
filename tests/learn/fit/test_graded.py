from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.questions import Question
from adaptive.learn.fit.graded import FILE, GradedAttempt, Record, RecordFile

PLAN = {"model": "toy", "seed": 0, "ladder": [{"budget": 0}]}
WRONG = GradedAttempt("none", 0, None, False, None, "starved", "none", 0, 40, None)
RIGHT = GradedAttempt("low", 64, "5", True, 0.9, "answered", "natural", 12, 70, 2)


def record(name: str) -> Record:
    return Record(name, f"{name}?", "5", WRONG, (RIGHT,), audited=True)


def _written(folder: Path, count: int = 3) -> RecordFile:
    file = RecordFile(folder, PLAN)
    for number in range(count):
        file.add(record(f"q{number}"))
    return file


def test_the_label_is_the_cheapest_rung_that_is_right() -> None:
    assert record("a").find_label(4) == 2
    assert replace(record("a"), chains=(replace(RIGHT, rung=3), RIGHT)).find_label(4) == 2
    assert replace(record("a"), direct=replace(RIGHT, rung=0)).find_label(4) == 0
    assert replace(record("a"), chains=()).find_label(4) == 4


def test_records_are_read_again(tmp_path: Path) -> None:
    _written(tmp_path)
    assert RecordFile(tmp_path, PLAN).records == [record("q0"), record("q1"), record("q2")]


def test_records_belong_to_a_question_with_its_text_and_reference(tmp_path: Path) -> None:
    file = _written(tmp_path)
    here, changed, other = Question("q1", "q1?", "5"), Question("q1", "q1?", "6"), Question("q9", "q9?", "5")
    assert list(file.find_records([here, changed, other])) == [here]


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_line_cut_by_a_kill_is_dropped_and_nothing_else(tmp_path: Path, kept: int) -> None:
    file = _written(tmp_path)
    whole = file.path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    file.path.write_bytes(whole[: last + kept])
    again = RecordFile(tmp_path, PLAN)
    assert again.records == [record("q0"), record("q1")]
    again.add(record("q2"))
    assert file.path.read_bytes() == whole


def test_a_file_cut_in_its_first_line_begins_again(tmp_path: Path) -> None:
    whole = _written(tmp_path, 0).path.read_bytes()
    (tmp_path / FILE).write_bytes(whole[:10])
    assert RecordFile(tmp_path, PLAN).records == []
    assert (tmp_path / FILE).read_bytes() == whole


def test_another_plan_is_refused(tmp_path: Path) -> None:
    before = _written(tmp_path).path.read_bytes()
    with pytest.raises(InputError, match="was made with another seed"):
        RecordFile(tmp_path, PLAN | {"seed": 1})
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "line 3 of .* has no key 'id'"),
        ("x", "line 3 of .* must be an object, got None"),
        (json.dumps(asdict(record("a")) | {"id": 1}), "'id' in line 3 of .* must be text, got 1"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = _written(tmp_path)
    lines = file.path.read_text().splitlines()
    file.path.write_text("\n".join([*lines[:2], line, *lines[3:]]) + "\n")
    with pytest.raises(InputError, match=said):
        RecordFile(tmp_path, PLAN)


@pytest.mark.parametrize("content", ["notes of mine\nmore\n", '{"a": 1}\n', "notes without an end"])
def test_a_file_that_is_no_file_of_labels_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(InputError, match="is no file of labels"):
        RecordFile(tmp_path, PLAN)
    assert (tmp_path / FILE).read_text() == content


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdaptiveError, match=r"cannot be written .*: name another folder"):
        RecordFile(tmp_path / "file", PLAN)
