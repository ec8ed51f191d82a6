"""Langfuse's exports of observations and of scores, as JSON, JSONL or CSV; names in snake_case or camelCase.

Only generations are attempts. The verdict is a score of the generation, or else of its trace: in a file of scores,
which is read first, or in the generation's own `scores`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptive.errors import to_single_line
from adaptive.learn.importing.openai_batch import make_setting
from adaptive.learn.importing.reader import ReadOptions
from adaptive.learn.importing.records import OnBytes, read_records
from adaptive.learn.importing.row import ImportedRow
from adaptive.learn.importing.values import (
    add_apart_thinking,
    find_first,
    parse_json,
    read_content,
    read_turns,
    to_cost,
    to_count,
    to_text,
    to_verdict,
)

COST_PATHS = (
    "total_cost", "totalCost", "cost_details.total", "costDetails.total", "calculated_total_cost",
    "calculatedTotalCost",
)  # fmt: skip
Scores = dict[str, Any]
"""Values by the names of their scores."""


@dataclass
class LangfuseReader:
    """Reads scores and observations. scores: those of each observation, or trace, by its id."""

    options: ReadOptions
    scores: dict[str, Scores] = field(default_factory=dict)

    def read(self, file: Path, on_bytes: OnBytes) -> Iterator[ImportedRow]:
        """Yield the generations of a file; remember a file of scores. See `LogReader`."""
        for place, record in read_records(file, on_bytes):
            if is_score(record):
                self._remember(record)
            elif to_text(record.get("type")).upper() == "GENERATION":
                yield self._make_row(record, f"{place} of {file}")

    def _remember(self, record: Mapping[str, Any]) -> None:
        of = to_text(find_first(record, "observation_id", "observationId", "trace_id", "traceId"))
        self.scores.setdefault(of, {})[to_text(record.get("name"))] = _read_score(record)

    def _make_row(self, record: Mapping[str, Any], where: str) -> ImportedRow:
        parameters = parse_json(find_first(record, "model_parameters", "modelParameters")) or {}
        model = to_text(find_first(record, "provided_model_name", "providedModelName", "model"))
        effort = to_text(find_first(parameters, "reasoning_effort", "reasoning.effort", "effort"))
        budget = find_first(parameters, "thinking.budget_tokens", "budget_tokens", "thinking_budget")
        usage = parse_json(find_first(record, "usage_details", "usageDetails", "usage")) or {}
        failed = to_text(record.get("level")).upper() == "ERROR"
        why = to_single_line(to_text(find_first(record, "status_message", "statusMessage")), 200)
        scores = None if failed else self._find_scores(record)
        right = None
        if scores:
            right = to_verdict(
                scores[self.options.choose_score(list(scores), where)], self.options.right_from, where
            )
        plain, thinking = _read_counts(usage, where)
        return ImportedRow(
            place=where,
            question=read_turns(record.get("input")),
            setting=self.options.choose_setting(make_setting(model, effort, budget)),
            right=right,
            output=None if failed else plain,
            thinking=thinking,
            prompt=_sum_counts(usage, where, "input", "prompt_tokens", "promptTokens"),
            cost=to_cost(find_first(record, *COST_PATHS), where),
            reply=_read_output(record.get("output")),
            failed=(why or "level ERROR") if failed else "",
            origin=to_text(record.get("id")),
        )

    def _find_scores(self, record: Mapping[str, Any]) -> Scores:
        own = parse_json(record.get("scores"))
        inside: Scores = {}
        if isinstance(own, Mapping):
            inside = {str(name): value for name, value in own.items()}
        elif isinstance(own, list):
            inside = {to_text(one.get("name")): _read_score(one) for one in own if isinstance(one, Mapping)}
        of_trace = self.scores.get(to_text(find_first(record, "trace_id", "traceId")), {})
        scores = {**of_trace, **self.scores.get(to_text(record.get("id")), {}), **inside}
        if self.options.score is not None and self.options.score not in scores:
            return {}  # other generations of a trace have no verdict
        return scores


def is_score(record: Mapping[str, Any]) -> bool:
    """Return whether a row is a score, not an observation."""
    return ("data_type" in record or "dataType" in record) and "value" in record


def is_observation(record: Mapping[str, Any]) -> bool:
    """Return whether a row is an observation."""
    trace = "trace_id" in record or "traceId" in record
    return trace and "type" in record and ("input" in record or "output" in record)


def _read_score(record: Mapping[str, Any]) -> Any:
    kind = to_text(find_first(record, "data_type", "dataType")).upper()
    text = find_first(record, "string_value", "stringValue")
    return text if kind in ("CATEGORICAL", "TEXT") and text is not None else record.get("value")


def _read_counts(usage: Mapping[str, Any], where: str) -> tuple[int | None, int | None]:
    """Return the output tokens and the thinking tokens among them.

    Details of one kind are apart from each other: "output" is without the thinking if that stands beside it.
    """
    output = _sum_counts(usage, where, "output", "completion_tokens", "completionTokens")
    thinking = _sum_counts(
        usage, where, "output_reasoning_tokens", "output_reasoning", "reasoning_tokens",
        "completion_details_reasoning", "output_details.reasoning_tokens",
    )  # fmt: skip
    total = _sum_counts(usage, where, "total", "total_tokens", "totalTokens")
    inputs = [to_count(value, name, where) or 0 for name, value in usage.items() if name.startswith("input")]
    return add_apart_thinking(output, thinking, sum(inputs), total), thinking


def _sum_counts(usage: Mapping[str, Any], where: str, *names: str) -> int | None:
    return to_count(find_first(usage, *names), names[0], where)


def _read_output(value: Any) -> str | None:
    value = parse_json(value)
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        value = value[-1]
    if isinstance(value, dict):
        told = find_first(value, "content", "text", "choices.0.message.content", "message.content")
        return read_content(told) if told is not None else to_text(value)
    return to_text(value) or None
