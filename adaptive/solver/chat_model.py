"""A chat model in a solve: efforts and completion caps in place of forced budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from langchain_core.messages import AnyMessage

from adaptive._util.aio import run_isolated
from adaptive.chat.images import has_image, make_image_error
from adaptive.chat.model import ChatModel
from adaptive.policy import ladder
from adaptive.policy.arms import Plan
from adaptive.policy.ladder import map_efforts
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import NO_PROFILE, build_untrained_chat_profile, without_measurements
from adaptive.profile.verifier import build_profile_verifier
from adaptive.reason.chat import NO_CHAT_CHAIN, ChatChain, think_at_effort
from adaptive.reason.starvation import Recovery, ThinkingMemory
from adaptive.solver.conversation import find_question, read_shape
from adaptive.solver.protocol import AttemptContext
from adaptive.solver.result import to_attempt_message
from adaptive.solver.streaming import stream_as_message
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
    nothing about this conversation.
    """

    model: ChatModel
    profile: Profile
    verifier: Verifier
    memory: ThinkingMemory = field(default_factory=ThinkingMemory)
    shares_cache: bool = True
    unmeasured: str = ""

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
        return map_efforts(self._limit_ladder(options), self.efforts)[0]

    def list_notes(self, options: Options, messages: Sequence[AnyMessage]) -> list[str]:
        """Return what is replaced by the nearest that the model can do, and what was not measured."""
        notes = [
            *map_efforts(self._limit_ladder(options), self.efforts)[1],
            *self.model.notes(),
        ]
        if not self.efforts and options.effort not in (None, "none"):
            notes.append(f"the model takes no efforts: of effort {options.effort} only the cap counts")
        return list(dict.fromkeys(notes))

    def _limit_ladder(self, options: Options) -> Ladder:
        return ladder.limit_ladder(self.profile.get_ladder(options), options)

    def for_conversation(self, messages: Sequence[AnyMessage]) -> ChatSolverModel:
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
        async with stream_as_message(messages, context.on_event, name=self.name, id=id, about=about) as stream:
            work = think_at_effort(
                self.model,
                messages,
                plan.rung,
                style=self.profile.style,
                recovery=self._make_recovery(before, context),
                chain=ChatChain.from_attempt(before[plan.base])
                if goes_on and plan.base is not None
                else NO_CHAT_CHAIN,
                temperature=options.temperature or None,
                seed=context.sampling.seed or None,
                index=plan.index,
                arm=plan.arm,
                on_event=stream.on_event,
            )
            # Isolated, or LangGraph would stream and count the calls inside beside the attempt.
            attempt = await run_isolated(work)
            stream.message = to_attempt_message(attempt, attempt.usage, self.name, id, about)
        return replace(attempt, reason=plan.reason, base=plan.base if goes_on else None, model=plan.model)

    async def release(self, session: str) -> None:
        """Do nothing: providers cache by prefix."""

    def _make_recovery(self, before: Sequence[Attempt], context: AttemptContext) -> Recovery:
        options = context.options
        spent = sum((a.usage for a in before), Usage(cost=0.0))
        left = None if options.max_tokens is None else options.max_tokens - spent.total

        def affordable(usage: Usage) -> bool:
            if options.max_cost is None:
                return True
            cost = context.prices.compute_cost(self.name, usage)
            return cost is not None and spent.cost is not None and spent.cost + cost <= options.max_cost

        return Recovery(self.memory, self.model.largest_cap, left, affordable, options.effort is not None)


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
        profile: A profile or its folder; by default, or for "none", an untrained one.
        options: `wait_string` and `verify` count here.
        check: A verifier that knows whether an answer is right.
        judge: A verifier that asks another model.

    Raises:
        InputError: The profile cannot be read, or `verify` names an unknown verifier.
    """
    known = profile if isinstance(profile, Profile) else None
    if known is None:
        untrained = profile is None or profile == NO_PROFILE
        known = build_untrained_chat_profile(model) if untrained else Profile.load(str(profile))
    known = known.with_waits(options.wait_string)
    if options.verify is None and check is None and judge is None and known.verifier is None:
        verifier = build_evidence_verifier(
            unverified="no check" if known.policy.measured else "no profile, no check"
        )
    else:
        verifier = build_profile_verifier(known, options.verify, check=check, judge=judge)
    return ChatSolverModel(model, known, verifier)
