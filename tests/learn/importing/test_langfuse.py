"""Langfuse's exports.

No server was run: the files were written by the documented fields of the export to a blob storage. The score of
the last generation stands at its trace, the others at their observations.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey
from tests.learn.importing.imported import LOGS, import_logs, outcomes, plan, rungs, write_rows

OBSERVATIONS, SCORES = LOGS / "langfuse_observations.jsonl", LOGS / "langfuse_scores.jsonl"
CORNERS, PRODUCT = "How many corners have two squares?", "What is 6 times 9?"


@pytest.mark.parametrize("logs", [(OBSERVATIONS, SCORES), (SCORES, OBSERVATIONS)])
def test_generations_get_their_scores_in_any_order_of_the_files(tmp_path: Path, logs: tuple[Path, ...]) -> None:
    importer = import_logs(tmp_path / "out.db", *logs)
    assert (importer.counts.added, importer.counts.failed, importer.counts.unjudged) == (4, 1, 0)
    assert rungs(tmp_path / "out.db") == [("low", "low", 29), ("high", "high", 121)]
    assert plan(tmp_path / "out.db")["grader"] == "imported"
    found = outcomes(tmp_path / "out.db")
    assert list(found) == [CORNERS, PRODUCT]
    low, high = found[PRODUCT][OutcomeKey("low", 29)], found[PRODUCT][OutcomeKey("high", 121)]
    assert (low.right, high.right) == (False, True)
    assert (high.prompt, high.attempt.chain_tokens, high.attempt.usage.answer) == (18, 114, 7)
    assert (high.attempt.text, high.attempt.answer) == ("54", "54")


def test_thinking_may_be_within_the_output(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in OBSERVATIONS.read_text().splitlines()]
    for one in rows:
        if usage := one["usage_details"]:
            usage["output"] = usage["total"] - usage["input"]
    import_logs(tmp_path / "in.db", write_rows(tmp_path / "in.jsonl", rows), SCORES)
    import_logs(tmp_path / "apart.db", OBSERVATIONS, SCORES)
    assert outcomes(tmp_path / "in.db") == outcomes(tmp_path / "apart.db")


def test_names_in_camel_case_with_scores_inside(tmp_path: Path) -> None:
    row = {
        "id": "o", "traceId": "t", "type": "GENERATION", "model": "o4-mini", "input": "1+1?", "output": "2",
        "modelParameters": {"reasoning_effort": "low"}, "usageDetails": {"input": 4, "output": 8, "total": 12},
        "level": "DEFAULT", "scores": [{"name": "ok", "dataType": "NUMERIC", "value": 0.9},
                                       {"name": "tone", "dataType": "CATEGORICAL", "stringValue": "kind"}],
    }  # fmt: skip
    log = tmp_path / "export.json"
    log.write_text(json.dumps([row]))
    with pytest.raises(InputError, match=r"several scores .ok, tone.*--score"):
        import_logs(tmp_path / "a.db", log)
    import_logs(tmp_path / "b.db", log, score="ok", right_from=0.8)
    outcome = outcomes(tmp_path / "b.db")["1+1?"][OutcomeKey("low", 8)]
    assert outcome.right
    with pytest.raises(InputError, match="the verdict 'kind', which is neither right nor wrong"):
        import_logs(tmp_path / "c.db", log, score="tone")


def test_generations_without_a_score_are_left_out(tmp_path: Path) -> None:
    some = write_rows(tmp_path / "scores.jsonl", [json.loads(SCORES.read_text().splitlines()[0])])
    assert import_logs(tmp_path / "out.db", some, OBSERVATIONS).counts.unjudged == 3
