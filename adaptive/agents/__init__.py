"""Adapters for agent frameworks: middleware for LangChain's agents."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from adaptive.extras import imported

if TYPE_CHECKING:
    from adaptive.agents.counts import spent
    from adaptive.agents.middleware import AdaptiveThinkingMiddleware

__all__ = ["AdaptiveThinkingMiddleware", "spent"]
_HOMES = {"AdaptiveThinkingMiddleware": "adaptive.agents.middleware", "spent": "adaptive.agents.counts"}
_AGENTS = ("AdaptiveThinkingMiddleware",)


def __getattr__(name: str) -> Any:
    """Import an adapter only when it is asked for: one must not pay for the other's imports."""
    if name in _AGENTS:
        imported("langchain.agents", "agents")  # says what to install where it is not there
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'adaptive.agents' has no attribute {name!r}")
