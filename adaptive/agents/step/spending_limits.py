"""Limits of tokens and money for the run of an agent, for its thread and for its tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adaptive.policy.limits import find_spending_limit
from adaptive.prices import Prices
from adaptive.types.options import Options
from adaptive.types.usage import Usage


@dataclass(frozen=True)
class SpendingLimits:
    """How much a run and a thread may spend.

    Attributes:
        run: `max_tokens` and `max_cost` count.
        thread: The same for all runs of a thread together.
    """

    run: Options = field(default_factory=Options)
    thread: Options = field(default_factory=Options)

    @classmethod
    def create(
        cls,
        max_tokens: int | None = None,
        max_cost: float | None = None,
        max_thread_tokens: int | None = None,
        max_thread_cost: float | None = None,
    ) -> SpendingLimits:
        """Return the limits of these tokens and dollars; raise `InputError` if one is out of range."""
        thread = {"max_tokens": max_thread_tokens, "max_cost": max_thread_cost}
        return cls(
            Options(max_tokens=max_tokens, max_cost=max_cost),
            Options().with_settings(
                {name: value for name, value in thread.items() if value is not None}, "the limits of a thread"
            ),
        )

    def after(self, run: Usage, thread: Usage) -> RemainingLimits:
        """Return the limits after what a run and its thread have spent."""
        return RemainingLimits((Scope("run", self.run, run), Scope("thread", self.thread, thread)))


@dataclass(frozen=True)
class Scope:
    """Limits of one scope, and what was spent in it before a step.

    Attributes:
        name: "run", "thread" or "tenant".
        limits: `max_tokens` and `max_cost` count.
        spent: By all steps of the scope so far.
    """

    name: str
    limits: Options
    spent: Usage

    def find_reached(self, step: Usage) -> str:
        """Say which limit is reached once the step has spent so much; "" if none is."""
        reached = find_spending_limit(self.spent + step, self.limits)
        return f"{reached} in this {self.name}" if reached else ""


@dataclass(frozen=True)
class RemainingLimits:
    """What a step may spend: the limits of all scopes that it is in."""

    scopes: tuple[Scope, ...]

    def within(self, scope: Scope | None) -> RemainingLimits:
        """Return these limits within those of another scope, if there is one."""
        return self if scope is None else replace(self, scopes=(*self.scopes, scope))

    @property
    def tokens(self) -> int | None:
        """Tokens that are left; None without a limit of tokens."""
        left = [s.limits.max_tokens - s.spent.total for s in self.scopes if s.limits.max_tokens is not None]
        return min(left, default=None)

    @property
    def dollars(self) -> float | None:
        """Dollars that are left; None without a limit of money."""
        left = [s.limits.max_cost - (s.spent.cost or 0.0) for s in self.scopes if s.limits.max_cost is not None]
        return min(left, default=None)

    def bound(self, settings: Mapping[str, Any], own: Options) -> dict[str, Any]:
        """Return the settings of a solve within what is left.

        Args:
            settings: Of this solve.
            own: The options of its solver, which count for what `settings` leaves out.
        """
        bounded = dict(settings)
        for name, left in (("max_tokens", self.tokens), ("max_cost", self.dollars)):
            limits = [most for most in (left, settings.get(name, getattr(own, name))) if most is not None]
            if left is not None:
                bounded[name] = min(limits)
        return bounded

    def require_price(self, model: str, prices: Prices) -> None:
        """Raise `InputError` if a limit of money cannot be kept, because the model's price is unknown."""
        for scope in self.scopes:
            if scope.limits.max_cost is not None:
                prices.require_price(model, scope.limits.max_cost)

    def find_reached(self, step: Usage | None = None) -> str:
        """Say which limit is reached once the step has spent so much; "" if none is."""
        spent = step or Usage(cost=0.0)
        return next((reached for scope in self.scopes if (reached := scope.find_reached(spent))), "")
