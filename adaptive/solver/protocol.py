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

JUDGED_BY_GENERAL = "judged by the general difficulty model, this model was not measured"


class SolverModel(Protocol):
    """A model, bound: what the nodes of the graph know of it."""

    @property
    def name(self) -> str:
        """The model spec."""
        ...

    @property
    def profile(self) -> Profile:
        """What is known of it."""
        ...

    @property
    def verifier(self) -> Verifier:
        """Who judges its attempts."""
        ...

    @property
    def efforts(self) -> Sequence[Effort]:
        """The efforts that it tells apart; empty where only budgets count."""
        ...

    @property
    def shares_cache(self) -> bool:
        """Whether samples of a vote may be drawn side by side."""
        ...

    @property
    def checks_form_only(self) -> bool:
        """Whether whole answers are accepted, because nothing can judge them."""
        ...

    def build_ladder(self, options: Options) -> Ladder:
        """The profile's ladder within what the caller set and the model can."""
        ...

    def list_notes(self, options: Options) -> list[str]:
        """What was mapped to the nearest thing that the model can, and what was not measured."""
        ...

    def check_messages(self, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` for messages that the model cannot take."""
        ...

    async def make_attempt(
        self, messages: Sequence[AnyMessage], plan: Plan, before: Sequence[Attempt], context: AttemptContext
    ) -> Attempt:
        """The attempt that a plan buys."""
        ...

    async def release(self, session: str) -> None:
        """Let go of what is held for a session."""
        ...


@dataclass(frozen=True)
class AttemptContext:
    """Of one attempt: how tokens are drawn, in which session of the engine, under which options, told to whom.

    number: which attempt of the solve it is. message_id: of the message that it is told as. prices: of tokens.
    """

    options: Options
    sampling: Sampling
    session: str
    on_event: OnEvent
    number: int
    message_id: str
    prices: Prices = field(default_factory=Prices)

    def describe_attempt(self, plan: Plan) -> dict[str, Any]:
        """What tells the tokens of this attempt from those of others, for their metadata."""
        sample = {"adaptive_sample": self.number} if plan.arm == "vote" else {}
        return {"adaptive_attempt": self.number, "adaptive_arm": plan.arm, **sample}


def name_session(solve: str, step: Plan | Attempt, attempts: Sequence[Attempt]) -> str:
    """The engine's session of a plan or an attempt.

    A chain that may be gone on with does not share one with a chain at another effort. All samples of a vote share
    one, so that they share their prompt.
    """
    while step.base is not None:
        step = attempts[step.base]
    if step.arm == "vote":
        return f"{solve}/vote"
    effort = step.rung.effort if isinstance(step, Plan) else step.effort
    return f"{solve}/{effort}" if step.arm == "effort" else solve
