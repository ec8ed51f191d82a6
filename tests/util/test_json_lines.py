"""A file that a killed run goes on with: whatever was cut off, whole lines stay and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive._util.json_lines import JsonLines
from adaptive.errors import AdaptiveError, InputError

HEAD = b'{"id": "'
ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "two\nlines"},
    {"id": "b", "text": "\u2028 \ud83d\ude00"},
    {"id": "c"},
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines") / "out.jsonl"


def read(path: Path) -> list[str]:
    with JsonLines(path, HEAD) as lines:
        return [row["id"] for _, row in lines.read()]


@given(st.data())
def test_cut_off_anywhere_it_goes_on_after_the_last_whole_line(path: Path, data: st.DataObject) -> None:
    path.unlink(missing_ok=True)
    with JsonLines(path, HEAD) as lines:
        for row in ROWS:
            lines.append(row)
    whole = path.read_bytes()
    kept = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:kept])
    done = read(path)
    assert done == [row["id"] for row in ROWS][: whole[:kept].count(b"\n")]
    with JsonLines(path, HEAD) as lines:
        for row in ROWS[len(done) :]:
            lines.append(row)
    assert path.read_bytes() == whole


def test_halves_of_a_character_are_written_as_one(tmp_path: Path) -> None:
    with JsonLines(tmp_path / "o", HEAD) as lines:
        lines.append(ROWS[1])
        lines.append({"id": "\ud800"})
    rows = [json.loads(line) for line in (tmp_path / "o").read_text().split("\n")[:2]]
    assert rows == [{"id": "b", "text": "\u2028 😀"}, {"id": "\ufffd"}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"my notes", "line 1 of .* is none of ours: name another --out"),
        (b'{"question": "1 + 1?"}', "line 1 of .* is none of ours"),
        (b'{"id": "a"}\nnotes', "line 2 of .* is none of ours"),
        (b"notes\n", "line 1 of .* is damaged"),
        (b"[1]\n", "line 1 of .* is no result"),
        (b"[" * 100_000 + b"\n", "line 1 of .* is damaged"),
    ],
)
def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "o").write_bytes(content)
    with pytest.raises(InputError, match=expected):
        read(tmp_path / "o")
    assert (tmp_path / "o").read_bytes() == content


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with JsonLines(tmp_path / "o", HEAD), pytest.raises(InputError, match="another command is writing"):
        JsonLines(tmp_path / "o", HEAD)
    assert read(tmp_path / "o") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full here")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "o").symlink_to("/dev/full")
    with (
        JsonLines(tmp_path / "o", HEAD) as lines,
        pytest.raises(AdaptiveError, match=r"cannot be written \(No space"),
    ):
        lines.append(ROWS[0])


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder" / "o").mkdir(parents=True)
    with pytest.raises(AdaptiveError, match=r"cannot be written \(Is a directory\): name another --out"):
        JsonLines(tmp_path / "folder" / "o", HEAD)
    assert [one.name for one in (tmp_path / "folder").iterdir()] == ["o"], "no lock stays"
