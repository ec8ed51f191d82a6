"""What an agent's model calls took, counted for a step, a run and a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.types.usage import Usage

METADATA_KEY = "adaptive"
"""Our key in a message's `response_metadata`."""


@dataclass(frozen=True)
class Counts:
    """Counts of model calls.

    Attributes:
        steps: Times that the agent asked the model.
        calls: Calls that these steps made.
        starved: Calls that ended without an answer.
        escalations: Calls made because an answer was rejected.
        usage: All tokens of the calls and of the verifiers.
    """

    steps: int = 0
    calls: int = 0
    starved: int = 0
    escalations: int = 0
    usage: Usage | None = None

    def __add__(self, other: Counts) -> Counts:
        usages = [u for u in (self.usage, other.usage) if u is not None]
        return Counts(
            self.steps + other.steps,
            self.calls + other.calls,
            self.starved + other.starved,
            self.escalations + other.escalations,
            usages[0] + usages[1] if len(usages) == 2 else next(iter(usages), None),
        )

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.usage.total if self.usage else 0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**asdict(self), "usage": (self.usage or Usage()).to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Counts:
        """Return the counts that `to_json` wrote; zeros for None."""
        if not data or not data["calls"]:
            return cls()
        return cls(**{**data, "usage": Usage.from_json(data["usage"])})


def read_spending(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an agent's last run, and its thread, has spent so far.

    Without a checkpointer a thread is one run.

    Args:
        state: What `agent.invoke` returned, the values of `agent.get_state`, or the state in a middleware or tool.

    Returns:
        `{"run": ..., "thread": ...}` in plain JSON types. Each has `steps`, `calls`, `starved`, `escalations` and
        `usage`, all 0 if the middleware made no call.
    """
    messages = state.get("messages", ())
    ours = (
        m.response_metadata[METADATA_KEY]
        for m in reversed(messages)
        if isinstance(m, AIMessage) and _has_counts(m)
    )
    last: Mapping[str, Any] = next(ours, {})
    return {name: last.get(name) or Counts().to_json() for name in ("run", "thread")}


def _has_counts(message: AIMessage) -> bool:
    """Whether the middleware wrote this message's data: the solver as a chat model uses the same key."""
    ours = message.response_metadata.get(METADATA_KEY)
    return isinstance(ours, Mapping) and "run" in ours
