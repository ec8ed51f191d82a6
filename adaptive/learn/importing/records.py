"""Reads the rows of a log one by one, however long it is: JSONL, a JSON array, CSV, TSV or Parquet."""

from __future__ import annotations

import csv
import json
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adaptive._util.files import open_named
from adaptive.errors import InputError
from adaptive.learn.data.readers import read_rows

OnBytes = Callable[[int], None]
"""Called with the number of bytes that were read."""
Record = tuple[str, dict[str, Any]]
"""The place of a row in its file ("line 3", "item 3", from 1), and its values by name."""
CHUNK = 1 << 20
LARGEST_CELL = 2**31 - 1


def read_records(file: Path, on_bytes: OnBytes = lambda _: None) -> Iterator[Record]:
    """Yield the rows of a file lazily; raise `InputError` if it cannot be read.

    An object that is the whole file yields the rows of its list `data`, or else itself.
    """
    if file.suffix.lower() in (".csv", ".tsv"):
        return _read_cells(file, on_bytes)
    if file.suffix.lower() == ".parquet":
        return _read_parquet(file, on_bytes)
    start = _read_start(file)
    if start.startswith("["):
        return _read_array(file, on_bytes)
    if start.startswith("{") and not _is_object(start.partition("\n")[0]):
        return _read_whole(file, on_bytes)
    return _read_lines_of_json(file, on_bytes)


def _read_parquet(file: Path, on_bytes: OnBytes) -> Iterator[Record]:
    for place, row in read_rows(file):
        yield place, {name: _read_pairs(value) for name, value in row.items()}
    on_bytes(file.stat().st_size)


def _read_pairs(value: Any) -> Any:
    """Return a column of maps, which Arrow gives as lists of pairs, as an object; any other value unchanged."""
    pairs = isinstance(value, list) and value and all(isinstance(one, tuple) and len(one) == 2 for one in value)
    return dict(value) if pairs else value


def _read_start(file: Path) -> str:
    """Return the first line that is not empty, or the first characters of a long one."""
    for line in _read_lines(file, lambda _: None):
        if line.strip():
            return line.strip()
    return ""


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _read_lines(file: Path, on_bytes: OnBytes) -> Iterator[str]:
    try:
        with open_named(file) as raw:
            for number, line in enumerate(raw):
                yield line.decode("utf-8" if number else "utf-8-sig")
                on_bytes(len(line))
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not valid UTF-8: convert it first.") from error


def _read_lines_of_json(file: Path, on_bytes: OnBytes) -> Iterator[Record]:
    for number, line in enumerate(_read_lines(file, on_bytes), start=1):
        if line.strip():
            yield (
                f"line {number}",
                _check_object(_parse(line, f"line {number} of {file}"), f"line {number} of {file}"),
            )


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}): mend it, or leave it out.") from error


def _check_object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f"{where} is not a JSON object, but a row with named values is needed.")
    return row


def _read_whole(file: Path, on_bytes: OnBytes) -> Iterator[Record]:
    whole = _parse("".join(_read_lines(file, on_bytes)), str(file))
    data = whole.get("data") if isinstance(whole, dict) else None
    rows = data if isinstance(data, list) else [whole]
    for number, row in enumerate(rows, start=1):
        yield f"item {number}", _check_object(row, f"item {number} of {file}")


def _read_array(file: Path, on_bytes: OnBytes) -> Iterator[Record]:
    """Yield the items of an array, of which only a part is in memory."""
    decoder, number, text = json.JSONDecoder(), 0, ""
    pieces, more = _read_pieces(file, on_bytes), True
    at_start = True
    while True:
        text = text.lstrip(" \t\r\n[" if at_start else " \t\r\n,")
        if text:
            at_start = False
            if text[0] == "]":
                return
            try:
                row, end = decoder.raw_decode(text)
            except ValueError as error:
                if not more:
                    where = f"item {number + 1} of {file}"
                    raise InputError(f"{where} is not JSON ({error}): mend it, or leave it out.") from error
            else:
                number += 1
                yield f"item {number}", _check_object(row, f"item {number} of {file}")
                text = text[end:]
                continue
        elif not more:
            raise InputError(f"{file} ends within its array: get the file again.")
        # As much again as there is: a long item is not tried again and again.
        grown = [text]
        wanted = max(CHUNK, len(text))
        while more and wanted > 0:
            piece = next(pieces, "")
            more = bool(piece)
            wanted -= len(piece)
            grown.append(piece)
        text = "".join(grown)


def _read_pieces(file: Path, on_bytes: OnBytes) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8-sig")()
    try:
        with open_named(file) as raw:
            while piece := raw.read(CHUNK):
                text = decoder.decode(piece)
                on_bytes(len(piece))
                if text:
                    yield text
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not valid UTF-8: convert it first.") from error


def _read_cells(file: Path, on_bytes: OnBytes) -> Iterator[Record]:
    csv.field_size_limit(LARGEST_CELL)  # a cell may hold a whole conversation
    dialect = csv.excel_tab if file.suffix.lower() == ".tsv" else csv.excel
    cells = csv.reader(_read_lines(file, on_bytes), dialect, strict=True)
    line = 1
    try:
        header = next(cells, [])
        line = cells.line_num + 1
        for row in cells:
            where = f"line {line}"
            if any(cell.strip() for cell in row):
                if len(row) != len(header):
                    raise InputError(f"{where} of {file} has {len(row)} cells and the header {len(header)}.")
                yield where, {name: cell if cell.strip() else None for name, cell in zip(header, row, strict=True)}
            line = cells.line_num + 1
    except csv.Error as error:
        raise InputError(f"line {line} of {file} cannot be read ({error}): mend its quotes.") from error
