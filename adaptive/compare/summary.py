"""Summaries of the rows of each setting, and the cheapest setting that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any, Literal

from adaptive.compare.cell import CellSetting, CellStatus, ComparisonRow, count_generated_tokens
from adaptive.policy.majority import Ballot, group_ballots
from adaptive.types.usage import Usage

STATUS_ORDER: tuple[CellStatus, ...] = ("answered", "cut off", "starved", "refused", "failed")
"""If as many rows of a setting ended in two ways, the first of these names it."""


@dataclass(frozen=True)
class SettingSummary:
    """The rows of one setting. Its figures are medians over the rows that did not fail, 0 if all failed.

    Attributes:
        setting: The setting.
        rows: Its rows, at least one.
        checked: Whether the answers are graded, and only right ones count.
    """

    setting: CellSetting
    rows: tuple[ComparisonRow, ...]
    checked: bool = False

    @cached_property
    def completed_rows(self) -> tuple[ComparisonRow, ...]:
        """The rows that did not fail."""
        return tuple(row for row in self.rows if row.result)

    @cached_property
    def good_rows(self) -> tuple[ComparisonRow, ...]:
        """The rows that answered, and if `checked` are right."""
        return tuple(r for r in self.completed_rows if (r.accepted if self.checked else r.status == "answered"))

    @property
    def success_rate(self) -> float:
        """The share of good rows among those that did not fail, in 0..1; 0 if all failed."""
        return len(self.good_rows) / len(self.completed_rows) if self.completed_rows else 0.0

    @property
    def status(self) -> CellStatus:
        """How most of the rows ended."""
        ends = [row.status for row in self.rows]
        return max(STATUS_ORDER, key=lambda end: (ends.count(end), -STATUS_ORDER.index(end)))

    @property
    def outcome(self) -> str:
        """The status, but of checked answers their grade, wrong if one of them is."""
        grades = {row.grade for row in self.rows} - {None}
        if not self.checked or self.status != "answered":
            return self.status
        return next(grade for grade in ("right", "wrong", "unknown") if grade in grades)

    @property
    def prompt(self) -> float:
        """The median of prompt tokens."""
        return self._median(lambda usage: usage.prompt)

    @property
    def cached(self) -> float:
        """The median of prompt tokens that came from the provider's cache."""
        return self._median(lambda usage: usage.cached)

    @property
    def visible(self) -> float:
        """The median of answer tokens."""
        return self._median(lambda usage: usage.answer)

    @property
    def reasoning(self) -> float | None:
        """The median of thinking tokens; None if one of the rows does not count them apart."""
        counts = [row.usage.thinking for row in self.completed_rows]
        known = [count for count in counts if count is not None]
        return None if len(known) < len(counts) else float(median(known or [0]))

    @property
    def injected(self) -> float:
        """The median of tokens that were injected into a token engine."""
        return self._median(lambda usage: usage.injected)

    @property
    def generated(self) -> float:
        """The median of tokens without the prompt: what the cap limits."""
        return self._median(count_generated_tokens)

    @property
    def total(self) -> float:
        """The median of all tokens, with the prompt."""
        return self._median(lambda usage: usage.total)

    @property
    def seconds(self) -> float:
        """The median of seconds."""
        return self._median(lambda usage: usage.seconds)

    @property
    def cost(self) -> float | None:
        """The median cost in dollars; None if one of them is unknown."""
        costs = [row.usage.cost for row in self.completed_rows if row.usage.cost is not None]
        return median(costs) if costs and len(costs) == len(self.completed_rows) else None

    @property
    def estimated(self) -> frozenset[str]:
        """The figures that are not exact."""
        return frozenset(name for row in self.completed_rows for name in row.usage.estimated)

    @cached_property
    def answer(self) -> str | None:
        """The answer of most good rows, the first of equally frequent ones; None without any."""
        groups = group_ballots([Ballot(row.answer) for row in self.good_rows])
        return groups[0].answer if groups else None

    @cached_property
    def is_unanimous(self) -> bool:
        """Whether all good rows give that answer."""
        groups = group_ballots([Ballot(row.answer) for row in self.good_rows])
        return len(groups) == 1 and len(groups[0].members) == len(self.good_rows)

    def _median(self, figure: Callable[[Usage], float]) -> float:
        return float(median([figure(row.usage) for row in self.completed_rows])) if self.completed_rows else 0.0


@dataclass(frozen=True)
class CheapestSetting:
    """The cheapest setting that answers, and by which measure."""

    summary: SettingSummary
    by: Literal["cost", "tokens"]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        one = self.summary
        model, effort, cap = one.setting
        return {
            "model": model, "effort": effort, "cap": cap, "by": self.by, "cost": one.cost,
            "tokens": one.total, "answered": len(one.good_rows), "of": len(one.completed_rows),
        }  # fmt: skip


def summarise_settings(rows: Iterable[ComparisonRow], checked: bool = False) -> list[SettingSummary]:
    """Return a summary of each setting, in the order of their first rows."""
    groups: dict[CellSetting, list[ComparisonRow]] = {}
    for row in rows:
        groups.setdefault(row.cell.setting, []).append(row)
    return [SettingSummary(setting, tuple(group), checked) for setting, group in groups.items()]


def find_cheapest_setting(summaries: Sequence[SettingSummary]) -> CheapestSetting | None:
    """Return the cheapest of the settings that answer most reliably, the first of equals; None if none answers.

    It is the cheapest by cost if all of their costs are known, else by tokens.
    """
    best = max((one.success_rate for one in summaries), default=0.0)
    answering = [one for one in summaries if one.success_rate == best > 0]
    if not answering:
        return None
    if all(one.cost is not None for one in answering):
        return CheapestSetting(min(answering, key=lambda one: one.cost or 0.0), "cost")
    return CheapestSetting(min(answering, key=lambda one: one.total), "tokens")


def sum_run_usage(rows: Iterable[ComparisonRow]) -> Usage:
    """Return what the rows spent in this run, without cached ones."""
    return sum((row.usage for row in rows if row.result and not row.cached), Usage(cost=0.0))
