"""What is known of a model beyond its profile: what it refused is remembered, by name, while the process lives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptive.chat.providers import Adapter
from adaptive.types.ladder import EFFORTS, Effort, nearest

_LISTS = re.compile(
    r"(?:\b(?:supported|allowed|valid|accepted|permitted|available)\s+(?:values?|levels?|options?|efforts?)\b"
    r"|\bshould be\b|\bmust be\b|\bone of\b|\bsupports only\b|\bonly supports\b)(.*)",
    re.DOTALL,
)
_LEVEL = re.compile(rf"(?<![\w-])({'|'.join(EFFORTS)})(?![\w-])")
_LARGEST = re.compile(r"(?:at most|maximum\D{0,60}?|greater than [a-z_]*=?|>)\s*(\d[\d,]*)")
_NAMES: Mapping[str, re.Pattern[str]] = {
    "effort": re.compile(r"effort|thinking[_ ]?level|disabled"),
    "cap": re.compile(r"max_(?:completion_|output_)?tokens|maxoutputtokens|num_predict"),
    "temperature": re.compile(r"temperature"),
    "seed": re.compile(r"\bseed\b"),
    "budget": re.compile(r"budget|thinking(?![_ ]?level)"),
}


@dataclass
class Taught:
    """What one model's refusals taught.

    levels: the efforts that it takes, None as long as no refusal said so. refused: parameters that it does not
    take (`budget`, `temperature`, `seed`). largest: the largest completion cap. images: False once it
    refused one. notes: all that, in words.
    """

    levels: tuple[Effort, ...] | None = None
    refused: set[str] = field(default_factory=set)
    largest: int | None = None
    images: bool = True
    notes: list[str] = field(default_factory=list)

    def learn(self, said: str, sent: Mapping[str, object], efforts: Sequence[Effort]) -> bool:
        """Learn from a refused request; whether there was anything to learn, so that asking again makes sense.

        said: the provider's words. sent: what was sent, by our names; `efforts` is what was held to be taken.
        """
        words = said.lower()
        named = [name for name in sent if _NAMES[name].search(words)]
        order = [name for name in _NAMES if name in named]
        return any(self._about(name, words, sent[name], efforts) for name in order)

    def _about(self, name: str, words: str, value: object, efforts: Sequence[Effort]) -> bool:
        if name == "effort":
            return self._effort(words, str(value), efforts)
        if name == "cap":
            return self._cap(words, value)
        if name in self.refused:
            return False
        self.refused.add(name)
        what = "thinking budget" if name == "budget" else name
        self.notes.append(f"it does not take a {what} of {value}: it is left out")
        return True

    def _effort(self, words: str, value: str, efforts: Sequence[Effort]) -> bool:
        levels = tuple(e for e in listed(words) if e != value) or _without(words, value, efforts)
        if levels == self.levels or value not in efforts:
            return False
        self.levels = levels
        takes = f"it takes {', '.join(levels)}" if levels else "it takes no effort at all"
        self.notes.append(f"it does not take effort {value}: {takes}")
        return True

    def _cap(self, words: str, value: object) -> bool:
        found = [int(n.replace(",", "")) for n in _LARGEST.findall(words)]
        fit = [n for n in found if isinstance(value, int) and 0 < n < value]
        if not fit:
            return False
        self.largest = max(fit)
        self.notes.append(f"its completions have at most {self.largest} tokens")
        return True


def listed(words: str) -> tuple[Effort, ...]:
    """The efforts that a refusal lists as those it takes, in our order; empty where it lists none."""
    found = _LISTS.search(words)
    named = set(_LEVEL.findall(found[1])) if found else set()
    return tuple(e for e in EFFORTS if e in named)


def taught(name: str) -> Taught:
    """What the model `name` taught so far."""
    return _TAUGHT.setdefault(name, Taught())


def _without(words: str, value: str, efforts: Sequence[Effort]) -> tuple[Effort, ...]:
    """The efforts without the refused one; none at all where it is the lever itself that is refused."""
    lever = value != "none" and not re.search(rf"(?<![\w-]){value}(?![\w-])", words)
    return () if lever else tuple(e for e in efforts if e != value)


_TAUGHT: dict[str, Taught] = {}


def levels(adapter: Adapter, model: str, profile: Mapping[str, Any], learned: Taught) -> tuple[Effort, ...]:
    """The efforts it takes as far as is known: what its refusals said, else its profile, else its provider."""
    if learned.levels is not None:
        return learned.levels
    if profile.get("reasoning_output") is False:
        return ()
    named = profile.get("reasoning_effort_levels")
    known = tuple(e for e in EFFORTS if e in named) if named else adapter.levels(model)
    return ("none", *known) if known and adapter.can_stop and "none" not in known else known


def fit(effort: Effort, takes: Sequence[Effort]) -> Effort:
    """The nearest effort that is taken; one that thinks stays one that thinks, if there is any."""
    thinking = [e for e in takes if e != "none"]
    if not takes or effort in takes:
        return effort
    return nearest(effort, thinking or takes)
