"""What a run's context may set: `solver.invoke(..., context={"budget": 512})`."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import get_runtime

from adaptive.types.options import SolverContext


def read_context_settings() -> dict[str, Any]:
    """What the context of this run sets: inside a node. Nothing where it has none, or that of a parent graph.

    A subgraph is handed its parent's context as it is, of whatever type.
    """
    context = get_runtime().context
    return context.to_settings() if isinstance(context, SolverContext) else {}
