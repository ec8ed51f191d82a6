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

from adaptive._util.redact import masked
from adaptive.chat.capabilities import fit, levels, taught
from adaptive.chat.errors import ChatError, explain, fault, retryable, wait, whole
from adaptive.chat.images import has_image, refused, refuses_images
from adaptive.chat.openai_compat import cut_form, keeping
from adaptive.chat.providers import Model, Settings, adapter_of, cap_in, standard_levels
from adaptive.chat.request import Ask
from adaptive.chat.response import Turn, estimated_tokens, read_turn
from adaptive.chat.streaming import Streamed
from adaptive.types.events import OnEvent, tell
from adaptive.types.ladder import Effort
from adaptive.types.usage import Usage

RETRIES = 3
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
        retries: int = RETRIES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._adapter = adapter_of(chat)
        self.chat = _counted(keeping(chat))
        self._model = _model_id(chat)
        self.name = masked(name or f"{self._adapter.provider or type(chat).__name__}:{self._model}")
        self._learned = taught(self.name)
        self._mapped: dict[str, None] = {}
        self._retries, self._sleep = retries, sleep

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts it takes as far as is known; empty where it has no such lever."""
        known = levels(self._adapter, self._model, self._profile, self._learned)
        if known or self._adapter.provider or self._learned.levels is not None:
            return known
        return standard_levels(self.chat)

    @property
    def images(self) -> bool:
        """Whether it takes images: yes, where neither its profile nor a refusal says no."""
        return self._learned.images and self._profile.get("image_inputs") is not False

    @property
    def largest_cap(self) -> int | None:
        """The most tokens of a completion that it gives; None where that is not known."""
        known = [n for n in (self._profile.get("max_output_tokens"), self._learned.largest) if n]
        return min(known, default=None)

    def settings(self, ask: Ask) -> dict[str, Any]:
        """The arguments of a call that asks for this."""
        return self._set(ask).call

    def notes(self) -> list[str]:
        """What was mapped to the nearest thing that the model can, in words."""
        return [f"{self.name}: {note}" for note in (*self._learned.notes, *self._mapped)]

    async def ask(self, messages: Sequence[AnyMessage], ask: Ask, on_event: OnEvent | None = None) -> Turn:
        """What the model makes of the messages; told to `on_event` as it comes, if given.

        Tried again where that may help, and without what the model refuses. The turn's usage holds what cut calls
        spent, estimated. Raises `InputError` for what the caller can mend and `ChatError` for the rest.
        """
        if has_image(messages) and not self.images:
            raise refused(self.name)
        call = _Call(self, messages, on_event)
        while True:
            settings = self._set(ask)
            try:
                return await call.tried(settings)
            except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
                if fault(error) == "refusal":
                    return call.refusal(error)
                if not self._learns(error, settings, messages):
                    # Not `from error`: what it says may hold a key, and a traceback would show it.
                    raise call.spent_by(explain(error, self.name)) from None

    async def call(self, messages: Sequence[AnyMessage], arguments: Mapping[str, Any]) -> Turn:
        """What one call with these arguments of the provider's brings, tried again where that may help.

        A refusal that comes as an error is a turn too, and so is a structured answer that the cap cut. Raises what
        the provider raises.
        """
        call = _Call(self, messages, None)
        try:
            return await call.tried(Settings(dict(arguments), {"cap": cap_in(arguments) or 0}))
        except Exception as error:
            if fault(error) == "refusal":
                return call.refusal(error)
            if (message := cut_form(error)) is not None:
                return call.counted(read_turn(message))
            raise

    @property
    def _profile(self) -> Mapping[str, Any]:
        return self.chat.profile or {}

    def _set(self, ask: Ask) -> Settings:
        effort, ask = fit(ask.effort, self.efforts), self._within(ask)
        if effort != ask.effort:
            self._mapped[f"effort {ask.effort} is not one that it takes: {effort} is used"] = None
        left_out = frozenset(self._learned.refused)
        model = Model(self.chat, self._model, self._profile, self.efforts, left_out, self.largest_cap)
        settings = self._adapter.settings(model, replace(ask, effort=effort))
        self._mapped |= dict.fromkeys(settings.notes)
        return settings

    def _within(self, ask: Ask) -> Ask:
        """The ask within the longest completion that the model gives; it is the thinking that is shortened."""
        over = ask.cap - (self.largest_cap or ask.cap)
        if over <= 0:
            return ask
        fits = replace(ask, cap=ask.cap - over, budget=max(0, ask.budget - over))
        self._mapped[f"a completion of {ask.cap} tokens is more than it gives: {fits.cap} are asked for"] = None
        return fits

    def _learns(self, error: Exception, settings: Settings, messages: Sequence[AnyMessage]) -> bool:
        """Whether the refusal of a request taught something, so that it is worth asking again."""
        if fault(error) != "request":
            return False
        if has_image(messages) and refuses_images(whole(error)):
            self._learned.images = False
            raise refused(self.name) from None
        return self._learned.learn(whole(error), settings.sent, self.efforts)


class _Call:
    """One call until it succeeds: every try, and what the failed ones spent."""

    def __init__(self, model: ChatModel, messages: Sequence[AnyMessage], on_event: OnEvent | None) -> None:
        self._model, self._messages, self._on_event = model, list(messages), on_event
        self._lost: Usage | None = None
        self._begun = time.perf_counter()

    async def tried(self, settings: Settings) -> Turn:
        """The turn, from as many tries as it takes."""
        tries = AsyncRetrying(
            retry=retry_if_exception(retryable),
            wait=wait,
            stop=stop_after_attempt(1 + self._model._retries),
            sleep=self._model._sleep,
            before_sleep=self._note,
            reraise=True,
        )
        turn: Turn = await tries(self._once, settings)
        return turn

    async def _once(self, settings: Settings) -> Turn:
        long = self._model._adapter.long
        if self._on_event is None and not (long and settings.sent.get("cap", 0) > long):
            message = await self._model.chat.ainvoke(self._messages, **settings.call)
        else:
            message = await self._streamed(settings)
        return self.counted(read_turn(message))

    async def _streamed(self, settings: Settings) -> AIMessage:
        stream = Streamed(self._on_event)
        try:
            async for chunk in self._model.chat.astream(self._messages, **settings.call):
                stream.add(chunk)
            return stream.message(says_end=self._model._adapter.says_end)
        except Exception:
            if stream.spent:
                self._lose(read_turn(stream.partial()))
            raise

    def _note(self, state: RetryCallState) -> None:
        """Tell the watcher that the call is made again: what it was told of a cut one comes again."""
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        if error is not None:
            what = str(explain(error, self._model.name)).rpartition(": ")[0]
            tell(self._on_event, "note", text=f"{what}: it is asked again in {seconds:g} s")

    def counted(self, turn: Turn) -> Turn:
        """The turn with all the time it took, what was lost before it, and a prompt estimated if not counted."""
        usage = self._prompted(turn.usage)
        usage = usage if self._lost is None else usage + self._lost
        return replace(turn, usage=replace(usage, seconds=time.perf_counter() - self._begun))

    def _prompted(self, usage: Usage) -> Usage:
        if "prompt" not in usage.estimated:
            return usage
        return replace(usage, prompt=estimated_tokens("".join(str(m.text) for m in self._messages)))

    def _lose(self, cut: Turn) -> None:
        usage = self._prompted(cut.usage)
        usage = replace(usage, estimated=("answer", "prompt", "thinking"))
        self._lost = usage if self._lost is None else self._lost + usage

    def refusal(self, error: Exception) -> Turn:
        """The turn of a refusal that came as an error."""
        message = getattr(error, "raw_message", None)
        if isinstance(message, AIMessage):
            return self.counted(replace(read_turn(message), finish="refusal"))
        said = "The provider's content filter refused the request."
        return self.counted(replace(read_turn(AIMessage("")), finish="refusal", text=said))

    def spent_by(self, error: Exception) -> Exception:
        """The error with what was spent until then."""
        if isinstance(error, ChatError) and self._lost is not None:
            error.usage = self._lost
        return error


def _counted(chat: BaseChatModel) -> BaseChatModel:
    """The model, reporting its usage in streams too: ChatOpenAI leaves it out at other addresses."""
    if "stream_usage" in type(chat).model_fields and getattr(chat, "stream_usage", None) is None:
        return chat.model_copy(update={"stream_usage": True})
    return chat


def _model_id(chat: BaseChatModel) -> str:
    """The model as its provider names it."""
    fields = ("model_name", "model", "model_id", "deployment_name", "azure_deployment")
    found = next((v for f in fields if isinstance(v := getattr(chat, f, None), str) and v), chat._llm_type)
    return found.removeprefix("models/")
