"""Rows are read one by one, whatever they are written in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adaptive.errors import InputError
from adaptive.learn.importing import records
from adaptive.learn.importing.records import read_records

ROWS = [{"a": "one, two", "b": "line\nbreak"}, {"a": "ünï […", "b": '"]},{'}]


def read(file: Path) -> list[dict[str, str]]:
    return [row for _, row in read_records(file)]


def test_jsonl_arrays_and_objects_with_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.json"
    for text in (
        "\n".join(map(json.dumps, ROWS)),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2, ensure_ascii=False),
        json.dumps({"data": ROWS, "meta": {}}, indent=1),
        "\ufeff" + json.dumps(ROWS),
    ):
        file.write_text(text, encoding="utf-8")
        for chunk in (1, 7, 1 << 20):
            monkeypatch.setattr(records, "CHUNK", chunk)
            assert read(file) == ROWS


def test_csv_and_tsv_with_cells_of_several_lines(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('a,b\n"one, two","line\nbreak"\n\n"","x"\n')
    assert read(tmp_path / "rows.csv") == [ROWS[0], {"a": None, "b": "x"}]
    (tmp_path / "rows.tsv").write_text("a\tb\n1\t2\n")
    assert read(tmp_path / "rows.tsv") == [{"a": "1", "b": "2"}]


def test_parquet_with_a_column_of_maps(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    usage = arrow.array([[("output", 7)], []], arrow.map_(arrow.string(), arrow.int64()))
    table = arrow.table({"a": ["x", None], "usage": usage})
    pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "rows.parquet")
    counts: list[int] = []
    found = list(read_records(tmp_path / "rows.parquet", counts.append))
    assert found == [("row 1", {"a": "x", "usage": {"output": 7}}), ("row 2", {"a": None, "usage": []})]
    assert counts == [(tmp_path / "rows.parquet").stat().st_size]


def test_a_cell_may_hold_a_whole_conversation(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f"a\n{'x' * 300_000}\n")
    assert len(read(tmp_path / "rows.csv")[0]["a"]) == 300_000


def test_the_bytes_are_counted_once(tmp_path: Path) -> None:
    for name, text in (("a.jsonl", "\n".join(map(json.dumps, ROWS))), ("b.json", json.dumps(ROWS)),
                       ("c.csv", "a,b\n1,2\n")):  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
        counts: list[int] = []
        list(read_records(tmp_path / name, counts.append))
        assert sum(counts) == (tmp_path / name).stat().st_size


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_long_file_is_not_read_whole_for_its_first_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(records, "CHUNK", 1000)
    rows = [json.dumps({"a": "x" * 100})] * 5000
    text = {"a.jsonl": "\n".join(rows), "a.json": f"[{','.join(rows)}]", "a.csv": "a\n" + f"{'x' * 100}\n" * 5000}[
        name
    ]
    (tmp_path / name).write_text(text)
    read = 0

    def add(count: int) -> None:
        nonlocal read
        read += count

    found = read_records(tmp_path / name, add)
    assert next(found)[1] == {"a": "x" * 100}
    assert read < 5000
    assert sum(1 for _ in found) == 4999


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', "line 2 of .* is not JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', "line 2 of .* is not a JSON object"),
        ("a.json", '[{"a": 1}, {"a"', "item 2 of .* is not JSON"),
        ("a.json", '[{"a": 1}', "ends within its array"),
        ("a.json", "[1, 2]", "item 1 of .* is not a JSON object"),
        ("a.csv", "a,b\n1\n", "line 2 of .* has 1 cells and the header 2"),
        ("a.csv", 'a\n"x\n', "line 2 of .* cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        read(tmp_path / name)


def test_other_bytes_than_text(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.csv"):
        (tmp_path / name).write_bytes(b'{"a": "\xff"}\n')
        with pytest.raises(InputError, match="not valid UTF-8"):
            read(tmp_path / name)
