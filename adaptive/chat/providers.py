"""How each provider is told an effort, a thinking budget, a completion cap, a temperature and a seed.

The names are those of LangChain's integrations as arguments of a call. A provider that is not here gets the plain
adapter: LangChain's standard parameters, as far as the class names them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.request import ChatRequest
from adaptive.types.ladder import EFFORTS, Effort

CAP_ARGUMENTS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict", "options"})
"""Arguments by which providers take a completion cap."""


def find_cap(arguments: Mapping[str, Any]) -> int | None:
    """The completion cap among a call's arguments; None where there is none."""
    return min((v for name, v in arguments.items() if name in CAP_ARGUMENTS and isinstance(v, int)), default=None)


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model when a call is set.

    efforts: those it takes. refused: parameters that it does not take. most: tokens of its longest completion,
    None where that is not known.
    """

    chat: BaseChatModel
    name: str
    profile: Mapping[str, Any]
    efforts: Sequence[Effort]
    refused: frozenset[str] = frozenset()
    largest_cap: int | None = None

    def limit_cap(self, cap: int) -> int:
        """A completion cap within the longest completion."""
        return cap if self.largest_cap is None else min(cap, self.largest_cap)


@dataclass
class CallArguments:
    """Arguments of a call; `sent` is what of the ask they hold, by our names; `notes` what was mapped."""

    arguments: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, value: Any, **arguments: Any) -> None:
        """Send `value` of the ask as these arguments."""
        self.sent[what] = value
        self.arguments |= arguments


@dataclass(frozen=True)
class ProviderAdapter:
    """LangChain's standard parameters, as far as the class of the model names them.

    says_end: whether every complete answer says how it ended, so that one that does not was cut off. can_stop:
    whether thinking can be switched off where no effort `none` is named. long: completion caps from which the
    provider wants a stream; None where it does not.
    """

    provider: str = ""
    reports_finish: bool = False
    can_disable_thinking: bool = False
    stream_above: int | None = None

    def list_efforts(self, model: str) -> tuple[Effort, ...]:
        """The efforts of a model without a profile."""
        return ()

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """The arguments of a call; `ask` holds what the model takes."""
        made, takes = CallArguments(), _list_parameters(model.chat)
        if "max_tokens" in takes:
            made.add("cap", request.cap, max_tokens=request.cap)
        if model.efforts:
            made.add("effort", request.effort, reasoning_effort=request.effort)
        for name in ("temperature", "seed"):
            self._add_sampling(made, model, request, name, supported=name in takes)
        return made

    def _add_sampling(
        self,
        arguments: CallArguments,
        model: ModelInfo,
        request: ChatRequest,
        name: str,
        *,
        supported: bool = True,
    ) -> None:
        value = getattr(request, name)
        if value is None or name in model.refused:
            return
        if supported and model.profile.get(name) is not False:
            arguments.add(name, value, **{name: value})
        else:
            arguments.notes.append(f"it takes no {name}: {value} is not used")


@dataclass(frozen=True)
class OpenAIAdapter(ProviderAdapter):
    """OpenAI, Azure, and what speaks their format.

    The effort is `reasoning_effort` and not `reasoning`: that would switch to the Responses interface, for which
    LangChain translates it.
    """

    default_efforts: tuple[Effort, ...] = ("low", "medium", "high")
    cap_argument: str = "max_completion_tokens"

    def list_efforts(self, model: str) -> tuple[Effort, ...]:
        """Those of the o-series, which profiles leave out."""
        return self.default_efforts

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """The cap counts reasoning too."""
        made = CallArguments()
        made.add("cap", request.cap, **{self.cap_argument: request.cap})
        if model.efforts:
            made.add("effort", request.effort, reasoning_effort=request.effort)
        self._add_sampling(made, model, request, "temperature")
        self._add_sampling(made, model, request, "seed")
        return made


@dataclass(frozen=True)
class AnthropicAdapter(ProviderAdapter):
    """Claude: a thinking budget, an effort, or both, by generation. No seed.

    A budget has at least 1024 tokens and is smaller than the cap
    (docs.anthropic.com/en/docs/build-with-claude/extended-thinking). Models that name `xhigh` think adaptively and
    take an effort only.
    """

    least_budget: int = 1024

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Thinking is off where none is asked for, if it can be."""
        made, cap = CallArguments(), request.cap
        adaptive = "xhigh" in (model.profile.get("reasoning_effort_levels") or ())
        levels = [e for e in model.efforts if e != "none"]
        if adaptive and request.effort == "none" and "none" in model.efforts:
            made.add("effort", "none", thinking={"type": "disabled"})
        elif levels and request.effort != "none" and (adaptive or request.thinks):
            made.add("effort", request.effort, reasoning_effort=request.effort)
        if request.thinks and not adaptive and self._takes_budget(model):
            cap = self._add_budget(made, model, request)
        made.add("cap", cap, max_tokens=cap)
        self._add_sampling(made, model, request, "temperature")
        self._add_sampling(made, model, request, "seed", supported=False)
        return made

    def _takes_budget(self, model: ModelInfo) -> bool:
        return model.profile.get("reasoning_output") is not False and "budget" not in model.refused

    def _add_budget(self, arguments: CallArguments, model: ModelInfo, request: ChatRequest) -> int:
        """Send a budget; the cap that leaves the answer its room, and is larger than the budget."""
        budget = max(self.least_budget, model.limit_cap(request.budget + 1) - 1)
        if budget > request.budget:
            arguments.notes.append(f"a thinking budget of {request.budget} is too small: {budget} is used")
        arguments.add("budget", budget, thinking={"type": "enabled", "budget_tokens": budget})
        return max(model.limit_cap(request.cap + max(0, budget - request.budget)), budget + 1)


# Least and most thinking tokens, and whether thinking can be off (ai.google.dev/gemini-api/docs/thinking).
_GEMINI_BUDGETS: Mapping[str, tuple[int, int, bool]] = {
    "2.5-pro": (128, 32768, False),
    "2.5-flash-lite": (512, 24576, True),
    "2.5-flash": (1, 24576, True),
}


@dataclass(frozen=True)
class GeminiAdapter(ProviderAdapter):
    """Gemini: a thinking budget in generation 2.5, a level since 3; never both."""

    def list_efforts(self, model: str) -> tuple[Effort, ...]:
        """Those that every Gemini takes since 3; none before, where the budget counts."""
        return () if "gemini-2" in model or "gemini-1" in model else ("low", "high")

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """The cap counts thinking too; thoughts are asked for, as summaries."""
        made, cap = CallArguments(), request.cap
        if model.efforts:
            made.add("effort", request.effort, reasoning_effort=request.effort, include_thoughts=True)
        elif model.profile.get("reasoning_output", "gemini-2.5" in model.name) and "budget" not in model.refused:
            cap = model.limit_cap(self._add_budget(made, model, request))
        made.add("cap", cap, max_output_tokens=cap)
        self._add_sampling(made, model, request, "temperature")
        self._add_sampling(made, model, request, "seed")
        return made

    def _add_budget(self, arguments: CallArguments, model: ModelInfo, request: ChatRequest) -> int:
        """Send a budget; the cap that leaves the answer its room."""
        least, most, off = next((r for name, r in _GEMINI_BUDGETS.items() if name in model.name), (0, 32768, True))
        wanted = request.budget if request.thinks else 0
        budget = wanted if wanted == 0 and off else min(max(wanted, least), most)
        if budget != wanted:
            arguments.notes.append(f"it takes no thinking budget of {wanted}: {budget} is used")
        arguments.add("budget", budget, thinking_budget=budget, include_thoughts=budget > 0)
        return request.cap + max(0, budget - wanted)


_OLLAMA_OPTIONS = (
    "mirostat", "mirostat_eta", "mirostat_tau", "num_ctx", "num_gpu", "num_thread", "repeat_last_n",
    "repeat_penalty", "stop", "tfs_z", "top_k", "top_p", "temperature", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class OllamaAdapter(ProviderAdapter):
    """Ollama: thinking on or off, and for gpt-oss a level.

    The options of a call replace those of the model (langchain-ollama 1.1), so the model's are sent along.
    """

    def list_efforts(self, model: str) -> tuple[Effort, ...]:
        """Levels are told apart by gpt-oss alone."""
        return ("low", "medium", "high") if "gpt-oss" in model else ()

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """The cap counts thinking too."""
        made = CallArguments()
        own = {n: getattr(model.chat, n) for n in _OLLAMA_OPTIONS if getattr(model.chat, n, None) is not None}
        given = {n: getattr(request, n) for n in ("temperature", "seed") if getattr(request, n) is not None}
        made.add("cap", request.cap, options={**own, "num_predict": request.cap, **given})
        if "budget" not in model.refused:
            think = request.effort if model.efforts else request.thinks
            made.add("effort" if model.efforts else "budget", think, reasoning=think)
        return made


PLAIN_ADAPTER = ProviderAdapter()
_ADAPTER_BY_CLASS: Mapping[str, ProviderAdapter] = {
    "ChatDeepSeek": OpenAIAdapter("deepseek", reports_finish=True, default_efforts=(), cap_argument="max_tokens"),
    "AzureChatOpenAI": OpenAIAdapter("azure_openai", reports_finish=True),
    "ChatOpenAI": OpenAIAdapter("openai", reports_finish=True),
    "BaseChatOpenAI": OpenAIAdapter("openai", reports_finish=True, default_efforts=(), cap_argument="max_tokens"),
    # The SDK refuses completions without a stream that may take more than ten minutes.
    "ChatAnthropic": AnthropicAdapter(
        "anthropic", reports_finish=True, can_disable_thinking=True, stream_above=16_000
    ),
    "ChatGoogleGenerativeAI": GeminiAdapter("google_genai", reports_finish=True),
    "ChatOllama": OllamaAdapter("ollama", reports_finish=True),
}


def find_adapter(chat: BaseChatModel) -> ProviderAdapter:
    """The adapter of a model, by the nearest class of its that is known."""
    return next(
        (_ADAPTER_BY_CLASS[c.__name__] for c in type(chat).__mro__ if c.__name__ in _ADAPTER_BY_CLASS),
        PLAIN_ADAPTER,
    )


def _list_parameters(chat: BaseChatModel) -> set[str]:
    """The parameters that a class names: its fields, and arguments of a call."""
    kind = type(chat)
    calls = (kind._generate, kind._agenerate, kind._stream, kind._astream)
    arguments = {name for call in calls for name in inspect.signature(call).parameters}
    return arguments | set(kind.model_fields)


def list_standard_efforts(chat: BaseChatModel) -> tuple[Effort, ...]:
    """The efforts of a plain model without a profile: three, where its class names LangChain's parameter."""
    return (
        tuple(e for e in EFFORTS if e in ("low", "medium", "high"))
        if "reasoning_effort" in _list_parameters(chat)
        else ()
    )
