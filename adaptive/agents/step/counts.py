"""What an agent's model calls took: counts of a step, of a run and of a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.types.usage import Usage

METADATA_KEY = "adaptive"
"""Where a message's `response_metadata` has what is ours."""


@dataclass(frozen=True)
class Counts:
    """steps: times that the agent asked the model. calls: calls that were made for them, `starved` of them without
    an answer and `escalations` of them because an answer was rejected. usage: all their tokens, and the
    verifiers'."""

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
        """Plain JSON types."""
        return {**asdict(self), "usage": (self.usage or Usage()).to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Counts:
        """The counts written by `to_json`; nothing at all for None."""
        if not data or not data["calls"]:
            return cls()
        return cls(**{**data, "usage": Usage.from_json(data["usage"])})


def read_spending(state: Mapping[str, Any]) -> dict[str, Any]:
    """What the agent's last run has spent so far, and its thread: `{"run": ..., "thread": ...}`, plain JSON types.

    state: what `agent.invoke` returned, the values of `agent.get_state`, or the state in a middleware or a tool.
    Each has `steps`, `calls`, `starved`, `escalations` and `usage`, all 0 where the middleware made no call.
    Without a checkpointer a thread is one run.
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
    """Whether this message is of the middleware: the solver as a chat model has a key of that name too."""
    ours = message.response_metadata.get(METADATA_KEY)
    return isinstance(ours, Mapping) and "run" in ours
