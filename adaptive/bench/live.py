"""Live solves: a file of results that a killed run continues from, and their figures."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaptive.bench.run import PolicyRun
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.outcome import OutcomeKey
from adaptive.learn.tuning.ways import WayResult
from adaptive.profile.features import normalise_question
from adaptive.types.usage import Usage

FILE = "solves.jsonl"
Result = dict[str, Any]


class SolveFile:
    """Result objects of one `plan` (plain JSON types) in a folder, found by the text of their question.

    Raises `InputError` if the file has another plan or is damaged, `AdaptiveError` if it cannot be written.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self.path = folder / FILE
        self.results: dict[str, Result] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._read_or_create({"solves": dict(plan)})
        except OSError as error:
            raise AdaptiveError(
                f"{self.path} cannot be written ({error.strerror}): name another --out."
            ) from error

    def add(self, result: Result) -> None:
        """Append one result."""
        with self.path.open("ab") as file:
            file.write(_encode_line(result))
        self._index_result(result)

    def get(self, question: str) -> Result | None:
        """Return the result of a question, None if it is missing."""
        return self.results.get(normalise_question(question))

    def _index_result(self, result: Result) -> None:
        self.results[normalise_question(result["question"])] = result

    def _read_or_create(self, head: dict[str, Any]) -> None:
        """Read the file. A last line without its end was cut off by a kill: it is dropped."""
        data = self.path.read_bytes() if self.path.exists() else b""
        *lines, rest = data.split(b"\n")
        if rest:
            os.truncate(self.path, len(data) - len(rest))
        if not lines:
            self.path.write_bytes(_encode_line(head))
            return
        if self._parse_line(lines[0], 1) != head:
            raise InputError(
                f"{self.path} was made with another model or profile: name another --out, or delete it."
            )
        for number, line in enumerate(lines[1:], start=2):
            self._index_result(self._parse_line(line, number))

    def _parse_line(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"line {number} of {self.path} is damaged: delete it to solve it again.") from error
        if not isinstance(row, dict) or (number > 1 and not isinstance(row.get("question"), str)):
            raise InputError(f"line {number} of {self.path} is no result of a solve: name another --out.")
        return row


def collect_live_results(results: Sequence[Result], right: Sequence[bool], concurrency: int) -> PolicyRun:
    """Return the policy's run from live solves.

    Args:
        results: The result objects.
        right: Whether each answer is right.
        concurrency: Solves at the same time.
    """
    within = [_is_within_budget(attempt) for result in results for attempt in result["attempts"]]
    note = (
        f"Measured live, {concurrency} at a time: seconds are those of a solve among as many. A prompt's tokens "
        "are those that were computed, without what the engine found in its cache."
    )
    converted = tuple(_convert_result(result, ok) for result, ok in zip(results, right, strict=True))
    return PolicyRun(converted, sum(within) / len(within), True, note)


def _convert_result(result: Result, right: bool) -> WayResult:
    usage, kept = Usage.from_json(result["usage"]), result["attempts"][result["kept"]]
    return WayResult(
        right=right,
        usage=replace(usage, prompt=usage.prompt - usage.cached, cached=0),
        key=OutcomeKey(kept["effort"], kept["budget"], kept["waits"]),
        score=kept["verdict"]["score"] if kept["verdict"] else None,
        accepted=result["accepted"],
        attempts=len(result["attempts"]),
    )


def _is_within_budget(attempt: dict[str, Any]) -> bool:
    """Whether its thinking stayed within its budget."""
    return bool(sum(one["tokens"] for one in attempt["rounds"]) <= attempt["budget"])


def _encode_line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
