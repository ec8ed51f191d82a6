"""What a turn holds, read from messages as each provider's integration makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from adaptive.chat.response import read_response


def usage(prompt: int, out: int, reasoning: int | None = None, cached: int | None = None, tier: str = "") -> Any:
    made: dict[str, Any] = {"input_tokens": prompt, "output_tokens": out, "total_tokens": prompt + out}
    if reasoning is not None:
        made["output_token_details"] = {f"{tier}reasoning": reasoning}
    if cached is not None:
        made["input_token_details"] = {"cache_read": cached}
    return made


def message(content: Any = "73", end: dict[str, Any] | None = None, **more: Any) -> AIMessage:
    return AIMessage(content, response_metadata={"finish_reason": "stop"} if end is None else end, **more)


@pytest.mark.parametrize(
    ("end", "finish"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "content_filter"}, "refusal"),
        ({"finish_reason": "tool_calls"}, "tools"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"stop_reason": "stop_sequence"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "model_context_window_exceeded"}, "length"),
        ({"stop_reason": "refusal"}, "refusal"),
        ({"stop_reason": "tool_use"}, "tools"),
        ({"stopReason": "max_tokens"}, "length"),
        ({"done_reason": "length"}, "length"),
        ({"finish_reason": "STOP"}, "stop"),
        ({"finish_reason": "STOPSTOP"}, "stop"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "SAFETY"}, "refusal"),
        ({"prompt_feedback": {"block_reason": 1}}, "refusal"),
        ({"prompt_feedback": {"block_reason": "BLOCK_REASON_UNSPECIFIED"}}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "refusal"),
        ({"status": "completed", "incomplete_details": None}, "stop"),
        ({}, "stop"),
        ({"finish_reason": "error"}, "failed"),
        ({"finish_reason": None}, "failed"),
        ({"finish_reason": ""}, "failed"),
        ({"stop_reason": None}, "failed"),
        ({"done_reason": None}, "stop"),  # older Ollamas
        ({"finish_reason": "insufficient_system_resource"}, "failed"),
        ({"finish_reason": "MALFORMED_FUNCTION_CALL"}, "failed"),
    ],
)
def test_how_it_ended(end: dict[str, Any], finish: str) -> None:
    assert read_response(message(end=end)).finish == finish


@pytest.mark.parametrize("reason", [None, ""])
def test_neither_an_answer_nor_a_reason_is_a_failure_and_no_refusal(reason: Any) -> None:
    assert read_response(message("", {"finish_reason": reason})).finish == "failed"


@pytest.mark.parametrize(
    ("given", "thinking", "answer", "estimated"),
    [
        (usage(10, 300, 280), 280, 20, ()),
        (usage(10, 300, 280, tier="flex_"), 280, 20, ()),
        (usage(10, 300, 280, tier="priority_"), 280, 20, ()),
        (usage(10, 20, 0), 0, 20, ()),
        (usage(10, 20), None, 20, ()),
        (usage(10, 20, 25), None, 20, ()),
        (None, None, 1, ("answer", "prompt")),
    ],
)
def test_what_it_used(given: Any, thinking: int | None, answer: int, estimated: tuple[str, ...]) -> None:
    used = read_response(message(usage_metadata=given), 1.5).usage
    assert (used.thinking, used.answer, used.estimated) == (thinking, answer, estimated)
    assert (used.prompt, used.seconds, used.cost) == (10 if given else 0, 1.5, None)


def test_thinking_that_is_not_counted_apart_is_unknown_and_never_shared_out() -> None:
    shown = message("x" * 40, additional_kwargs={"reasoning_content": "y" * 90}, usage_metadata=usage(5, 40))
    made = read_response(shown)
    assert (made.usage.thinking, made.usage.answer, made.usage.total, made.usage.estimated) == (None, 40, 45, ())
    assert made.usage.to_json()["thinking"] is None
    assert (made.thinking_tokens, made.answer_tokens) == (30, 10)  # for what is asked next


@pytest.mark.parametrize("reasoning", [None, 0])
def test_thinking_in_the_text_is_unknown_where_it_is_not_counted(reasoning: int | None) -> None:
    """A server without a parser counts the thinking in its text as an answer, or as no reasoning."""
    shown = message(f"<think>{'y' * 90}</think>{'x' * 30}", usage_metadata=usage(5, 40, reasoning))
    used = read_response(shown).usage
    assert (used.thinking, used.answer, used.estimated) == (None, 40, ())


@pytest.mark.parametrize(
    ("content", "end", "opened", "begins", "text"),
    [
        ("47+26\n</think>\n\n73", "stop", None, True, "73"),
        ("73", "stop", None, False, "73"),
        ("<think>47+26</think>73", "stop", None, False, "73"),
        ("47+26 is \\boxed{5}, no", "length", True, None, ""),
        ("47+26 is \\boxed{5}, no", "length", None, None, "47+26 is \\boxed{5}, no"),
        ("73", "stop", True, False, "73"),
        ("<think>47+26", "length", None, None, ""),
    ],
)
def test_how_a_reply_begins(content: str, end: str, opened: bool | None, begins: bool | None, text: str) -> None:
    turn = read_response(message(content, {"finish_reason": end}), opened=opened)
    assert (turn.opened, turn.text) == (begins, text)


@pytest.mark.parametrize("provider", ["anthropic", "google_genai"])
def test_no_thinking_is_exact_where_it_would_show(provider: str) -> None:
    shown = message("73", {"model_provider": provider, "stop_reason": "end_turn"}, usage_metadata=usage(5, 3))
    used = read_response(shown).usage
    assert (used.thinking, used.estimated) == (0, ())


@pytest.mark.parametrize(
    ("shown", "thinking", "text"),
    [
        (message("73", additional_kwargs={"reasoning_content": "47+26"}), "47+26", "73"),
        (message("73", additional_kwargs={"reasoning": "47+26"}), "47+26", "73"),
        (message([{"type": "reasoning", "reasoning": "47+26"}, {"type": "text", "text": "73"}]), "47+26", "73"),
        (message("<think>\n47+26\n</think>\n\n73"), "47+26", "73"),
        (message("<think>47+"), "47+", ""),
        (message("The tag <think>x</think> marks it."), "", "The tag <think>x</think> marks it."),
        (message("47+26\n</think>\n\n73"), "47+26", "73"),
        (message("[THINK]47+26[/THINK]73"), "47+26", "73"),
        (message("<reasoning>47+26</reasoning><answer>73</answer>"), "47+26", "73"),
        (message("tens</think>73", additional_kwargs={"reasoning_content": "47+26"}), "47+26\ntens", "73"),
        (
            message([{"type": "text", "text": "<think>47"}, {"type": "text", "text": "+26</think>73"}]),
            "47+26",
            "73",
        ),
    ],
)
def test_where_the_thinking_is(shown: AIMessage, thinking: str, text: str) -> None:
    turn = read_response(shown)
    assert (turn.thinking, turn.text) == (thinking, text)
    assert turn.message is shown


@pytest.mark.parametrize(
    ("content", "end", "starved"),
    [
        ("", "length", True),
        (" \n", "length", True),
        ("<think>so", "length", True),
        ("7", "length", False),
        ("", "stop", False),
        ("", "content_filter", False),
    ],
)
def test_starved(content: str, end: str, starved: bool) -> None:
    assert read_response(message(content, {"finish_reason": end})).starved is starved


def test_cut_in_a_tool_call_is_not_starved() -> None:
    call = {"name": "f", "args": {}, "id": "1"}
    assert not read_response(message("", {"finish_reason": "length"}, tool_calls=[call])).starved


def test_a_refusal_is_told_in_its_words() -> None:
    for shown in (
        message("", additional_kwargs={"refusal": "I can't."}),
        message([{"type": "refusal", "refusal": "I can't."}]),
    ):
        turn = read_response(shown)
        assert (turn.finish, turn.text) == ("refusal", "I can't.")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("9 \ud83d", "9 \ufffd"),
        ("9 \ud83d\ude00", "9 \U0001f600"),
        ([{"type": "text", "text": "\udfff"}], "\ufffd"),
    ],
)
def test_half_a_character_is_mended(content: Any, text: str) -> None:
    made = read_response(message(content, additional_kwargs={"reasoning_content": "so \ud83d"}))
    assert (made.text, made.thinking) == (text, "so \ufffd")
    json.dumps(made.message.model_dump(), ensure_ascii=False).encode()
