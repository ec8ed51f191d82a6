"""What an adapter of a provider does: the settings of a call become arguments of LangChain's class.

The plain adapter serves every provider without one of its own (`adaptive.chat.providers`). It sends LangChain's
standard parameters, as far as the model's class names them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.levels import name_levels
from adaptive.chat.request import ChatRequest
from adaptive.types.ladder import Effort

CAP_ARGUMENTS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict", "options"})
"""Arguments by which providers take a completion cap."""

STANDARD_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")
"""Efforts that a model with an effort setting takes if nothing else is known."""

SWITCH_EFFORTS: tuple[Effort, ...] = ("none", "medium")
"""Efforts of a model that thinks or does not: `medium` stands for its thinking."""

EffortFamilies = tuple[tuple[str, tuple[Effort, ...]], ...]
"""Efforts by a pattern of the model's name; the first that is found counts."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model when a call is made.

    Attributes:
        chat: The chat model.
        name: Its name at its provider.
        profile: LangChain's profile of it; may be empty.
        efforts: Efforts that it takes.
        refused: Parameters that it does not take.
        largest_cap: Tokens of its longest completion; None if unknown.
    """

    chat: BaseChatModel
    name: str
    profile: Mapping[str, Any]
    efforts: Sequence[Effort]
    refused: frozenset[str] = frozenset()
    largest_cap: int | None = None

    def limit_cap(self, cap: int) -> int:
        """Return a completion cap within the longest completion."""
        return cap if self.largest_cap is None else min(cap, self.largest_cap)

    def get_level(self, effort: Effort) -> str:
        """Return the name of an effort at its provider."""
        return name_levels(self.profile.get("reasoning_effort_levels") or ()).get(effort, effort)


@dataclass
class CallArguments:
    """Arguments of a call; `sent` is the part of the request that they hold, `notes` say what was mapped."""

    arguments: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, value: Any, **arguments: Any) -> None:
        """Send `value` of the request as these arguments."""
        self.sent[what] = value
        self.arguments |= arguments


@dataclass(frozen=True)
class ProviderAdapter:
    """The plain adapter: LangChain's standard parameters, as far as the model's class names them.

    Attributes:
        provider: Its name in model specs; "" for the plain adapter.
        reports_finish: Whether every complete answer says how it ended, so that one that does not was cut off.
        can_disable_thinking: Whether the provider has a switch for thinking beside the efforts.
        stream_above: Completion cap above which the provider wants a stream; None if it never does.
        drops_cache: Whether a call at another effort finds nothing of the conversation in the provider's prompt
            cache, as its documentation says.
        caches_unasked: Whether it caches a whole prompt unasked, before it reports anything of that.
        families: Efforts of models whose profile names none.
    """

    provider: str = ""
    reports_finish: bool = False
    can_disable_thinking: bool = False
    stream_above: int | None = None
    drops_cache: bool = False
    caches_unasked: bool = False
    families: EffortFamilies = ()

    def list_efforts(self, chat: BaseChatModel, model: str, profile: Mapping[str, Any]) -> tuple[Effort, ...]:
        """Return the efforts of a model that thinks: those of its profile, else those of its family."""
        if named := profile.get("reasoning_effort_levels"):
            return tuple(name_levels(named))
        return next((efforts for pattern, efforts in self.families if re.search(pattern, model)), ())

    def can_disable(self, model: str) -> bool:
        """Whether the thinking of a model can be switched off even if no effort `none` is named."""
        return self.can_disable_thinking

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Whether the provider never leaves thinking in the text of a reply."""
        return False

    def prepare_chat(self, chat: BaseChatModel) -> BaseChatModel:
        """Return the model so that the arguments of a call win over its own settings; a plain call keeps those."""
        return chat

    def select_interface(
        self, chat: BaseChatModel, *, has_tools: bool, needs_responses: bool | None
    ) -> BaseChatModel:
        """Return the model on the interface of its provider that its calls need.

        Args:
            chat: The model.
            has_tools: Whether the calls have tools.
            needs_responses: What a refusal taught of OpenAI's two interfaces; None if there was none.
        """
        return chat

    def name_interface(self, chat: BaseChatModel, *, has_tools: bool) -> str:
        """Return the name of the interface that calls take; "" if the provider has one only."""
        return ""

    def show_thinking(self, chat: BaseChatModel, *, thinks: bool) -> tuple[BaseChatModel, str]:
        """Return a model that shows its thinking, as far as its provider does, and a note on it; "" for none.

        Args:
            chat: The model.
            thinks: Whether it takes any effort.
        """
        return chat, ""

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; `request` holds only what the model takes."""
        call, parameters = CallArguments(), _list_parameters(type(model.chat))
        if "max_tokens" in parameters and request.cap is not None:
            call.add("cap", request.cap, max_tokens=request.cap)
        if model.efforts and not request.is_plain:
            call.add("effort", request.effort, **self._build_effort(model, request.effort))
        for name in ("temperature", "seed"):
            self._add_sampling(call, model, request, name, supported=name in parameters)
        return call

    def _build_effort(self, model: ModelInfo, effort: Effort) -> dict[str, Any]:
        """Return the arguments of an effort: LangChain's standard parameter."""
        return {"reasoning_effort": model.get_level(effort)}

    def _add_sampling(
        self, call: CallArguments, model: ModelInfo, request: ChatRequest, name: str, *, supported: bool = True
    ) -> None:
        value = getattr(request, name)
        if value is None or name in model.refused:
            return
        if supported and model.profile.get(name) is not False:
            call.add(name, value, **{name: value})
        else:
            call.notes.append(f"it takes no {name}: {value} is not used")


@dataclass(frozen=True)
class _PlainAdapter(ProviderAdapter):
    """A model of no known provider."""

    def list_efforts(self, chat: BaseChatModel, model: str, profile: Mapping[str, Any]) -> tuple[Effort, ...]:
        """Return the efforts of its profile, else the standard ones if its class has LangChain's parameter."""
        known = super().list_efforts(chat, model, profile)
        return known or (STANDARD_EFFORTS if "reasoning_effort" in _list_parameters(type(chat)) else ())


PLAIN_ADAPTER = _PlainAdapter()


def find_cap(arguments: Mapping[str, Any]) -> int | None:
    """Return the completion cap among a call's arguments; None if there is none."""
    return min((v for name, v in arguments.items() if name in CAP_ARGUMENTS and isinstance(v, int)), default=None)


@lru_cache(maxsize=256)
def _list_parameters(kind: type[BaseChatModel]) -> frozenset[str]:
    """Return the parameters that a model's class names: its fields, and arguments of a call.

    Kept, because an agent asks at each call: reading signatures took a third of the middleware's own time.
    """
    calls = (kind._generate, kind._agenerate, kind._stream, kind._astream)
    arguments = {name for call in calls for name in inspect.signature(call).parameters}
    return frozenset(arguments | set(kind.model_fields))
