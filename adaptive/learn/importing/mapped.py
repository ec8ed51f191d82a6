"""Rows of any JSONL, JSON, CSV or TSV, by a map of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive.errors import InputError, to_single_line
from adaptive.learn.importing.reader import ReadOptions
from adaptive.learn.importing.records import OnBytes, read_records
from adaptive.learn.importing.row import ImportedRow, ImportedSetting
from adaptive.learn.importing.values import find_value, read_turns, to_cost, to_count, to_text, to_verdict

FIELDS = (
    "id", "question", "setting", "correct", "output_tokens", "thinking_tokens", "prompt_tokens", "cost", "answer",
    "reply", "group", "model", "failed", "sample",
)  # fmt: skip
"""The fields of a map. `answer` is the right answer, as in a file of questions."""
NEEDED = ("question", "setting")
TELLS_NO_ERROR = frozenset({"", "false", "0", "none", "null", "ok", "success", "no", "{}", "[]", "0.0"})
"""Values of the field `failed` of a request that did not fail."""


def parse_map(text: str) -> dict[str, str]:
    """Return the path of each field of `question=...,setting=...`; raise `InputError` if one is not known."""
    mapping: dict[str, str] = {}
    for part in text.split(","):
        name, equals, path = (piece.strip() for piece in part.partition("="))
        if name not in FIELDS or not equals or not path or name in mapping:
            raise InputError(
                f"--map has {part.strip()!r}: write FIELD=PATH once for each of the fields {', '.join(FIELDS)}."
            )
        mapping[name] = path
    return mapping


@dataclass(frozen=True)
class MappedReader:
    """Reads rows by the map of its options."""

    options: ReadOptions

    def read(self, file: Path, on_bytes: OnBytes) -> Iterator[ImportedRow]:
        """Yield the rows of a file; see `LogReader`."""
        mapping = self.options.mapping
        missing = [n for n in NEEDED if n not in mapping and not (n == "setting" and self.options.setting)]
        if missing:
            raise InputError(f"--map names no {' and no '.join(missing)}: add {missing[0]}=PATH.")
        first = True
        for place, record in read_records(file, on_bytes):
            if first:
                _check_paths(mapping, record, f"{place} of {file}")
                first = False
            yield self._make_row(record, f"{place} of {file}")

    def _make_row(self, record: Mapping[str, Any], where: str) -> ImportedRow:
        def get(name: str) -> Any:
            path = self.options.mapping.get(name)
            return None if path is None else find_value(record, path)

        failed = _read_failure(get("failed"))
        setting, model = self.options.setting or to_text(get("setting")), to_text(get("model"))
        if not setting:
            raise InputError(f"{where} has no setting: give one, or one for all rows with --setting.")
        reply = get("reply")
        return ImportedRow(
            place=where,
            question=read_turns(get("question")),
            setting=ImportedSetting.parse(setting, model),
            right=None if failed else to_verdict(get("correct"), self.options.right_from, where),
            output=to_count(get("output_tokens"), "output_tokens", where),
            thinking=to_count(get("thinking_tokens"), "thinking_tokens", where),
            prompt=to_count(get("prompt_tokens"), "prompt_tokens", where),
            cost=to_cost(get("cost"), where),
            id=to_text(get("id")),
            reference=_read_answer(get("answer")),
            group=to_text(get("group")),
            reply=None if reply is None else to_text(reply),
            failed=failed,
            sample=to_count(get("sample"), "sample", where) or 0,
        )


def _check_paths(mapping: Mapping[str, str], record: Mapping[str, Any], where: str) -> None:
    """Raise `InputError` if a needed field is nowhere in the first row: its path is then wrong."""
    for name in ("question", "setting", "correct", "output_tokens"):
        path = mapping.get(name)
        head = path.split(".")[0] if path else None
        if path is not None and path not in record and head not in record:
            raise InputError(
                f"{where} has no {path!r} for {name}, but {', '.join(map(repr, record)) or 'nothing'}: mend --map."
            )


def _read_answer(value: Any) -> str:
    from adaptive.answers.reference import read_reference

    return read_reference(to_text(value)) or ""


def _read_failure(value: Any) -> str:
    text = to_single_line(to_text(value), 200)
    return "" if text.lower() in TELLS_NO_ERROR else text
