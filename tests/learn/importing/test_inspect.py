"""Logs of Inspect, written by Inspect 0.3.285 itself with its mock model; their events were taken out.

`inspect_low.eval` is one run at the effort low. `inspect_high.json` has two epochs at the effort high, in which
one sample failed.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey
from adaptive.learn.data.outcomes import OutcomeStore
from tests.learn.importing.imported import LOGS, import_logs, outcomes, plan, rungs

LOW, HIGH = LOGS / "inspect_low.eval", LOGS / "inspect_high.json"
PRODUCT, NEXT = "What is 7 times 8?", "Which number follows 99?"


def changed(file: Path, change: Any) -> Path:
    """The log of the effort high after `change`, which gets the whole log."""
    log = json.loads(HIGH.read_text())
    change(log)
    file.write_text(json.dumps(log))
    return file


def test_both_formats_are_one_table(tmp_path: Path) -> None:
    importer = import_logs(tmp_path / "out.db", LOW, HIGH)
    assert (importer.counts.added, importer.counts.failed) == (8, 1)
    assert rungs(tmp_path / "out.db") == [("low", "low", 35), ("high", "high", 241)]
    found = outcomes(tmp_path / "out.db")[PRODUCT]
    assert {key: one.right for key, one in found.items()} == {
        OutcomeKey("low", 35): False, OutcomeKey("high", 241): True, OutcomeKey("high", 241, sample=1): True,
    }  # fmt: skip
    low = found[OutcomeKey("low", 35)]
    assert (low.attempt.answer, low.attempt.text, low.prompt) == ("54", "ANSWER: 54", 20)
    assert (low.attempt.chain_tokens, low.attempt.usage.answer, low.attempt.usage.estimated) == (25, 10, ())
    with OutcomeStore(tmp_path / "out.db") as store:
        assert {(one.question.id, one.question.reference) for one in store} == {
            ("sums/1", "24"), ("sums/2", "56"), ("sums/3", "100")
        }  # fmt: skip
    assert plan(tmp_path / "out.db")["model"] == "mockllm/model"


def test_a_failed_sample_may_count_as_wrong(tmp_path: Path) -> None:
    import_logs(tmp_path / "out.db", HIGH, failed="wrong")
    outcome = outcomes(tmp_path / "out.db")[NEXT][OutcomeKey("high", 241, sample=1)]
    assert (outcome.right, outcome.attempt.status) == (False, "failed")
    assert "the provider was overloaded" in outcome.why


def test_a_log_is_imported_once_in_any_format(tmp_path: Path) -> None:
    import_logs(tmp_path / "out.db", LOW)
    again = import_logs(tmp_path / "out.db", LOW, HIGH)
    assert (again.counts.known, again.counts.added) == (3, 5)


def test_one_of_several_scores_is_named(tmp_path: Path) -> None:
    def add(log: dict[str, Any]) -> None:
        for sample in log["samples"]:
            sample["scores"] |= {"judge": {"value": "P", "answer": "?"}} if sample["scores"] else {}

    both = changed(tmp_path / "both.json", add)
    with pytest.raises(InputError, match=r"several scores .match, judge.: .* --score"):
        import_logs(tmp_path / "a.db", both)
    with pytest.raises(InputError, match="no score 'other', but match, judge"):
        import_logs(tmp_path / "a.db", both, score="other")
    import_logs(tmp_path / "b.db", both, score="judge")
    assert not any(one.right for one in outcomes(tmp_path / "b.db")[PRODUCT].values())
    import_logs(tmp_path / "c.db", both, score="judge", right_from=0.5)
    assert all(one.right for one in outcomes(tmp_path / "c.db")[PRODUCT].values())


def test_content_in_blocks_attachments_and_a_grading_model(tmp_path: Path) -> None:
    def change(log: dict[str, Any]) -> None:
        sample = log["samples"][0]
        sample["input"] = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "attachment://q"},
        ]
        sample["attachments"] = {"q": "How many legs have three spiders?"}
        sample["output"]["choices"][0]["message"]["content"] = [
            {"type": "reasoning", "reasoning": "three times eight"}, {"type": "text", "text": "24"},
        ]  # fmt: skip
        sample["output"]["choices"][0]["stop_reason"] = "max_tokens"
        sample["model_usage"]["grader/model"] = {"input_tokens": 9, "output_tokens": 999, "total_tokens": 1008}
        del log["samples"][1:]

    import_logs(tmp_path / "out.db", changed(tmp_path / "log.json", change))
    outcome = outcomes(tmp_path / "out.db")["How many legs have three spiders?"][OutcomeKey("high", 130)]
    assert (outcome.attempt.thinking, outcome.attempt.text) == ("three times eight", "24")
    assert (outcome.attempt.finish, outcome.attempt.usage.answer) == ("budget", 10)


def test_thinking_that_gemini_counts_beside_the_output_is_added(tmp_path: Path) -> None:
    """Inspect's `output_tokens` of Gemini are those of the candidates: thinking is in the total alone."""

    def change(log: dict[str, Any]) -> None:
        log["samples"][0]["model_usage"] = {log["eval"]["model"]: {
            "input_tokens": 20, "output_tokens": 10, "reasoning_tokens": 120, "total_tokens": 150,
        }}  # fmt: skip
        del log["samples"][1:]

    import_logs(tmp_path / "out.db", changed(tmp_path / "log.json", change))
    ((outcome,),) = (tuple(one.values()) for one in outcomes(tmp_path / "out.db").values())
    usage = outcome.attempt.usage
    assert (usage.prompt, usage.thinking, usage.answer) == (20, 120, 10)


def test_options_of_multiple_choice_are_part_of_the_question(tmp_path: Path) -> None:
    def change(log: dict[str, Any]) -> None:
        log["samples"][0]["choices"], log["samples"][3]["choices"] = ["24", "32"], ["32", "24"]

    import_logs(tmp_path / "out.db", changed(tmp_path / "log.json", change))
    texts = set(outcomes(tmp_path / "out.db"))
    assert {f"How many legs have three spiders?\n{one}" for one in ("(A) 24\n(B) 32", "(A) 32\n(B) 24")} <= texts


def test_a_budget_of_thinking_tokens_is_the_setting(tmp_path: Path) -> None:
    def change(log: dict[str, Any]) -> None:
        log["plan"]["config"] = {"reasoning_tokens": 4096}

    import_logs(tmp_path / "out.db", changed(tmp_path / "log.json", change))
    assert rungs(tmp_path / "out.db") == [("4096", "medium", 4096)]


def test_a_damaged_log_is_one_sentence(tmp_path: Path) -> None:
    whole = LOW.read_bytes()
    at = whole.index(b"samples/2_epoch_1.json") + len("samples/2_epoch_1.json")
    (tmp_path / "bad.eval").write_bytes(whole[:at] + bytes(60) + whole[at + 60 :])
    with pytest.raises(InputError, match=r"bad\.eval is damaged .*: get the log again"):
        import_logs(tmp_path / "out.db", tmp_path / "bad.eval")


def test_other_ways_of_packing(tmp_path: Path) -> None:
    log = json.loads(HIGH.read_text())
    with zipfile.ZipFile(tmp_path / "deflated.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        for sample in log.pop("samples"):
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        archive.writestr("_journal/start.json", json.dumps(log))
    importer = import_logs(tmp_path / "out.db", tmp_path / "deflated.eval")
    assert importer.counts.added == 5
