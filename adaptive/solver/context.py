"""The settings in a run's context: `solver.invoke(..., context={"budget": 512})`."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import get_runtime

from adaptive.types.options import SolverContext


def read_context_settings() -> dict[str, Any]:
    """Return the settings in the context of this run, for a node; none if the context is no `SolverContext`.

    A subgraph gets its parent's context as it is, of whatever type.
    """
    context: Any = get_runtime().context
    return context.to_settings() if isinstance(context, SolverContext) else {}
