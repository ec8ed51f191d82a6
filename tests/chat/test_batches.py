"""Replies of a batch that are not what they should be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from adaptive.chat.call_transport import WireReply
from adaptive.chat.openai_batches import OpenAIBatches
from adaptive.errors import AdaptiveError

GOOD = b'{"custom_id": "t-0", "response": {"status_code": 200, "body": {"id": 1}}}'


async def read_replies(content: bytes) -> list[tuple[int, WireReply]]:
    async def retrieve(_: str) -> Any:
        return SimpleNamespace(output_file_id="file", error_file_id=None)

    async def read_content(_: str) -> Any:
        return SimpleNamespace(content=content)

    batches = OpenAIBatches.__new__(OpenAIBatches)
    batches._name = "openai:o4-mini"
    batches._client = SimpleNamespace(
        batches=SimpleNamespace(retrieve=retrieve), files=SimpleNamespace(content=read_content)
    )
    return [one async for one in batches.read_replies("batch", "t")]


async def test_replies_are_read_and_those_of_another_batch_are_not() -> None:
    other = GOOD.replace(b"t-0", b"u-0")
    assert await read_replies(b"\n".join([GOOD, other, b""])) == [(0, WireReply(200, {"id": 1}))]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"7",
        b"\xff",
        b"[" * 99_999,
        b"{}",
        b'{"custom_id": 7}',
        b'{"custom_id": "t-0", "response": 7}',
        GOOD.replace(b"200", b'"x"'),
    ],
)
async def test_a_damaged_reply_is_one_sentence(line: bytes) -> None:
    with pytest.raises(AdaptiveError) as caught:
        await read_replies(GOOD + b"\n" + line)
    assert str(caught.value) == (
        "openai:o4-mini: a reply of its batch cannot be read: run the command again, or without --batch."
    )
