"""Poisoned files: each kind that a command reads, damaged in bytes, JSON, rows of a database, or arrays."""
# ruff: noqa: E501 -- tables of commands

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.fuzz.forks import shorten
from tests.fuzz.harness import Check
from tests.fuzz.nasty import VALUES, iterate_places
from tests.fuzz.world import build_folder, fresh_folder, judge, quiet_world, run_command

SOLVE = ("solve", "What is 2 + 3?", "--no-log", "--profile", "trained")
TRAIN = ("train", "outcomes.db", "--out", "new", "--report")
BENCH = ("bench", "trained", "asked.jsonl", "--replay", "outcomes.db")
FIT = ("fit", "--from-log", "-y")
PICTURE = ("solve", "What is 2 + 3?", "--image", "picture.png")
READERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "trained/profile.json": (
        SOLVE, ("solve", "What is 2 + 3?", "--json", "--profile", "trained", "--samples", "3"),
        BENCH,
        ("tune", "trained", "--outcomes", "outcomes.db"), ("logs", "--drift", "--profile", "trained"),
        ("train", "outcomes.db", "--out", "new", "--profile", "trained"),
    ),
    "trained/difficulty.npz": (SOLVE,),
    "trained/domain.npz": (SOLVE, ("logs", "--drift", "--profile", "trained")),
    "trained/held_out.npz": (("tune", "trained", "--outcomes", "outcomes.db"),),
    "trained/seen.txt": (SOLVE, BENCH),
    "outcomes.db": (
        TRAIN, BENCH,
        ("tune", "trained", "--outcomes", "outcomes.db"), 
        ("train", "outcomes.db", "--out", "new", "--rule", "s1"),
    ),
    "recorded.db": (("record", "questions.jsonl", "--out", "recorded.db"),),
    "solves.db": (
        ("logs",), ("logs", "--json"), ("logs", "1"), ("logs", "--calibration"), ("logs", "--drift"), ("logs", "-q", "2"),
        ("feedback", "last", "right"), ("train", "outcomes.db", "--out", "new", "--add", "logs"),
        FIT, ("record", "--from-log", "--out", "new.db", "--unanswered", "new.jsonl"),
        ("solve", "What is 2 + 3?"),
    ),
    "questions.jsonl": (
        ("solve", "--file", "questions.jsonl"), ("record", "questions.jsonl", "--out", "new.db"),
    ),
    "asked.jsonl": (BENCH,),
    "questions.json": (("solve", "--file", "questions.json", "--out", "new.jsonl"),),
    "questions.csv": (("solve", "--file", "questions.csv"), ("solve", "--file", "questions.csv", "--answer-column", "x")),
    "questions.txt": (("solve", "--file", "questions.txt"),),
    "questions.parquet": (("solve", "--file", "questions.parquet"),),
    "prices.toml": (("solve", "What is 2 + 3?", "-m", "toy", "--prices", "prices.toml", "-u"),),
    "prices.json": (("solve", "What is 2 + 3?", "-m", "toy", "--prices", "prices.json", "-u"),),
    "keys.toml": (("serve", "--port", "0", "--keys", "keys.toml"),),
    "schema.json": (("solve", "What is 2 + 3?", "--check", "schema:schema.json"),),
    "compare.db": (("compare", "What is 2 + 3?", "-m", "toy", "--effort", "low", "--max-tokens", "100", "--cache", "compare.db"),),
    "results.jsonl": (("solve", "--file", "questions.txt", "--out", "results.jsonl"),),
    "litellm_spend_logs.json": (("import", "litellm_spend_logs.json", "--out", "new.db", "--answers", "answers.jsonl"),),
    "batch_output.jsonl": (
        ("import", "batch_input.jsonl", "batch_output.jsonl", "--out", "new.db", "--answers", "answers.jsonl"),
    ),
    "inspect_high.json": (("import", "inspect_high.json", "--out", "new.db"),),
    "picture.png": (PICTURE,),
}  # fmt: skip
"""The commands that read each file."""
MADE = ("compare.db", "results.jsonl", "recorded.db")
"""Files that a first run of their reader makes."""
ENDS = {FIT: 2, PICTURE: 2}
"""The exit codes of readers of whole files, where they are not 0: too few solves, and a model that cannot see."""
RECORDED = 100
"""The questions of `outcomes.db`: enough to train and tune on."""
ARRAYS = (
    "empty",
    "zeros",
    "nan",
    "infinite",
    "flat",
    "text",
    "huge numbers",
    "one more",
    "transposed",
    "whole",
    "gone",
)


@dataclass(frozen=True)
class Step:
    """A change: how, where (from 0, the begin, to 1, the end), and what is put there."""

    how: str
    where: float
    value: Any = None


@dataclass(frozen=True)
class Poison:
    """A file, the changes to it, and which of its readers reads it."""

    file: str
    steps: tuple[Step, ...]
    reader: int = 0


def _steps(file: str) -> st.SearchStrategy[Step]:
    where = st.floats(0, 1, exclude_max=True)
    damage = st.builds(
        Step,
        st.sampled_from(["flip", "flip", "cut", "drop", "insert", "double"]),
        where,
        st.binary(min_size=1, max_size=9),
    )
    whole = st.builds(
        Step,
        st.just("whole"),
        where,
        st.sampled_from([b"", b"\0" * 99, b"[" * 99_999, b"null", b"[]", b"{}", b"\xff\xfe"]),
    )
    special = {
        ".json": st.builds(Step, st.sampled_from(["change", "change", "leave out"]), where, VALUES),
        ".jsonl": st.builds(Step, st.just("change line"), where, VALUES),
        ".db": st.builds(
            Step,
            st.sampled_from(["field", "field", "field", "cell", "cell", "JSON cell", "no table", "plan"]),
            where,
            VALUES,
        ),
        ".npz": st.builds(Step, st.just("array"), where, st.sampled_from(ARRAYS)),
    }.get(Path(file).suffix)
    return damage | whole if special is None else st.one_of(special, special, special, damage, damage, whole)


@st.composite
def poisons(draw: st.DrawFn) -> Poison:
    """A file that was changed in up to three places."""
    file = draw(st.sampled_from(sorted(READERS)))
    steps = draw(st.lists(_steps(file), min_size=1, max_size=3))
    return Poison(file, tuple(steps), draw(st.integers(0, len(READERS[file]) - 1)))


CORPUS = [Poison(file, (Step("whole", 0, data),), reader)
          for file, readers in READERS.items() for reader in range(len(readers)) for data in (b"", b"[" * 99_999)]  # fmt: skip
"""Each reader of each file, once with an empty file and once with one that no parser can go down into."""
CORPUS += [
    Poison("trained/held_out.npz", (Step("array", 0.0, "text"),), 0),
    Poison("batch_output.jsonl", (Step("change line", 0.6, [[]]),), 0),
    Poison("batch_output.jsonl", (Step("change line", 0.4, -0.5),), 0),
]
DEEP_CELLS = (
    ("outcomes.db", "plan", "value"), ("outcomes.db", "outcomes", "attempt"), ("solves.db", "solves", "result"),
    ("compare.db", "cells", "bought"), ("recorded.db", "plan", "value"), ("recorded.db", "outcomes", "attempt"),
)  # fmt: skip
"""The cells that hold JSON, by file, table and column."""
CORPUS += [
    Poison(file, (Step("deep", 0, (table, column)),), reader)
    for file, table, column in DEEP_CELLS
    for reader in range(len(READERS[file]))
]


NOT_OF_ITS_KIND = (
    sqlite3.Error, ValueError, IndexError, KeyError, TypeError, OSError, EOFError, RecursionError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What a change raises where an earlier one left no file of that kind, or an empty one."""


def poison(file: Path, step: Step) -> None:
    """Change a file."""
    if step.how in ("cell", "JSON cell", "no table", "plan"):
        change = _poison_database
    elif step.how in ("field", "deep"):
        change = _poison_packed
    elif step.how == "array":
        change = _poison_arrays
    elif step.how in ("change", "leave out", "change line"):
        change = _poison_json
    else:
        change = _poison_bytes
    with suppress(*NOT_OF_ITS_KIND):
        change(file, step)


def _poison_bytes(file: Path, step: Step) -> None:
    data = bytearray(file.read_bytes())
    at = int(step.where * len(data))
    if step.how == "whole":
        data = bytearray(step.value)
    elif step.how == "cut":
        del data[at:]
    elif step.how == "drop":
        del data[at : at + 16 * len(step.value)]
    elif step.how == "insert":
        data[at:at] = step.value
    elif step.how == "double":
        data[at:at] = data[at : at + 64]
    elif data:
        data[at] ^= step.value[0] or 1
    file.write_bytes(data)


def _poison_json(file: Path, step: Step) -> None:
    if step.how == "change line":
        lines = file.read_text().splitlines()
        at = int(step.where * len(lines))
        lines[at] = json.dumps(_change(json.loads(lines[at]), Step("change", (step.where * 97) % 1, step.value)))
        file.write_text("\n".join(lines))
        return
    file.write_text(json.dumps(_change(json.loads(file.read_text()), step)))


def _change(value: Any, step: Step) -> Any:
    places = list(iterate_places(value))
    place = places[int(step.where * len(places))]
    if not place:
        return step.value
    holder = value
    for key in place[:-1]:
        holder = holder[key]
    if step.how == "leave out":
        del holder[place[-1]]
    else:
        holder[place[-1]] = step.value
    return value


def _poison_database(file: Path, step: Step) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        cells = [(table, row[1]) for table in tables for row in db.execute(f'PRAGMA table_info("{table}")')]
        table, column = cells[int(step.where * len(cells))]
        if step.how == "no table":
            db.execute(f'DROP TABLE "{table}"')
            return
        value = step.value
        if step.how != "cell" or isinstance(value, list | dict):
            value = json.dumps(value)
        if isinstance(value, int) and abs(value) > 2**62:
            value = float(value)
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogatepass")
            value = value if step.how == "cell" and len(value) % 2 else value.decode("utf-8", "replace")
        if step.how == "plan" and "plan" in tables:
            table, column = "plan", "value"
        db.execute("PRAGMA ignore_check_constraints = 1")
        keys = [row[0] for row in db.execute(f'SELECT "{column}" FROM "{table}"')]
        where = keys[int(step.where * 97 % 1 * len(keys))] if keys else None
        db.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ? WHERE "{column}" IS ?', (value, where))


def _poison_packed(file: Path, step: Step) -> None:
    """Change a place in the JSON of a cell, or put JSON there that no parser can go down into."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        if step.how == "deep":
            table, column = step.value
            deep = "[" * 99_999
            db.execute(
                f'UPDATE "{table}" SET "{column}" = ?',
                (zlib.compress(deep.encode()) if column == "attempt" else deep,),
            )
            return
        cells = [
            (table, column, cell)
            for name, table, column in DEEP_CELLS
            if name == file.name
            for (cell,) in db.execute(f'SELECT "{column}" FROM "{table}"')
        ]
        table, column, cell = cells[int(step.where * len(cells))]
        packed = isinstance(cell, bytes)
        data = json.loads(zlib.decompress(cell) if packed else cell)
        text = json.dumps(_change(data, Step("change", step.where * 997 % 1, step.value)))
        changed = zlib.compress(text.encode()) if packed else text
        db.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" IS ?', (changed, cell))


def _poison_arrays(file: Path, step: Step) -> None:
    with np.load(file, allow_pickle=False) as held:
        arrays = dict(held)
    name = sorted(arrays)[int(step.where * len(arrays))]
    array = arrays[name]
    number = array.astype(float) if array.dtype.kind in "fiub" else np.zeros(array.shape)
    with np.errstate(all="ignore"):
        arrays[name] = {
            "empty": array[:0] if array.ndim else np.empty(0), "zeros": np.zeros_like(array), "nan": number * np.nan,
            "infinite": number + np.inf, "flat": array.reshape(-1), "text": np.full(array.shape, "x"),
            "huge numbers": number + 1e300, "one more": np.concatenate([array.reshape(-1), array.reshape(-1)[:1]]),
            "transposed": array.T, "whole": np.round(number).astype(np.int64), "gone": array,
        }[step.value]  # fmt: skip
    if step.value == "gone":
        del arrays[name]
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _build_template(folder: Path) -> Path:
    template = build_folder(folder, recorded=RECORDED)
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(
        pyarrow.table({"question": ["What is 2 + 3?", "What is 4 + 3?"], "answer": ["5", "7"]}),
        template / "questions.parquet",
    )
    _write_questions(template)
    _log_explored(template / "solves.db")
    os.chdir(template)
    code, _, stderr = run_command(("train", "outcomes.db", "--out", "trained"), b"", {"ADAPTIVE_LOG": "made.db"})
    assert code == 0, stderr
    data = json.loads((template / "trained" / "profile.json").read_text())
    data.pop("digests")  # with them each change but those of profile.json would be refused at once
    (template / "trained" / "profile.json").write_text(json.dumps(data))
    for file in MADE:
        code, _, stderr = run_command(READERS[file][0], b"", {"ADAPTIVE_LOG": "made.db"})
        assert code in (0, 3), stderr
    return template


def _write_questions(template: Path) -> None:
    """Write the questions of `outcomes.db`, and the right answers of the imported logs."""
    from tests.learn.importing.test_round_trip import ANSWERS
    from tests.learn.made import many

    asked = [vars(one.question) for one in many(RECORDED)]
    rows = [{"id": one["id"], "question": one["text"], "answer": one["reference"]} for one in asked]
    (template / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows = [{"question": question, "answer": answer} for question, answer in ANSWERS.items()]
    (template / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _log_explored(file: Path) -> None:
    """Log solves that explored, of questions unlike the others, which somebody calls right."""
    from adaptive.solve_log import SolveLog
    from tests.cli.stub import ATTEMPT, RESULT

    made = {**ATTEMPT, "model": "embedded"}
    ladder = [{"effort": "none", "budget": 0}, {"effort": "low", "budget": 64}]
    direct = {**made, "effort": "none", "budget": 0, "rounds": []}
    unlike = {"level": "unknown", "p_solved": [], "typical": 0.01, "outside": True}
    with SolveLog(file) as log:
        for number in range(3):
            told = {"question": f"How much is {number} less 2?", "attempts": [made], "difficulty": unlike}
            explored = {"ladder": ladder, "attempts": [direct, made]}
            log.add_feedback(log.add({**RESULT, **told, "explored": explored}), right=True)


def list_wrong_ends(folder: Path) -> list[str]:
    """Run each reader with its file as it is; return those that do not read it to the end.

    A reader that refuses the right file would refuse each poisoned one too, and nothing would be tested.
    """
    wrong = []
    with quiet_world(folder), pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        template = _build_template(folder / "template")
        for arguments in dict.fromkeys(one for readers in READERS.values() for one in readers):
            with fresh_folder(template, folder / "deep" / "deeper" / "work"):
                code, _, stderr = run_command(arguments, b"", {"ADAPTIVE_LOG": "solves.db"})
            if code != ENDS.get(arguments, 0) or judge(code, stderr):
                wrong.append(f"{' '.join(arguments)}: {code}: {stderr[-300:]}")
    return wrong


@contextmanager
def open_check(folder: Path) -> Iterator[Check]:
    """The check of poisoned files: what is right, or one sentence."""
    with quiet_world(folder), pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        template = _build_template(folder / "template")

        def check(case: Poison) -> str:
            arguments = READERS[case.file][case.reader]
            with fresh_folder(template, folder / "deep" / "deeper" / "work"):
                for step in case.steps:
                    poison(Path(case.file), step)
                code, _, stderr = run_command(arguments, b"", {"ADAPTIVE_LOG": "solves.db"})
            return judge(code, stderr)

        yield check


CASES = poisons()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="adaptive-fuzz-") as name:
        found = list_wrong_ends(Path(name))
    sys.stdout.write("".join(f"{one}\n" for one in found))
    sys.exit(bool(found))
