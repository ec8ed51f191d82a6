"""lm-evaluation-harness: `samples_TASK_TIME.jsonl`, which `--log_samples` writes.

It tells no tokens: they are counted by a tokenizer. The model is that of the `results_*.json` beside the file, if
there is one. The verdict is a metric of a filter: "exact_match,strict-match", or its first name if that is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive._util.files import read_named
from adaptive.errors import InputError
from adaptive.learn.importing.openai_batch import make_setting
from adaptive.learn.importing.reader import ReadOptions
from adaptive.learn.importing.records import OnBytes, read_records
from adaptive.learn.importing.row import ImportedRow, ImportedSetting
from adaptive.learn.importing.values import find_first, parse_json, read_turns, to_text, to_verdict

SAMPLES = "samples_"
OWN = frozenset({
    "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash",
    "prompt_hash", "target_hash",
})  # fmt: skip
"""Fields of a row that are no metric."""


def is_lm_eval(record: Mapping[str, Any]) -> bool:
    """Return whether a row is a sample of lm-evaluation-harness."""
    return {"doc_id", "resps", "filtered_resps"} <= record.keys()


@dataclass(frozen=True)
class LmEvalReader:
    """Reads files of samples."""

    options: ReadOptions

    def read(self, file: Path, on_bytes: OnBytes) -> Iterator[ImportedRow]:
        """Yield the samples of a file; see `LogReader`."""
        task, told = _read_task(file), _read_results(file)
        filters: dict[str, None] = {}
        for place, record in read_records(file, on_bytes):
            where = f"{place} of {file}"
            name = to_text(record.get("filter")) or "none"
            wanted = self._wanted_filter()
            if wanted is not None and name != wanted:
                continue
            filters[name] = None
            if len(filters) > 1:
                raise InputError(
                    f"{where} has another filter than the rows before ({', '.join(filters)}): name the metric and "
                    "its filter, say --score 'exact_match,strict-match'."
                )
            yield from self._make_rows(record, self._choose_setting(told, where), task, where)

    def _wanted_filter(self) -> str | None:
        return self.options.score.partition(",")[2] or None if self.options.score else None

    def _choose_setting(self, told: ImportedSetting | None, where: str) -> ImportedSetting:
        if told is None and not self.options.setting:
            raise InputError(
                f"{where} does not tell the model, and no results_*.json of it is beside the file: name what was "
                "bought with --setting."
            )
        return self.options.choose_setting(told or ImportedSetting())

    def _make_rows(
        self, record: Mapping[str, Any], setting: ImportedSetting, task: str, where: str
    ) -> Iterator[ImportedRow]:
        replies = record["resps"][0] if record["resps"] else []
        if not replies or not all(isinstance(one, str) for one in replies):
            raise InputError(
                f"{where} was scored by log-likelihoods, so that nothing was generated: import a task that "
                "generates its answers."
            )
        right = to_verdict(record.get(self._choose_metric(record, where)), self.options.right_from, where)
        if len(replies) > 1:
            raise InputError(
                f"{where} has {len(replies)} replies and one verdict for all: import a task without repeats."
            )
        filtered = record["filtered_resps"]
        yield ImportedRow(
            place=where,
            question=_read_question(record),
            setting=setting,
            right=right,
            id=f"{task}/{to_text(record['doc_id'])}",
            reference=to_text(record.get("target")),
            reply=replies[0],
            answer=to_text(filtered[0]) or None if isinstance(filtered, list) and filtered else None,
        )

    def _choose_metric(self, record: Mapping[str, Any], where: str) -> str:
        named = record.get("metrics")
        metrics = [str(name) for name in named] if isinstance(named, list) else [k for k in record if k not in OWN]
        metrics = [name for name in metrics if name in record]
        if self.options.score is not None and (own := self.options.score.partition(",")[0]) in metrics:
            return own
        return self.options.choose_score(metrics, where)


def _read_question(record: Mapping[str, Any]) -> str:
    """Return the prompt, with its few-shot examples; that of a chat is its turns."""
    arguments = record.get("arguments")
    told = find_first(record, "arguments.gen_args_0.arg_0", "arguments.0.0", "arguments.0.arg_0")
    if told is None:
        return read_turns(arguments)
    told = parse_json(told)
    # A rendered chat is a list with its messages as JSON.
    return read_turns(parse_json(told[0]) if isinstance(told, list) and len(told) == 1 else told)


def _read_task(file: Path) -> str:
    """Return the task of `samples_TASK_2026-01-31T10-00-00.000000.jsonl`."""
    name = file.stem.removeprefix(SAMPLES)
    return name.rpartition("_")[0] or name


def _read_results(file: Path) -> ImportedSetting | None:
    """Return the setting that the newest results beside the file tell; None if there are none."""
    found = sorted(file.parent.glob("results_*.json"))
    stamp = file.stem.rpartition("_")[2]
    own = [one for one in found if one.stem.endswith(stamp)] or found
    if not own:
        return None
    try:
        told = json.loads(read_named(own[-1]))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{own[-1]} cannot be read ({error}): mend it, or move it away.") from error
    efforts = (_find_effort(find_first(told, f"config.{name}")) for name in ("gen_kwargs", "model_args"))
    effort = next(filter(None, efforts), "")
    return make_setting(to_text(find_first(told, "model_name", "config.model")), effort, None)


def _find_effort(arguments: Any) -> str:
    """Return the effort in arguments, which may be text: "reasoning_effort=low,temperature=0"."""
    if isinstance(arguments, str):
        arguments = dict(part.strip().partition("=")[::2] for part in arguments.split(","))
    return to_text(find_first(arguments, "reasoning_effort"))
