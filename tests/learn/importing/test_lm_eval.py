"""Samples of lm-evaluation-harness, written by version 0.4.13 itself with a scripted model and two filters.

The results beside them are shortened by the configuration of the task.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey
from adaptive.learn.data.outcomes import OutcomeStore
from tests.learn.importing.imported import LOGS, import_logs, outcomes, plan, rungs, write_rows

[SAMPLES] = (LOGS / "small-model").glob("samples_*.jsonl")
HOURS = "Question: How many hours are in two days?\nAnswer:"
STRICT, FLEXIBLE = "exact_match,strict", "exact_match,flexible"


def count(text: str) -> int:
    return len(text.split())


def read_samples() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SAMPLES.read_text().splitlines()]


def test_tokens_are_counted_by_the_named_tokenizer_or_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not tell how many tokens were generated.*--tokenizer"):
        import_logs(tmp_path / "out.db", SAMPLES, score=STRICT)
    import_logs(tmp_path / "out.db", SAMPLES, score=STRICT, count_tokens=count)
    assert rungs(tmp_path / "out.db") == [("small-model", "default", 8)]
    [outcome] = outcomes(tmp_path / "out.db")[HOURS].values()
    assert outcome.key == OutcomeKey("default", 8)
    assert (outcome.attempt.chain_tokens, outcome.prompt, outcome.attempt.answer) == (8, 9, "24")
    assert set(outcome.attempt.usage.estimated) == {"prompt", "thinking", "answer"}
    assert plan(tmp_path / "out.db")["model"] == "small-model"
    with OutcomeStore(tmp_path / "out.db") as store:
        assert [(one.question.id, one.question.reference) for one in store] == [
            ("small_sums/0", "10"), ("small_sums/1", "43"), ("small_sums/2", "48")
        ]  # fmt: skip


@pytest.mark.parametrize(("score", "right"), [(STRICT, [True, False, False]), (FLEXIBLE, [True, True, False])])
def test_the_verdict_is_that_of_the_named_filter(tmp_path: Path, score: str, right: list[bool]) -> None:
    import_logs(tmp_path / "out.db", SAMPLES, score=score, count_tokens=count)
    found = outcomes(tmp_path / "out.db")
    assert [one.right for by_key in found.values() for one in by_key.values()] == right


def test_several_filters_need_a_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"another filter than the rows before .strict, flexible.: .*--score"):
        import_logs(tmp_path / "out.db", SAMPLES, count_tokens=count)


def test_samples_without_results_need_a_setting(tmp_path: Path) -> None:
    alone = Path(shutil.copy(SAMPLES, tmp_path))
    with pytest.raises(InputError, match=r"does not tell the model, and no results_.*--setting"):
        import_logs(tmp_path / "out.db", alone, score=STRICT, count_tokens=count)
    import_logs(tmp_path / "out.db", alone, score=STRICT, count_tokens=count, setting="low")
    assert rungs(tmp_path / "out.db") == [("low", "low", 8)]


@pytest.mark.parametrize("told", [{"reasoning_effort": "high"}, "temperature=0,reasoning_effort=high"])
def test_an_effort_in_the_results_is_the_setting(tmp_path: Path, told: Any) -> None:
    alone = Path(shutil.copy(SAMPLES, tmp_path))
    results = {"model_name": "small-model", "config": {"gen_kwargs": told}}
    (tmp_path / "results_2026-01-01T00-00-00.json").write_text(json.dumps(results))
    import_logs(tmp_path / "out.db", alone, score=STRICT, count_tokens=count)
    assert rungs(tmp_path / "out.db") == [("high", "high", 8)]


def test_log_likelihoods_and_repeats_are_refused(tmp_path: Path) -> None:
    first = read_samples()[0]
    likely = write_rows(tmp_path / "samples_a_1.jsonl", [{**first, "resps": [[["-1.5", "True"]]]}])
    with pytest.raises(InputError, match="was scored by log-likelihoods"):
        import_logs(tmp_path / "out.db", likely, setting="low", count_tokens=count)
    twice = write_rows(tmp_path / "samples_b_1.jsonl", [{**first, "resps": [["10", "11"]]}])
    with pytest.raises(InputError, match="has 2 replies and one verdict for all"):
        import_logs(tmp_path / "out.db", twice, setting="low", count_tokens=count)


def test_a_rendered_chat_is_its_question(tmp_path: Path) -> None:
    first = read_samples()[0]
    first["arguments"]["gen_args_0"]["arg_0"] = ['[{"role": "user", "content": "How many hands?"}]']
    log = write_rows(tmp_path / "samples_a_1.jsonl", [first])
    import_logs(tmp_path / "out.db", log, setting="low", count_tokens=count)
    assert list(outcomes(tmp_path / "out.db")) == ["How many hands?"]
