"""Counts how often a held-out set was read. What is chosen by its figures again and again is fitted to it.

The count is kept in a file in the user's folder of profiles. So it survives that a profile is trained anew, that
questions are recorded anew, and that either is kept elsewhere. Each reading is one line that is appended, which
neither a killed run nor another process can damage. What cannot be counted is said.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from adaptive.learn.data.splits import hash_question

READINGS_FILE = "held-out.jsonl"
DIGITS = 16


@dataclass(frozen=True)
class HeldOutReading:
    """How often a set was read, this time included.

    times: with any profile. profiles: how many different profiles it was read with. note: why the count may be too
    low, in a sentence; else "".
    """

    times: int
    profiles: int
    note: str = ""

    @property
    def sentence(self) -> str:
        """The count in words."""
        if self.times == 1:
            return "This set was read for the first time."
        by = "the same profile" if self.profiles == 1 else f"{self.profiles} different profiles"
        warning = "" if self.profiles == 1 else ": a profile that was chosen by its figures is fitted to it"
        return f"This set was read {self.times} times, with {by}{warning}."


def count_reading(folder: Path, questions: Iterable[str], profile: bytes) -> HeldOutReading:
    """Count one more reading of a set of questions.

    Args:
        folder: The user's folder of profiles; made if it is not there.
        questions: The texts of the set. The same questions in another order are the same set.
        profile: The content of the `profile.json` that was measured.
    """
    file = folder / READINGS_FILE
    keys = "\n".join(sorted({hash_question(text) for text in questions}))
    row = {
        "questions": hashlib.sha256(keys.encode()).hexdigest()[:DIGITS],
        "profile": hashlib.sha256(profile).hexdigest()[:DIGITS],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = file.read_bytes() if file.exists() else b""
        _append_line(file, json.dumps(row).encode(), starts_line=not before or before.endswith(b"\n"))
        lines, note = file.read_bytes().splitlines(), ""
    except OSError as error:
        lines, note = [], f"This reading could not be counted in {file} ({error.strerror}), nor earlier ones read."
    rows = list(_parse_lines(lines))
    if damaged := sum(bool(line.strip()) for line in lines) - len(rows):
        lines_are = "1 line is" if damaged == 1 else f"{damaged} lines are"
        note = f"{lines_are} damaged in {file}: the set may have been read more often."
    read = [profile for questions, profile in rows if questions == row["questions"]] or [row["profile"]]
    return HeldOutReading(len(read), len(set(read)), note)


def _append_line(file: Path, line: bytes, *, starts_line: bool) -> None:
    """Append a line in one write. A last line that a kill cut off is ended first."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (b"" if starts_line else b"\n") + line + b"\n")
    finally:
        os.close(descriptor)


def _parse_lines(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Yield the digests of questions and profile of each line that is whole."""
    for line in lines:
        try:
            row = json.loads(line)
            yield str(row["questions"]), str(row["profile"])
        except (ValueError, TypeError, KeyError):
            continue
