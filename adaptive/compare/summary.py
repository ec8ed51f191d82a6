"""The rows of each setting taken together, and the cheapest setting that answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any, Literal

from adaptive.compare.cell import CellSetting, CellStatus, ComparisonRow, count_generated_tokens
from adaptive.policy.majority import Ballot, group_ballots
from adaptive.types.usage import Usage

STATUS_ORDER: tuple[CellStatus, ...] = ("answered", "cut off", "starved", "refused", "failed")
"""Of as many rows that ended in two ways, the setting is named by the first."""


@dataclass(frozen=True)
class SettingSummary:
    """The rows of one setting, at least one. checked: whether an answer counts only where it was accepted."""

    setting: CellSetting
    rows: tuple[ComparisonRow, ...]
    checked: bool = False

    @cached_property
    def completed_rows(self) -> tuple[ComparisonRow, ...]:
        """Those that did not fail."""
        return tuple(row for row in self.rows if row.result)

    @cached_property
    def good_rows(self) -> tuple[ComparisonRow, ...]:
        """Those that answered, and were accepted where that is what counts."""
        return tuple(r for r in self.completed_rows if (r.accepted if self.checked else r.status == "answered"))

    @property
    def success_rate(self) -> float:
        """The share of good ones among those that did not fail, in 0..1; 0 where all failed."""
        return len(self.good_rows) / len(self.completed_rows) if self.completed_rows else 0.0

    @property
    def status(self) -> CellStatus:
        """How most of them ended."""
        ends = [row.status for row in self.rows]
        return max(STATUS_ORDER, key=lambda end: (ends.count(end), -STATUS_ORDER.index(end)))

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
    def generated(self) -> float:
        """The median of tokens beside the prompt's: what the cap limits."""
        return self._median(count_generated_tokens)

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
        costs = [row.usage.cost for row in self.completed_rows]
        known = [cost for cost in costs if cost is not None]
        return median(known) if known and len(known) == len(costs) else None

    @property
    def estimated(self) -> frozenset[str]:
        """The figures that are not exact."""
        return frozenset(name for row in self.completed_rows for name in row.usage.estimated)

    @cached_property
    def answer(self) -> str | None:
        """The answer that most of its good rows give, the first of equal ones; None where they give none."""
        groups = group_ballots([Ballot(row.answer) for row in self.good_rows])
        return groups[0].answer if groups else None

    @cached_property
    def is_unanimous(self) -> bool:
        """Whether all of its good rows give that answer."""
        groups = group_ballots([Ballot(row.answer) for row in self.good_rows])
        return len(groups) == 1 and len(groups[0].members) == len(self.good_rows)

    def _median(self, figure: Any) -> float:
        return float(median([figure(row.usage) for row in self.completed_rows])) if self.completed_rows else 0.0


@dataclass(frozen=True)
class CheapestSetting:
    """The setting that answers for least, and by which measure."""

    summary: SettingSummary
    by: Literal["cost", "tokens"]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        model, effort, cap = self.summary.setting
        return {
            "model": model, "effort": effort, "cap": cap, "by": self.by, "cost": self.summary.cost,
            "tokens": self.summary.total, "answered": len(self.summary.good_rows), "of": len(self.summary.completed_rows),
        }  # fmt: skip


def summarise_settings(rows: Iterable[ComparisonRow], checked: bool = False) -> list[SettingSummary]:
    """The rows by setting, in the order of their first ones."""
    by: dict[CellSetting, list[ComparisonRow]] = {}
    for row in rows:
        by.setdefault(row.cell.setting, []).append(row)
    return [SettingSummary(setting, tuple(group), checked) for setting, group in by.items()]


def find_cheapest_setting(compared: Sequence[SettingSummary]) -> CheapestSetting | None:
    """The cheapest of the settings that answer most reliably: always, where one does. None where none answers.

    By cost where all of their costs are known, else by tokens; the first of equal ones.
    """
    best = max((one.success_rate for one in compared), default=0.0)
    answering = [one for one in compared if one.success_rate == best > 0]
    if not answering:
        return None
    if all(one.cost is not None for one in answering):
        return CheapestSetting(min(answering, key=lambda one: one.cost or 0.0), "cost")
    return CheapestSetting(min(answering, key=lambda one: one.total), "tokens")


def sum_run_usage(rows: Iterable[ComparisonRow]) -> Usage:
    """What the rows spent that were paid for in this run."""
    return sum((row.usage for row in rows if row.result and not row.cached), Usage(cost=0.0))
