"""Inspect's logs of evaluations: `.eval`, a zip with a file for each sample, and `.json`.

The setting is the model with its `reasoning_effort` or `reasoning_tokens`. The tokens are those of the evaluated
model, not those of a model that grades. A sample with an error is a failed request; an epoch is a sample of ours.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zstandard import ZstdDecompressor, ZstdError

from adaptive._util.files import read_named
from adaptive.errors import InputError, to_single_line
from adaptive.learn.importing.openai_batch import make_setting
from adaptive.learn.importing.reader import ReadOptions
from adaptive.learn.importing.records import OnBytes
from adaptive.learn.importing.row import ImportedRow, ImportedSetting
from adaptive.learn.importing.values import (
    add_apart_thinking,
    find_first,
    read_content,
    read_turns,
    to_count,
    to_text,
    to_verdict,
)

HEADERS = ("header.json", "_journal/start.json")
"""The head of a log; an evaluation that did not end has only the second one."""
SAMPLES = "samples/"
ATTACHMENT = "attachment://"
ZSTANDARD = 93
"""Zip's number of the way of packing."""
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
"""What stands before a file in a zip: last the lengths of its name and of its extra field."""
BROKEN = (
    zipfile.BadZipFile, OSError, EOFError, ValueError, RecursionError, KeyError, struct.error, NotImplementedError,
    ZstdError,
)  # fmt: skip


def is_inspect_zip(file: Path) -> bool:
    """Return whether a file is an `.eval` log."""
    if not file.is_file():  # a pipe or a device: a zip begins at its end
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name in archive.namelist() for name in HEADERS)
    except (zipfile.BadZipFile, OSError):
        return False


def is_inspect_object(record: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a log."""
    spec = record.get("eval")
    return isinstance(spec, Mapping) and "model" in spec and "task" in spec


@dataclass(frozen=True)
class InspectReader:
    """Reads logs of Inspect."""

    options: ReadOptions

    def read(self, file: Path, on_bytes: OnBytes) -> Iterator[ImportedRow]:
        """Yield the samples of a log; see `LogReader`."""
        pieces = _read_zip(file, on_bytes) if is_inspect_zip(file) else _read_json(file, on_bytes)
        head = next(pieces)[1]
        if not is_inspect_object(head):
            raise InputError(
                f"{file} is no log of Inspect that can be read: it has no model and task, get it again."
            )
        setting = self.options.choose_setting(read_setting(head))
        for place, sample in pieces:
            yield self._make_row(
                _resolve(sample, sample.get("attachments") or {}), head, setting, f"{place} of {file}"
            )

    def _make_row(
        self, sample: Mapping[str, Any], head: Mapping[str, Any], setting: ImportedSetting, where: str
    ) -> ImportedRow:
        failed = to_single_line(to_text(find_first(sample, "error.message", "error")), 200)
        usage = _find_usage(sample, head["eval"]["model"])
        message = find_first(sample, "output.choices.0.message") or {}
        score = None if failed else self._choose_score(sample, where)
        target = sample.get("target")
        output, thinking, total = (
            to_count(usage.get(name), name, where)
            for name in ("output_tokens", "reasoning_tokens", "total_tokens")
        )
        prompt = _sum_prompt(usage, where)
        return ImportedRow(
            place=where,
            question=_add_choices(read_turns(sample.get("input")), sample.get("choices")),
            setting=setting,
            right=None if score is None else to_verdict(score.get("value"), self.options.right_from, where),
            output=add_apart_thinking(output, thinking, prompt, total),
            thinking=thinking,
            prompt=prompt,
            # Options may be shuffled: then one id has several questions.
            id="" if sample.get("choices") else f"{head['eval']['task']}/{to_text(sample.get('id'))}",
            reference=to_text(target[0] if isinstance(target, list) and target else target),
            reply=read_content(message.get("content")) if message else None,
            thought=_read_thought(message),
            answer=(to_text(score.get("answer")) or None) if score else None,
            cut=find_first(sample, "output.choices.0.stop_reason") in ("max_tokens", "model_length"),
            failed=failed,
            sample=to_count(sample.get("epoch"), "epoch", where) or 0,
            origin=to_text(sample.get("uuid")),
        )

    def _choose_score(self, sample: Mapping[str, Any], where: str) -> Mapping[str, Any] | None:
        scores = sample.get("scores") or {}
        if not scores:
            return None
        score = scores[self.options.choose_score(list(scores), where)]
        return score if isinstance(score, Mapping) else {"value": score}


def read_setting(head: Mapping[str, Any]) -> ImportedSetting:
    """Return the setting of an evaluation: its model, and its effort or budget if one was set."""
    configs = [find_first(head, "eval.model_generate_config") or {}, find_first(head, "plan.config") or {}]
    effort, budget = (
        next((config[name] for config in configs if config.get(name) is not None), None)
        for name in ("reasoning_effort", "reasoning_tokens")
    )
    return make_setting(to_text(head["eval"]["model"]), to_text(effort), budget)


def _read_zip(file: Path, on_bytes: OnBytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the head, and then the samples in the order of their names."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            yield "the head", json.loads(read_member(archive, next(name for name in HEADERS if name in names)))
            for name in sorted(name for name in names if name.startswith(SAMPLES) and name.endswith(".json")):
                yield name.removeprefix(SAMPLES), json.loads(read_member(archive, name))
                on_bytes(archive.getinfo(name).compress_size)
    except BROKEN as error:
        raise InputError(f"{file} is damaged ({to_single_line(error, 100)}): get the log again.") from error


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a file of a zip. Inspect packs with Zstandard, which `zipfile` reads from Python 3.14 on."""
    info = archive.getinfo(name)
    if info.compress_type != ZSTANDARD:
        return archive.read(info)
    assert archive.filename is not None
    with open(archive.filename, "rb") as raw:
        raw.seek(info.header_offset)
        *_, name_length, extra_length = LOCAL_HEADER.unpack(raw.read(LOCAL_HEADER.size))
        raw.seek(name_length + extra_length, os.SEEK_CUR)
        packed = io.BytesIO(raw.read(info.compress_size))
    with ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        return reader.read()


def _read_json(file: Path, on_bytes: OnBytes) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        whole = json.loads(read_named(file))
    except BROKEN as error:
        raise InputError(f"{file} cannot be read ({to_single_line(error, 100)}): get the log again.") from error
    yield "the head", whole
    for number, sample in enumerate(whole.get("samples") or [], start=1):
        yield f"sample {number}", sample
    on_bytes(file.stat().st_size)


def _resolve(value: Any, attachments: Mapping[str, str]) -> Any:
    """Return a value with its attachments in place of the references to them."""
    if not attachments:
        return value
    if isinstance(value, dict):
        return {k: v if k in ("attachments", "events") else _resolve(v, attachments) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(one, attachments) for one in value]
    if isinstance(value, str) and value.startswith(ATTACHMENT):
        return attachments.get(value.removeprefix(ATTACHMENT), value)
    return value


def _find_usage(sample: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Return what the evaluated model used; all usage, if only one model used any."""
    usages = sample.get("model_usage") or {}
    return usages.get(model) or (next(iter(usages.values())) if len(usages) == 1 else {})


def _sum_prompt(usage: Mapping[str, Any], where: str) -> int | None:
    names = ("input_tokens", "input_tokens_cache_read", "input_tokens_cache_write")
    counts = [to_count(usage.get(name), name, where) for name in names]
    return sum(filter(None, counts)) if counts[0] is not None else None


def _read_thought(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    thoughts = (to_text(one.get("reasoning")) for one in blocks if one.get("type") == "reasoning")
    return "\n".join(filter(None, thoughts))


def _add_choices(question: str, choices: Any) -> str:
    """Return a question of multiple choice with its options, one a line."""
    if not isinstance(choices, list) or not choices:
        return question
    lines = [f"({chr(ord('A') + i)}) {to_text(one)}" for i, one in enumerate(choices)]
    return "\n".join([question, *lines])
