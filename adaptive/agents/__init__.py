"""Adapters for agent frameworks: the solver as a chat model, as a tool, and middleware for LangChain's agents."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from adaptive._util.optional import import_optional

if TYPE_CHECKING:
    from adaptive.agents.chat_model import ChatAdaptive
    from adaptive.agents.middleware import AdaptiveThinkingMiddleware
    from adaptive.agents.step.counts import read_spending
    from adaptive.agents.step.tenant_limits import TenantLimits
    from adaptive.agents.tool import adaptive_tool

__all__ = ["AdaptiveThinkingMiddleware", "ChatAdaptive", "TenantLimits", "adaptive_tool", "read_spending"]
_HOMES = {
    "AdaptiveThinkingMiddleware": "adaptive.agents.middleware",
    "ChatAdaptive": "adaptive.agents.chat_model",
    "adaptive_tool": "adaptive.agents.tool",
    "TenantLimits": "adaptive.agents.step.tenant_limits",
    "read_spending": "adaptive.agents.step.counts",
}


def __getattr__(name: str) -> Any:
    """Import an adapter on first use, so that none pays for the imports of another."""
    if name == "AdaptiveThinkingMiddleware":
        import_optional("langchain.agents", "agents")  # says what to install if it is missing
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'adaptive.agents' has no attribute {name!r}")
