"""One call of a chat model until it succeeds: every try, and what the failed ones spent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from adaptive.chat.adapter import CallArguments, ProviderAdapter
from adaptive.chat.capabilities import Capabilities
from adaptive.chat.errors import (
    PAID_ERRORS,
    UnfinishedReplyError,
    UnreadableReplyError,
    choose_wait,
    classify_error,
    explain_error,
    find_error_reply,
    is_retryable,
)
from adaptive.chat.limited_clients import close_replies
from adaptive.chat.response import ChatResponse, estimate_prompt, read_finish_reason, read_response
from adaptive.chat.streaming import StreamedMessage
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.usage import Usage

Sleep = Callable[[float], Awaitable[None]]


@dataclass
class RetriedCall:
    """One call, with all its tries.

    Attributes:
        chat: The chat model.
        name: The model's name in error sentences.
        adapter: The adapter of its provider.
        messages: What it is called with.
        on_event: Is sent thinking and answer as they come, if given; the call is then streamed.
        capabilities: What the model has taught: how its replies begin.
        retries: How often a call is made again if its failure may pass by itself.
        sleep: Waits between two tries.
        lost_usage: What failed tries have spent; None if nothing.
    """

    chat: BaseChatModel
    name: str
    adapter: ProviderAdapter
    messages: Sequence[AnyMessage]
    on_event: OnEvent | None
    capabilities: Capabilities
    retries: int
    sleep: Sleep
    lost_usage: Usage | None = None
    _useless: int = 0
    _started_at: float = field(default_factory=time.perf_counter)

    async def run(self, call: CallArguments) -> ChatResponse:
        """Return the response, after as many tries as it takes. Raises what the last try raises."""
        tries = AsyncRetrying(
            retry=retry_if_exception(is_retryable),
            wait=choose_wait,
            stop=self._should_stop,
            sleep=self.sleep,
            before_sleep=self._note_retry,
            reraise=True,
        )
        response: ChatResponse = await tries(self._try_once, call)
        return response

    async def _try_once(self, call: CallArguments) -> ChatResponse:
        async with close_replies() as replies:
            try:
                return await self._read_once(call)
            except Exception as error:
                reply = find_error_reply(error, replies[-1].beginning) if replies else None
                if reply is None:
                    raise
                raise reply from None

    async def _read_once(self, call: CallArguments) -> ChatResponse:
        limit = self.adapter.stream_above
        cap = call.sent.get("cap") or getattr(self.chat, "max_tokens", None) or 0
        if self.on_event is None and not (limit and cap > limit):
            message = await self.chat.ainvoke(list(self.messages), **call.arguments)
        else:
            message = await self._stream(call)
        response = read_response(message, opened=self.capabilities.opened)
        if response.opened is not None:
            self.capabilities.beginnings.add(response.opened)
        if response.finish == "failed":
            self._raise_unfinished(response)
        return self.complete_usage(response)

    def _raise_unfinished(self, response: ChatResponse) -> NoReturn:
        """Raise the error of a reply that failed; if it reports no usage either, there was no answer in it."""
        reason = read_finish_reason(response.message)
        if not reason and response.message.usage_metadata is None:
            raise UnreadableReplyError("a reply without an answer, a finish reason and usage")
        self._add_lost_usage(response.usage)
        raise UnfinishedReplyError(f'finish reason "{reason}"' if reason else "no finish reason")

    def _should_stop(self, state: RetryCallState) -> bool:
        """Whether there were enough tries, or two answers were paid that are of no use."""
        error = state.outcome.exception() if state.outcome else None
        self._useless += error is not None and classify_error(error) in PAID_ERRORS
        return state.attempt_number > self.retries or self._useless > 1

    async def _stream(self, call: CallArguments) -> AIMessage:
        opened = False if self.adapter.separates_thinking(self.chat) else self.capabilities.opened
        stream = StreamedMessage(self.on_event, opened=opened)
        try:
            async for chunk in self.chat.astream(list(self.messages), **call.arguments):
                stream.add(chunk)
            return stream.build_message(reports_finish=self.adapter.reports_finish)
        except Exception:
            if stream.has_content:
                usage = read_response(stream.build_partial()).usage
                self._add_lost_usage(replace(usage, estimated=("answer", "prompt", "thinking")))
            raise

    def _note_retry(self, state: RetryCallState) -> None:
        """Emit that the call is made again, since what was emitted of a cut one comes again."""
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        if error is not None:
            what = str(explain_error(error, self.name)).rpartition(": ")[0]
            emit_event(self.on_event, "note", text=f"{what}: it is asked again in {seconds:g} s")

    def complete_usage(self, response: ChatResponse) -> ChatResponse:
        """Return the response with the usage of all tries and the time since the first."""
        usage = self._estimate_prompt(response.usage)
        usage = usage if self.lost_usage is None else usage + self.lost_usage
        return replace(response, usage=replace(usage, seconds=time.perf_counter() - self._started_at))

    def _estimate_prompt(self, usage: Usage) -> Usage:
        if "prompt" not in usage.estimated:
            return usage
        return replace(usage, prompt=estimate_prompt(self.messages))

    def _add_lost_usage(self, usage: Usage) -> None:
        lost = self._estimate_prompt(usage)
        self.lost_usage = lost if self.lost_usage is None else self.lost_usage + lost

    def read_refusal(self, error: Exception) -> ChatResponse:
        """Return the response of a refusal that came as an error."""
        message = getattr(error, "raw_message", None)
        if isinstance(message, AIMessage):
            return self.complete_usage(replace(read_response(message), finish="refusal"))
        text = "The provider's content filter refused the request."
        return self.complete_usage(replace(read_response(AIMessage("")), finish="refusal", text=text))

    def explain(self, error: Exception) -> Exception:
        """Return an error of the call as one sentence, with the usage of its failed tries."""
        return explain_error(error, self.name, self.lost_usage)
