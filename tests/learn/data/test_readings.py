"""A held-out set that is read is counted, and what cannot be counted is said."""

from __future__ import annotations

import json
from pathlib import Path

from adaptive.learn.data.readings import READINGS_FILE, HeldOutReading, count_reading

ASKED = ["What is 1 + 1?", "What is 2 + 2?"]


def test_every_reading_of_a_set_counts_whatever_the_order_and_the_profile(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "profiles"
    read = [
        count_reading(folder, ASKED, b"one"),
        count_reading(folder, reversed(ASKED), b"one"),
        count_reading(folder, ["  what is 1 + 1 ", *ASKED[1:]], b"two"),
    ]
    assert read == [HeldOutReading(1, 1), HeldOutReading(2, 1), HeldOutReading(3, 2)]
    assert [one.sentence for one in read] == [
        "This set was read for the first time.",
        "This set was read 2 times, with the same profile.",
        "This set was read 3 times, with 2 different profiles: a profile that was chosen by its figures is fitted "
        "to it.",
    ]


def test_another_set_has_a_count_of_its_own(tmp_path: Path) -> None:
    count_reading(tmp_path, ASKED, b"one")
    assert count_reading(tmp_path, ASKED[:1], b"one").times == 1


def test_a_line_that_a_kill_cut_off_costs_no_other_and_is_said(tmp_path: Path) -> None:
    count_reading(tmp_path, ASKED, b"one")
    with (tmp_path / READINGS_FILE).open("ab") as file:
        file.write(b'{"questions": "12')
    read = count_reading(tmp_path, ASKED, b"one")
    assert read.times == 2
    assert read.note == f"1 line is damaged in {tmp_path / READINGS_FILE}: the set may have been read more often."
    lines = (tmp_path / READINGS_FILE).read_text().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[-1]).keys() == {"questions", "profile", "date"}


def test_what_cannot_be_counted_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    read = count_reading(tmp_path / "file", ASKED, b"one")
    assert read.times == 1
    assert read.note.startswith("This reading could not be counted in ")


def test_no_question_can_be_read_out_of_the_file(tmp_path: Path) -> None:
    count_reading(tmp_path, ASKED, b"one")
    assert "What" not in (tmp_path / READINGS_FILE).read_text()
