"""What is tried after a starved call: bounded by the limits, and the cheaper of what may do."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.reason.starvation import Recovery, ThinkingMemory
from adaptive.types.ladder import EFFORTS, Effort, parse_attempt_effort, rank_effort
from adaptive.types.usage import Usage

ALL: tuple[Effort, ...] = ("low", "medium", "high")


def starved(thinking: int, answer: int = 0) -> ChatResponse:
    return ChatResponse(AIMessage(""), "", "", "length", Usage(thinking=thinking, answer=answer))


def test_a_lower_effort_takes_fewer_tokens_than_a_larger_cap() -> None:
    retry = Recovery().plan_retry(ChatRequest("high", 3000, 4000), starved(4000), Usage(thinking=4000), ALL)
    assert isinstance(retry, ChatRequest)
    assert (retry.effort, retry.cap) == ("low", 4000)  # medium may well take the whole cap again


def test_the_lowest_effort_can_only_have_a_larger_cap() -> None:
    retry = Recovery().plan_retry(ChatRequest("low", 3000, 4000), starved(4000), Usage(thinking=4000), ALL)
    assert isinstance(retry, ChatRequest)
    assert (retry.effort, retry.cap) == ("low", 16_000)


def test_what_calls_spent_before_says_which_effort_fits() -> None:
    memory = ThinkingMemory()
    memory.add("medium", 3900)
    memory.add("low", 200)
    retry = Recovery(memory).plan_retry(ChatRequest("high", 3000, 4000), starved(4000), Usage(thinking=4000), ALL)
    assert isinstance(retry, ChatRequest)
    assert (retry.effort, retry.cap) == ("low", 4000)


def test_a_larger_cap_is_learned_from_what_was_spent() -> None:
    memory = ThinkingMemory()
    memory.add("low", 20_000)
    retry = Recovery(memory).plan_retry(ChatRequest("low", 3000, 4000), starved(4000), Usage(thinking=4000), ALL)
    assert isinstance(retry, ChatRequest)
    assert retry.cap >= 20_000 * 1.25


def test_an_answer_that_is_too_long_is_not_mended_by_thinking_less() -> None:
    retry = Recovery().plan_retry(ChatRequest("high", 3000, 4000), starved(100, 3900), Usage(answer=3900), ALL)
    assert isinstance(retry, ChatRequest)
    assert (retry.effort, retry.cap > 4000) == ("high", True)


def test_without_room_the_settings_that_would_do_are_named() -> None:
    advice = Recovery(left=4000).plan_retry(
        ChatRequest("high", 3000, 4000), starved(4000), Usage(thinking=4000), ALL
    )
    assert advice == "effort high with a cap of 16000 tokens, or effort low with a cap of 4000 tokens"


@given(
    effort=st.sampled_from(EFFORTS[1:]),
    cap=st.integers(1, 10_000),
    largest=st.none() | st.integers(1, 50_000),
    efforts=st.sets(st.sampled_from(EFFORTS)),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_no_setting_is_tried_or_advised_that_has_just_starved(
    effort: Effort, cap: int, largest: int | None, efforts: set[Effort], shares: list[float]
) -> None:
    recovery, ask = Recovery(largest=largest), ChatRequest(effort, cap // 2, cap)
    for share in shares:
        assert ask.cap is not None
        turn = starved(int(share * ask.cap), ask.cap - int(share * ask.cap))
        recovery = recovery.with_starved(ask, turn)
        for name, room in re.findall(
            r"effort (\w+) with a cap of (\d+)", recovery.advise(ask, turn, tuple(efforts))
        ):
            rank = rank_effort(parse_attempt_effort(name))
            for call in recovery.starved:
                assert rank < rank_effort(parse_attempt_effort(call.effort)) or int(room) > call.cap
        retry = recovery.plan_retry(ask, turn, turn.usage, tuple(efforts))
        if isinstance(retry, str):
            return
        ask = retry


@given(
    effort=st.sampled_from(EFFORTS[1:]),
    budget=st.integers(0, 10_000),
    room=st.integers(1, 5000),
    share=st.floats(0, 1),
    largest=st.none() | st.integers(1, 50_000),
    left=st.none() | st.integers(0, 50_000),
    pinned=st.booleans(),
    efforts=st.sets(st.sampled_from(EFFORTS)),
    seen=st.dictionaries(st.sampled_from(EFFORTS), st.integers(0, 30_000)),
)
def test_a_retry_stays_within_the_limits_and_changes_something(
    effort: Effort, budget: int, room: int, share: float, largest: int | None, left: int | None, pinned: bool,
    efforts: set[Effort], seen: dict[Effort, int],
) -> None:  # fmt: skip
    memory = ThinkingMemory()
    for name, tokens in seen.items():
        memory.add(name, tokens)
    ask = ChatRequest(effort, budget, budget + room)
    thinking = int(share * ask.cap)
    turn = starved(thinking, ask.cap - thinking)
    retry = Recovery(memory, largest, left, pinned=pinned).plan_retry(ask, turn, turn.usage, tuple(efforts))
    if isinstance(retry, str):
        return
    assert (retry.effort, retry.cap) != (ask.effort, ask.cap)
    assert retry.cap >= ask.cap
    lower = efforts & set(EFFORTS[: EFFORTS.index(effort)])
    assert retry.effort in {effort, *lower}
    assert largest is None or retry.cap <= max(largest, ask.cap)
    assert left is None or turn.usage.total < left
