"""Streams attempts as LangChain messages while they are made.

LangGraph's `stream_mode="messages"` and v3's `run.messages` show what chat models write. A token engine is none,
so an attempt is reported to its node's callbacks as one: a run with a message of its own, its thinking as a
reasoning block and its answer as a text block. An attempt that continues a chain streams what it adds. Verifiers
do not stream.

Which attempt a token belongs to is in its metadata, and in the message's id (`make_message_id`). The message that
the graph returns has the id of the kept attempt: a reader that has its tokens does not get it twice, and a reader
that shows messages by their id replaces them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult

from adaptive.solver.tracing import describe_model, get_callback_manager, is_stream_handler
from adaptive.types.events import Event, OnEvent

BLOCK_TYPES = {"thinking": "reasoning", "wait": "reasoning", "answer": "text"}
"""The content block that the text of an event belongs to."""


def make_message_id(solve: str, attempt: int) -> str:
    """Return the id of an attempt's message; it is the same if another process makes the attempt again."""
    return f"adaptive-{solve}-{attempt}"


class MessageStream:
    """Sends the tokens of one run to its callbacks, in order, from a task of its own: events come from code that
    cannot await.

    It sends both chunks (`on_llm_new_token`) for v1 and v2 and protocol events (`on_stream_event`) for v3;
    LangGraph's handlers take one of them.
    """

    def __init__(self, run: AsyncCallbackManagerForLLMRun, id: str, about: dict[str, Any]) -> None:
        self._run, self._id, self._about = run, id, about
        # Metadata of every chunk. Adding chunks up would join texts, so texts come with the last chunk only.
        self._each = {key: value for key, value in about.items() if not isinstance(value, str)}
        self._pieces: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
        self._index, self._text = -1, ""
        self._kind = ""

    def handle_event(self, event: Event) -> None:
        """Queue the text of an event; events without text of the model are ignored."""
        if (kind := BLOCK_TYPES.get(event["event"])) and event["text"]:
            self._pieces.put_nowait((kind, event["text"]))

    def close(self) -> None:
        """End the stream: no event follows."""
        self._pieces.put_nowait(None)

    async def send_events(self) -> None:
        """Send the queued texts until the stream is closed."""
        # LangGraph 1.2 reads `make_message_id`, the protocol's own name is `id`.
        await self._send_event("message-start", id=self._id, message_id=self._id, role="ai", metadata=self._about)
        while (piece := await self._pieces.get()) is not None:
            await self._send_piece(*piece)
        await self._end_block()

    async def finish(self, message: AIMessage) -> None:
        """Send the complete message, with its usage."""
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
        typed: Any = {"event": event, **data}  # one of the protocol's typed dicts
        await self._run.on_stream_event(typed)


def _make_block(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, kind: text}


class AttemptListener:
    """Listens to an attempt. on_event: takes its events. message: the finished attempt, set at its end."""

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event
        self.message: AIMessage | None = None


@asynccontextmanager
async def stream_as_message(
    messages: Sequence[AnyMessage],
    on_event: OnEvent,
    *,
    name: str,
    id: str,
    about: dict[str, Any],
    parameters: Mapping[str, Any] | None = None,
    traced: bool = True,
) -> AsyncIterator[AttemptListener]:
    """Send the events of an attempt to `on_event`, and its text to the callbacks of the node, while it is made.

    Args:
        messages: The messages that the model reads.
        on_event: The listener for events.
        name: The name of the model.
        id: The id of the message.
        about: Metadata of each token, which distinguishes this attempt from others.
        parameters: What the attempt is made with (temperature, ...), for tracers.
        traced: Whether tracers see the attempt too. If not, they see the calls that it makes (`tracing`).

    Yields:
        The listener for the attempt. Without callbacks it only passes events on.
    """
    manager = get_callback_manager()
    if not traced:
        manager.set_handlers([handler for handler in manager.handlers if is_stream_handler(handler)])
    if not manager.handlers:
        yield AttemptListener(on_event)
        return
    manager.add_metadata({**describe_model(name), **about}, inherit=False)
    (run,) = await manager.on_chat_model_start(
        {"name": name}, [list(messages)], name=name, invocation_params=dict(parameters or {})
    )
    stream = MessageStream(run, id, about)

    def send(event: Event) -> None:
        on_event(event)
        stream.handle_event(event)

    listener, pump = AttemptListener(send), asyncio.create_task(stream.send_events())
    try:
        yield listener
        stream.close()
        await pump
    except BaseException as error:
        pump.cancel()
        await run.on_llm_error(error)
        raise
    if listener.message is not None:
        await stream.finish(listener.message)
