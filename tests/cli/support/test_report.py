"""The result object in words: answer, complaints, usage and exit code."""

from __future__ import annotations

from typing import Any

import pytest

from adaptive.cli.support.report import (
    EMBEDDED_HINT,
    format_answer,
    format_complaints,
    format_usage,
    get_exit_code,
    to_printable,
)
from adaptive.profile.domain import UNLIKE
from tests.cli.stub import RESULT, result


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({}, 0, []),
        ({"accepted": False}, 3, ["Not accepted: unsure (rules, score 0.31)."]),
        ({"accepted": False, "reason": "a\nb."}, 3, ["Not accepted: a b (rules, score 0.31)."]),
        ({"accepted": False, "status": "refused"}, 3, ["Not accepted: unsure (rules, score 0.31)."]),
        ({"accepted": False, "status": "failed"}, 1, ["Failed: unsure (rules, score 0.31)."]),
        (
            {"accepted": False, "status": "starved"},
            4,
            ["Starved: the room for the answer ended before the answer did."],
        ),
    ],
)
def test_how_it_ended(changed: dict[str, Any], code: int, said: list[str]) -> None:
    made = result(**changed, model="onnx:x")
    assert (get_exit_code(made), format_complaints(made)) == (code, said)


@pytest.mark.parametrize("status", ["answered", "starved"])
def test_what_was_given_up_as_hopeless_says_so(status: str) -> None:
    made = result(
        accepted=False,
        model="onnx:x",
        status=status,
        stopped="hopeless: vote promises -40 tokens,\nand nothing promises more",
    )
    said = "Given up as hopeless: vote promises -40 tokens, and nothing promises more."
    assert format_complaints(made)[1:] == [said]


def test_the_embedded_model_says_how_to_use_another() -> None:
    assert format_complaints(result(accepted=False))[1:] == [EMBEDDED_HINT]
    for outside, hints in ((True, [EMBEDDED_HINT]), (False, [])):
        made = result(accepted=None, difficulty={"level": "unknown", "p_solved": [], "outside": outside})
        assert format_complaints(made)[1:] == hints
    assert format_complaints(result()) == []


def test_a_question_outside_is_told_of_in_a_sentence_that_stands_alone() -> None:
    made = result(accepted=None, reason=UNLIKE, model="onnx:x")
    assert format_complaints(made) == [
        "Not verified: the question is unlike the questions that this profile was measured on, "
        "so it is not known how often such an answer is right."
    ]
    other = result(accepted=None, reason="no profile, no check", model="onnx:x")
    assert format_complaints(other) == ["Not verified: no profile, no check."]


def test_without_a_verdict_the_complaint_says_so() -> None:
    made = result(accepted=False, model="onnx:x")
    made["attempts"][0]["verdict"] = None
    assert format_complaints(made) == ["Not accepted: nothing judged it."]


def test_the_complaint_is_of_the_kept_attempt() -> None:
    made = result(accepted=False, reason="better", model="onnx:x")
    worse = {**made["attempts"][0], "verdict": {**made["attempts"][0]["verdict"], "reason": "worse"}}
    made["attempts"], made["kept"] = [worse, made["attempts"][0]], 1
    assert format_complaints(made) == ["Not accepted: better (rules, score 0.31)."]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "73"),
        ({"answer": None, "text": " I cannot know. \n"}, "I cannot know."),
        ({"answer": None, "text": ""}, ""),
        ({"answer": "7\x1b[2J3\r4"}, "7�[2J3�4"),
    ],
)
def test_the_answer_or_else_the_reply(changed: dict[str, Any], text: str) -> None:
    assert format_answer(result(**changed)) == text


def test_usage_marks_what_is_estimated_and_leaves_out_what_is_nothing() -> None:
    said = "Usage: 59 tokens (~31 prompt, 21 thinking, 1 injected, 6 answer), 0.21 s, cost not known"
    assert format_usage(RESULT["usage"]) == said
    assert format_usage({**RESULT["usage"], "cost": 0.00125}).endswith(", cost 0.00125")


@pytest.mark.parametrize("text", ["a\n\tb", "é 🧮 👩‍🚀 \u00a0 漢", "x²"])
def test_text_stays_as_it_is(text: str) -> None:
    assert to_printable(text) == text


@pytest.mark.parametrize("control", ["\x1b", "\0", "\r", "\b", "\x7f", "\x9b"])
def test_what_steers_a_terminal_is_replaced(control: str) -> None:
    assert to_printable(f"a{control}b") == "a�b"
