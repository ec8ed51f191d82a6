"""What the nodes of the graph know of a model, of whatever kind, and what one attempt gets.

`TokenSolverModel` runs on a token engine, with forced budgets; `ChatSolverModel` on a chat model, with efforts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.messages import AnyMessage

from adaptive.engines.protocol import Sampling
from adaptive.policy.arms import Plan
from adaptive.prices import Prices
from adaptive.profile.profile import Profile
from adaptive.types.attempt import Attempt
from adaptive.types.events import OnEvent
from adaptive.types.ladder import Effort, Ladder
from adaptive.types.options import Options
from adaptive.verify import Verifier

JUDGED_BY_GENERAL = "judged by the general difficulty model, which changes nothing"


class SolverModel(Protocol):
    """A model in a solve."""

    @property
    def name(self) -> str:
        """The model spec."""
        ...

    @property
    def rung_model(self) -> str:
        """The name of the model in the rungs of its profile; empty for the profile's own model."""
        ...

    @property
    def profile(self) -> Profile:
        """What was measured of the model, and of those that share its ladder."""
        ...

    @property
    def unmeasured(self) -> str:
        """Why the measurements of its profile say nothing about this conversation; empty if they do."""
        ...

    @property
    def verifier(self) -> Verifier:
        """Judges its attempts."""
        ...

    @property
    def efforts(self) -> Sequence[Effort]:
        """The efforts that it distinguishes; empty if only budgets count."""
        ...

    @property
    def shares_cache(self) -> bool:
        """Whether samples of a vote may run side by side."""
        ...

    def build_ladder(self, options: Options) -> Ladder:
        """Return the profile's ladder within the options and what the model can do."""
        ...

    def list_notes(self, options: Options, messages: Sequence[AnyMessage]) -> list[str]:
        """Return what is replaced by the nearest that the model can do, and what was not measured."""
        ...

    def with_check(self, check: Verifier) -> SolverModel:
        """Return the model with another check, which decides in place of its check and its judge."""
        ...

    def for_conversation(self, messages: Sequence[AnyMessage], *, guided: bool = False) -> SolverModel:
        """Return the model for a conversation: without measurements, if they were made on others.

        guided: whether the answer must follow a schema, which is not what was measured.
        """
        ...

    async def can_guide(self) -> bool:
        """Whether it can hold an answer to a schema."""
        ...

    def check_messages(self, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` for messages that the model cannot read."""
        ...

    async def make_attempt(
        self, messages: Sequence[AnyMessage], plan: Plan, before: Sequence[Attempt], context: AttemptContext
    ) -> Attempt:
        """Make the planned attempt.

        Args:
            messages: The conversation; the question is its last user message.
            plan: The attempt to make.
            before: The attempts so far.
            context: How it is made, and who listens.
        """
        ...

    async def release(self, session: str) -> None:
        """Release what is held for a session."""
        ...


@dataclass(frozen=True)
class AttemptContext:
    """How one attempt is made: its options, its sampling, its session on the engine, and who listens.

    number: the index of the attempt in the solve. message_id: the id of the message that it streams as.
    prices: what tokens cost.
    """

    options: Options
    sampling: Sampling
    session: str
    on_event: OnEvent
    number: int
    message_id: str
    prices: Prices = field(default_factory=Prices)

    def describe_attempt(self, plan: Plan) -> dict[str, Any]:
        """Return the metadata that distinguishes tokens of this attempt from those of others."""
        sample = {"adaptive_sample": self.number} if plan.arm == "vote" else {}
        return {"adaptive_attempt": self.number, "adaptive_arm": plan.arm, **sample}


def name_session(solve: str, step: Plan | Attempt, attempts: Sequence[Attempt]) -> str:
    """Return the engine's session of a plan or an attempt.

    A chain that may be continued has no session in common with a chain at another effort. All samples of a vote
    have the same session, so that they share their prompt.
    """
    while step.base is not None:
        step = attempts[step.base]
    if step.arm == "vote":
        return f"{solve}/vote"
    effort = step.rung.effort if isinstance(step, Plan) else step.effort
    return f"{solve}/{effort}" if step.arm == "effort" else solve
