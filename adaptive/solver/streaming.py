"""Attempts on token engines as LangChain messages, while they are made.

LangGraph's `stream_mode="messages"` and v3's `run.messages` show what chat models say. A token engine is none,
so an attempt is told to the callbacks of its node as one: a run with a message of its own, its thinking as a
reasoning block and its answer as a text block. An attempt that goes on with a chain tells what it adds to it.
Verifiers are not told.

Which attempt a token belongs to is in its metadata, and in the message's id (`make_message_id`). The message that
the graph returns has the id of the kept attempt: a reader that has its tokens does not get it twice, and a reader
that shows messages by their id replaces them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult
from langchain_core.runnables.config import ensure_config, get_async_callback_manager_for_config

from adaptive.types.events import Event, OnEvent

BLOCK_TYPES = {"thinking": "reasoning", "wait": "reasoning", "answer": "text"}
"""The content block that the text of an event belongs to."""


def make_message_id(solve: str, attempt: int) -> str:
    """The id of the message of an attempt, the same where it is made again in another process."""
    return f"adaptive-{solve}-{attempt}"


class MessageStream:
    """Tells one run's callbacks its tokens, in their order, from a task of its own: events come from where nothing
    can be awaited.

    Both ways: as chunks (`on_llm_new_token`) for v1 and v2, as protocol events (`on_stream_event`) for v3.
    LangGraph's handlers take the one or the other.
    """

    def __init__(self, run: AsyncCallbackManagerForLLMRun, id: str, about: dict[str, Any]) -> None:
        self._run, self._id, self._about = run, id, about
        # Of every chunk; texts would be joined to one where chunks are added up, so they come with the last.
        self._each = {key: value for key, value in about.items() if not isinstance(value, str)}
        self._pieces: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
        self._index, self._text = -1, ""
        self._kind = ""

    def handle_event(self, event: Event) -> None:
        """An event of the attempt; those without text of the model are for others."""
        if (kind := BLOCK_TYPES.get(event["event"])) and event["text"]:
            self._pieces.put_nowait((kind, event["text"]))

    def close(self) -> None:
        """Nothing more comes."""
        self._pieces.put_nowait(None)

    async def send_events(self) -> None:
        """Tell what was seen, until it is closed."""
        # LangGraph 1.2 reads `make_message_id`, the protocol's own name is `id`.
        await self._send_event("message-start", id=self._id, message_id=self._id, role="ai", metadata=self._about)
        while (piece := await self._pieces.get()) is not None:
            await self._send_piece(*piece)
        await self._end_block()

    async def finish(self, message: AIMessage) -> None:
        """The whole message, with its usage."""
        usage, metadata = message.usage_metadata, message.response_metadata
        await self._send_chunk([], chunk_position="last", usage_metadata=usage, response_metadata=metadata)
        await self._send_event("message-finish", usage=usage, metadata=metadata)
        await self._run.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]))

    async def _send_piece(self, kind: str, text: str) -> None:
        if kind != self._kind:
            await self._end_block()
            self._kind, self._text, self._index = kind, "", self._index + 1
            await self._send_event("content-block-start", index=self._index, content=_make_block(kind, ""))
        self._text += text
        await self._send_chunk([{**_make_block(kind, text), "index": self._index}], response_metadata=self._each)
        delta = {**_make_block(kind, text), "type": f"{kind}-delta"}
        await self._send_event("content-block-delta", index=self._index, delta=delta)

    async def _end_block(self) -> None:
        if self._kind:
            content = _make_block(self._kind, self._text)
            await self._send_event("content-block-finish", index=self._index, content=content)

    async def _send_chunk(self, content: list[Any], **more: Any) -> None:
        chunk = ChatGenerationChunk(message=AIMessageChunk(content=content, id=self._id, **more))
        await self._run.on_llm_new_token(str(chunk.text), chunk=chunk)

    async def _send_event(self, event: str, **data: Any) -> None:
        told: Any = {"event": event, **data}  # one of the protocol's typed dicts
        await self._run.on_stream_event(told)


def _make_block(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, kind: text}


class AttemptListener:
    """Who is told of an attempt. see: its events. message: what it came to, set once it is known."""

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event
        self.message: AIMessage | None = None


@asynccontextmanager
async def stream_as_message(
    messages: Sequence[AnyMessage], write: OnEvent, *, name: str, id: str, about: dict[str, Any]
) -> AsyncIterator[AttemptListener]:
    """While an attempt is made: its events go to `write`, and to the callbacks of the node that it is made in.

    messages: what it is made from. name: the model. about: what tells it from other attempts, in the metadata of
    each token. Where nobody listens nothing is done.
    """
    manager = get_async_callback_manager_for_config(ensure_config())
    if not manager.handlers:
        yield AttemptListener(write)
        return
    manager.add_metadata(about, inherit=False)
    (run,) = await manager.on_chat_model_start({"name": name}, [list(messages)], name=name)
    stream = MessageStream(run, id, about)

    def see(event: Event) -> None:
        write(event)
        stream.handle_event(event)

    telling, pump = AttemptListener(see), asyncio.create_task(stream.send_events())
    try:
        yield telling
        stream.close()
        await pump
    except BaseException as error:
        pump.cancel()
        await run.on_llm_error(error)
        raise
    if telling.message is not None:
        await stream.finish(telling.message)
