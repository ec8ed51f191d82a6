from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from adaptive.cli.support.options import question_column_options
from adaptive.errors import InputError
from adaptive.learn.data.questions import Columns, Question, read_questions
from adaptive.learn.data.readers import parse_hub_source

ROWS = [
    {"id": "a", "question": "1 + 1?", "answer": "2", "group": "sums"},
    {"id": "b", "question": 'Two\nlines, "quoted"?', "answer": "so 1,000 #### 1,000", "group": None},
]
READ = [("a", "1 + 1?", "2", "sums"), ("b", 'Two\nlines, "quoted"?', "1,000", "")]


def _jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _separated(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def _json(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(rows, indent=1))
    return path


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], Path]] = {
    "q.jsonl": _jsonl, "q.csv": _separated, "q.tsv": _separated, "q.parquet": _parquet,
    "q.json": _json, "q.ndjson": _jsonl, "q": _jsonl,
}  # fmt: skip


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    return lambda rows: WRITERS[request.param](tmp_path / request.param, rows)


Write = Callable[[list[dict[str, Any]]], Path]


def _all(questions: list[Question]) -> list[tuple[str, str, str, str]]:
    return [(q.id, q.text, q.reference, q.group) for q in questions]


def test_every_format_says_the_same(write: Write) -> None:
    assert _all(read_questions(write(ROWS))) == READ
    assert _all(read_questions(str(write(ROWS)), limit=1)) == READ[:1]


def test_other_names_of_columns(write: Write) -> None:
    rows = [{"problem": "1?", "solution": "2", "key": 7, "answer": "no", "template": "t"}]
    columns = Columns("problem", "solution", "key", "template")
    assert _all(read_questions(write(rows), columns=columns)) == [("7", "1?", "2", "t")]


@pytest.mark.parametrize(("base", "letter"), [(0, "C"), (1, "B")])
def test_an_index_is_read_as_a_letter(tmp_path: Path, base: int, letter: str) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"question": "Which?", "choices": ["1", "2", "3"], "answer": 2}')
    (question,) = read_questions(file, columns=Columns(options="choices", index_base=base))
    assert question.reference == letter
    with pytest.raises(InputError, match=r"line 1 of .* is 2, which may be the index of an option or the text of"):
        read_questions(file, columns=Columns(options="choices"))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (Columns(answer="target"), "has no 'target' that is text: its columns are 'id', 'question', 'answer', "),
        (Columns(question="q"), "has no 'q' that is text: its columns are"),
        (Columns(id="uid"), "has no 'uid' that is text: its columns are"),
        (Columns(group="kind"), "has no 'kind' that is text: its columns are"),
        (Columns(options="choices"), "has no 'choices' that is a list of 2 to 26 texts: its columns are"),
        (Columns(options="answer"), "'answer' that is a list of 2 to 26 texts: give one"),
    ],
)
def test_columns_that_are_not_there(write: Write, columns: Columns, said: str) -> None:
    with pytest.raises(InputError, match=rf"^(line 2|line 1|row 1|item 1) of .*{said}") as caught:
        read_questions(write(ROWS), columns=columns)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("answer", [None, " ", "5 ####", "5 #### \n"])
def test_no_reference(write: Write, answer: str | None) -> None:
    with pytest.raises(InputError, match=r"^(line 3|line 2|row 2|item 2) of .* has no 'answer'.*: give one"):
        read_questions(write([ROWS[0], {**ROWS[0], "id": "c", "answer": answer}]))


def test_the_same_id_twice(write: Write) -> None:
    assert len(read_questions(write([ROWS[0], {**ROWS[0], "group": "other"}]))) == 1
    with pytest.raises(
        InputError, match=r"(line|row|item) \d of .* has the id 'a' of (line|row|item) \d with another"
    ):
        read_questions(write([ROWS[0], {**ROWS[0], "answer": "3"}]))


def test_a_file_without_a_known_name_is_read_by_how_it_begins(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\none?\nTwo\u2028lines?\n")
    (tmp_path / "rows.log").write_text('\n {"question": "one?"}\n')
    (tmp_path / "rows.json").write_text('{"question": "one?"}\n{"question": "two?"}\n')
    (tmp_path / "braces.txt").write_text('{"question": "one?"}\n')
    read = {one.name: [q.text for q in read_questions(one, need_answers=False)] for one in tmp_path.iterdir()}
    assert read == {
        "text": ["one?", "Two\u2028lines?"],
        "rows.log": ["one?"],
        "rows.json": ["one?", "two?"],
        "braces.txt": ['{"question": "one?"}'],
    }


def test_repeats_can_be_kept(write: Write) -> None:
    rows = [ROWS[0], ROWS[0], {**ROWS[1], "id": "c"}, ROWS[0]]
    ids = [one.id for one in read_questions(write(rows), keep_repeats=True)]
    assert ids == ["a", "a-2", "c", "a-3"]
    with pytest.raises(InputError, match=r"has the id 'a-2' of .* with another question"):
        read_questions(write([*rows, {**ROWS[1], "id": "a-2"}]), keep_repeats=True)


def test_only_the_last_mark_ends_a_solution(tmp_path: Path) -> None:
    rows = [{"question": "?", "answer": "#### 1\nno, wait\n#### 2"}]
    assert read_questions(_jsonl(tmp_path / "q", rows))[0].reference == "2"


@pytest.mark.parametrize("name", ["q.jsonl", "q.parquet"])
def test_options_are_added_to_the_question(tmp_path: Path, name: str) -> None:
    rows = [{"question": "Which?", "answer": "B", "choices": ["red\nor blue", "2"]}]
    asked = read_questions(WRITERS[name](tmp_path / name, rows), columns=Columns(options="choices"))
    assert asked[0].text == "Which?\n(A) red or blue\n(B) 2"


def test_options_in_a_cell(tmp_path: Path) -> None:
    file = _separated(tmp_path / "q.csv", [{"question": "Which?", "answer": "B", "choices": '["x, y", 2]'}])
    assert read_questions(file, columns=Columns(options="choices"))[0].text == "Which?\n(A) x, y\n(B) 2"


@pytest.mark.parametrize("options", [[], ["1"], ["1", ""], ["1", " "], ["1", None], {"a": 1}, 5, ["1"] * 27, "["])
def test_options_that_are_none(tmp_path: Path, options: Any) -> None:
    file = _jsonl(tmp_path / "q", [{"question": "Which?", "answer": "B", "choices": options}])
    with pytest.raises(InputError, match="has no 'choices' that is a list of 2 to 26 texts"):
        read_questions(file, columns=Columns(options="choices"))


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("q.csv", b"", "holds no question"),
        ("q.csv", b"question,answer\n\n,\n", "holds no question"),
        ("q.csv", b"question,answer\n1?,1\n2?,3,4\n", "line 3 of .* has 3 cells and the header 2"),
        ("q.csv", b"question,answer\n1?\n", "line 2 of .* has 1 cells and the header 2"),
        ("q.csv", b"question,question\n1?,2\n", "two columns 'question'"),
        ("q.csv", b'question,answer\n"1\n?",1\n"2?" x,2\n', "line 4 of .* cannot be read .*quotes"),
        ("q.csv", b'question,answer\n"1?,1\n2?,2\n', "line 2 of .* cannot be read"),
        ("q.csv", b"question,answer\n1?,\xff\n", "not valid UTF-8 at byte 19"),
        ("q.tsv", b"question,answer\n1?,1\n", "its columns are 'question,answer'; name the right one"),
        ("q.json", b'[{"question": "1?", "answer": 1}, 2]', "item 2 of .* is not a JSON object"),
        ("q.json", b'[{"question": "1?", "answer": 1}', "q.json is not JSON"),
        ("q.json", b"[]", "holds no question"),
        ("q.txt", b"1?\n", "line 1 of .* has no 'answer' that is text: its columns are 'question'"),
        ("q.txt", b"2\0?\n", "line 1 of .* has a 'question' with characters that are no text"),
        ("q.parquet", b"", "q.parquet cannot be read"),
        ("q.parquet", b"PAR1" * 9, "q.parquet cannot be read"),
    ],
)
def test_files_that_are_damaged(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=said) as caught:
        read_questions(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_parquet_file_whose_text_is_none(tmp_path: Path) -> None:
    table = pyarrow.Table.from_pylist([{"question": "What is 1 + 1?", "answer": "2"}])
    pyarrow.parquet.write_table(table, tmp_path / "q.parquet", compression="none", use_dictionary=False)
    data = (tmp_path / "q.parquet").read_bytes()
    (tmp_path / "q.parquet").write_bytes(data.replace(b"What is 1", b"What is \xff"))
    with pytest.raises(InputError, match=r"q\.parquet cannot be read"):
        read_questions(tmp_path / "q.parquet")


@pytest.mark.parametrize("name", ["q.csv", "q.parquet", "q.jsonl"])
def test_no_file_and_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(tmp_path / name)


@pytest.mark.parametrize(
    ("module", "source"), [("pyarrow", "q.parquet"), ("datasets", "datasets:openai/gsm8k?config=main")]
)
def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch, module: str, source: str) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=module)

    monkeypatch.setattr("adaptive._util.optional.import_module", absent)
    with pytest.raises(InputError, match=r"is not installed: pip install 'adaptive-thinking\[data\]'"):
        read_questions(source)


class _Set:
    """As much of a data set as is asked for; the real one gives tables, too."""

    def with_format(self, kind: str) -> _Set:
        assert kind == "arrow"
        return self

    def iter(self, size: int) -> list[Any]:
        return [pyarrow.Table.from_pylist([row]) for row in ROWS]


def _package(load: Callable[..., Any]) -> Any:
    return SimpleNamespace(load_dataset=load, exceptions=SimpleNamespace(DatasetsError=ArithmeticError))


def test_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(*given: Any, **named: Any) -> _Set:
        asked.append((given, named))
        return _Set()

    monkeypatch.setitem(sys.modules, "datasets", _package(load))
    assert _all(read_questions("datasets:openai/gsm8k?config=main&split=test")) == READ
    assert asked == [(("openai/gsm8k", "main"), {"split": "test"})]


@pytest.mark.parametrize("error", [ValueError("Unknown\nsplit."), FileNotFoundError("no"), ArithmeticError("x")])
def test_a_data_set_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def load(*given: Any, **named: Any) -> Any:
        raise error

    monkeypatch.setitem(sys.modules, "datasets", _package(load))
    with pytest.raises(InputError, match=r"^datasets:a/b cannot be loaded \(.*\w\)\.$"):
        read_questions("datasets:a/b")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("datasets:openai/gsm8k", ("openai/gsm8k", None, "train")),
        ("datasets:openai/gsm8k?config=main", ("openai/gsm8k", "main", "train")),
        ("datasets:a?split=train[:10%25]&config=c", ("a", "c", "train[:10%]")),
    ],
)
def test_names_of_data_sets(source: str, parts: tuple[str, str | None, str]) -> None:
    assert parse_hub_source(source) == parts


@pytest.mark.parametrize("named", ["", "?split=x", "a?x=1", "a?split", "a?split=", "a?config=&split=x"])
def test_names_of_no_data_set(named: str) -> None:
    with pytest.raises(InputError, match="names no data set: write datasets:ID"):
        parse_hub_source(f"datasets:{named}")


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=5))
def test_csv_and_jsonl_read_alike(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("alike")
    rows = [{"question": f"q{question}", "answer": f"a{answer}"} for question, answer in pairs]
    found = []
    for name in ("q.csv", "q.jsonl"):
        try:
            found.append(_all(read_questions(WRITERS[name](folder / name, rows))))
        except InputError as error:
            found.append([type(error)])  # type: ignore[list-item]
    assert found[0] == found[1]


@click.command()
@click.argument("source")
@question_column_options
@click.option("--limit", type=int)
def _command(source: str, columns: Columns, limit: int | None) -> None:
    click.echo(f"{source} {columns} {limit}")


def test_columns_on_the_command_line() -> None:
    run = CliRunner().invoke
    assert run(_command, ["f"]).output == f"f {Columns()} None\n"
    named = ["--question-column=q", "--answer-column=a", "--id-column=i", "--group-column=g"]
    found = run(_command, ["f", *named, "--options-column", "o", "--limit", "3"])
    assert found.output == f"f {Columns('q', 'a', 'i', 'g', 'o')} 3\n"
    said = run(_command, ["--help"]).output
    assert said.index("--question-column") < said.index("--options-column") < said.index("--limit")
