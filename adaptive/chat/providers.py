"""How each provider takes an effort, a thinking budget, a completion cap, a temperature and a seed.

The arguments are those of LangChain's integrations. A provider that is not here gets the plain adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import PLAIN_ADAPTER, STANDARD_EFFORTS, CallArguments, ModelInfo, ProviderAdapter
from adaptive.chat.request import ChatRequest
from adaptive.types.ladder import Effort

# Least and most thinking tokens, and whether thinking can be off (ai.google.dev/gemini-api/docs/thinking).
_GEMINI_BUDGETS: Mapping[str, tuple[int, int, bool]] = {
    "2.5-pro": (128, 32768, False),
    "2.5-flash-lite": (512, 24576, True),
    "2.5-flash": (1, 24576, True),
}
_OWN_HOSTS = ("api.openai.com", "api.deepseek.com")
_OLLAMA_OPTIONS = (
    "mirostat", "mirostat_eta", "mirostat_tau", "num_ctx", "num_gpu", "num_thread", "repeat_last_n",
    "repeat_penalty", "stop", "tfs_z", "top_k", "top_p", "temperature", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class OpenAIAdapter(ProviderAdapter):
    """OpenAI, Azure, and servers that speak their format.

    The effort is sent as `reasoning_effort`: LangChain translates it for the Responses interface, to which
    `reasoning` would switch.
    """

    default_efforts: tuple[Effort, ...] = STANDARD_EFFORTS
    cap_argument: str = "max_completion_tokens"

    def list_efforts(self, model: str) -> tuple[Effort, ...]:
        """Return the efforts of the o-series, which profiles leave out."""
        return self.default_efforts

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Whether it is one of the makers' own services; other servers may run without a reasoning parser."""
        address = getattr(chat, "openai_api_base", None) or getattr(chat, "api_base", None) or ""
        return self.provider == "azure_openai" or not address or any(host in address for host in _OWN_HOSTS)

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; the cap counts reasoning too."""
        call = CallArguments()
        if request.cap is not None:
            call.add("cap", request.cap, **{self.cap_argument: request.cap})
        if model.efforts and not request.is_plain:
            call.add("effort", request.effort, reasoning_effort=request.effort)
        self._add_sampling(call, model, request, "temperature")
        self._add_sampling(call, model, request, "seed")
        return call


@dataclass(frozen=True)
class AnthropicAdapter(ProviderAdapter):
    """Claude: a thinking budget, an effort, or both, by generation. No seed.

    A budget has at least 1024 tokens and is smaller than the cap
    (docs.anthropic.com/en/docs/build-with-claude/extended-thinking). Models that name `xhigh` think adaptively and
    take an effort only.
    """

    least_budget: int = 1024

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Return True: thinking has blocks of its own."""
        return True

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; thinking is off if the request has none and the model can do that."""
        call, cap = CallArguments(), request.cap
        adaptive = "xhigh" in (model.profile.get("reasoning_effort_levels") or ())
        takes_budget = model.profile.get("reasoning_output") is not False and "budget" not in model.refused
        if request.is_plain:
            pass
        elif adaptive and request.effort == "none" and "none" in model.efforts:
            call.add("effort", "none", thinking={"type": "disabled"})
        elif set(model.efforts) - {"none"} and request.effort != "none" and (adaptive or request.thinks):
            call.add("effort", request.effort, reasoning_effort=request.effort)
        if request.thinks and not request.is_plain and not adaptive and takes_budget:
            cap = self._add_budget(call, model, request)
        if cap is not None:
            call.add("cap", cap, max_tokens=cap)
        self._add_sampling(call, model, request, "temperature")
        self._add_sampling(call, model, request, "seed", supported=False)
        return call

    def _add_budget(self, call: CallArguments, model: ModelInfo, request: ChatRequest) -> int | None:
        """Send a budget. Return the cap that leaves the answer its room and is larger than the budget."""
        budget = max(self.least_budget, model.limit_cap(request.budget + 1) - 1)
        if budget > request.budget:
            call.notes.append(f"a thinking budget of {request.budget} is too small: {budget} is used")
        call.add("budget", budget, thinking={"type": "enabled", "budget_tokens": budget})
        if request.cap is None:
            return None
        return max(model.limit_cap(request.cap + max(0, budget - request.budget)), budget + 1)


@dataclass(frozen=True)
class GeminiAdapter(ProviderAdapter):
    """Gemini: a thinking budget in generation 2.5, a level from 3 on; never both."""

    def list_efforts(self, model: str) -> tuple[Effort, ...]:
        """Return the levels that every Gemini takes from 3 on; none before, when the budget counts."""
        return () if "gemini-2" in model or "gemini-1" in model else ("low", "high")

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Return True: thoughts have parts of their own."""
        return True

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; the cap counts thinking too, and thoughts come as summaries."""
        call, cap = CallArguments(), request.cap
        if request.is_plain:
            pass
        elif model.efforts:
            call.add("effort", request.effort, reasoning_effort=request.effort, include_thoughts=True)
        elif model.profile.get("reasoning_output", "gemini-2.5" in model.name) and "budget" not in model.refused:
            more = self._add_budget(call, model, request)
            cap = None if cap is None else model.limit_cap(cap + more)
        if cap is not None:
            call.add("cap", cap, max_output_tokens=cap)
        self._add_sampling(call, model, request, "temperature")
        self._add_sampling(call, model, request, "seed")
        return call

    def _add_budget(self, call: CallArguments, model: ModelInfo, request: ChatRequest) -> int:
        """Send a budget. Return how much larger the cap must be to leave the answer its room."""
        limits = (limits for name, limits in _GEMINI_BUDGETS.items() if name in model.name)
        least, most, can_be_off = next(limits, (0, 32768, True))
        wanted = request.budget if request.thinks else 0
        budget = wanted if wanted == 0 and can_be_off else min(max(wanted, least), most)
        if budget != wanted:
            call.notes.append(f"it takes no thinking budget of {wanted}: {budget} is used")
        call.add("budget", budget, thinking_budget=budget, include_thoughts=budget > 0)
        return max(0, budget - wanted)


@dataclass(frozen=True)
class OllamaAdapter(ProviderAdapter):
    """Ollama: thinking on or off, and a level for gpt-oss.

    The options of a call replace those of the model (langchain-ollama 1.1), so the model's are sent along.
    """

    def list_efforts(self, model: str) -> tuple[Effort, ...]:
        """Return the levels of gpt-oss, the only model that has them."""
        return STANDARD_EFFORTS if "gpt-oss" in model else ()

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; the cap counts thinking too."""
        call = CallArguments()
        own = {n: getattr(model.chat, n) for n in _OLLAMA_OPTIONS if getattr(model.chat, n, None) is not None}
        ours = {n: getattr(request, n) for n in ("temperature", "seed") if getattr(request, n) is not None}
        if request.cap is not None:
            call.add("cap", request.cap, options={**own, "num_predict": request.cap, **ours})
        elif ours:
            call.arguments["options"] = {**own, **ours}
        if not request.is_plain and "budget" not in model.refused:
            think = request.effort if model.efforts else request.thinks
            call.add("effort" if model.efforts else "budget", think, reasoning=think)
        return call


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
    """Return the adapter of a model, by the nearest of its classes that has one."""
    names = (kind.__name__ for kind in type(chat).__mro__)
    return next((_ADAPTER_BY_CLASS[name] for name in names if name in _ADAPTER_BY_CLASS), PLAIN_ADAPTER)
