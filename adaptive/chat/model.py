"""A chat model of any provider: its settings, and calls of it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage

from adaptive._util.redact import redact_address
from adaptive.chat.adapter import CAP_ARGUMENTS, CallArguments, ModelInfo, find_cap
from adaptive.chat.capabilities import CallKind, Capabilities, fit_effort, get_capabilities, resolve_efforts
from adaptive.chat.context_window import estimate_room, read_window_refusal
from adaptive.chat.error_details import read_error_text
from adaptive.chat.errors import FailedCallError, UnusableModelError, classify_error
from adaptive.chat.images import has_image, is_image_refusal, make_image_error
from adaptive.chat.levels import list_unnamed
from adaptive.chat.openai_compat import keep_reasoning, recover_cut_message
from adaptive.chat.providers import find_adapter
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse, estimate_prompt, read_response
from adaptive.chat.retried_call import RetriedCall, Sleep
from adaptive.types.events import OnEvent
from adaptive.types.ladder import Effort

DEFAULT_RETRIES = 3
"""How often a call is made again if its failure may pass by itself."""

_ADDRESS_FIELDS = (
    "openai_api_base", "azure_endpoint", "anthropic_api_url", "groq_api_base", "api_base", "base_url", "endpoint",
    "endpoint_url",
)  # fmt: skip
"""What LangChain's classes call the address of the server."""


class ChatModel:
    """A chat model of any provider.

    What the model refuses (an effort, a temperature) is remembered by its name and address while the process
    lives, and is not sent again in calls of the same kind (`CallKind`).

    Args:
        chat: LangChain's chat model.
        name: The model spec, without a key or password; by default it is read off the model.
        has_tools: Whether its calls have tools.
        shows_thinking: Whether the provider is asked to show the thinking, if it does so for the asking.
        retries: How often a call is made again if its failure may pass by itself.
        sleep: Waits between two tries.
    """

    def __init__(
        self,
        chat: BaseChatModel,
        name: str | None = None,
        *,
        has_tools: bool = False,
        shows_thinking: bool = False,
        retries: int = DEFAULT_RETRIES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._adapter = find_adapter(chat)
        self._own_chat = self._adapter.prepare_chat(_enable_stream_usage(keep_reasoning(chat)))
        self._has_tools = has_tools
        self._model, self._address = _read_model_id(chat), _read_address(chat)
        self.name = redact_address(name or f"{self._adapter.provider or type(chat).__name__}:{self._model}")
        self._mapping_notes = dict.fromkeys(
            f"its level {level} is not used: it is beyond our names for efforts"
            for level in list_unnamed(self._profile.get("reasoning_effort_levels") or ())
        )
        if shows_thinking:
            self._own_chat, note = self._adapter.show_thinking(self._own_chat, thinks=bool(self.efforts))
            self._mapping_notes |= dict.fromkeys([note] if note else [])
        self._retries, self._sleep = retries, sleep

    def with_tools(self) -> ChatModel:
        """Return the model for calls that have tools."""
        model = copy.copy(self)
        model._has_tools = True
        return model

    def route_calls(self, chat: BaseChatModel) -> ChatModel:
        """Return this model with each of its calls made once and whole, by a copy of its chat model.

        Args:
            chat: The copy, which has another way to the provider.
        """
        model = copy.copy(self)
        model._own_chat, model._retries = chat, 0
        model._adapter = replace(self._adapter, stream_above=None)
        return model

    @property
    def chat(self) -> BaseChatModel:
        """LangChain's chat model, on the interface of its provider that its calls need."""
        return self._adapter.select_interface(
            self._own_chat, has_tools=self._has_tools, needs_responses=self._own_capabilities.needs_responses
        )

    @property
    def _own_capabilities(self) -> Capabilities:
        """What calls on the interface that the user chose have taught."""
        return self._get_capabilities(self._own_chat)

    @property
    def _capabilities(self) -> Capabilities:
        return self._get_capabilities(self.chat)

    def _get_capabilities(self, chat: BaseChatModel) -> Capabilities:
        interface = self._adapter.name_interface(chat, has_tools=self._has_tools)
        return get_capabilities(CallKind(self.name, interface, self._has_tools, self._address))

    @property
    def provider(self) -> str:
        """The name of its provider in model specs; "" if there is no adapter for it."""
        return self._adapter.provider

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts that it takes, as far as is known; empty if it has no such setting."""
        return resolve_efforts(self._adapter, self._own_chat, self._model, self._profile, self._capabilities)

    @property
    def drops_cache(self) -> bool:
        """Whether a call at another effort finds nothing of the conversation in the provider's prompt cache."""
        return self._adapter.drops_cache

    @property
    def caches_unasked(self) -> bool:
        """Whether the provider caches a whole prompt unasked, before it reports anything of that."""
        return self._adapter.caches_unasked

    @property
    def takes_images(self) -> bool:
        """Whether it takes images: yes, unless its profile or a refusal says no."""
        return self._capabilities.takes_images and self._profile.get("image_inputs") is not False

    @property
    def largest_cap(self) -> int | None:
        """The most tokens of its completions; None if unknown."""
        learned = self._capabilities
        return _find_least(self._profile.get("max_output_tokens"), learned.largest_cap, learned.window)

    def find_largest_cap(self, prompt: int) -> int | None:
        """Return the most tokens of a completion after a prompt of so many tokens; None if unknown."""
        return _find_least(self.largest_cap, estimate_room(self._capabilities.window, prompt))

    @property
    def own_cap(self) -> int | None:
        """The most tokens of a completion that is set on the model itself; None if nothing is set."""
        return find_cap({name: getattr(self.chat, name, None) for name in CAP_ARGUMENTS})

    @property
    def _profile(self) -> Mapping[str, Any]:
        return self._own_chat.profile or {}

    def build_call(self, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call for a request, each mapped to the nearest value that the model takes.

        Raises:
            UnusableModelError: The model lacks the effort of an exact request.
        """
        return self._map_request(request)

    def build_arguments(self, request: ChatRequest) -> dict[str, Any]:
        """Return the arguments of `build_call` alone."""
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
        request = replace(request, room=estimate_room(self._capabilities.window, estimate_prompt(messages)))
        while True:
            arguments = self._map_request(request)
            try:
                response = await call.run(arguments)
            except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
                if classify_error(error) == "refusal":
                    return call.read_refusal(error)
                self._check_image_refusal(error, messages)
                if not self.learn_from_error(error, arguments.sent):
                    # Not `from error`: its text may hold a key, and a traceback would show it.
                    raise call.explain(error) from None
                call.chat, request = self.chat, fit_to_window(request, error)
            else:
                self.confirm(arguments.sent)
                return response

    async def call(self, messages: Sequence[AnyMessage], arguments: Mapping[str, Any]) -> ChatResponse:
        """Call the model with arguments of its provider; again if a failure may pass.

        A refusal that comes as an error is a response too, and so is a structured answer that the cap cut. Raises
        what the provider raises, as a `FailedCallError` if failed tries have spent something.
        """
        call = self._start_call(messages, None)
        try:
            return await call.run(CallArguments(dict(arguments), {"cap": find_cap(arguments) or 0}))
        except Exception as error:
            if classify_error(error) == "refusal":
                return call.read_refusal(error)
            if (message := recover_cut_message(error)) is not None:
                return call.complete_usage(read_response(message))
            if call.lost_usage is not None:
                raise FailedCallError(error, call.lost_usage) from None
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
            if request.exact:
                known = ", ".join(self.efforts)
                raise UnusableModelError(
                    f"{self.name} does not take the effort {request.effort}: name some of {known}."
                )
            self._mapping_notes[f"effort {request.effort} is not one that it takes: {effort} is used"] = None
        refused = frozenset(self._capabilities.refused)
        largest = _find_least(self.largest_cap, request.room)
        model = ModelInfo(self.chat, self._model, self._profile, self.efforts, refused, largest)
        call = self._adapter.build_arguments(model, replace(request, effort=effort))
        self._mapping_notes |= dict.fromkeys(call.notes)
        return call

    def _limit_request(self, request: ChatRequest) -> ChatRequest:
        """Return the request within the model's longest completion; thinking gives way, not the answer."""
        if request.cap is None:
            return request
        cap = min(request.cap, self.largest_cap or request.cap)
        if cap < request.cap:
            note = f"a completion of {request.cap} tokens is more than it gives: {cap} are asked for"
            self._mapping_notes[note] = None
        cap = min(cap, request.room or cap)
        return replace(request, cap=cap, budget=max(0, request.budget - (request.cap - cap)))

    def learn_from_error(self, error: Exception, sent: Mapping[str, object]) -> bool:
        """Learn from a refused request.

        Args:
            error: What the call raised.
            sent: The settings that were sent, by our names for them.

        Returns:
            Whether anything was learned, so that another request makes sense.
        """
        kind, text = classify_error(error), read_error_text(error)
        if kind in ("request", "context") and self._capabilities.learn_context(text, sent):
            return True
        if kind not in ("request", "model"):
            return False
        if self._learn_interface(text, is_missing=kind == "model"):
            return True
        return kind == "request" and self._capabilities.learn(text, sent, self.efforts)

    def _learn_interface(self, text: str, *, is_missing: bool) -> bool:
        """Whether an error taught that calls need the other interface of the provider, and they can take it."""
        own, before = self._own_capabilities, self._capabilities
        own.learn_interface(text, is_missing=is_missing and before is not own)
        return self._capabilities is not before

    def confirm(self, sent: Mapping[str, object]) -> None:
        """Forget refusals of settings that were sent and taken."""
        self._capabilities.confirm(sent)

    def _check_image_refusal(self, error: Exception, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` if the request was refused because of its image."""
        if classify_error(error) != "request" or not has_image(messages):
            return
        if is_image_refusal(read_error_text(error)):
            self._capabilities.takes_images = False
            raise make_image_error(self.name) from None


def fit_to_window(request: ChatRequest, error: Exception) -> ChatRequest:
    """Return a refused request with the room that its refusal says the context window leaves, if it does."""
    refusal = read_window_refusal(read_error_text(error))
    return request if refusal is None else replace(request, room=refusal.room)


def _find_least(*limits: int | None) -> int | None:
    """Return the least of the limits that are known; None if none is."""
    return min((limit for limit in limits if limit), default=None)


def _enable_stream_usage(chat: BaseChatModel) -> BaseChatModel:
    """Return the model with usage in streams too: ChatOpenAI leaves it out at other addresses than OpenAI's."""
    if "stream_usage" in type(chat).model_fields and getattr(chat, "stream_usage", None) is None:
        return chat.model_copy(update={"stream_usage": True})
    return chat


def _read_address(chat: BaseChatModel) -> str:
    """Return the address of its server that is set on a model; "" if none is."""
    values = (getattr(chat, field, None) for field in _ADDRESS_FIELDS)
    return next((value for value in values if isinstance(value, str) and value), "")


def _read_model_id(chat: BaseChatModel) -> str:
    """Return the model's name at its provider."""
    fields = ("model_name", "model", "model_id", "deployment_name", "azure_deployment")
    values = (getattr(chat, field, None) for field in fields)
    name = next((value for value in values if isinstance(value, str) and value), chat._llm_type)
    return name.removeprefix("models/")
