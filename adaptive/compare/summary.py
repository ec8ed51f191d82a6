"""The rows of each setting taken together, and the cheapest setting that answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any, Literal

from adaptive.compare.cell import Ended, Row, Setting, made
from adaptive.policy.majority import Ballot, tally
from adaptive.types.usage import Usage

WORST: tuple[Ended, ...] = ("answered", "cut off", "starved", "refused", "failed")
"""Of as many rows that ended in two ways, the setting is named by the first."""


@dataclass(frozen=True)
class Summary:
    """The rows of one setting, at least one. checked: whether an answer counts only where it was accepted."""

    setting: Setting
    rows: tuple[Row, ...]
    checked: bool = False

    @cached_property
    def bought(self) -> tuple[Row, ...]:
        """Those that did not fail."""
        return tuple(row for row in self.rows if row.bought)

    @cached_property
    def good(self) -> tuple[Row, ...]:
        """Those that answered, and were accepted where that is what counts."""
        return tuple(r for r in self.bought if (r.accepted if self.checked else r.ended == "answered"))

    @property
    def share(self) -> float:
        """The share of good ones among those that did not fail, in 0..1; 0 where all failed."""
        return len(self.good) / len(self.bought) if self.bought else 0.0

    @property
    def ended(self) -> Ended:
        """How most of them ended."""
        ends = [row.ended for row in self.rows]
        return max(WORST, key=lambda end: (ends.count(end), -WORST.index(end)))

    @property
    def prompt(self) -> float:
        """The median of prompt tokens."""
        return self._median(lambda usage: usage.prompt)

    @property
    def visible(self) -> float:
        """The median of answer tokens."""
        return self._median(lambda usage: usage.answer)

    @property
    def reasoning(self) -> float:
        """The median of thinking tokens."""
        return self._median(lambda usage: usage.thinking)

    @property
    def injected(self) -> float:
        """The median of tokens that a token engine was given beside the prompt."""
        return self._median(lambda usage: usage.injected)

    @property
    def made(self) -> float:
        """The median of tokens beside the prompt's: what the cap limits."""
        return self._median(made)

    @property
    def total(self) -> float:
        """The median of all tokens, the prompt's too."""
        return self._median(lambda usage: usage.total)

    @property
    def seconds(self) -> float:
        """The median of seconds."""
        return self._median(lambda usage: usage.seconds)

    @property
    def cost(self) -> float | None:
        """The median cost in dollars; None where one is not known."""
        costs = [row.usage.cost for row in self.bought]
        known = [cost for cost in costs if cost is not None]
        return median(known) if known and len(known) == len(costs) else None

    @property
    def estimated(self) -> frozenset[str]:
        """The figures that are not exact."""
        return frozenset(name for row in self.bought for name in row.usage.estimated)

    @cached_property
    def answer(self) -> str | None:
        """The answer that most of its good rows give, the first of equal ones; None where they give none."""
        groups = tally([Ballot(row.answer) for row in self.good])
        return groups[0].answer if groups else None

    @cached_property
    def agrees(self) -> bool:
        """Whether all of its good rows give that answer."""
        groups = tally([Ballot(row.answer) for row in self.good])
        return len(groups) == 1 and len(groups[0].members) == len(self.good)

    def _median(self, figure: Any) -> float:
        return float(median([figure(row.usage) for row in self.bought])) if self.bought else 0.0


@dataclass(frozen=True)
class Cheapest:
    """The setting that answers for least, and by which measure."""

    summary: Summary
    by: Literal["cost", "tokens"]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        model, effort, cap = self.summary.setting
        return {
            "model": model, "effort": effort, "cap": cap, "by": self.by, "cost": self.summary.cost,
            "tokens": self.summary.total, "answered": len(self.summary.good), "of": len(self.summary.bought),
        }  # fmt: skip


def summaries(rows: Iterable[Row], checked: bool = False) -> list[Summary]:
    """The rows by setting, in the order of their first ones."""
    by: dict[Setting, list[Row]] = {}
    for row in rows:
        by.setdefault(row.cell.setting, []).append(row)
    return [Summary(setting, tuple(group), checked) for setting, group in by.items()]


def cheapest(compared: Sequence[Summary]) -> Cheapest | None:
    """The cheapest of the settings that answer most reliably: always, where one does. None where none answers.

    By cost where all of their costs are known, else by tokens; the first of equal ones.
    """
    best = max((one.share for one in compared), default=0.0)
    answering = [one for one in compared if one.share == best > 0]
    if not answering:
        return None
    if all(one.cost is not None for one in answering):
        return Cheapest(min(answering, key=lambda one: one.cost or 0.0), "cost")
    return Cheapest(min(answering, key=lambda one: one.total), "tokens")


def spent(rows: Iterable[Row]) -> Usage:
    """What the rows spent that were paid for in this run."""
    return sum((row.usage for row in rows if row.bought and not row.cached), Usage(cost=0.0))
