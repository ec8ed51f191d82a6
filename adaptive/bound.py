"""A model as a solve uses it: what is known of it, what can be bought of it and who verifies it.

`Bound` is what the graph's nodes know of any model; `TokenBound` is one on a token engine, with forced budgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from langchain_core.messages import AnyMessage

from adaptive import policy
from adaptive.arms import Plan
from adaptive.attempt import Attempt
from adaptive.blocking import Write
from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.ladder import Effort, Ladder, Rung, nearest
from adaptive.options import Options
from adaptive.prices import Prices
from adaptive.profile import Profile
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import NO_STOPS, think
from adaptive.reason.stops import Stops, parse_stops
from adaptive.result import attempt_message
from adaptive.state import conversation
from adaptive.streaming import as_message
from adaptive.verify import Learned, Verifier, verifier_for

GENERAL = "judged by the general difficulty model, this model was not measured"


class Bound(Protocol):
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
    def by_form(self) -> bool:
        """Whether whole answers are accepted, because nothing can judge them."""
        ...

    def ladder(self, options: Options) -> Ladder:
        """The profile's ladder within what the caller set and the model can."""
        ...

    def notes(self, options: Options) -> list[str]:
        """What was mapped to the nearest thing that the model can, and what was not measured."""
        ...

    def check(self, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` for messages that the model cannot take."""
        ...

    async def buy(
        self, messages: Sequence[AnyMessage], plan: Plan, before: Sequence[Attempt], context: Context
    ) -> Attempt:
        """The attempt that a plan buys."""
        ...

    async def release(self, session: str) -> None:
        """Let go of what is held for a session."""
        ...


@dataclass(frozen=True)
class TokenBound:
    """A model on a token engine, bound. `verifier` judges attempts of this model."""

    engine: TokenEngine
    profile: Profile
    verifier: Verifier
    by_form: bool = False

    @property
    def name(self) -> str:
        """The model spec."""
        return self.engine.name

    @property
    def efforts(self) -> Sequence[Effort]:
        """The efforts that the chat template tells apart."""
        return self.engine.codec.efforts

    @property
    def shares_cache(self) -> bool:
        """Whether all sessions of the engine share one cache."""
        return self.engine.shares_cache

    def check(self, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` for messages that the chat template cannot take."""
        conversation(messages)

    async def release(self, session: str) -> None:
        """Forget the engine's cache of a session."""
        await self.engine.release(session)

    def ladder(self, options: Options) -> Ladder:
        """The profile's ladder within what the caller set, its efforts those that the model tells apart."""
        return fitted(policy.shape(self.profile.ladder, options), self.efforts)[0]

    def notes(self, options: Options) -> list[str]:
        """What was asked for and mapped to the nearest thing that the model can, and what was not measured."""
        efforts = self.efforts
        notes = fitted(policy.shape(self.profile.ladder, options), efforts)[1]
        if self.profile.general:
            notes.append(f"how hard the question is was {GENERAL}")
        if not efforts and options.effort not in (None, "none"):
            notes.append(f"the model tells no efforts apart: of effort {options.effort} only the budget counts")
        return notes

    def stops(self, options: Options) -> Stops:
        """The early stops that are on."""
        stops = self.profile.stops
        return stops if options.stop is None else stops.only(parse_stops(options.stop))

    async def buy(
        self, messages: Sequence[AnyMessage], plan: Plan, before: Sequence[Attempt], context: Context
    ) -> Attempt:
        """The attempt that a plan buys."""
        turns = self.profile.style.turns(conversation(messages))
        base = before[plan.base] if plan.base is not None else None
        id, about = context.message_id, context.about(plan)
        async with as_message(messages, context.write, name=self.name, id=id, about=about) as telling:
            attempt = await think(
                self.engine,
                self.engine.codec.render(turns, self._told(plan.rung, context.options)),
                plan.rung,
                style=self.profile.style,
                stops=self._stops(base, context.options),
                thought=_chain(base, plan),
                sampling=context.sampling,
                session=context.session,
                index=plan.index,
                arm=plan.arm,
                on_event=telling.see,
            )
            telling.message = attempt_message(attempt, attempt.usage.to_json(), self.name, id, about)
        return replace(attempt, reason=plan.reason, base=plan.base, model=plan.model)

    def _told(self, rung: Rung, options: Options) -> Effort:
        """What the template is told: a rung that does not think shares the prompt of the first that does."""
        return next((r.effort for r in (rung, *self.ladder(options)) if r.thinks), rung.effort)

    def _stops(self, base: Attempt | None, options: Options) -> Stops:
        """A chain that was stopped early, and its answer rejected, is not stopped for the same reason again."""
        stopped = base is not None and bool(base.rounds) and base.rounds[-1].stopped
        return replace(NO_STOPS, loop=self.stops(options).loop) if stopped else self.stops(options)


@dataclass(frozen=True)
class Context:
    """Of one attempt: how tokens are drawn, in which session of the engine, under which options, told to whom.

    number: which attempt of the solve it is. message_id: of the message that it is told as. prices: of tokens.
    """

    options: Options
    sampling: Sampling
    session: str
    write: Write
    number: int
    message_id: str
    prices: Prices = field(default_factory=Prices)

    def about(self, plan: Plan) -> dict[str, Any]:
        """What tells the tokens of this attempt from those of others, for their metadata."""
        sample = {"adaptive_sample": self.number} if plan.arm == "vote" else {}
        return {"adaptive_attempt": self.number, "adaptive_arm": plan.arm, **sample}


def verifier_of(
    profile: Profile,
    names: str | None = None,
    *,
    check: Verifier | None = None,
    judge: Verifier | None = None,
    p_solved: Callable[[str], Sequence[float]] | None = None,
) -> Verifier:
    """Who judges attempts of a profile's model: its verifier model among them, where it has one.

    p_solved: what says how hard a question is, in place of the profile's difficulty model.
    """

    def known(question: str) -> Sequence[float]:
        return profile.difficulty(question)["p_solved"]  # type: ignore[no-any-return]

    learned = Learned(profile.verifier, p_solved or known) if profile.verifier else None
    return verifier_for(profile.policy, names, learned=learned, check=check, judge=judge)


def fitted(ladder: Ladder, efforts: Sequence[Effort]) -> tuple[Ladder, list[str]]:
    """A ladder with each effort mapped to the nearest in `efforts`, if there are any; and what was mapped, in
    words."""
    notes: dict[str, None] = {}
    rungs = []
    for rung in ladder:
        near = nearest(rung.effort, efforts) if rung.thinks and efforts else rung.effort
        if near != rung.effort:
            notes[f"effort {rung.effort} is not known to the model: {near} is used"] = None
        rungs.append(replace(rung, effort=near))
    return Ladder(tuple(rungs)), list(notes)


def _chain(base: Attempt | None, plan: Plan) -> Thought:
    """The chain to go on with; a Wait after a rejection is judged by itself: the verifier compares answers."""
    thought = Thought.of(base) if base is not None else Thought()
    return replace(thought, weakest=None) if plan.arm == "wait" else thought


def session_of(solve: str, made: Plan | Attempt, attempts: Sequence[Attempt]) -> str:
    """The engine's session of a plan or an attempt.

    A chain that may be gone on with does not share one with a chain at another effort. All samples of a vote share
    one, so that they share their prompt.
    """
    while made.base is not None:
        made = attempts[made.base]
    if made.arm == "vote":
        return f"{solve}/vote"
    effort = made.rung.effort if isinstance(made, Plan) else made.effort
    return f"{solve}/{effort}" if made.arm == "effort" else solve
