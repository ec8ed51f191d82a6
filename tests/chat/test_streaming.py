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
        "",
        "\n<think>a</think> b </think> c",
    ]
)


@given(TEXTS, st.data())
def test_however_it_is_cut_the_same_is_told(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)) | {0, len(text)})
    told: list[dict[str, Any]] = []
    stream = StreamedMessage(told.append)
    for start, end in pairwise(cuts):
        stream.add(AIMessageChunk(text[start:end]))
    turn = read_response(stream.build_partial())
    for kind, whole in (("thinking", turn.thinking), ("answer", turn.text)):
        said = "".join(e["text"] for e in told if e["event"] == kind)
        assert whole.startswith(said)
        if "</think>" in text or "<" not in text:
            assert said == whole


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
