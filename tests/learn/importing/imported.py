"""Imports a log in this process, and reads what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adaptive.learn.data.outcome import Outcome, OutcomeKey
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.importing.importer import Importer
from adaptive.learn.importing.kinds import open_readers, sort_logs
from adaptive.learn.importing.mapped import parse_map
from adaptive.learn.importing.reader import ReadOptions
from adaptive.learn.importing.store import ImportStore

LOGS = Path(__file__).parent / "logs"
PLAIN_MAP = "id=id,question=question,setting=setting,correct=correct,output_tokens=tokens"


def import_logs(
    out: Path,
    *logs: Path,
    mapping: str = "",
    order: str = "",
    score: str | None = None,
    right_from: float | None = None,
    setting: str | None = None,
    **more: Any,
) -> Importer:
    """Read logs into the file `out`, and return what did it. `more`: arguments of the `Importer`."""
    options = ReadOptions(score, right_from, setting, parse_map(mapping) if mapping else {})
    found = sort_logs(logs, bool(mapping))
    readers = open_readers([kind for _, kind in found], options)
    with ImportStore(out) as store:
        importer = Importer(store, **more)
        for file, kind in found:
            importer.add_log(readers[kind.name].read(file, lambda _: None))
        importer.settle(order.split(",") if order else (), None, "auto")
    return importer


def outcomes(file: Path) -> dict[str, dict[OutcomeKey, Outcome]]:
    """The outcomes by the text of their question."""
    with OutcomeStore(file) as store:
        return {one.question.text: dict(one.outcomes) for one in store}


def plan(file: Path) -> dict[str, Any]:
    with OutcomeStore(file) as store:
        return store.plan


def rungs(file: Path) -> list[tuple[str, str, int]]:
    """The name, effort and budget of each setting, cheap to dear."""
    return [(one["name"], one["effort"], one["budget"]) for one in plan(file)["settings"]]


def write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def row(question: str, setting: str, correct: Any = True, tokens: Any = 10, **more: Any) -> dict[str, Any]:
    return {"id": question, "question": f"What is {question}?", "setting": setting, "correct": correct,
            "tokens": tokens, **more}  # fmt: skip
