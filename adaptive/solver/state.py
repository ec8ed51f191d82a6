"""The state of the graph: plain JSON types and messages, so that it survives a checkpointer and another process.

Its keys start with `adaptive_`; only `messages` is shared with a parent graph.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.channels import EphemeralValue
from langgraph.graph import MessagesState
from langgraph.managed import RemainingSteps
from typing_extensions import TypedDict

from adaptive._util.deadline import Deadline
from adaptive.policy import limits
from adaptive.policy.arms import Plan
from adaptive.solver.protocol import SolverModel
from adaptive.types.attempt import Attempt
from adaptive.types.options import Options

Update = dict[str, Any]


def add_or_clear(items: list[dict[str, Any]], new: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Reduce two updates to one list: add the new items; None takes all out.

    LangGraph's `Overwrite` would do that too, but it is no JSON, and streams of updates and tasks show it.
    """
    return [] if new is None else [*items, *new]


class AdaptiveState(MessagesState, total=False):
    """The state of a parent graph that shares more with a solver than `messages`: inherit from it.

    adaptive_options: options of the next solves, set by a node before it, until another node sets others or None.
    adaptive_result: the result of the last solve that ended, until a node sets None. A solver cannot clear it when
        it begins: a parent graph hears of a subgraph only at its end.
    """

    adaptive_options: dict[str, Any] | None
    adaptive_result: dict[str, Any] | None


class SolverOutput(MessagesState, total=False):
    """What a run returns, and a parent graph gets. The next run of a thread begins without a result."""

    adaptive_result: Annotated[dict[str, Any], EphemeralValue]


class SolverState(SolverOutput, total=False):
    """What the nodes share. Lists are replaced whole, so that a persisted thread starts each turn anew.

    Only samples of a vote have a reducer, because they run side by side; the tally takes them out.
    `adaptive_options` exists for the first node only, or a thread would keep them for its next question; what they
    set for this question is `adaptive_asked`. `adaptive_seconds` is how long the solve has run
    (`adaptive._util.deadline`). `adaptive_cut` is what calls had spent that the deadline cut off, `adaptive_sent`
    when a vote's samples were sent, and `adaptive_steps` how many steps LangGraph's recursion limit leaves.
    `adaptive_to_explore` are the rungs that are still to be explored (`adaptive.solver.exploration`).
    """

    adaptive_options: Annotated[dict[str, Any] | None, EphemeralValue]
    adaptive_asked: dict[str, Any]
    adaptive_question: str
    adaptive_session: str
    adaptive_difficulty: dict[str, Any]
    adaptive_plan: dict[str, Any]
    adaptive_stop: str
    adaptive_attempts: list[dict[str, Any]]
    adaptive_samples: Annotated[list[dict[str, Any]], add_or_clear]
    adaptive_sample: int
    adaptive_sent: float
    adaptive_seconds: float
    adaptive_cut: dict[str, Any] | None
    adaptive_to_explore: list[int]
    adaptive_steps: RemainingSteps


class SolverInput(TypedDict):
    """What a run takes; `adaptive_options` sets options for this question only."""

    messages: list[AnyMessage]
    adaptive_options: NotRequired[Annotated[dict[str, Any] | None, EphemeralValue]]


@dataclass(frozen=True)
class SolveView:
    """The state as one node reads it: what the state keeps as JSON is parsed at most once.

    `base_options` are those that the graph was built with, and `base_models` its models.
    """

    state: SolverState
    base_options: Options
    base_models: tuple[SolverModel, ...] = ()

    @property
    def solve_id(self) -> str:
        """The random id of the solve, which names its sessions on the engines."""
        return self.state["adaptive_session"]

    @property
    def question(self) -> str:
        """The text of the question."""
        return self.state["adaptive_question"]

    @property
    def stop(self) -> str:
        """Why the solve stops; empty while it goes on."""
        return self.state["adaptive_stop"]

    @property
    def elapsed(self) -> float:
        """The seconds that the solve ran before this node."""
        return self.state.get("adaptive_seconds", 0.0)

    @cached_property
    def options(self) -> Options:
        """The options of this solve: the graph's, with those of the run's context and the state over them."""
        return self.base_options.with_settings(self.state["adaptive_asked"])

    @cached_property
    def models(self) -> tuple[SolverModel, ...]:
        """The models as this conversation needs them: measurements count only on shapes that were measured."""
        messages, guided = self.state["messages"], self.options.answer_schema is not None
        return tuple(model.for_conversation(messages, guided=guided) for model in self.base_models)

    @cached_property
    def plan(self) -> Plan:
        """The attempt, or the vote, that is planned."""
        return Plan.from_json(self.state["adaptive_plan"])

    @cached_property
    def attempts(self) -> list[Attempt]:
        """The attempts so far; copy it to change it."""
        return [Attempt.from_json(a) for a in self.state["adaptive_attempts"]]

    @cached_property
    def deadline(self) -> Deadline:
        """The deadline of the solve; the node's own seconds count from the first use."""
        return Deadline.since(self.elapsed, self.state.get("adaptive_sent"), self.options.timeout)

    def with_settings(self, settings: dict[str, Any]) -> SolveView:
        """Return the view of a solve that begins with these settings."""
        return replace(self, state={**self.state, "adaptive_asked": settings})

    def without_reply(self, id: str) -> SolveView:
        """Return the view of the conversation as it was before the reply with this id."""
        messages = [message for message in self.state["messages"] if message.id != id]
        return replace(self, state={**self.state, "messages": messages})

    def find_step_limit(self, needed: int) -> str:
        """The limit of the graph's steps, in words, if fewer than `needed` are left; else empty."""
        return limits.find_step_limit(self.state.get("adaptive_steps"), needed)
