"""A chat model of any provider: its settings, and calls of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage

from adaptive._util.redact import redact_address
from adaptive.chat.adapter import CallArguments, ModelInfo, find_cap, list_standard_efforts
from adaptive.chat.capabilities import fit_effort, get_capabilities, resolve_efforts
from adaptive.chat.error_details import read_error_text
from adaptive.chat.errors import classify_error
from adaptive.chat.images import has_image, is_image_refusal, make_image_error
from adaptive.chat.openai_compat import keep_reasoning, recover_cut_message
from adaptive.chat.providers import find_adapter
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse, read_response
from adaptive.chat.retried_call import RetriedCall, Sleep
from adaptive.types.events import OnEvent
from adaptive.types.ladder import Effort

DEFAULT_RETRIES = 3
"""How often a call is made again if its failure may pass by itself."""


class ChatModel:
    """A chat model of any provider.

    What the model refuses (an effort, a temperature) is remembered by its name while the process lives, and is not
    sent to it again.

    Args:
        chat: LangChain's chat model.
        name: The model spec, without a key or password; by default it is read off the model.
        retries: How often a call is made again if its failure may pass by itself.
        sleep: Waits between two tries.
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
        self._mapping_notes: dict[str, None] = {}
        self._retries, self._sleep = retries, sleep

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts that it takes, as far as is known; empty if it has no such setting."""
        efforts = resolve_efforts(self._adapter, self._model, self._profile, self._capabilities)
        if efforts or self._adapter.provider or self._capabilities.efforts is not None:
            return efforts
        return list_standard_efforts(self.chat)

    @property
    def takes_images(self) -> bool:
        """Whether it takes images: yes, unless its profile or a refusal says no."""
        return self._capabilities.takes_images and self._profile.get("image_inputs") is not False

    @property
    def largest_cap(self) -> int | None:
        """The most tokens of its completions; None if unknown."""
        caps = [n for n in (self._profile.get("max_output_tokens"), self._capabilities.largest_cap) if n]
        return min(caps, default=None)

    @property
    def _profile(self) -> Mapping[str, Any]:
        return self.chat.profile or {}

    def build_arguments(self, request: ChatRequest) -> dict[str, Any]:
        """Return the arguments of a call for a request, each mapped to the nearest value that the model takes."""
        return self._map_request(request).arguments

    def notes(self) -> list[str]:
        """Return what was mapped to the nearest value that the model takes, in words."""
        return [f"{self.name}: {note}" for note in (*self._capabilities.notes, *self._mapping_notes)]

    async def ask(
        self, messages: Sequence[AnyMessage], request: ChatRequest, on_event: OnEvent | None = None
    ) -> ChatResponse:
        """Call the model; again if a failure may pass, and without a setting that it refuses.

        Args:
            messages: The conversation.
            request: The settings of the call.
            on_event: Is sent thinking and answer as they come, if given.

        Returns:
            The response; its usage includes what cut tries spent, estimated.

        Raises:
            InputError: The caller can mend it.
            ChatError: Anything else that the provider raises.
        """
        if has_image(messages) and not self.takes_images:
            raise make_image_error(self.name)
        call = self._start_call(messages, on_event)
        while True:
            arguments = self._map_request(request)
            try:
                return await call.run(arguments)
            except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
                if classify_error(error) == "refusal":
                    return call.read_refusal(error)
                if not self._learn_from_error(error, arguments, messages):
                    # Not `from error`: its text may hold a key, and a traceback would show it.
                    raise call.explain(error) from None

    async def call(self, messages: Sequence[AnyMessage], arguments: Mapping[str, Any]) -> ChatResponse:
        """Call the model with arguments of its provider; again if a failure may pass.

        A refusal that comes as an error is a response too, and so is a structured answer that the cap cut. Raises
        what the provider raises.
        """
        call = self._start_call(messages, None)
        try:
            return await call.run(CallArguments(dict(arguments), {"cap": find_cap(arguments) or 0}))
        except Exception as error:
            if classify_error(error) == "refusal":
                return call.read_refusal(error)
            if (message := recover_cut_message(error)) is not None:
                return call.complete_usage(read_response(message))
            raise

    def _start_call(self, messages: Sequence[AnyMessage], on_event: OnEvent | None) -> RetriedCall:
        return RetriedCall(
            self.chat,
            self.name,
            self._adapter,
            messages,
            on_event,
            self._capabilities,
            retries=self._retries,
            sleep=self._sleep,
        )

    def _map_request(self, request: ChatRequest) -> CallArguments:
        effort, request = fit_effort(request.effort, self.efforts), self._limit_request(request)
        if effort != request.effort:
            self._mapping_notes[f"effort {request.effort} is not one that it takes: {effort} is used"] = None
        refused = frozenset(self._capabilities.refused)
        model = ModelInfo(self.chat, self._model, self._profile, self.efforts, refused, self.largest_cap)
        call = self._adapter.build_arguments(model, replace(request, effort=effort))
        self._mapping_notes |= dict.fromkeys(call.notes)
        return call

    def _limit_request(self, request: ChatRequest) -> ChatRequest:
        """Return the request within the model's longest completion; thinking gives way, not the answer."""
        if request.cap is None:
            return request
        excess = request.cap - (self.largest_cap or request.cap)
        if excess <= 0:
            return request
        cap = request.cap - excess
        self._mapping_notes[f"a completion of {request.cap} tokens is more than it gives: {cap} are asked for"] = (
            None
        )
        return replace(request, cap=cap, budget=max(0, request.budget - excess))

    def _learn_from_error(self, error: Exception, call: CallArguments, messages: Sequence[AnyMessage]) -> bool:
        """Whether the refusal of a request taught something, so that another request makes sense."""
        if classify_error(error) != "request":
            return False
        text = read_error_text(error)
        if has_image(messages) and is_image_refusal(text):
            self._capabilities.takes_images = False
            raise make_image_error(self.name) from None
        return self._capabilities.learn(text, call.sent, self.efforts)


def _enable_stream_usage(chat: BaseChatModel) -> BaseChatModel:
    """Return the model with usage in streams too: ChatOpenAI leaves it out at other addresses than OpenAI's."""
    if "stream_usage" in type(chat).model_fields and getattr(chat, "stream_usage", None) is None:
        return chat.model_copy(update={"stream_usage": True})
    return chat


def _read_model_id(chat: BaseChatModel) -> str:
    """Return the model's name at its provider."""
    fields = ("model_name", "model", "model_id", "deployment_name", "azure_deployment")
    values = (getattr(chat, field, None) for field in fields)
    name = next((value for value in values if isinstance(value, str) and value), chat._llm_type)
    return name.removeprefix("models/")
