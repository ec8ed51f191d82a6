"""Adapters for agent frameworks: the solver as a chat model, and as a tool."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptive.agents.chat_model import ChatAdaptive
    from adaptive.agents.tool import adaptive_tool

__all__ = ["ChatAdaptive", "adaptive_tool"]
_HOMES = {"ChatAdaptive": "adaptive.agents.chat_model", "adaptive_tool": "adaptive.agents.tool"}


def __getattr__(name: str) -> Any:
    """Import an adapter only when it is asked for: one must not pay for the other's imports."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'adaptive.agents' has no attribute {name!r}")
