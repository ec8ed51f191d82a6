"""Spend thinking where it pays: an adaptive thinking-budget controller for reasoning language models."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptive.solver.build import build_solver

__all__ = ["build_solver"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the graph only when it is asked for: `adaptive --help` must not pay for LangGraph."""
    if name == "build_solver":
        from adaptive.solver.build import build_solver

        return build_solver
    raise AttributeError(f"module 'adaptive' has no attribute {name!r}")
