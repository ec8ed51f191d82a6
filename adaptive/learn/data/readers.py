"""Reads rows of named values from files of several formats, one small reader each.

| source | format |
|---|---|
| `FILE.csv`, `FILE.tsv` | a header line, then a row a line; an empty cell is no value |
| `FILE.parquet` | a row each; needs `adaptive-thinking[data]` |
| `FILE.jsonl`, `FILE.ndjson` | a JSON object a line |
| `FILE.json` | a JSON array of objects, or an object a line |
| `FILE.txt` | a question a line, as the column `question` |
| `datasets:ID?config=NAME&split=NAME` | a data set that the `datasets` package loads, by default the split `train`; needs `adaptive-thinking[data]` |
| any other file, and `-` for stdin | a JSON object a line if it begins with `{`, else a question a line |
"""  # noqa: E501 -- a table

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from adaptive._util.files import read_named
from adaptive._util.optional import import_optional
from adaptive.errors import InputError, to_single_line

HUB = "datasets:"
STDIN = Path("-")
BATCH = 1024

Row = tuple[str, dict[str, Any]]
"""The place of a row in its source ("line 3", "row 3", "item 3", from 1), and its values by name."""


def read_rows(source: str | Path) -> Iterator[Row]:
    """Yield the rows of a source lazily; raise `InputError` if it cannot be read."""
    if str(source).startswith(HUB):
        return _read_hub(str(source))
    file = Path(source)
    return _READERS.get(file.suffix.lower(), _read_unnamed)(file)


def _read_jsonl(file: Path) -> Iterator[Row]:
    return _parse_json_lines(_read_text(file), file)


def _read_json(file: Path) -> Iterator[Row]:
    text = _read_text(file)
    if not text.lstrip().startswith("["):
        yield from _parse_json_lines(text, file)
        return
    for number, item in enumerate(_parse_json(text, str(file)), start=1):
        yield f"item {number}", _check_object(item, f"item {number} of {file}")


def _read_questions(file: Path) -> Iterator[Row]:
    return _parse_questions(_read_text(file))


def _read_unnamed(file: Path) -> Iterator[Row]:
    text = _read_text(file)
    return _parse_json_lines(text, file) if text.lstrip().startswith("{") else _parse_questions(text)


def _parse_json_lines(text: str, file: Path) -> Iterator[Row]:
    for number, line in _number_lines(text):
        where = f"line {number} of {file}"
        yield f"line {number}", _check_object(_parse_json(line, where), where)


def _parse_questions(text: str) -> Iterator[Row]:
    return ((f"line {number}", {"question": line}) for number, line in _number_lines(text))


def _number_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank with their numbers, from 1."""
    lines = enumerate(text.split("\n"), start=1)  # not splitlines: U+2028 is text
    return ((number, line) for number, line in lines if line.strip())


def _parse_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}).") from error


def _check_object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f'{where} is not a JSON object: write {{"question": "...", "answer": "..."}}.')
    return row


def _read_csv(file: Path) -> Iterator[Row]:
    text = io.StringIO(_read_text(file), newline="")
    cells = csv.reader(text, csv.excel_tab if file.suffix.lower() == ".tsv" else csv.excel, strict=True)
    line = 1
    try:
        header = next(cells, [])
        if twice := [name for name in header if header.count(name) > 1]:
            raise InputError(f"{file} has two columns {twice[0]!r}: rename one.")
        line = cells.line_num + 1
        for row in cells:
            if any(cell.strip() for cell in row):
                yield f"line {line}", _name_cells(header, row, f"line {line} of {file}")
            line = cells.line_num + 1
    except csv.Error as error:
        raise InputError(f"line {line} of {file} cannot be read ({error}): mend its quotes.") from error


def _name_cells(header: list[str], row: list[str], where: str) -> dict[str, Any]:
    if len(row) != len(header):
        raise InputError(
            f"{where} has {len(row)} cells and the header {len(header)}: put quotes round a text with a comma."
        )
    return {name: cell if cell.strip() else None for name, cell in zip(header, row, strict=True)}


def _read_parquet(file: Path) -> Iterator[Row]:
    parquet, arrow = import_optional("pyarrow.parquet", "data"), import_optional("pyarrow", "data")
    try:
        with parquet.ParquetFile(file) as opened:
            yield from _number_rows(opened.iter_batches(BATCH))
    except (OSError, UnicodeDecodeError, arrow.ArrowException) as error:
        # What Arrow says of a damaged file has names of its own code and raw bytes.
        reason = getattr(error, "strerror", None) or "it is no whole Parquet file"
        raise InputError(f"the questions {file} cannot be read ({reason}).") from error


def _read_hub(source: str) -> Iterator[Row]:
    name, config, split = parse_hub_source(source)
    package = import_optional("datasets", "data")
    try:
        data_set = package.load_dataset(name, config, split=split)
    except (OSError, ValueError, package.exceptions.DatasetsError) as error:
        raise InputError(f"{source} cannot be loaded ({_explain_error(error)}).") from error
    return _number_rows(data_set.with_format("arrow").iter(BATCH))  # as stored: no picture is decoded


def _number_rows(batches: Iterable[Any]) -> Iterator[Row]:
    """Yield the rows of Arrow tables."""
    rows = (row for batch in batches for row in batch.to_pylist())
    return ((f"row {number}", row) for number, row in enumerate(rows, start=1))


def parse_hub_source(source: str) -> tuple[str, str | None, str]:
    """The id, configuration and split of `datasets:ID?config=NAME&split=NAME`; raises `InputError`."""
    name, _, query = source.removeprefix(HUB).partition("?")
    try:
        named = dict(parse_qsl(query, strict_parsing=bool(query)))
    except ValueError:
        named = {}
    if not name or len(named) != bool(query) + query.count("&") or not named.keys() <= {"config", "split"}:
        raise InputError(f"{source!r} names no data set: write datasets:ID?config=NAME&split=NAME.")
    return name, named.get("config"), named.get("split", "train")


def _read_text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if file == STDIN else read_named(file)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"the questions {file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not valid UTF-8 at byte {error.start}: convert it first.") from error


def _explain_error(error: Exception) -> str:
    """What an error says, briefly: those of others may have many lines."""
    return getattr(error, "strerror", None) or to_single_line(error, 300).rstrip(".") or type(error).__name__


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet, ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl, ".json": _read_json, ".txt": _read_questions,
}  # fmt: skip
