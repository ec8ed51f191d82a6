from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.policy import select
from adaptive.solver.result import build_result, to_message
from adaptive.types.attempt import Attempt, Round
from adaptive.types.result import MapItem, MapResult, Result
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from tests.support.attempts import ATTEMPTS
from tests.support.cases import WHOLE_SOLVES

SEVERAL = st.lists(ATTEMPTS, min_size=1, max_size=4)
FIELDS = {
    "question", "answer", "text", "status", "accepted", "model", "profile", "difficulty", "rung", "kept", "reason",
    "stopped", "attempts", "usage", "seed", "kept_because", "notes",
}  # fmt: skip


def attempt(answer: str | None = "73", **more: Any) -> Attempt:
    fields: dict[str, Any] = {
        "rung": 1, "arm": "first", "effort": "low", "budget": 64, "waits": 0, "answer": answer,
        "text": f"\\boxed{{{answer}}}" if answer else "I do not know.", "thinking": "47+38=85",
        "status": "answered", "finish": "natural", "rounds": (Round(21, 0, "natural"),), "trace": tuple(range(20)),
        "verdict": Verdict(True, 0.97, "confidence", "sure"), "reason": "why this rung",
        "usage": Usage(prompt=31, cached=3, thinking=21, injected=2, answer=6),
    }  # fmt: skip
    return Attempt(**{**fields, **more})


def typed_result(*attempts: Attempt, kept: int = 0, **more: Any) -> Result:
    return build_result(
        question="47 + 38 - 12?",
        attempts=attempts,
        selected=kept,
        difficulty={"level": "easy", "p_solved": [0.9, 0.99]},
        stop="accepted",
        profile="abacus",
        notes=["a note"],
        seed=7,
        **{"models": ["embedded"], **more},
    )


def result(*attempts: Attempt, kept: int = 0) -> dict[str, Any]:
    return typed_result(*attempts, kept=kept).to_json()


def test_what_the_result_says() -> None:
    told = result(attempt())
    assert set(told) == FIELDS
    assert (told["answer"], told["status"], told["accepted"], told["rung"]) == ("73", "answered", True, 1)
    assert (told["reason"], told["stopped"], told["seed"]) == ("why this rung", "accepted", 7)
    assert "trace" not in told["attempts"][0]
    assert told["attempts"][0]["rounds"] == [{"tokens": 21, "injected": 0, "end": "natural", "stopped": False}]


def test_the_kept_attempt_is_the_answer_and_the_first_has_the_reason() -> None:
    second = attempt("74", rung=2, reason="more room", verdict=Verdict(False, 0.5, "confidence", "unsure"))
    told = result(attempt(), second, kept=1)
    assert (told["answer"], told["rung"], told["kept"], told["accepted"]) == ("74", 2, 1, False)
    assert told["reason"] == "why this rung"


@pytest.mark.parametrize(
    ("answer", "status", "expected"),
    [
        ("73", "answered", "answered"),
        (None, "answered", "refused"),
        (None, "starved", "starved"),
        ("73", "failed", "failed"),
    ],
)
def test_an_answer_in_words_alone_is_a_refusal(answer: str | None, status: Any, expected: str) -> None:
    assert result(attempt(answer, status=status))["status"] == expected


def test_an_attempt_that_nobody_judged_is_not_accepted() -> None:
    assert result(attempt(verdict=None))["accepted"] is None


@WHOLE_SOLVES
@given(SEVERAL)
def test_the_usage_is_the_sum_over_the_attempts(attempts: list[Attempt]) -> None:
    told = result(*attempts, kept=select.select_best_attempt(attempts))
    assert json.loads(json.dumps(told)) == told
    usage, parts = told["usage"], [a["usage"] for a in told["attempts"]]
    for name in ("prompt", "cached", "thinking", "injected", "answer", "probe", "verifier", "total"):
        assert usage[name] == sum(part[name] for part in parts)
    assert usage["seconds"] == pytest.approx(sum(part["seconds"] for part in parts), abs=1e-3)
    assert (usage["cost"] is None) == any(part["cost"] is None for part in parts)


@WHOLE_SOLVES
@given(SEVERAL)
def test_the_message_has_the_usage_of_the_whole_solve(attempts: list[Attempt]) -> None:
    told = result(*attempts)
    counted = to_message(typed_result(*attempts)).usage_metadata
    assert counted is not None
    assert counted["input_tokens"] + counted["output_tokens"] == counted["total_tokens"] == told["usage"]["total"]
    assert counted["output_token_details"]["reasoning"] <= counted["output_tokens"]
    assert counted["input_token_details"]["cache_read"] == told["usage"]["cached"]


@pytest.mark.parametrize("thinking", ["47+38=85", ""])
def test_the_message_has_a_reasoning_block_where_there_was_thinking(thinking: str) -> None:
    kept = attempt(thinking=thinking)
    message = to_message(typed_result(kept))
    assert message.text == r"\boxed{73}"
    reasoning = [b["reasoning"] for b in message.content_blocks if b["type"] == "reasoning"]
    assert reasoning == ([thinking] if thinking else [])
    assert message.response_metadata["model_name"] == "embedded"


@pytest.mark.parametrize(
    ("status", "reason"), [("answered", "stop"), ("starved", "length"), ("refused", "refusal")]
)
def test_the_finish_reason_says_why_there_is_no_answer(status: Any, reason: str) -> None:
    kept = attempt(status=status)
    assert to_message(typed_result(kept)).response_metadata["finish_reason"] == reason


@given(SEVERAL, st.integers(0, 3), st.none() | st.just(Usage(thinking=3, estimated=("prompt",))))
def test_a_result_is_read_from_its_json_and_from_a_state(
    attempts: list[Attempt], kept: int, cut: Usage | None
) -> None:
    one = typed_result(*attempts, kept=min(kept, len(attempts) - 1), cut=cut)
    data = json.loads(json.dumps(one.to_json()))
    for finished in (data, {"messages": [], "adaptive_result": data}):
        read = Result.of(finished)
        assert read.to_json() == data
        assert list(read.to_json()) == list(data)
        assert (read.answer, read.accepted, read.status) == (data["answer"], data["accepted"], data["status"])
        assert Result.of(read.to_json()) == read


def test_each_attempt_has_its_model() -> None:
    two = typed_result(attempt(), attempt(model=1), kept=1, models=["small", "large"])
    read = Result.of(two.to_json())
    assert [read.models[a.model] for a in read.attempts] == ["small", "large"]
    assert read.model == "small"
    assert to_message(read).response_metadata["model_name"] == "large"


def test_a_state_without_a_result_is_refused() -> None:
    with pytest.raises(InputError, match="no result in a state with the keys 'messages'"):
        Result.of({"messages": []})
    with pytest.raises(InputError, match="no results in this state"):
        MapResult.of({"messages": []})


def test_results_of_a_map_solver() -> None:
    items = (
        MapItem("a", "?", typed_result(attempt()), usage=Usage(prompt=31, cost=0.5)),
        MapItem("b", "?", error="it broke"),
        MapItem("c", "?", error="not begun", usage=Usage(cost=0.0)),
    )
    state = MapResult(items).to_json()
    read = MapResult.of(json.loads(json.dumps(state)))
    assert [item.id for item in read.items] == ["a", "b", "c"]
    assert [item.answer for item in read.items] == ["73", None, None]
    assert [item.status for item in read.items] == ["answered", "failed", "failed"]
    assert read.items[1].error == "it broke"
    assert state["adaptive_summary"]["uncounted"] == 1
    assert MapResult.of(state["results"]).to_json()["results"] == state["results"]
