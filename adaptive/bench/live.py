"""Live solves: a file of results that a killed run continues from, and their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaptive._util.closing import Closing
from adaptive._util.json_lines import JsonLines
from adaptive.bench.run import PolicyRun
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.outcome import attempt_to_key
from adaptive.learn.tuning.ways import WayResult
from adaptive.profile.features import normalise_question
from adaptive.types.usage import Usage

FILE = "solves.jsonl"
Result = dict[str, Any]


class SolveFile(Closing):
    """Result objects of one `plan` (plain JSON types) in a folder, found by the text of their question.

    A context manager. Raises `InputError` if the file has another plan or is damaged, `AdaptiveError` if it cannot
    be written.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self.path = folder / FILE
        self.results: dict[str, Result] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AdaptiveError(f"{folder} cannot be made ({error.strerror}): name another --out.") from error
        self._lines = JsonLines(self.path, head=b'{"')
        try:
            self._read_or_begin({"solves": dict(plan)})
        except BaseException:
            self._lines.close()
            raise

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        self._lines.close()

    def add(self, result: Result) -> None:
        """Append one result."""
        self._lines.append(result)
        self._index_result(result)

    def get(self, question: str) -> Result | None:
        """Return the result of a question, None if it is missing."""
        return self.results.get(normalise_question(question))

    def _index_result(self, result: Result) -> None:
        self.results[normalise_question(result["question"])] = result

    def _read_or_begin(self, head: dict[str, Any]) -> None:
        number = 0
        for number, row in self._lines.read():
            if number == 1 and row != head:
                raise InputError(
                    f"{self.path} was made with another model or profile: name another --out, or delete it."
                )
            if number > 1 and not isinstance(row.get("question"), str):
                raise InputError(f"line {number} of {self.path} is no result of a solve: name another --out.")
            if number > 1:
                self._index_result(row)
        if number == 0:
            self._lines.append(head)


def collect_live_results(results: Sequence[Result], right: Sequence[bool], concurrency: int | None) -> PolicyRun:
    """Return the policy's run from live solves.

    Args:
        results: The result objects.
        right: Whether each answer is right.
        concurrency: Solves at the same time; None for as many as the engine batches.
    """
    within = [_is_within_budget(attempt) for result in results for attempt in result["attempts"]]
    many = concurrency or "as many as the engine batches"
    note = (
        f"Measured live, {many} at a time: seconds are those of a solve among as many. A prompt's tokens "
        "are those that were computed, without what the engine found in its cache."
    )
    converted = tuple(_convert_result(result, ok) for result, ok in zip(results, right, strict=True))
    return PolicyRun(converted, sum(within) / len(within), True, note)


def _convert_result(result: Result, right: bool) -> WayResult:
    usage, kept = Usage.from_json(result["usage"]), result["attempts"][result["kept"]]
    model = "" if kept["model"] == result["model"] else kept["model"]
    return WayResult(
        right=right,
        usage=replace(usage, prompt=usage.prompt - usage.cached, cached=0),
        key=attempt_to_key(kept["effort"], kept["budget"], kept["waits"], model),
        score=kept["verdict"]["score"] if kept["verdict"] else None,
        accepted=result["accepted"],
        attempts=len(result["attempts"]),
    )


def _is_within_budget(attempt: dict[str, Any]) -> bool:
    """Whether its thinking stayed within its budget."""
    return bool(sum(one["tokens"] for one in attempt["rounds"]) <= attempt["budget"])
