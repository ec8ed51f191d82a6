"""A chat model with levers, whoever hosts it: what a call is given, and the call itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from adaptive._util.redact import redact_address
from adaptive.chat.capabilities import fit_effort, get_capabilities, resolve_efforts
from adaptive.chat.errors import (
    ChatError,
    choose_wait,
    classify_error,
    explain_error,
    is_retryable,
    read_error_text,
)
from adaptive.chat.images import has_image, is_image_refusal, make_image_error
from adaptive.chat.openai_compat import keep_reasoning, recover_cut_message
from adaptive.chat.providers import CallArguments, ModelInfo, find_adapter, find_cap, list_standard_efforts
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse, estimate_tokens, read_response
from adaptive.chat.streaming import StreamedMessage
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.ladder import Effort
from adaptive.types.usage import Usage

DEFAULT_RETRIES = 3
"""How often a call is made again, where failures may pass by themselves."""

Sleep = Callable[[float], Awaitable[None]]


class ChatModel:
    """A chat model of any provider.

    name: the model spec, without a key or password; `None` reads it off the model. retries: how often a call is
    made again where its failure may pass by itself. sleep: what waits between two tries. What the model refuses
    (an effort, a temperature) is remembered by its name while the process lives, and is not asked of it again.
    """

    def __init__(
        self,
        chat: BaseChatModel,
        name: str | None = None,
        *,
        retries: int = DEFAULT_RETRIES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._adapter = find_adapter(chat)
        self.chat = _enable_stream_usage(keep_reasoning(chat))
        self._model = _read_model_id(chat)
        self.name = redact_address(name or f"{self._adapter.provider or type(chat).__name__}:{self._model}")
        self._capabilities = get_capabilities(self.name)
        self._mapped: dict[str, None] = {}
        self._retries, self._sleep = retries, sleep

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts it takes as far as is known; empty where it has no such lever."""
        known = resolve_efforts(self._adapter, self._model, self._profile, self._capabilities)
        if known or self._adapter.provider or self._capabilities.efforts is not None:
            return known
        return list_standard_efforts(self.chat)

    @property
    def takes_images(self) -> bool:
        """Whether it takes images: yes, where neither its profile nor a refusal says no."""
        return self._capabilities.takes_images and self._profile.get("image_inputs") is not False

    @property
    def largest_cap(self) -> int | None:
        """The most tokens of a completion that it gives; None where that is not known."""
        known = [n for n in (self._profile.get("max_output_tokens"), self._capabilities.largest_cap) if n]
        return min(known, default=None)

    def build_arguments(self, request: ChatRequest) -> dict[str, Any]:
        """The arguments of a call that asks for this."""
        return self._map_request(request).arguments

    def notes(self) -> list[str]:
        """What was mapped to the nearest thing that the model can, in words."""
        return [f"{self.name}: {note}" for note in (*self._capabilities.notes, *self._mapped)]

    async def ask(
        self, messages: Sequence[AnyMessage], request: ChatRequest, on_event: OnEvent | None = None
    ) -> ChatResponse:
        """What the model makes of the messages; told to `on_event` as it comes, if given.

        Tried again where that may help, and without what the model refuses. The turn's usage holds what cut calls
        spent, estimated. Raises `InputError` for what the caller can mend and `ChatError` for the rest.
        """
        if has_image(messages) and not self.takes_images:
            raise make_image_error(self.name)
        call = _RetriedCall(self, messages, on_event)
        while True:
            settings = self._map_request(request)
            try:
                return await call.run(settings)
            except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
                if classify_error(error) == "refusal":
                    return call.read_refusal(error)
                if not self._learn_from_error(error, settings, messages):
                    # Not `from error`: what it says may hold a key, and a traceback would show it.
                    raise call.attach_lost_usage(explain_error(error, self.name)) from None

    async def call(self, messages: Sequence[AnyMessage], arguments: Mapping[str, Any]) -> ChatResponse:
        """What one call with these arguments of the provider's brings, tried again where that may help.

        A refusal that comes as an error is a turn too, and so is a structured answer that the cap cut. Raises what
        the provider raises.
        """
        call = _RetriedCall(self, messages, None)
        try:
            return await call.run(CallArguments(dict(arguments), {"cap": find_cap(arguments) or 0}))
        except Exception as error:
            if classify_error(error) == "refusal":
                return call.read_refusal(error)
            if (message := recover_cut_message(error)) is not None:
                return call.complete_usage(read_response(message))
            raise

    @property
    def _profile(self) -> Mapping[str, Any]:
        return self.chat.profile or {}

    def _map_request(self, request: ChatRequest) -> CallArguments:
        effort, request = fit_effort(request.effort, self.efforts), self._limit_request(request)
        if effort != request.effort:
            self._mapped[f"effort {request.effort} is not one that it takes: {effort} is used"] = None
        left_out = frozenset(self._capabilities.refused)
        model = ModelInfo(self.chat, self._model, self._profile, self.efforts, left_out, self.largest_cap)
        settings = self._adapter.build_arguments(model, replace(request, effort=effort))
        self._mapped |= dict.fromkeys(settings.notes)
        return settings

    def _limit_request(self, request: ChatRequest) -> ChatRequest:
        """The ask within the longest completion that the model gives; it is the thinking that is shortened."""
        over = request.cap - (self.largest_cap or request.cap)
        if over <= 0:
            return request
        fits = replace(request, cap=request.cap - over, budget=max(0, request.budget - over))
        self._mapped[f"a completion of {request.cap} tokens is more than it gives: {fits.cap} are asked for"] = (
            None
        )
        return fits

    def _learn_from_error(self, error: Exception, settings: CallArguments, messages: Sequence[AnyMessage]) -> bool:
        """Whether the refusal of a request taught something, so that it is worth asking again."""
        if classify_error(error) != "request":
            return False
        if has_image(messages) and is_image_refusal(read_error_text(error)):
            self._capabilities.takes_images = False
            raise make_image_error(self.name) from None
        return self._capabilities.learn(read_error_text(error), settings.sent, self.efforts)


class _RetriedCall:
    """One call until it succeeds: every try, and what the failed ones spent."""

    def __init__(self, model: ChatModel, messages: Sequence[AnyMessage], on_event: OnEvent | None) -> None:
        self._model, self._messages, self._on_event = model, list(messages), on_event
        self._lost_usage: Usage | None = None
        self._started_at = time.perf_counter()

    async def run(self, settings: CallArguments) -> ChatResponse:
        """The turn, from as many tries as it takes."""
        tries = AsyncRetrying(
            retry=retry_if_exception(is_retryable),
            wait=choose_wait,
            stop=stop_after_attempt(1 + self._model._retries),
            sleep=self._model._sleep,
            before_sleep=self._note_retry,
            reraise=True,
        )
        turn: ChatResponse = await tries(self._try_once, settings)
        return turn

    async def _try_once(self, settings: CallArguments) -> ChatResponse:
        long = self._model._adapter.stream_above
        if self._on_event is None and not (long and settings.sent.get("cap", 0) > long):
            message = await self._model.chat.ainvoke(self._messages, **settings.arguments)
        else:
            message = await self._stream(settings)
        return self.complete_usage(read_response(message))

    async def _stream(self, settings: CallArguments) -> AIMessage:
        stream = StreamedMessage(self._on_event)
        try:
            async for chunk in self._model.chat.astream(self._messages, **settings.arguments):
                stream.add(chunk)
            return stream.build_message(reports_finish=self._model._adapter.reports_finish)
        except Exception:
            if stream.has_chunks:
                self._add_lost_usage(read_response(stream.build_partial()))
            raise

    def _note_retry(self, state: RetryCallState) -> None:
        """Tell the watcher that the call is made again: what it was told of a cut one comes again."""
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        if error is not None:
            what = str(explain_error(error, self._model.name)).rpartition(": ")[0]
            emit_event(self._on_event, "note", text=f"{what}: it is asked again in {seconds:g} s")

    def complete_usage(self, response: ChatResponse) -> ChatResponse:
        """The turn with all the time it took, what was lost before it, and a prompt estimated if not counted."""
        usage = self._estimate_prompt(response.usage)
        usage = usage if self._lost_usage is None else usage + self._lost_usage
        return replace(response, usage=replace(usage, seconds=time.perf_counter() - self._started_at))

    def _estimate_prompt(self, usage: Usage) -> Usage:
        if "prompt" not in usage.estimated:
            return usage
        return replace(usage, prompt=estimate_tokens("".join(str(m.text) for m in self._messages)))

    def _add_lost_usage(self, response: ChatResponse) -> None:
        usage = self._estimate_prompt(response.usage)
        usage = replace(usage, estimated=("answer", "prompt", "thinking"))
        self._lost_usage = usage if self._lost_usage is None else self._lost_usage + usage

    def read_refusal(self, error: Exception) -> ChatResponse:
        """The turn of a refusal that came as an error."""
        message = getattr(error, "raw_message", None)
        if isinstance(message, AIMessage):
            return self.complete_usage(replace(read_response(message), finish="refusal"))
        said = "The provider's content filter refused the request."
        return self.complete_usage(replace(read_response(AIMessage("")), finish="refusal", text=said))

    def attach_lost_usage(self, error: Exception) -> Exception:
        """The error with what was spent until then."""
        if isinstance(error, ChatError) and self._lost_usage is not None:
            error.usage = self._lost_usage
        return error


def _enable_stream_usage(chat: BaseChatModel) -> BaseChatModel:
    """The model, reporting its usage in streams too: ChatOpenAI leaves it out at other addresses."""
    if "stream_usage" in type(chat).model_fields and getattr(chat, "stream_usage", None) is None:
        return chat.model_copy(update={"stream_usage": True})
    return chat


def _read_model_id(chat: BaseChatModel) -> str:
    """The model as its provider names it."""
    fields = ("model_name", "model", "model_id", "deployment_name", "azure_deployment")
    found = next((v for f in fields if isinstance(v := getattr(chat, f, None), str) and v), chat._llm_type)
    return found.removeprefix("models/")
