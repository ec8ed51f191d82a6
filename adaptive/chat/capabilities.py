"""What is known of a model beyond its profile: what it refused is remembered, by name, while the process lives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptive.chat.providers import ProviderAdapter
from adaptive.types.ladder import EFFORTS, Effort, find_nearest_effort

_LIST_PATTERN = re.compile(
    r"(?:\b(?:supported|allowed|valid|accepted|permitted|available)\s+(?:values?|levels?|options?|efforts?)\b"
    r"|\bshould be\b|\bmust be\b|\bone of\b|\bsupports only\b|\bonly supports\b)(.*)",
    re.DOTALL,
)
_EFFORT_PATTERN = re.compile(rf"(?<![\w-])({'|'.join(EFFORTS)})(?![\w-])")
_CAP_PATTERN = re.compile(r"(?:at most|maximum\D{0,60}?|greater than [a-z_]*=?|>)\s*(\d[\d,]*)")
_PARAMETER_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "effort": re.compile(r"effort|thinking[_ ]?level|disabled"),
    "cap": re.compile(r"max_(?:completion_|output_)?tokens|maxoutputtokens|num_predict"),
    "temperature": re.compile(r"temperature"),
    "seed": re.compile(r"\bseed\b"),
    "budget": re.compile(r"budget|thinking(?![_ ]?level)"),
}


@dataclass
class Capabilities:
    """What one model's refusals taught.

    levels: the efforts that it takes, None as long as no refusal said so. refused: parameters that it does not
    take (`budget`, `temperature`, `seed`). largest: the largest completion cap. images: False once it
    refused one. notes: all that, in words.
    """

    efforts: tuple[Effort, ...] | None = None
    refused: set[str] = field(default_factory=set)
    largest_cap: int | None = None
    takes_images: bool = True
    notes: list[str] = field(default_factory=list)

    def learn(self, text: str, sent: Mapping[str, object], efforts: Sequence[Effort]) -> bool:
        """Learn from a refused request; whether there was anything to learn, so that asking again makes sense.

        said: the provider's words. sent: what was sent, by our names; `efforts` is what was held to be taken.
        """
        words = text.lower()
        named = [name for name in sent if _PARAMETER_PATTERNS[name].search(words)]
        order = [name for name in _PARAMETER_PATTERNS if name in named]
        return any(self._learn_parameter(name, words, sent[name], efforts) for name in order)

    def _learn_parameter(self, name: str, words: str, value: object, efforts: Sequence[Effort]) -> bool:
        if name == "effort":
            return self._learn_efforts(words, str(value), efforts)
        if name == "cap":
            return self._learn_cap(words, value)
        if name in self.refused:
            return False
        self.refused.add(name)
        what = "thinking budget" if name == "budget" else name
        self.notes.append(f"it does not take a {what} of {value}: it is left out")
        return True

    def _learn_efforts(self, words: str, value: str, efforts: Sequence[Effort]) -> bool:
        levels = tuple(e for e in parse_listed_efforts(words) if e != value) or _drop_refused_effort(
            words, value, efforts
        )
        if levels == self.efforts or value not in efforts:
            return False
        self.efforts = levels
        takes = f"it takes {', '.join(levels)}" if levels else "it takes no effort at all"
        self.notes.append(f"it does not take effort {value}: {takes}")
        return True

    def _learn_cap(self, words: str, value: object) -> bool:
        found = [int(n.replace(",", "")) for n in _CAP_PATTERN.findall(words)]
        fit = [n for n in found if isinstance(value, int) and 0 < n < value]
        if not fit:
            return False
        self.largest_cap = max(fit)
        self.notes.append(f"its completions have at most {self.largest_cap} tokens")
        return True


def parse_listed_efforts(words: str) -> tuple[Effort, ...]:
    """The efforts that a refusal lists as those it takes, in our order; empty where it lists none."""
    found = _LIST_PATTERN.search(words)
    named = set(_EFFORT_PATTERN.findall(found[1])) if found else set()
    return tuple(e for e in EFFORTS if e in named)


def get_capabilities(name: str) -> Capabilities:
    """What the model `name` taught so far."""
    return _CAPABILITIES.setdefault(name, Capabilities())


def _drop_refused_effort(words: str, value: str, efforts: Sequence[Effort]) -> tuple[Effort, ...]:
    """The efforts without the refused one; none at all where it is the lever itself that is refused."""
    lever = value != "none" and not re.search(rf"(?<![\w-]){value}(?![\w-])", words)
    return () if lever else tuple(e for e in efforts if e != value)


_CAPABILITIES: dict[str, Capabilities] = {}


def resolve_efforts(
    adapter: ProviderAdapter, model: str, profile: Mapping[str, Any], learned: Capabilities
) -> tuple[Effort, ...]:
    """The efforts it takes as far as is known: what its refusals said, else its profile, else its provider."""
    if learned.efforts is not None:
        return learned.efforts
    if profile.get("reasoning_output") is False:
        return ()
    named = profile.get("reasoning_effort_levels")
    known = tuple(e for e in EFFORTS if e in named) if named else adapter.list_efforts(model)
    return ("none", *known) if known and adapter.can_disable_thinking and "none" not in known else known


def fit_effort(effort: Effort, takes: Sequence[Effort]) -> Effort:
    """The nearest effort that is taken; one that thinks stays one that thinks, if there is any."""
    thinking = [e for e in takes if e != "none"]
    if not takes or effort in takes:
        return effort
    return find_nearest_effort(effort, thinking or takes)
