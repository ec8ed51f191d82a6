"""LiteLLM's spend logs: the table of requests as JSON, JSONL or CSV.

The prompt is in `proxy_server_request`, in older versions in `messages`; a log that stores no prompts cannot be
imported. They have no verdicts. Embeddings and the like, and replies out of the cache, are no attempts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive.errors import InputError, to_single_line
from adaptive.learn.importing.openai_batch import make_setting, read_completion, read_request
from adaptive.learn.importing.reader import ReadOptions
from adaptive.learn.importing.records import OnBytes, read_records
from adaptive.learn.importing.row import ImportedRow
from adaptive.learn.importing.values import find_first, parse_json, read_turns, to_cost, to_count, to_text

GENERATING = ("completion", "responses", "anthropic_messages", "generate_content")
"""What types of calls that generate text have in their names."""


@dataclass(frozen=True)
class LiteLLMReader:
    """Reads spend logs."""

    options: ReadOptions

    def read(self, file: Path, on_bytes: OnBytes) -> Iterator[ImportedRow]:
        """Yield the requests of a log; see `LogReader`."""
        for place, record in read_records(file, on_bytes):
            if is_attempt(record):
                yield self._make_row(record, f"{place} of {file}")

    def _make_row(self, record: Mapping[str, Any], where: str) -> ImportedRow:
        request = _read_object(record.get("proxy_server_request"))
        request = _read_object(request.get("body")) or request
        question, setting = read_request(request)
        question = question or read_turns(_read_object(record.get("messages"), list) or None)
        model = to_text(find_first(record, "model", "model_group")) or setting.model
        if not setting.effort and setting.budget is None:
            used = find_first(record, "metadata.model_parameters.reasoning_effort", "metadata.reasoning_effort")
            setting = make_setting(model, to_text(used), None)
        if not question:
            raise InputError(
                f"{where} has no prompt: LiteLLM stores prompts only with store_prompts_in_spend_logs, so log "
                "with that, or leave the row out."
            )
        setting = type(setting)(setting.name, model, setting.effort, setting.budget)
        told = read_completion(_read_object(record.get("response")), where)
        usage = _read_object(find_first(record, "metadata.usage_object"))
        thinking = find_first(usage, "completion_tokens_details.reasoning_tokens", "reasoning_tokens")
        failed = _read_failure(record)
        return ImportedRow(
            place=where,
            question=question,
            setting=self.options.choose_setting(setting),
            output=None if failed else to_count(record.get("completion_tokens"), "completion_tokens", where),
            thinking=told["thinking"] if thinking is None else to_count(thinking, "reasoning_tokens", where),
            prompt=to_count(record.get("prompt_tokens"), "prompt_tokens", where),
            cost=to_cost(record.get("spend"), where),
            reply=told["reply"] or None,
            thought=told["thought"],
            cut=told["cut"],
            failed=failed,
            origin=to_text(record.get("request_id")),
        )


def is_attempt(record: Mapping[str, Any]) -> bool:
    """Return whether a request generated text: not so an embedding, or a reply out of the cache."""
    call = to_text(record.get("call_type"))
    return to_text(record.get("cache_hit")).lower() != "true" and (
        not call or any(one in call for one in GENERATING)
    )


def _read_object(value: Any, kind: type = dict) -> Any:
    value = parse_json(value)
    return value if isinstance(value, kind) else kind()


def _read_failure(record: Mapping[str, Any]) -> str:
    if to_text(record.get("status")) not in ("failure", "error"):
        return ""
    told = find_first(record, "metadata.error_information.error_message", "metadata.error_information.error_class")
    return to_single_line(to_text(told), 200) or "status failure"
