"""One request solved: the pieces of its reply as they come, whatever protocol they are sent in.

The solver is behind `ChatAdaptive`: conversations, tools, forms and images mean here what they mean there, and so
do the usage and the end of the last chunk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from langchain_core.messages import AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.ai import UsageMetadata

from adaptive.agents.chat_model import ChatAdaptive
from adaptive.chat.response import ResponseFinish, classify_finish
from adaptive.errors import AdaptiveError
from adaptive.serve.answer_form import AnswerForm, bind_form
from adaptive.solver.build import find_solver
from adaptive.types.options import SEED_LIMIT
from adaptive.types.result import Result
from adaptive.types.usage import Usage

NO_TOKENS = UsageMetadata(input_tokens=0, output_tokens=0, total_tokens=0)


@dataclass(frozen=True)
class SolveRequest:
    """What a client wants, in no protocol's words.

    Args:
        model: The name of a served model.
        messages: The conversation.
        options: Options of the solve by name, as in `adaptive.SolverContext`.
        stops: Strings before the first of which the text is cut.
        tools: Tools in the format of OpenAI's chat completions.
        tool_choice: "auto", "any", or the name of a tool.
        form: The form of the answer; None: text.
        stream: Whether pieces are sent as they come.
        wants_result: Whether the reply has the whole result.
        choices: How many answers the reply has. Each is a solve of its own, with the next seed.
        check: The name of the check that decides; None for the model's own.
    """

    model: str
    messages: Sequence[BaseMessage]
    options: Mapping[str, Any]
    stops: Sequence[str] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str | None = None
    form: AnswerForm | None = None
    stream: bool = False
    wants_result: bool = False
    choices: int = 1
    check: str | None = None


@dataclass(frozen=True)
class TextPiece:
    """Some text of the reply. block: counts the texts of thinking, one for each attempt of a choice, from 0."""

    kind: Literal["reasoning", "text"]
    text: str
    block: int = 0
    choice: int = 0


@dataclass(frozen=True)
class LastPiece:
    """The end of a choice.

    Args:
        finish: How it ended.
        usage: The usage of the whole solve.
        tool_calls: Calls of tools.
        stop: The stop string that cut the text.
        report: The result object of a solve, or the report of an agent's step (a call with tools or a form).
        choice: Its index.
    """

    finish: ResponseFinish
    usage: UsageMetadata
    tool_calls: Sequence[ToolCall] = ()
    stop: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    choice: int = 0

    @property
    def result(self) -> Result | None:
        """The result of a solve; None for a step."""
        return Result.of(self.report) if "kept_because" in self.report else None


async def stream_pieces(
    chat: ChatAdaptive, request: SolveRequest, on_spent: Callable[[Usage], None]
) -> AsyncGenerator[TextPiece | LastPiece, None]:
    """Yield the pieces of a reply: choices come one after the other, and the last piece of each is a `LastPiece`.

    Cancelling the task that reads stops the solve.

    Closing the generator stops it a moment later: LangChain leaves the generator in its own to the collector.

    Args:
        chat: The solver of the model.
        request: What is wanted.
        on_spent: Is sent what each solve spent, at its end, also if it is stopped or fails.

    Raises:
        InputError: The request is not possible.
        ApiError: A form is wanted of a model without structured output.
        AdaptiveError: The solve failed.
        NotImplementedError: Tools are wanted of a model on a token engine.
    """
    # In a thread, because an engine on a server is asked, once, whether it has guided decoding.
    bound = await asyncio.to_thread(_bind, chat.model_copy(update={"on_spent": on_spent}), request)
    for choice in range(request.choices):
        options = {**request.options, **({"seed": _choose_seed(chat, request, choice)} if choice else {})}
        chunks = bound.astream(list(request.messages), stop=list(request.stops), **options)
        places: list[object] = []
        async with aclosing(cast("AsyncGenerator[AIMessageChunk, None]", chunks)) as open_chunks:
            async for chunk in open_chunks:
                for piece in _read_chunk(chunk, places, request.form):
                    yield replace(piece, choice=choice)


def _choose_seed(chat: ChatAdaptive, request: SolveRequest, choice: int) -> int:
    """Return the seed of a choice after the first, whose solve has found the seed of the request possible."""
    solver = find_solver(chat.solver)
    first = request.options.get("seed", solver.options.seed if solver else 0)
    return int((first + choice) % SEED_LIMIT)


def _bind(chat: ChatAdaptive, request: SolveRequest) -> Any:
    if request.form is not None:
        return bind_form(chat, request.form)
    if request.tools:
        return chat.bind_tools([dict(tool) for tool in request.tools], tool_choice=request.tool_choice)
    return chat


def _read_chunk(
    chunk: AIMessageChunk, places: list[object], form: AnswerForm | None
) -> Iterator[TextPiece | LastPiece]:
    """Yield the pieces of a chunk; `places` are the indices of the thinking's blocks so far."""
    for block in chunk.content_blocks:
        if block["type"] == "reasoning" and (text := block.get("reasoning")):
            if not places or places[-1] != block.get("index"):
                places.append(block.get("index"))
            yield TextPiece("reasoning", text, len(places) - 1)
        elif block["type"] == "text" and block["text"]:
            yield TextPiece("text", block["text"])
    if chunk.chunk_position == "last":
        yield from _read_end(chunk, form)


def _read_end(chunk: AIMessageChunk, form: AnswerForm | None) -> list[TextPiece | LastPiece]:
    """Return the last piece, after the text of a structured answer that came as the call of a tool."""
    metadata, report = chunk.response_metadata, chunk.response_metadata.get("adaptive", {})
    finish, calls = classify_finish(chunk), chunk.tool_calls
    text: list[TextPiece] = []
    if form is not None and report.get("status") == "failed":
        raise AdaptiveError("no structured answer: the model's text is no whole JSON, or the provider failed.")
    if form is not None and calls:
        text, calls, finish = [TextPiece("text", json.dumps(calls[0]["args"]))], [], "stop"
    last = LastPiece(finish, chunk.usage_metadata or NO_TOKENS, calls, metadata.get("stop_sequence"), report)
    return [*text, last]
