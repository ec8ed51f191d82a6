"""The words that fill the slots of a template: `language/lexicon/KIND.txt`, one entry a line.

An entry is a word, or `singular, plural`; a name stands with its pronoun: `Mia, she`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parents[1] / "language" / "lexicon"
THINGS = ("toy", "school", "food", "fruit", "collectible", "craft", "candy", "flower", "kitchen", "media")
PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself", "hers": "hers", "boy": "girl", "son": "daughter"},
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself", "hers": "his", "boy": "boy", "son": "son"},
}  # fmt: skip
AGREEING = {"s": ("", "s"), "es": ("", "es"), "is": ("is", "are"), "was": ("was", "were"), "has": ("has", "have")}
BASE = re.compile(r"(.*?)(\d*)")


@cache
def entries(kind: str) -> list[tuple[str, str]]:
    """Singular and plural of each word of a kind. Raises `KeyError` if there is no such lexicon."""
    file = FOLDER / f"{kind}.txt"
    if not file.exists():
        raise KeyError(kind)
    lines = (line.partition(",") for line in file.read_text().splitlines() if line.strip() and line[0] != "#")
    return [(one.strip(), (many or one).strip()) for one, _, many in lines]


@dataclass
class Words:
    """The words of one rendering: a slot that comes again has the same word again."""

    rng: Random
    kinds: dict[str, str]
    _chosen: dict[str, tuple[str, str]] = field(default_factory=dict)

    def word(self, slot: str, argument: str, values: dict[str, Fraction], *, one: bool = False) -> str:
        """Return what stands in a slot.

        Args:
            slot: the slot's name in lower case, with its number if it has one.
            argument: the number that the word agrees with, or empty.
            values: the numbers.
            one: whether the word follows a 1 and is singular for that.

        Raises:
            KeyError: if there is no lexicon for the slot.
        """
        found = BASE.fullmatch(slot)
        assert found
        base, index = found[1], found[2]
        if base in AGREEING and argument:
            return AGREEING[base][values[argument] != 1]
        if base in PRONOUNS["he"]:
            return PRONOUNS[self._entry("name", index)[1]][base]
        plural = not _is_kind(base)
        single = _singular(base) if plural else base
        entry = self._entry(single, index)
        if single == "name":
            return entry[0]
        if argument:
            return entry[values[argument] != 1]
        return entry[plural and not one] if single != "money" else entry[1]

    def _entry(self, single: str, index: str) -> tuple[str, str]:
        key = single + index
        if key not in self._chosen:
            words = self._candidates(single, index)
            taken = {entry for other, entry in self._chosen.items() if BASE.fullmatch(other)[1] == single}  # type: ignore[index]
            self._chosen[key] = self.rng.choice([entry for entry in words if entry not in taken] or words)
        return self._chosen[key]

    def _candidates(self, single: str, index: str) -> list[tuple[str, str]]:
        if single != "thing":
            return entries(single)
        kinds = self.kinds.get(single + index) or self.kinds.setdefault(
            "thing", self.rng.choice([kind for kind in THINGS if (FOLDER / f"{kind}.txt").exists()])
        )
        return entries(self.rng.choice(kinds.split("+")))


def _is_kind(base: str) -> bool:
    return base == "thing" or (FOLDER / f"{base}.txt").exists()


def _singular(base: str) -> str:
    """Return the kind of a plural slot: `things`, `boxes`, `families`."""
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if base.endswith(ending) and _is_kind(base.removesuffix(ending) + instead):
            return base.removesuffix(ending) + instead
    raise KeyError(base)
