"""What is told of a stream as it comes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk

from adaptive.chat.errors import CutStreamError
from adaptive.chat.response import read_response
from adaptive.chat.streaming import StreamedMessage

pytestmark = pytest.mark.crossed

TEXTS = st.sampled_from(
    [
        "<think>tens</think>\n\n73",
        "<think>first the",
        "73",
        "<thi",
        " ",
        "\n<think>a</think> b </think> c",
        "47+26\n</think>\n\n73",
        "[THINK]47+26[/THINK]73",
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>73",
    ]
)


@given(TEXTS, st.data())
def test_however_it_is_cut_the_same_is_told(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)) | {0, len(text)})
    told: list[dict[str, Any]] = []
    stream = StreamedMessage(told.append)
    for start, end in pairwise(cuts):
        stream.add(AIMessageChunk(text[start:end]))
    turn = read_response(stream.build_message(reports_finish=False))
    assert said(told, "thinking") == turn.thinking
    assert said(told, "answer") == turn.text


def said(told: list[dict[str, Any]], kind: str) -> str:
    return "".join(event["text"] for event in told if event["event"] == kind)


def test_text_is_told_at_once_if_it_is_known_how_the_reply_begins() -> None:
    for opened, kind in ((False, "answer"), (True, "thinking")):
        told: list[dict[str, Any]] = []
        StreamedMessage(told.append, opened=opened).add(AIMessageChunk("47"))
        assert said(told, kind) == "47"


def test_text_after_thinking_of_its_own_field_is_told_at_once() -> None:
    told: list[dict[str, Any]] = []
    stream = StreamedMessage(told.append)
    stream.add(AIMessageChunk("", additional_kwargs={"reasoning_content": "47+26"}))
    stream.add(AIMessageChunk("7"))
    assert (said(told, "thinking"), said(told, "answer")) == ("47+26", "7")


def test_a_stream_without_an_end() -> None:
    stream = StreamedMessage(None)
    with pytest.raises(CutStreamError):
        stream.build_message(reports_finish=False)
    stream.add(AIMessageChunk("7"))
    with pytest.raises(CutStreamError):
        stream.build_message(reports_finish=True)
    assert stream.build_message(reports_finish=False).text == "7"
    stream.add(AIMessageChunk("", response_metadata={"finish_reason": "stop"}))
    assert stream.build_message(reports_finish=True).text == "7"
    assert type(stream.build_partial()) is AIMessage
