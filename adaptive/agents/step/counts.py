"""What an agent's model calls took, counted for a step, a run and a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from adaptive.types.usage import Usage, add_known

METADATA_KEY = "adaptive"
"""Our key in a message's `response_metadata`."""
OUR_KEYS = (frozenset({"step", "attempts", "advice"}), frozenset({"usage", "attempts", "kept_because"}))
"""Some of the keys of a step's report, and of a solve's result."""


@dataclass(frozen=True)
class Counts:
    """Counts of model calls.

    Attributes:
        steps: Times that the agent asked the model.
        calls: Calls that these steps made.
        starved: Calls that ended without an answer.
        escalations: Calls made because an answer was rejected.
        usage: All tokens of the calls and of the verifiers.
        cache_lost: Prompt tokens that were in the provider's cache, and were read anew because the effort changed.
        cache_lost_cost: What that cost, in dollars; None if a price is not known.
    """

    steps: int = 0
    calls: int = 0
    starved: int = 0
    escalations: int = 0
    usage: Usage | None = None
    cache_lost: int = 0
    cache_lost_cost: float | None = 0.0

    def __add__(self, other: Counts) -> Counts:
        usages = [u for u in (self.usage, other.usage) if u is not None]
        return Counts(
            self.steps + other.steps,
            self.calls + other.calls,
            self.starved + other.starved,
            self.escalations + other.escalations,
            usages[0] + usages[1] if len(usages) == 2 else next(iter(usages), None),
            self.cache_lost + other.cache_lost,
            add_known(self.cache_lost_cost, other.cache_lost_cost),
        )

    @property
    def spent(self) -> Usage:
        """The usage; nothing if there was no call."""
        return self.usage or Usage(cost=0.0)

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
        `{"run": ..., "thread": ...}` in plain JSON types. Each has `steps`, `calls`, `starved`, `escalations`,
        `usage`, and the prompt tokens that changes of effort dropped from the provider's cache (`cache_lost`) with
        what they cost (`cache_lost_cost`); all 0 if the middleware made no call.
    """
    messages = state.get("messages", ())
    ours = (
        m.response_metadata[METADATA_KEY]
        for m in reversed(messages)
        if isinstance(m, AIMessage) and _has_counts(m)
    )
    last: Mapping[str, Any] = next(ours, {})
    return {name: last.get(name) or Counts().to_json() for name in ("run", "thread")}


def sum_conversation(messages: Sequence[BaseMessage]) -> tuple[Usage, Usage]:
    """Return what the run and the thread of a conversation have spent, as far as its messages say.

    That is the usage of answers and steps of `ChatAdaptive`, and of `adaptive_tool`. A run begins with the last
    human message.
    """
    thread = run = Usage(cost=0.0)
    for message in messages:
        if isinstance(message, HumanMessage):
            run = Usage(cost=0.0)
        usage = _read_usage(message)
        thread, run = thread + usage, run + usage
    return run, thread


def _read_usage(message: BaseMessage) -> Usage:
    """Return the usage of our report in an answer, or of our result in a tool's; nothing for other messages."""
    data = message.artifact if isinstance(message, ToolMessage) else message.response_metadata.get(METADATA_KEY)
    if not isinstance(data, Mapping) or not any(keys <= data.keys() for keys in OUR_KEYS):
        return Usage(cost=0.0)
    return Usage.from_json(data.get("step", data)["usage"])


def _has_counts(message: AIMessage) -> bool:
    """Whether the middleware wrote this message's data: the solver as a chat model uses the same key."""
    ours = message.response_metadata.get(METADATA_KEY)
    return isinstance(ours, Mapping) and "run" in ours
