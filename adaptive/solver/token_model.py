"""A model on a token engine in a solve: thinking inside exactly the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AnyMessage

from adaptive.engines.protocol import SHORT_TEXT, Prompt, Sampling, TokenEngine
from adaptive.policy import ladder
from adaptive.policy.arms import Plan
from adaptive.policy.ladder import map_efforts
from adaptive.policy.limits import count_output_left
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import choose_answer_room, with_own_way, without_measurements
from adaptive.profile.verifier import build_profile_verifier
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import NO_STOPS, think_within_budget
from adaptive.reason.plain import answer_plainly
from adaptive.solver.answer_schema import ask_for_form, format_schema
from adaptive.solver.conversation import find_question, read_shape, to_chat_turns
from adaptive.solver.protocol import AttemptContext
from adaptive.solver.result import to_attempt_message
from adaptive.solver.streaming import stream_as_message
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import BELIEVED_DEFAULT, Effort, Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.stops import Stops, parse_stops
from adaptive.types.usage import Usage
from adaptive.verify import Verifier
from adaptive.verify.combine import hold_back_measured


@dataclass(frozen=True)
class TokenSolverModel:
    """A model on a token engine in a solve.

    verifier: judges its attempts. unmeasured: why its measurements say nothing about this conversation.
    """

    engine: TokenEngine
    profile: Profile
    verifier: Verifier
    unmeasured: str = ""
    rung_model: str = ""

    @property
    def name(self) -> str:
        """The model spec."""
        return self.engine.name

    @property
    def efforts(self) -> Sequence[Effort]:
        """The efforts that the chat template distinguishes."""
        return self.engine.codec.efforts

    @property
    def shares_cache(self) -> bool:
        """Whether all sessions of the engine share one cache."""
        return self.engine.shares_cache

    async def can_guide(self) -> bool:
        """Whether the engine can hold an answer to a schema."""
        return await self.engine.can_guide()

    def with_check(self, check: Verifier) -> TokenSolverModel:
        """Return the model with another check, which decides in place of its check and its judge."""
        return replace(self, verifier=build_profile_verifier(self.profile, check=check))

    def for_conversation(self, messages: Sequence[AnyMessage], *, guided: bool = False) -> TokenSolverModel:
        """Return the model for a conversation: without measurements, if they were made on others."""
        question = find_question(messages)
        why = self.profile.explain_unmeasured(read_shape(messages), question)
        if guided and self.profile.policy.measured:
            why = why or "the profile was measured on answers without a schema"
        if not why:
            return self
        own = with_own_way(self.profile, self.engine.context_window, self.efforts, steered=True).own_ladder
        profile = without_measurements(self.profile, own, question)
        return replace(self, profile=profile, verifier=hold_back_measured(self.verifier, why), unmeasured=why)

    def check_messages(self, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` for messages that the chat template cannot take."""
        to_chat_turns(messages)

    async def release(self, session: str) -> None:
        """Release the engine's cache of a session."""
        await self.engine.release(session)

    def build_ladder(self, options: Options) -> Ladder:
        """Return the profile's ladder within the options, with efforts that the model distinguishes."""
        return map_efforts(self._limit_ladder(options), self.efforts)[0]

    def list_notes(self, options: Options, messages: Sequence[AnyMessage]) -> list[str]:
        """Return what is replaced by the nearest that the model can do, and what was not measured."""
        efforts = self.efforts
        notes = map_efforts(self._limit_ladder(options), efforts)[1]
        if not efforts and options.effort not in (None, "none"):
            notes.append(f"the model tells no efforts apart: of effort {options.effort} only the budget counts")
        if not self.profile.style.history and read_shape(messages).history:
            notes.append("the model was trained on single questions: it is not shown the earlier turns")
        turns = self._read_turns(messages)
        empty = [(role, "") for role, _ in turns]  # notes are about roles: long texts take long to encode
        return [*notes, *self.engine.codec.render(empty, "medium").notes]

    def _limit_ladder(self, options: Options) -> Ladder:
        return ladder.limit_ladder(self.profile.get_ladder(options), options)

    def resolve_stops(self, options: Options) -> Stops:
        """Return the early stops that are on."""
        stops = self.profile.stops
        return stops if options.stop is None else stops.restrict_to(parse_stops(options.stop))

    async def make_attempt(
        self, messages: Sequence[AnyMessage], plan: Plan, before: Sequence[Attempt], context: AttemptContext
    ) -> Attempt:
        """Make the planned attempt."""
        turns = self._read_turns(messages)
        schema = format_schema(context.options.answer_schema)
        if schema:
            turns, plan = ask_for_form(turns, schema), self._make_room(plan, before, context.options)
        base = before[plan.base] if plan.base is not None else None
        id, about = context.message_id, context.describe_attempt(plan)
        async with stream_as_message(
            messages,
            context.on_event,
            name=self.name,
            id=id,
            about=about,
            parameters=_describe_parameters(plan.rung, context.sampling),
        ) as stream:
            prompt = await self._render(turns, self._choose_prompt_effort(plan.rung, context.options))
            if plan.rung.is_plain and base is None and not plan.rung.waits:
                attempt = await answer_plainly(
                    self.engine,
                    prompt,
                    plan.rung,
                    style=self.profile.style,
                    stops=self.resolve_stops(context.options),
                    room=_count_tokens_left(before, context.options, len(prompt.open)),
                    sampling=context.sampling,
                    session=context.session,
                    index=plan.index,
                    arm=plan.arm,
                    on_event=stream.on_event,
                )
            else:
                attempt = await think_within_budget(
                    self.engine,
                    prompt,
                    plan.rung,
                    style=self.profile.style,
                    stops=self._resolve_stops_after(base, context.options) if plan.early_stops else NO_STOPS,
                    thought=_resume_thought(base, plan),
                    sampling=context.sampling,
                    session=context.session,
                    index=plan.index,
                    arm=plan.arm,
                    schema=schema,
                    on_event=stream.on_event,
                )
            stream.message = to_attempt_message(attempt, attempt.usage, self.name, id, about)
        return replace(attempt, reason=plan.reason, base=plan.base, model=plan.model)

    def _read_turns(self, messages: Sequence[AnyMessage]) -> list[tuple[str, str]]:
        """Return the turns that the model is shown, with its system message."""
        style = self.profile.style
        return style.with_system(to_chat_turns(messages, history=style.history))

    def _make_room(self, plan: Plan, before: Sequence[Attempt], options: Options) -> Plan:
        """Return a plan with room for JSON. A plain rung thinks up to the window, and the answer follows apart.

        A plain reply is one text, of which only the end could be guided. A model that marks no end of its thinking
        answers at once.
        """
        rung, window = plan.rung, self.engine.context_window
        room = max(rung.answer_room, choose_answer_room(window))
        if rung.is_plain:
            left = _count_tokens_left(before, options, 0)
            thinks = self.engine.codec.markers.think_end is not None
            budget = max(0, min(window, window if left is None else left - room)) if thinks else 0
            rung = replace(rung, effort=BELIEVED_DEFAULT if budget else "none", budget=budget)
        return replace(plan, rung=replace(rung, answer_room=room))

    async def _render(self, turns: Sequence[tuple[str, str]], effort: Effort) -> Prompt:
        """Return the prompt; a long conversation is encoded in a thread, so that the event loop goes on."""
        if sum(len(text) for _, text in turns) <= SHORT_TEXT:
            return self.engine.codec.render(turns, effort)
        return await asyncio.to_thread(self.engine.codec.render, turns, effort)

    def _choose_prompt_effort(self, rung: Rung, options: Options) -> Effort:
        """Choose the template's effort: a rung that does not think shares the prompt of the first that does."""
        return next((r.effort for r in (rung, *self.build_ladder(options)) if r.thinks), rung.effort)

    def _resolve_stops_after(self, base: Attempt | None, options: Options) -> Stops:
        """Return the stops of an attempt: a chain whose early answer was rejected is stopped only in a loop."""
        stopped = base is not None and bool(base.rounds) and base.rounds[-1].stopped
        return replace(NO_STOPS, loop=self.resolve_stops(options).loop) if stopped else self.resolve_stops(options)


def _describe_parameters(rung: Rung, sampling: Sampling) -> dict[str, Any]:
    """Return what an attempt is made with, by the names that providers give it; a plain rung has no budget."""
    budget = {} if rung.is_plain else {"thinking_budget": rung.budget}
    return {"temperature": sampling.temperature, "seed": sampling.seed, **budget}


def _count_tokens_left(before: Sequence[Attempt], options: Options, prompt: int) -> int | None:
    """Return how many tokens the limit of the solve leaves for a reply; None without a limit."""
    left = count_output_left(sum((a.usage for a in before), Usage()), options, prompt)
    return None if left is None else max(1, left)


def _resume_thought(base: Attempt | None, plan: Plan) -> Thought:
    """Return the chain to continue. A Wait starts with new confidence: the verifier compares the answers."""
    thought = Thought.from_attempt(base) if base is not None else Thought()
    return replace(thought, weakest=None) if plan.arm == "wait" else thought
