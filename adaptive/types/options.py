"""What a caller may set for a solve, in Python, on the command line or in a graph's state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adaptive.errors import InputError
from adaptive.types.from_json import dataclass_from_json
from adaptive.types.ladder import parse_effort

MINIMA = {"budget": 0, "waits": 0, "samples": 0, "max_tokens": 1, "max_attempts": 1, "seed": 0, "approve_above": 0}
PER_QUESTION = (
    "effort",
    "budget",
    "waits",
    "samples",
    "adapt",
    "seed",
    "temperature",
    "max_tokens",
    "max_attempts",
    "max_cost",
    "timeout",
    "approve_above",
)
"""What a graph's state or a run's context may set for one question."""


@dataclass(frozen=True)
class Options:
    """What a caller may set for a solve; None leaves it to the profile.

    effort, budget: what the first attempt buys, whatever the difficulty, and budget is also the most thinking
    tokens of any attempt ("none" and 0 never think). waits: the most Waits of a chain. samples: the most samples
    of a vote, 0 for no vote. Without `adapt` one attempt is made, at the top of what these leave. max_tokens caps
    the tokens of all attempts together, max_cost the dollars that they cost, and timeout the seconds: no attempt,
    sample or judge is begun once a limit is reached, and what runs when the time is up is cut off. approve_above:
    before an attempt that may hold more thinking tokens than this, a vote's samples together, who runs the graph
    is asked (`adaptive.solver.approval`). verify: names of verifiers, parted by commas. stop: names of early stops that
    stay on (`adaptive.reason.early_stop`), parted by commas, or "none".
    """

    effort: str | None = None
    budget: int | None = None
    waits: int | None = None
    wait_string: tuple[str, ...] = ()
    samples: int | None = None
    stop: str | None = None
    adapt: bool = True
    seed: int = 0
    temperature: float = 0.0
    verify: str | None = None
    max_tokens: int | None = None
    max_attempts: int | None = None
    max_cost: float | None = None
    timeout: float | None = None
    approve_above: int | None = None

    def __post_init__(self) -> None:
        if self.effort is not None:
            parse_effort(self.effort)
        for name, least in MINIMA.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} must be {least} or more, got {value}.")
        for name in ("max_cost", "timeout"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name} must be more than 0, got {value}.")
        if isinstance(self.wait_string, str):
            raise InputError(f"wait_string must be a tuple of texts, got the text {self.wait_string!r}.")
        if not 0 <= self.temperature <= 2:
            raise InputError(f"temperature must be between 0 and 2, got {self.temperature}.")

    def with_settings(self, settings: Mapping[str, Any] | None, where: str = "adaptive_options") -> Options:
        """These options with what `where`, a graph's state or a run's context, says of one question.

        Raises `InputError` for what it cannot.
        """
        if settings is None or settings == {}:
            return self
        names = settings if isinstance(settings, Mapping) else ()
        other = next((name for name in names if name not in PER_QUESTION), None)
        if other is not None:
            raise InputError(f"{where} cannot set {other!r}: it may set {', '.join(PER_QUESTION)}.")
        dataclass_from_json(Options, settings, where)
        return replace(self, **settings)


@dataclass(frozen=True)
class SolverContext:
    """Options for one run (see `Options`); None leaves it to those that the graph was built with.

    Texts and numbers only, each with a default: LangGraph makes one of a JSON object, and its server can set it.
    `adaptive_options` in the state goes before it. Raises `InputError` for what an option cannot be.
    """

    effort: str | None = None
    budget: int | None = None
    waits: int | None = None
    samples: int | None = None
    adapt: bool | None = None
    seed: int | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_attempts: int | None = None
    max_cost: float | None = None
    timeout: float | None = None
    approve_above: int | None = None

    def __post_init__(self) -> None:
        Options().with_settings(self.to_settings(), "the context")

    def to_settings(self) -> dict[str, Any]:
        """The options that are set."""
        return {name: value for name, value in vars(self).items() if value is not None}
