"""LiteLLM's spend logs.

No proxy was run, for it needs a database: the file was written by the documented columns of its table, with
prompts in `proxy_server_request`, where the proxy stores them.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from adaptive.answers.registry import open_grader
from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import hash_question
from adaptive.learn.importing.importer import Importer
from tests.learn.importing.imported import LOGS, import_logs, outcomes, plan, rungs

LOG = LOGS / "litellm_spend_logs.json"
SIDES, LESS = "How many sides have four triangles?", "What is 15 minus 8?"
REFERENCES = {hash_question(q): Question(q[:4], q, a) for q, a in ((SIDES, "12"), (LESS, "7"))}


def graded(out: Path, *logs: Path, **more: Any) -> Importer:
    with open_grader("auto") as grader:
        return import_logs(out, *logs, grader=grader, references=REFERENCES, **more)


def test_requests_with_their_prompts_are_imported(tmp_path: Path) -> None:
    importer = graded(tmp_path / "out.db", LOG)
    assert (importer.counts.added, importer.counts.failed) == (4, 1)
    assert rungs(tmp_path / "out.db") == [("low", "low", 31), ("high", "high", 131)]
    assert plan(tmp_path / "out.db")["model"] == "openai:o4-mini"
    found = outcomes(tmp_path / "out.db")[LESS]
    low, high = found[OutcomeKey("low", 31)], found[OutcomeKey("high", 131)]
    assert (low.right, high.right) == (False, True)
    assert (high.prompt, high.attempt.chain_tokens, high.attempt.usage.answer) == (15, 96, 11)


def test_a_table_as_csv_has_the_same_rows(tmp_path: Path) -> None:
    rows = json.loads(LOG.read_text())
    with (tmp_path / "logs.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        for row in rows:
            table.writerow({k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()})
    graded(tmp_path / "a.db", LOG)
    graded(tmp_path / "b.db", tmp_path / "logs.csv")
    assert outcomes(tmp_path / "a.db") == outcomes(tmp_path / "b.db")
    assert graded(tmp_path / "a.db", tmp_path / "logs.csv").counts.known == 4


def test_logs_without_prompts_are_refused(tmp_path: Path) -> None:
    rows = json.loads(LOG.read_text())
    rows[1] |= {"proxy_server_request": {}, "messages": {}}
    (tmp_path / "logs.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match=r"item 2 of .* has no prompt: .*store_prompts_in_spend_logs"):
        graded(tmp_path / "out.db", tmp_path / "logs.json")


def test_embeddings_and_replies_out_of_the_cache_are_no_attempts(tmp_path: Path) -> None:
    first = json.loads(LOG.read_text())[0]
    others = [{**first, "request_id": "e", "call_type": "aembedding", "proxy_server_request": {}},
              {**first, "request_id": "c", "cache_hit": "True"}]  # fmt: skip
    (tmp_path / "logs.json").write_text(json.dumps([first, *others]))
    assert graded(tmp_path / "out.db", tmp_path / "logs.json").counts.added == 1
