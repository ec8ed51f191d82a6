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

from adaptive.chat.request import Ask
from adaptive.types.ladder import EFFORTS, Effort

CAPS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict", "options"})
"""Arguments by which providers take a completion cap."""


def cap_in(arguments: Mapping[str, Any]) -> int | None:
    """The completion cap among a call's arguments; None where there is none."""
    return min((v for name, v in arguments.items() if name in CAPS and isinstance(v, int)), default=None)


@dataclass(frozen=True)
class Model:
    """What is known of a model when a call is set.

    efforts: those it takes. refused: parameters that it does not take. most: tokens of its longest completion,
    None where that is not known.
    """

    chat: BaseChatModel
    name: str
    profile: Mapping[str, Any]
    efforts: Sequence[Effort]
    refused: frozenset[str] = frozenset()
    most: int | None = None

    def room(self, cap: int) -> int:
        """A completion cap within the longest completion."""
        return cap if self.most is None else min(cap, self.most)


@dataclass
class Settings:
    """Arguments of a call; `sent` is what of the ask they hold, by our names; `notes` what was mapped."""

    call: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, value: Any, **arguments: Any) -> None:
        """Send `value` of the ask as these arguments."""
        self.sent[what] = value
        self.call |= arguments


@dataclass(frozen=True)
class Adapter:
    """LangChain's standard parameters, as far as the class of the model names them.

    says_end: whether every complete answer says how it ended, so that one that does not was cut off. can_stop:
    whether thinking can be switched off where no effort `none` is named. long: completion caps from which the
    provider wants a stream; None where it does not.
    """

    provider: str = ""
    says_end: bool = False
    can_stop: bool = False
    long: int | None = None

    def levels(self, model: str) -> tuple[Effort, ...]:
        """The efforts of a model without a profile."""
        return ()

    def settings(self, model: Model, ask: Ask) -> Settings:
        """The arguments of a call; `ask` holds what the model takes."""
        made, takes = Settings(), _named(model.chat)
        if "max_tokens" in takes:
            made.add("cap", ask.cap, max_tokens=ask.cap)
        if model.efforts:
            made.add("effort", ask.effort, reasoning_effort=ask.effort)
        for name in ("temperature", "seed"):
            self._sampling(made, model, ask, name, known=name in takes)
        return made

    def _sampling(self, made: Settings, model: Model, ask: Ask, name: str, *, known: bool = True) -> None:
        value = getattr(ask, name)
        if value is None or name in model.refused:
            return
        if known and model.profile.get(name) is not False:
            made.add(name, value, **{name: value})
        else:
            made.notes.append(f"it takes no {name}: {value} is not used")


@dataclass(frozen=True)
class OpenAI(Adapter):
    """OpenAI, Azure, and what speaks their format.

    The effort is `reasoning_effort` and not `reasoning`: that would switch to the Responses interface, for which
    LangChain translates it.
    """

    named: tuple[Effort, ...] = ("low", "medium", "high")
    cap: str = "max_completion_tokens"

    def levels(self, model: str) -> tuple[Effort, ...]:
        """Those of the o-series, which profiles leave out."""
        return self.named

    def settings(self, model: Model, ask: Ask) -> Settings:
        """The cap counts reasoning too."""
        made = Settings()
        made.add("cap", ask.cap, **{self.cap: ask.cap})
        if model.efforts:
            made.add("effort", ask.effort, reasoning_effort=ask.effort)
        self._sampling(made, model, ask, "temperature")
        self._sampling(made, model, ask, "seed")
        return made


@dataclass(frozen=True)
class Anthropic(Adapter):
    """Claude: a thinking budget, an effort, or both, by generation. No seed.

    A budget has at least 1024 tokens and is smaller than the cap
    (docs.anthropic.com/en/docs/build-with-claude/extended-thinking). Models that name `xhigh` think adaptively and
    take an effort only.
    """

    least: int = 1024

    def settings(self, model: Model, ask: Ask) -> Settings:
        """Thinking is off where none is asked for, if it can be."""
        made, cap = Settings(), ask.cap
        adaptive = "xhigh" in (model.profile.get("reasoning_effort_levels") or ())
        levels = [e for e in model.efforts if e != "none"]
        if adaptive and ask.effort == "none" and "none" in model.efforts:
            made.add("effort", "none", thinking={"type": "disabled"})
        elif levels and ask.effort != "none" and (adaptive or ask.thinks):
            made.add("effort", ask.effort, reasoning_effort=ask.effort)
        if ask.thinks and not adaptive and self._budgets(model):
            cap = self._budget(made, model, ask)
        made.add("cap", cap, max_tokens=cap)
        self._sampling(made, model, ask, "temperature")
        self._sampling(made, model, ask, "seed", known=False)
        return made

    def _budgets(self, model: Model) -> bool:
        return model.profile.get("reasoning_output") is not False and "budget" not in model.refused

    def _budget(self, made: Settings, model: Model, ask: Ask) -> int:
        """Send a budget; the cap that leaves the answer its room, and is larger than the budget."""
        budget = max(self.least, model.room(ask.budget + 1) - 1)
        if budget > ask.budget:
            made.notes.append(f"a thinking budget of {ask.budget} is too small: {budget} is used")
        made.add("budget", budget, thinking={"type": "enabled", "budget_tokens": budget})
        return max(model.room(ask.cap + max(0, budget - ask.budget)), budget + 1)


# Least and most thinking tokens, and whether thinking can be off (ai.google.dev/gemini-api/docs/thinking).
_GEMINI: Mapping[str, tuple[int, int, bool]] = {
    "2.5-pro": (128, 32768, False),
    "2.5-flash-lite": (512, 24576, True),
    "2.5-flash": (1, 24576, True),
}


@dataclass(frozen=True)
class Gemini(Adapter):
    """Gemini: a thinking budget in generation 2.5, a level since 3; never both."""

    def levels(self, model: str) -> tuple[Effort, ...]:
        """Those that every Gemini takes since 3; none before, where the budget counts."""
        return () if "gemini-2" in model or "gemini-1" in model else ("low", "high")

    def settings(self, model: Model, ask: Ask) -> Settings:
        """The cap counts thinking too; thoughts are asked for, as summaries."""
        made, cap = Settings(), ask.cap
        if model.efforts:
            made.add("effort", ask.effort, reasoning_effort=ask.effort, include_thoughts=True)
        elif model.profile.get("reasoning_output", "gemini-2.5" in model.name) and "budget" not in model.refused:
            cap = model.room(self._budget(made, model, ask))
        made.add("cap", cap, max_output_tokens=cap)
        self._sampling(made, model, ask, "temperature")
        self._sampling(made, model, ask, "seed")
        return made

    def _budget(self, made: Settings, model: Model, ask: Ask) -> int:
        """Send a budget; the cap that leaves the answer its room."""
        least, most, off = next((r for name, r in _GEMINI.items() if name in model.name), (0, 32768, True))
        wanted = ask.budget if ask.thinks else 0
        budget = wanted if wanted == 0 and off else min(max(wanted, least), most)
        if budget != wanted:
            made.notes.append(f"it takes no thinking budget of {wanted}: {budget} is used")
        made.add("budget", budget, thinking_budget=budget, include_thoughts=budget > 0)
        return ask.cap + max(0, budget - wanted)


_OLLAMA = (
    "mirostat", "mirostat_eta", "mirostat_tau", "num_ctx", "num_gpu", "num_thread", "repeat_last_n",
    "repeat_penalty", "stop", "tfs_z", "top_k", "top_p", "temperature", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class Ollama(Adapter):
    """Ollama: thinking on or off, and for gpt-oss a level.

    The options of a call replace those of the model (langchain-ollama 1.1), so the model's are sent along.
    """

    def levels(self, model: str) -> tuple[Effort, ...]:
        """Levels are told apart by gpt-oss alone."""
        return ("low", "medium", "high") if "gpt-oss" in model else ()

    def settings(self, model: Model, ask: Ask) -> Settings:
        """The cap counts thinking too."""
        made = Settings()
        own = {n: getattr(model.chat, n) for n in _OLLAMA if getattr(model.chat, n, None) is not None}
        given = {n: getattr(ask, n) for n in ("temperature", "seed") if getattr(ask, n) is not None}
        made.add("cap", ask.cap, options={**own, "num_predict": ask.cap, **given})
        if "budget" not in model.refused:
            think = ask.effort if model.efforts else ask.thinks
            made.add("effort" if model.efforts else "budget", think, reasoning=think)
        return made


PLAIN = Adapter()
_BY_CLASS: Mapping[str, Adapter] = {
    "ChatDeepSeek": OpenAI("deepseek", says_end=True, named=(), cap="max_tokens"),
    "AzureChatOpenAI": OpenAI("azure_openai", says_end=True),
    "ChatOpenAI": OpenAI("openai", says_end=True),
    "BaseChatOpenAI": OpenAI("openai", says_end=True, named=(), cap="max_tokens"),
    # The SDK refuses completions without a stream that may take more than ten minutes.
    "ChatAnthropic": Anthropic("anthropic", says_end=True, can_stop=True, long=16_000),
    "ChatGoogleGenerativeAI": Gemini("google_genai", says_end=True),
    "ChatOllama": Ollama("ollama", says_end=True),
}


def adapter_of(chat: BaseChatModel) -> Adapter:
    """The adapter of a model, by the nearest class of its that is known."""
    return next((_BY_CLASS[c.__name__] for c in type(chat).__mro__ if c.__name__ in _BY_CLASS), PLAIN)


def _named(chat: BaseChatModel) -> set[str]:
    """The parameters that a class names: its fields, and arguments of a call."""
    kind = type(chat)
    calls = (kind._generate, kind._agenerate, kind._stream, kind._astream)
    arguments = {name for call in calls for name in inspect.signature(call).parameters}
    return arguments | set(kind.model_fields)


def standard_levels(chat: BaseChatModel) -> tuple[Effort, ...]:
    """The efforts of a plain model without a profile: three, where its class names LangChain's parameter."""
    return (
        tuple(e for e in EFFORTS if e in ("low", "medium", "high")) if "reasoning_effort" in _named(chat) else ()
    )
