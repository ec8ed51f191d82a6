"""Files of OpenAI's batch API.

No batch was run: the files were written by the documented format, with bodies that the `openai` package's own
`ChatCompletion` accepts. The custom_ids name efforts, as they often do.
"""

from __future__ import annotations

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
from tests.learn.importing.imported import LOGS, import_logs, outcomes, plan, rungs, write_rows

INPUT, OUTPUT, ERRORS = (LOGS / f"batch_{name}.jsonl" for name in ("input", "output", "errors"))
WHEELS, SUM, DAYS = (
    "How many wheels have six bicycles?", "What is 13 plus 29?", "Spell the number of days in a week in digits.",
)  # fmt: skip
REFERENCES = {hash_question(q): Question(q[:4], q, a) for q, a in ((WHEELS, "12"), (SUM, "42"), (DAYS, "7"))}


def graded(out: Path, *logs: Path, **more: Any) -> Importer:
    with open_grader("auto") as grader:
        return import_logs(out, *logs, grader=grader, references=REFERENCES, **more)


def test_requests_and_outputs_are_joined_and_graded(tmp_path: Path) -> None:
    importer = graded(tmp_path / "out.db", INPUT, OUTPUT, ERRORS)
    assert (importer.counts.added, importer.counts.failed, importer.counts.graded) == (5, 1, 5)
    assert rungs(tmp_path / "out.db") == [("low", "low", 40), ("high", "high", 210)]
    assert plan(tmp_path / "out.db")["model"] == "o4-mini"
    found = outcomes(tmp_path / "out.db")
    low, high = found[SUM][OutcomeKey("low", 40)], found[SUM][OutcomeKey("high", 210)]
    assert (low.right, high.right, high.prompt) == (False, True, 25)
    assert (high.attempt.chain_tokens, high.attempt.usage.answer, high.attempt.answer) == (196, 14, "42")
    assert OutcomeKey("high", 210) not in found[DAYS]


def test_a_request_that_failed_may_be_wrong(tmp_path: Path) -> None:
    graded(tmp_path / "out.db", INPUT, OUTPUT, ERRORS, failed="wrong")
    outcome = outcomes(tmp_path / "out.db")[DAYS][OutcomeKey("high", 210)]
    assert (outcome.right, outcome.why) == (False, "the request failed: the window of the batch was over")


@pytest.mark.parametrize("response", [[[]], -0.5, "none", {"body": [7]}, {"status_code": [200]}], ids=str)
def test_a_response_that_is_no_object_is_a_failed_request(tmp_path: Path, response: Any) -> None:
    row = {
        "id": "1",
        "custom_id": json.loads(INPUT.read_text().splitlines()[0])["custom_id"],
        "response": response,
    }
    importer = graded(tmp_path / "out.db", INPUT, write_rows(tmp_path / "output.jsonl", [row]), OUTPUT)
    assert importer.counts.failed == 1


def test_an_output_before_its_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="custom_id 'high-1', of which no request was read: name the batch's input"
    ):
        graded(tmp_path / "out.db", OUTPUT, INPUT)


def test_batches_with_the_same_ids_are_read_pair_by_pair(tmp_path: Path) -> None:
    logs = []
    for effort, correct in (("low", "1"), ("high", "2")):
        body = {"model": "m", "reasoning_effort": effort, "messages": [{"role": "user", "content": "1+1?"}]}
        logs.append(
            write_rows(tmp_path / f"{effort}_in.jsonl", [{"custom_id": "q", "method": "POST", "body": body}])
        )
        reply = {"choices": [{"message": {"content": correct}, "finish_reason": "length"}],
                 "usage": {"prompt_tokens": 1, "completion_tokens": 9}}  # fmt: skip
        row = {"id": effort, "custom_id": "q", "response": {"status_code": 200, "body": reply}, "error": None}
        logs.append(write_rows(tmp_path / f"{effort}_out.jsonl", [row]))
    with open_grader("auto") as grader:
        references = {hash_question("1+1?"): Question("q", "1+1?", "2")}
        import_logs(tmp_path / "out.db", *logs, grader=grader, references=references)
    found = outcomes(tmp_path / "out.db")["1+1?"]
    assert {key.effort: one.right for key, one in found.items()} == {"low": False, "high": True}
    assert all(one.attempt.finish == "budget" for one in found.values())


def test_responses_are_read_too(tmp_path: Path) -> None:
    request = {"custom_id": "q", "body": {"model": "m", "input": "1+1?", "reasoning": {"effort": "medium"}}}
    body = {
        "output": [{"type": "reasoning", "summary": []},
                   {"type": "message", "content": [{"type": "output_text", "text": "It is 2."}]}],
        "usage": {"input_tokens": 3, "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 44}},
    }  # fmt: skip
    row = {"id": "r", "custom_id": "q", "response": {"status_code": 200, "body": body}, "error": None}
    logs = [write_rows(tmp_path / "in.jsonl", [request]), write_rows(tmp_path / "out.jsonl", [row])]
    with open_grader("auto") as grader:
        references = {hash_question("1+1?"): Question("q", "1+1?", "2")}
        import_logs(tmp_path / "out.db", *logs, grader=grader, references=references)
    outcome = outcomes(tmp_path / "out.db")["1+1?"][OutcomeKey("medium", 50)]
    assert (outcome.right, outcome.attempt.chain_tokens, outcome.prompt) == (True, 44, 3)


def test_a_status_that_is_no_success_is_a_failure(tmp_path: Path) -> None:
    first = json.loads(OUTPUT.read_text().splitlines()[0])
    first["response"] = {"status_code": 429, "body": {"error": {"message": "too many requests"}}}
    importer = graded(tmp_path / "out.db", INPUT, OUTPUT, write_rows(tmp_path / "bad.jsonl", [first]))
    assert importer.counts.failed == 1
