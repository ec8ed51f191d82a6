"""The settings in a run's context: `solver.invoke(..., context={"budget": 512})`."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import get_runtime

from adaptive.types.options import SolverContext


def find_context() -> SolverContext | None:
    """Return the context of the run of the current node; None if it is no `SolverContext`, or nothing runs.

    A subgraph gets its parent's context as it is, of whatever type.
    """
    try:
        context: Any = getattr(get_runtime(), "context", None)
    except (KeyError, RuntimeError):  # outside of a graph: in a chain, and in nothing
        return None
    return context if isinstance(context, SolverContext) else None


def read_context_settings() -> dict[str, Any]:
    """Return the settings in the context of this run, for a node; none if the context is no `SolverContext`."""
    context = find_context()
    return context.to_settings() if context else {}
