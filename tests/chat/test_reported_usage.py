"""Usage of any shape that a server of OpenAI's format reports, as it is after the real client's conversion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI

from adaptive.chat.openai_compat import keep_reasoning
from adaptive.chat.reported_usage import MOST_TOKENS, read_reported_usage
from adaptive.chat.response import read_response
from adaptive.chat.streamed_usage import fix_stream
from adaptive.chat.streaming import StreamedMessage
from adaptive.prices import Prices, add_cost
from adaptive.types.usage import Usage

CHAT: Any = keep_reasoning(ChatOpenAI(model="gpt-5", api_key="k"))  # type: ignore[arg-type]
ABOUT = {"id": "x", "created": 1, "model": "gpt-5"}
TEXT = "It is 9."

ABSURD = st.sampled_from([-1, -(10**6), 10**30, 2**63, MOST_TOKENS + 1])
COUNTS = st.integers(0, 5000) | ABSURD
PARTS = st.none() | st.integers(0, 60) | COUNTS
TOTALS = st.sampled_from(["sum", "beside", "missing"]) | COUNTS
COSTS = st.none() | st.floats(0, 10) | st.sampled_from([-0.1, math.nan, math.inf, 1e9])


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw usage in OpenAI's words, whose total is the sum, with the reasoning beside it, or another number."""
    prompt, completion, reasoning = draw(COUNTS), draw(COUNTS), draw(PARTS)
    total = draw(TOTALS)
    if isinstance(total, str):
        beside = (reasoning or 0) if total == "beside" else 0
        total = None if total == "missing" else prompt + completion + beside
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, "cost": draw(COSTS)}
    usage["prompt_tokens_details"] = {"cached_tokens": draw(PARTS), "cache_write_tokens": draw(PARTS)}
    usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return usage


def read_whole(usage: Mapping[str, Any], tier: str | None = None) -> Usage:
    """Read the usage of a reply that is not streamed."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}
    reply = {**ABOUT, "choices": [choice], "usage": usage, "service_tier": tier}
    result = CHAT._create_chat_result(reply)
    message = result.generations[0].message
    message.response_metadata = {**(result.llm_output or {}), "finish_reason": "stop"}
    return read_response(message).usage


def read_streamed(usages: list[Mapping[str, Any]], tier: str | None = None) -> Usage:
    """Read the usage of a stream with one of these on each of its last chunks."""

    def chunks() -> Iterator[ChatGenerationChunk]:
        yield convert({"content": TEXT}, None)
        for usage in usages[:-1]:
            yield convert({"content": ""}, usage)
        yield convert({}, usages[-1], "stop")

    def convert(delta: Any, usage: Any, finish: str | None = None) -> ChatGenerationChunk:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {**ABOUT, "choices": [choice], "usage": usage, "service_tier": tier}
        made: ChatGenerationChunk = CHAT._convert_chunk_to_generation_chunk(chunk, AIMessageChunk, None)
        return made

    streamed = StreamedMessage(None)
    for chunk in fix_stream(chunks()):
        assert isinstance(chunk.message, AIMessage)
        chunk.message.response_metadata |= chunk.generation_info or {}
        streamed.add(chunk.message)
    return read_response(streamed.build_message(reports_finish=True)).usage


def is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_TOKENS


@settings(max_examples=200)
@given(shapes(), st.sampled_from([None, "default", "flex", "priority"]))
def test_any_usage_adds_up_or_is_marked(reported: dict[str, Any], tier: str | None) -> None:
    usage = read_whole(reported, tier)
    prompt, completion, total = (reported[f"{name}_tokens"] for name in ("prompt", "completion", "total"))
    reasoning = reported["completion_tokens_details"]["reasoning_tokens"]
    cached, written = reported["prompt_tokens_details"].values()

    # Nothing is negative or absurd, no part is more than its whole, and nothing above what the server said.
    figures = [usage.prompt, usage.cached, usage.written, usage.answer, usage.total]
    assert all(map(is_count, figures[:4]))
    assert usage.thinking is None or is_count(usage.thinking)
    assert usage.cached + usage.written <= usage.prompt
    said = sum(one for one in (prompt, completion, reasoning) if one is not None and is_count(one))
    assert usage.total <= said or "answer" in usage.estimated

    # What is not marked is what the server said, and adds up to its total.
    known = {"prompt", "answer"} - set(usage.estimated)
    if "prompt" in known:
        assert usage.prompt == prompt
    if "answer" in known:
        assert usage.generated in (completion, completion + (reasoning or 0))
    if len(known) == 2 and is_count(total):
        assert usage.total == total
    for figure, count, value in (("cached", usage.cached, cached), ("written", usage.written, written)):
        assert figure in usage.estimated or count == (value or 0)
    assert usage.thinking in (None, reasoning)

    # What cannot be is marked.
    for figure, value in (("prompt", prompt), ("answer", completion)):
        if not is_count(value) or value == 0:
            assert figure in usage.estimated
    if (
        is_count(prompt)
        and is_count(completion)
        and prompt
        and completion
        and total not in (None, prompt + completion)
    ):
        assert known == set() or total == usage.total == prompt + completion + reasoning

    cost = reported["cost"]
    right = cost is not None and 0 <= cost <= 10
    assert usage.cost == (cost if right else None)
    assert usage.tier == (tier if tier in ("flex", "priority") else "")
    assert Usage.from_json(usage.to_json()) == usage
    assert read_streamed([reported], tier) == usage


@given(st.integers(1, 500), st.lists(st.integers(1, 50), min_size=1, max_size=6), st.booleans())
def test_usage_that_a_stream_repeats_is_counted_once(prompt: int, steps: list[int], reasons: bool) -> None:
    """Some servers say on every chunk what was spent so far: 50 and 20 tokens must not become 220."""
    usages, completion = [], 0
    for step in steps:
        completion += step
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "cost": completion / 1e6,
        }
        usage["total_tokens"] = prompt + completion
        usage["completion_tokens_details"] = {"reasoning_tokens": completion // 2 if reasons else None}
        usages.append(usage)
    assert read_streamed(usages) == read_whole(usages[-1])


def test_reasoning_beside_the_completion_is_counted() -> None:
    """As xAI counts: 32 + 9 + 94 tokens are 135, of which a sum without the reasoning would be 41."""
    details = {"completion_tokens_details": {"reasoning_tokens": 94}}
    usage = read_whole({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, **details})
    assert (usage.thinking, usage.answer, usage.total, usage.estimated) == (94, 9, 135, ())


@pytest.mark.parametrize("tier", ["flex", "priority"])
def test_the_cache_of_a_service_tier_is_counted_and_priced(tier: str) -> None:
    details = {
        "prompt_tokens_details": {"cached_tokens": 1500},
        "completion_tokens_details": {"reasoning_tokens": 9},
    }
    usage = read_whole({"prompt_tokens": 2000, "completion_tokens": 100, "total_tokens": 2100, **details}, tier)
    assert (usage.cached, usage.thinking, usage.estimated) == (1500, 9, ())
    standard = Prices().compute_cost("openai:gpt-5", Usage(prompt=2000, cached=1500, answer=100))
    cost = add_cost(usage, "openai:gpt-5", Prices()).cost
    assert cost == pytest.approx((standard or 0) * (0.5 if tier == "flex" else 2))


def test_cache_writes_of_anthropic_are_counted_by_how_long_they_stay() -> None:
    details = {
        "cache_read": 10,
        "cache_creation": 0,
        "ephemeral_5m_input_tokens": 30,
        "ephemeral_1h_input_tokens": 50,
    }
    reported = {"input_tokens": 100, "output_tokens": 5, "total_tokens": 105, "input_token_details": details}
    message = AIMessage("x", usage_metadata=reported, response_metadata={"stop_reason": "end_turn"})
    found = read_reported_usage(message)
    assert (found.prompt, found.cached, found.written, found.written_1h) == (100, 10, 80, 50)
