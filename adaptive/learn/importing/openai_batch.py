"""OpenAI's batch API: the file of requests, and the files of outputs and errors.

A request has `custom_id` and `body`; an output has `custom_id` and `response` or `error`. An output belongs to the
last request before it on the command line that has its `custom_id`. Chat completions and responses are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptive.errors import InputError, to_single_line
from adaptive.learn.importing.reader import ReadOptions
from adaptive.learn.importing.records import OnBytes, read_records
from adaptive.learn.importing.row import ImportedRow, ImportedSetting
from adaptive.learn.importing.values import (
    add_apart_thinking,
    find_first,
    find_value,
    read_content,
    read_turns,
    to_count,
    to_text,
)

GOOD = range(200, 300)


@dataclass
class OpenAIBatchReader:
    """Reads requests and outputs. requests: question and setting by custom_id."""

    options: ReadOptions
    requests: dict[str, tuple[str, ImportedSetting]] = field(default_factory=dict)

    def read(self, file: Path, on_bytes: OnBytes) -> Iterator[ImportedRow]:
        """Yield the rows of a file of outputs; remember a file of requests. See `LogReader`."""
        for place, record in read_records(file, on_bytes):
            where, name = f"{place} of {file}", to_text(record.get("custom_id"))
            if not name:
                raise InputError(f"{where} has no 'custom_id': it is no line of a batch.")
            if isinstance(body := record.get("body"), Mapping):
                self.requests[name] = read_request(body)
                continue
            if name not in self.requests:
                raise InputError(
                    f"{where} has the custom_id {name!r}, of which no request was read: name the batch's input "
                    "file before its output."
                )
            question, setting = self.requests[name]
            yield self._make_row(record, question, setting, where)

    def _make_row(
        self, record: Mapping[str, Any], question: str, setting: ImportedSetting, where: str
    ) -> ImportedRow:
        body, status = find_value(record, "response.body"), find_value(record, "response.status_code")
        if not isinstance(body, Mapping):
            body = {}
        status = status or (200 if body else 0)
        error = find_first(record, "error.message", "error.code", "response.body.error.message")
        failed = "" if status in GOOD and not record.get("error") else to_text(error) or f"status {status}"
        return ImportedRow(
            place=where,
            question=question,
            setting=self.options.choose_setting(setting),
            failed=to_single_line(failed, 200),
            origin=to_text(record.get("id")),
            **({} if failed else read_completion(body, where)),
        )


def read_request(body: Mapping[str, Any]) -> tuple[str, ImportedSetting]:
    """Return the question and the setting of the body of a request."""
    question = read_turns(find_first(body, "messages", "input", "prompt"))
    effort = to_text(find_first(body, "reasoning_effort", "reasoning.effort"))
    budget = find_first(body, "thinking.budget_tokens", "reasoning.max_tokens")
    if find_value(body, "thinking.type") == "disabled":
        effort = "none"
    return question, make_setting(to_text(body.get("model")), effort, budget)


def make_setting(model: str, effort: str, budget: Any) -> ImportedSetting:
    """Return a setting of separate parts, of which any may be missing."""
    tokens = budget if isinstance(budget, int) and budget >= 0 else None
    words = " ".join(filter(None, (effort, "" if tokens is None else str(tokens))))
    return ImportedSetting.parse(words, model) if words else ImportedSetting(model=model)


def read_completion(body: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of a row that the body of a chat completion, or of a response, tells."""
    if isinstance(output := body.get("output"), list):
        items = [one for one in output if isinstance(one, Mapping)]
        reply = "\n".join(read_content(one.get("content")) for one in items if one.get("type") == "message")
        cut = find_value(body, "incomplete_details.reason") == "max_output_tokens"
    else:
        reply = read_content(find_first(body, "choices.0.message.content", "choices.0.text"))
        cut = find_value(body, "choices.0.finish_reason") == "length"
    thought = find_first(body, "choices.0.message.reasoning_content", "choices.0.message.reasoning")
    usage = find_first(body, "usage") or {}
    return {"reply": reply, "thought": to_text(thought), "cut": cut, **read_usage(usage, where)}


def read_usage(usage: Mapping[str, Any], where: str) -> dict[str, int | None]:
    """Return the counts of tokens in OpenAI's words."""
    reasoning = ("completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens")
    output, thinking, prompt, total = (
        to_count(find_first(usage, *paths), name, where)
        for name, paths in (
            ("completion_tokens", ("completion_tokens", "output_tokens")),
            ("reasoning_tokens", reasoning),
            ("prompt_tokens", ("prompt_tokens", "input_tokens")),
            ("total_tokens", ("total_tokens",)),
        )
    )
    return {
        "output": add_apart_thinking(output, thinking, prompt, total), "thinking": thinking, "prompt": prompt,
    }  # fmt: skip
