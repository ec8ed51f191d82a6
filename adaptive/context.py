"""What a run's context may set: `solver.invoke(..., context={"budget": 512})`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.runtime import get_runtime

from adaptive.options import Options


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
        Options().with_state(self.given(), "the context")

    def given(self) -> dict[str, Any]:
        """The options that are set."""
        return {name: value for name, value in vars(self).items() if value is not None}


def given_in_context() -> dict[str, Any]:
    """What the context of this run sets: inside a node. Nothing where it has none, or that of a parent graph.

    A subgraph is handed its parent's context as it is, of whatever type.
    """
    context = get_runtime().context
    return context.given() if isinstance(context, SolverContext) else {}
