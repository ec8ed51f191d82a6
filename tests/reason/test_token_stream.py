"""Ids turned into text as they come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive._util.thinking_tags import split_thinking
from adaptive.reason import token_stream
from adaptive.reason.token_stream import AnswerEvents, TextStreamer
from tests.support.scripted import STOP, ByteCodec, says

CODEC = ByteCodec()


class SentencePieceCodec(ByteCodec):
    """Drops the space that a text starts with, as SentencePiece decoders do."""

    def decode(self, ids: Any) -> str:
        return super().decode(ids).removeprefix(" ")


def told(ids: tuple[int, ...], before: tuple[int, ...] = (), codec: ByteCodec = CODEC) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    stream = TextStreamer(codec, "thinking", events.append, before)
    for token in ids:
        stream(token)
    stream.flush()
    return events


@given(st.text(), st.text(max_size=12))
def test_deltas_add_up_to_the_text_and_split_no_character(text: str, before: str) -> None:
    events = told(says(text), says(before))
    assert "".join(e["text"] for e in events) == text
    assert sum(e["tokens"] for e in events) == len(says(text))
    assert "\ufffd" in text or all("\ufffd" not in e["text"] for e in events)


def test_a_character_is_told_when_it_is_whole() -> None:
    assert [e["text"] for e in told(says("aπ🙂"))] == ["a", "π", "🙂"]


def test_an_unfinished_character_is_told_at_the_end() -> None:
    assert [e["text"] for e in told(says("🙂")[:2])] == ["\ufffd"]


def test_markers_add_no_text() -> None:
    assert [e["text"] for e in told((*says("a"), STOP, *says("b")))] == ["a", "b"]


def test_spaces_between_words_survive_a_decoder_that_strips() -> None:
    ids = (*says(" one"), *says(" two"), *says(" three"))
    assert "".join(e["text"] for e in told(ids, says("Say:"), SentencePieceCodec())) == " one two three"


def test_nobody_watching_costs_nothing() -> None:
    stream = TextStreamer(CODEC, "answer", None, says("before"))
    assert stream.on_token is None
    stream.flush()


async def test_text_that_comes_fast_is_emitted_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(token_stream, "monotonic", lambda: now)
    monkeypatch.setattr(token_stream, "CHUNK_SECONDS", 1.0)
    events: list[dict[str, Any]] = []
    stream = TextStreamer(CODEC, "thinking", events.append, ())
    for second, text in enumerate(["abc", "def", "π!"]):
        now = 100.0 + second
        for token in says(text):
            stream(token)
    assert [e["text"] for e in events] == ["a", "bcd"]  # after the third second's first byte no character is whole
    stream.flush()
    assert [(e["text"], e["tokens"]) for e in events] == [("a", 1), ("bcd", 3), ("efπ!", 5)]


async def test_text_is_emitted_in_time_when_nothing_more_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_stream, "CHUNK_SECONDS", 0.01)
    texts: asyncio.Queue[str] = asyncio.Queue()
    stream = TextStreamer(CODEC, "thinking", lambda event: texts.put_nowait(event["text"]), ())
    for token in says("abc"):
        stream(token)
    assert await texts.get() + await texts.get() == "abc"  # without a flush
    stream(says("d")[0])
    stream(says("e")[0])
    stream.flush()
    await asyncio.sleep(0.05)
    assert [texts.get_nowait() for _ in range(texts.qsize())] in (["d", "e"], ["de"])  # and nothing twice


@given(st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "a", " ", "\n", "π", "7"]), max_size=9))
def test_thinking_in_tags_is_told_as_thinking_with_every_token(pieces: list[str]) -> None:
    ids, events = says("".join(pieces)), list[dict[str, Any]]()
    relay = AnswerEvents(events.append)
    stream = TextStreamer(CODEC, "answer", relay, ())
    for token in ids:
        stream(token)
    stream.flush()
    relay.flush()
    told = tuple("".join(e["text"] for e in events if e["event"] == kind) for kind in ("thinking", "answer"))
    assert told == split_thinking("".join(pieces), opened=False)
    assert sum(e["tokens"] for e in events) == len(ids)


def test_other_events_pass() -> None:
    events: list[dict[str, Any]] = []
    relay = AnswerEvents(events.append)
    relay({"event": "thinking", "text": "<think>", "tokens": 7})
    AnswerEvents(None)({"event": "answer", "text": "7", "tokens": 1})
    assert events == [{"event": "thinking", "text": "<think>", "tokens": 7}]
