"""What a model takes beyond what its profile says, remembered until the process ends.

Its refusals teach it, and its replies how they begin. What one teaches holds for calls of the same kind alone: of
this model at this address, on this interface of its provider, with tools or without. A call that succeeds with
what was refused before ends that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import ProviderAdapter
from adaptive.chat.context_window import read_window_refusal
from adaptive.types.ladder import EFFORTS, Effort, find_nearest_effort

_LIST_PATTERN = re.compile(
    r"(?:\b(?:supported|allowed|valid|accepted|permitted|available)\s+(?:values?|levels?|options?|efforts?)\b"
    r"|\bshould be\b|\bmust be\b|\bone of\b|\bsupports only\b|\bonly supports\b)(.*)",
    re.DOTALL,
)
_EFFORT_PATTERN = re.compile(rf"(?<![\w-])({'|'.join(EFFORTS)})(?![\w-])")
_CAP_PATTERN = re.compile(r"(?:at most|maximum\D{0,60}?|greater than [a-z_]*=?|>)\s*(\d[\d,]*)")
# In the order in which a refusal that names several parameters is read.
_PARAMETER_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "effort": re.compile(r"effort|thinking[_ ]?level|disabled"),
    "cap": re.compile(r"max_(?:completion_|output_)?tokens|maxoutputtokens|num_predict"),
    "temperature": re.compile(r"temperature"),
    "seed": re.compile(r"\bseed\b"),
    "budget": re.compile(r"budget|thinking(?![_ ]?level)"),
}

_NEW_CAP_NAME = "max_completion_tokens"
_ADVICE_PATTERN = re.compile(rf"\buse\W+{_NEW_CAP_NAME}")
_ONLY_VALUE_PATTERN = re.compile(rf"set \S+ to ['\"]?({'|'.join(EFFORTS)})\b")

_CAPABILITIES: dict[CallKind, Capabilities] = {}


@dataclass(frozen=True)
class CallKind:
    """Calls for which a refusal teaches the same.

    Attributes:
        name: The model's name.
        interface: The interface of its provider; "" if there is one only.
        has_tools: Whether the calls have tools.
        address: Of the server, if one is set; others may serve a model of that name too.
    """

    name: str
    interface: str = ""
    has_tools: bool = False
    address: str = field(default="", repr=False)  # may hold a password

    @property
    def words(self) -> str:
        """Where a note about it holds, in words; "" without tools."""
        return (" with tools" + (f" on {self.interface}" if self.interface else "")) if self.has_tools else ""


@dataclass
class Capabilities:
    """What one kind of calls has taught.

    Attributes:
        kind: The calls.
        efforts: Efforts that the model takes; None until a refusal says so.
        refused: Parameters that it does not take: `budget`, `temperature`, `seed`, and the cap by the name
            `max_completion_tokens`.
        largest_cap: Largest completion cap in tokens; None until a refusal says so.
        window: Tokens of its context window; None until a refusal says so.
        takes_images: False once it has refused an image.
        needs_responses: Whether it asked for OpenAI's Responses interface; False if there is none.
        beginnings: Whether its replies so far began inside the thinking (`ChatResponse.opened`).
        notes: Its refusals in words.
    """

    kind: CallKind = CallKind("")
    efforts: tuple[Effort, ...] | None = None
    refused: set[str] = field(default_factory=set)
    largest_cap: int | None = None
    window: int | None = None
    takes_images: bool = True
    needs_responses: bool | None = None
    beginnings: set[bool] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def opened(self) -> bool | None:
        """Whether its replies begin inside the thinking; None if that is not known, or differs."""
        return next(iter(self.beginnings)) if len(self.beginnings) == 1 else None

    def learn(self, text: str, sent: Mapping[str, object], efforts: Sequence[Effort]) -> bool:
        """Learn from a refused request.

        Args:
            text: The provider's error text.
            sent: The settings that were sent, by our names for them.
            efforts: The efforts that the model was believed to take.

        Returns:
            Whether anything was learned, so that another request makes sense.
        """
        words = text.lower()
        named = [name for name, pattern in _PARAMETER_PATTERNS.items() if name in sent and pattern.search(words)]
        return any(self._learn_parameter(name, words, sent[name], efforts) for name in named)

    def learn_interface(self, text: str, *, is_missing: bool) -> None:
        """Learn from an error which of OpenAI's two interfaces calls need.

        Args:
            text: The provider's error text.
            is_missing: Whether the Responses interface, which we chose, was not found.
        """
        if is_missing:
            self.needs_responses = False
        elif self.needs_responses is None and "v1/responses" in text:
            self.needs_responses = True

    def confirm(self, sent: Mapping[str, object]) -> None:
        """Forget refusals of settings that were sent and taken."""
        self.refused -= sent.keys()
        if self.efforts is not None and "effort" in sent and sent["effort"] not in self.efforts:
            self.efforts = None

    def _learn_parameter(self, name: str, words: str, value: object, efforts: Sequence[Effort]) -> bool:
        if name == "effort":
            return self._learn_efforts(words, str(value), efforts)
        if name == "cap":
            return self._learn_cap(words, value)
        if name in self.refused:
            return True  # a call beside this one has learned it
        self.refused.add(name)
        what = "thinking budget" if name == "budget" else name
        self.notes.append(f"it does not take a {what} of {value}{self.kind.words}: it is left out")
        return True

    def _learn_efforts(self, words: str, value: str, efforts: Sequence[Effort]) -> bool:
        listed = tuple(e for e in parse_listed_efforts(words) if e != value)
        levels = listed or _drop_refused_effort(words, value, efforts)
        if levels == self.efforts or value not in efforts:
            return False
        self.efforts = levels
        takes = f"it takes {', '.join(levels)}" if levels else "it takes no effort at all"
        self.notes.append(f"it does not take effort {value}{self.kind.words}: {takes}")
        return True

    def _learn_cap(self, words: str, value: object) -> bool:
        numbers = [int(n.replace(",", "")) for n in _CAP_PATTERN.findall(words)]
        smaller = [n for n in numbers if isinstance(value, int) and 0 < n < value]
        if not smaller:
            return self._learn_cap_name(words)
        self.largest_cap = max(smaller)
        self.notes.append(f"its completions have at most {self.largest_cap} tokens")
        return True

    def _learn_cap_name(self, words: str) -> bool:
        """Learn that a server takes the cap by its older name; OpenAI's own text advises the newer one."""
        if _NEW_CAP_NAME in self.refused or _NEW_CAP_NAME not in words or _ADVICE_PATTERN.search(words):
            return False
        self.refused.add(_NEW_CAP_NAME)
        self.notes.append(f"it takes no {_NEW_CAP_NAME}: the cap is sent as max_tokens")
        return True

    def learn_context(self, text: str, sent: Mapping[str, object]) -> bool:
        """Learn from a request that did not fit the context window how large that is.

        The room that it leaves is another in each call (`ChatRequest.room`).

        Args:
            text: The provider's error text.
            sent: The settings that were sent, by our names for them.

        Returns:
            Whether there is room for a smaller cap, so that another request makes sense.
        """
        refusal, cap = read_window_refusal(text), sent.get("cap")
        if refusal is None or not isinstance(cap, int) or refusal.room >= cap:
            return False
        if refusal.window != self.window:
            self.window = refusal.window
            self.notes.append(f"its context window has {self.window} tokens: completions are fitted to it")
        return True


def get_capabilities(kind: CallKind) -> Capabilities:
    """Return what calls of this kind have taught so far."""
    return _CAPABILITIES.setdefault(kind, Capabilities(kind))


def parse_listed_efforts(words: str) -> tuple[Effort, ...]:
    """Return the efforts that a refusal lists as allowed, in our order; empty if it lists none."""
    match = _LIST_PATTERN.search(words) or _ONLY_VALUE_PATTERN.search(words)
    named = set(_EFFORT_PATTERN.findall(match[1])) if match else set()
    return tuple(e for e in EFFORTS if e in named)


def _drop_refused_effort(words: str, value: str, efforts: Sequence[Effort]) -> tuple[Effort, ...]:
    """Return the efforts without the refused one, or none at all if the parameter itself is refused."""
    refuses_parameter = value != "none" and not re.search(rf"(?<![\w-]){value}(?![\w-])", words)
    return () if refuses_parameter else tuple(e for e in efforts if e != value)


def resolve_efforts(
    adapter: ProviderAdapter, chat: BaseChatModel, model: str, profile: Mapping[str, Any], learned: Capabilities
) -> tuple[Effort, ...]:
    """Return the efforts that a model takes, as far as is known.

    Its refusals come first, then its profile, then its provider's defaults.

    Args:
        adapter: The adapter of its provider.
        chat: The model.
        model: The model's name at its provider.
        profile: LangChain's profile of the model; may be empty.
        learned: What its refusals have taught.

    Returns:
        The efforts in our order; empty if the model has no such setting.
    """
    if learned.efforts is not None:
        return learned.efforts
    if profile.get("reasoning_output") is False:
        return ()
    levels = adapter.list_efforts(chat, model, profile)
    return ("none", *levels) if levels and adapter.can_disable(model) and "none" not in levels else levels


def fit_effort(effort: Effort, supported: Sequence[Effort]) -> Effort:
    """Return the nearest supported effort; an effort that thinks stays one that thinks, if any does."""
    if not supported or effort in supported or effort == "default":
        return effort
    return find_nearest_effort(effort, [e for e in supported if e != "none"] or supported)
