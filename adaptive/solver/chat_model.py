"""A chat model in a solve: efforts and completion caps in place of forced budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from langchain_core.messages import AnyMessage

from adaptive._util.aio import run_in_context
from adaptive.chat.images import has_image, make_image_error
from adaptive.chat.model import ChatModel
from adaptive.chat.response import estimate_prompt
from adaptive.policy import ladder
from adaptive.policy.arms import Plan
from adaptive.policy.ladder import map_efforts
from adaptive.policy.limits import count_output_left
from adaptive.profile.profile import Profile
from adaptive.profile.store import ProfileStore, find_profiles_folder, make_model_key
from adaptive.profile.untrained import (
    NO_PROFILE,
    build_untrained_chat_profile,
    takes_budget,
    without_measurements,
)
from adaptive.profile.verifier import build_profile_verifier
from adaptive.reason.chat import NO_CHAT_CHAIN, ChatChain, think_at_effort
from adaptive.reason.starvation import Recovery, ThinkingMemory
from adaptive.solver.conversation import find_question, read_shape
from adaptive.solver.protocol import AttemptContext
from adaptive.solver.result import to_attempt_message
from adaptive.solver.streaming import stream_as_message
from adaptive.solver.tracing import hide_from_streams
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Effort, Ladder
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.verify import Verifier
from adaptive.verify.combine import build_evidence_verifier, hold_back_measured


@dataclass(frozen=True)
class ChatSolverModel:
    """A chat model in a solve.

    verifier: judges its attempts. memory: what its calls spent on thinking. unmeasured: why its measurements say
    nothing about this conversation. rung_model: its name in the rungs of a profile that is another model's.
    """

    model: ChatModel
    profile: Profile
    verifier: Verifier
    memory: ThinkingMemory = field(default_factory=ThinkingMemory)
    shares_cache: bool = True
    unmeasured: str = ""
    rung_model: str = ""

    @property
    def name(self) -> str:
        """The model spec."""
        return self.model.name

    @property
    def efforts(self) -> Sequence[Effort]:
        """The efforts that the model takes, as far as known."""
        return self.model.efforts

    def build_ladder(self, options: Options) -> Ladder:
        """Return the profile's ladder within the options, with efforts that the model takes."""
        return self._map_efforts(options)[0]

    def list_notes(self, options: Options, messages: Sequence[AnyMessage]) -> list[str]:
        """Return what is replaced by the nearest that the model can do, and what was not measured."""
        notes = [
            *self._map_efforts(options)[1],
            *self.model.notes(),
        ]
        if not self.efforts and options.effort not in (None, "none") and not takes_budget(self.model):
            notes.append(f"the model takes no efforts: of effort {options.effort} only the cap counts")
        return list(dict.fromkeys(notes))

    def _map_efforts(self, options: Options) -> tuple[Ladder, list[str]]:
        limited = ladder.limit_ladder(self.profile.get_ladder(options), options)
        return map_efforts(limited, self.efforts, self.rung_model)

    async def can_guide(self) -> bool:
        """Whether it can hold an answer to a schema: not here, its own structured output is a step of an agent."""
        return False

    def with_check(self, check: Verifier) -> ChatSolverModel:
        """Return the model with another check, which decides in place of its check and its judge."""
        return replace(self, verifier=build_profile_verifier(self.profile, check=check))

    def for_conversation(self, messages: Sequence[AnyMessage], *, guided: bool = False) -> ChatSolverModel:
        """Return the model for a conversation: without measurements, if they were made on others."""
        question = find_question(messages)
        why = self.profile.explain_unmeasured(read_shape(messages, keeps_handoffs=True), question)
        if not why:
            return self
        own = build_untrained_chat_profile(self.model).own_ladder
        profile = without_measurements(self.profile, own, question)
        return replace(self, profile=profile, verifier=hold_back_measured(self.verifier, why), unmeasured=why)

    def check_messages(self, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` for images, if the model takes none."""
        if has_image(messages) and not self.model.takes_images:
            raise make_image_error(self.name)

    async def make_attempt(
        self, messages: Sequence[AnyMessage], plan: Plan, before: Sequence[Attempt], context: AttemptContext
    ) -> Attempt:
        """Make the planned attempt; only a Wait continues an earlier chain."""
        goes_on = plan.arm == "wait" and plan.base is not None
        options = context.options
        id, about = context.message_id, context.describe_attempt(plan)
        async with stream_as_message(
            messages, context.on_event, name=self.name, id=id, about=about, traced=False
        ) as stream:
            work = think_at_effort(
                self.model,
                messages,
                plan.rung,
                style=self.profile.style,
                recovery=self._make_recovery(messages, before, plan.model, context),
                chain=ChatChain.from_attempt(before[plan.base])
                if goes_on and plan.base is not None
                else NO_CHAT_CHAIN,
                temperature=options.temperature or None,
                seed=context.sampling.seed or None,
                index=plan.index,
                arm=plan.arm,
                on_event=stream.on_event,
            )
            with hide_from_streams(about) as traced:
                attempt = await run_in_context(work, traced)
            stream.message = to_attempt_message(attempt, attempt.usage, self.name, id, about)
        return replace(attempt, reason=plan.reason, base=plan.base if goes_on else None, model=plan.model)

    async def release(self, session: str) -> None:
        """Do nothing: providers cache by prefix."""

    def _make_recovery(
        self, messages: Sequence[AnyMessage], before: Sequence[Attempt], model: int, context: AttemptContext
    ) -> Recovery:
        """Return what may be done about a starved call of this model, whose index is `model`."""
        options = context.options
        spent = sum((a.usage for a in before), Usage(cost=0.0))
        left = count_output_left(spent, options)

        def affordable(usage: Usage) -> bool:
            if options.max_cost is None:
                return True
            cost = context.prices.compute_cost(self.name, usage)
            return cost is not None and spent.cost is not None and spent.cost + cost <= options.max_cost

        starved = tuple(call for attempt in before if attempt.model == model for call in attempt.starved)
        return Recovery(
            self.memory,
            self.model.find_largest_cap(estimate_prompt(messages)),
            left,
            affordable,
            pinned=options.effort is not None,
            starved=starved,
            keeps_paid=True,
        )


def build_chat_solver_model(
    model: ChatModel,
    profile: str | Path | Profile | None,
    options: Options,
    *,
    check: Verifier | None = None,
    judge: Verifier | None = None,
) -> ChatSolverModel:
    """Combine a chat model with its profile and its verifiers.

    If nothing can judge an answer (no check, no judge, no named or trained verifier), a complete answer is not
    verified.

    Args:
        model: The chat model.
        profile: A profile or its folder, or "none" for an untrained one; by default the stored one of this model
            (`adaptive fit`), else an untrained one.
        options: `wait_string` and `verify` count here.
        check: A verifier that knows whether an answer is right.
        judge: A verifier that asks another model.

    Raises:
        InputError: The profile cannot be read, or `verify` names an unknown verifier.
    """
    known = profile if isinstance(profile, Profile) else _load_chat_profile(model, profile)
    known = known.with_waits(options.wait_string)
    if options.verify is None and check is None and judge is None and known.verifier is None:
        verifier = build_evidence_verifier(
            unverified="no check" if known.policy.measured else "no profile, no check"
        )
    else:
        verifier = build_profile_verifier(known, options.verify, check=check, judge=judge)
    return ChatSolverModel(model, known, verifier)


def _load_chat_profile(model: ChatModel, path: str | Path | None) -> Profile:
    """Return the profile in a folder, or the stored one; without one, an untrained one."""
    stored = ProfileStore(find_profiles_folder()).load(make_model_key(model.name)) if path is None else None
    if stored is None and path is not None and path != NO_PROFILE:
        return Profile.load(str(path))
    untrained = build_untrained_chat_profile(model)
    if stored is None:
        return untrained
    # One that leaves the model as it is has no ladder of its own for callers who ask for nothing.
    own = untrained.own_ladder if not stored.policy.measured else None
    return replace(stored, own_ladder=stored.own_ladder or own)
