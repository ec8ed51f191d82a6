"""The kinds of logs: which kind a file is, and its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive.errors import InputError
from adaptive.learn.importing.inspect_logs import InspectReader, is_inspect_object, is_inspect_zip
from adaptive.learn.importing.langfuse import LangfuseReader, is_observation, is_score
from adaptive.learn.importing.litellm import LiteLLMReader
from adaptive.learn.importing.lm_eval import LmEvalReader, is_lm_eval
from adaptive.learn.importing.mapped import MappedReader
from adaptive.learn.importing.openai_batch import OpenAIBatchReader
from adaptive.learn.importing.reader import LogReader, ReadOptions
from adaptive.learn.importing.records import read_records

SHOWN = 12


@dataclass(frozen=True)
class LogKind:
    """A kind of logs. first: its files are read before others, for those need them."""

    name: str
    open: Callable[[ReadOptions], LogReader]
    first: bool = False


INSPECT = LogKind("Inspect", InspectReader)
LM_EVAL = LogKind("lm-evaluation-harness", LmEvalReader)
BATCH = LogKind("OpenAI batch", OpenAIBatchReader)
LITELLM = LogKind("LiteLLM spend logs", LiteLLMReader)
LANGFUSE = LogKind("Langfuse", LangfuseReader)
LANGFUSE_SCORES = LogKind("Langfuse", LangfuseReader, first=True)
MAPPED = LogKind("--map", MappedReader)


def find_kind(file: Path, mapped: bool) -> LogKind:
    """Return the kind of a file, by its first row.

    Args:
        file: The log.
        mapped: Whether there is a map of its fields, which then decides.

    Raises:
        InputError: The file cannot be read, is empty, or is of no known kind.
    """
    if is_inspect_zip(file):
        return INSPECT
    if mapped:
        return MAPPED
    try:
        record = next((record for _, record in read_records(file)), None)
    except InputError as error:
        raise InputError(
            f"{file} is of no known kind ({str(error).rstrip('.')}): see `adaptive import --help`."
        ) from error
    if record is None:
        raise InputError(f"{file} holds no row: name a log that has some.")
    kind = _recognise(record)
    if kind is None:
        fields = ", ".join(list(map(str, record))[:SHOWN])
        raise InputError(
            f"{file} is of no known kind, its first row has the fields {fields}: say what they are with --map "
            "question=...,setting=...,correct=...,output_tokens=...."
        )
    return kind


def _recognise(record: Mapping[str, Any]) -> LogKind | None:
    if is_inspect_object(record):
        return INSPECT
    if is_lm_eval(record):
        return LM_EVAL
    if "custom_id" in record and (
        "response" in record or "error" in record or isinstance(record.get("body"), Mapping)
    ):
        return BATCH
    if {"request_id", "completion_tokens"} <= record.keys():
        return LITELLM
    if is_score(record):
        return LANGFUSE_SCORES
    return LANGFUSE if is_observation(record) else None


def sort_logs(files: Sequence[Path], mapped: bool) -> list[tuple[Path, LogKind]]:
    """Return the files with their kinds in the order in which to read them: scores before observations."""
    found = [(file, find_kind(file, mapped)) for file in files]
    return sorted(found, key=lambda one: not one[1].first)


def open_readers(kinds: Sequence[LogKind], options: ReadOptions) -> dict[str, LogReader]:
    """Return a reader for each kind, by its name."""
    return {kind.name: kind.open(options) for kind in kinds}
