"""A chat model as a solve uses it: efforts and completion caps in place of forced budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from langchain_core.messages import AnyMessage

from adaptive._util.aio import apart
from adaptive.chat.images import has_image, refused
from adaptive.chat.model import ChatModel
from adaptive.policy import ladder
from adaptive.policy.arms import Plan
from adaptive.policy.ladder import fitted
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import untrained_chat
from adaptive.profile.verifier import verifier_of
from adaptive.reason.chat import NO_TALK, Talk, think
from adaptive.reason.starvation import Memory, Recovery
from adaptive.solver.model import GENERAL, Context
from adaptive.solver.result import attempt_message
from adaptive.solver.streaming import as_message
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Effort, Ladder
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.verify import Verifier

FORM_ALONE = "answers are accepted when they are whole, for the model gives no confidence: name a check or a judge"


@dataclass(frozen=True)
class ChatBound:
    """A chat model, bound. `verifier` judges its attempts; `memory` is what its calls spent on thinking."""

    model: ChatModel
    profile: Profile
    verifier: Verifier
    memory: Memory = field(default_factory=Memory)
    shares_cache: bool = True
    by_form: bool = False

    @property
    def name(self) -> str:
        """The model spec."""
        return self.model.name

    @property
    def efforts(self) -> Sequence[Effort]:
        """The levels that it takes, as far as known."""
        return self.model.efforts

    def ladder(self, options: Options) -> Ladder:
        """The profile's ladder within what the caller set, its efforts those that the model takes."""
        return fitted(ladder.shape(self.profile.ladder, options), self.efforts)[0]

    def notes(self, options: Options) -> list[str]:
        """What was mapped to the nearest thing that the model can, and what was not measured."""
        notes = [*fitted(ladder.shape(self.profile.ladder, options), self.efforts)[1], *self.model.notes()]
        if self.profile.general:
            notes.append(f"how hard the question is was {GENERAL}")
        if self.by_form:
            notes.append(FORM_ALONE)
        if not self.efforts and options.effort not in (None, "none"):
            notes.append(f"the model takes no efforts: of effort {options.effort} only the cap counts")
        return list(dict.fromkeys(notes))

    def check(self, messages: Sequence[AnyMessage]) -> None:
        """Raise `InputError` for images where the model takes none."""
        if has_image(messages) and not self.model.images:
            raise refused(self.name)

    async def buy(
        self, messages: Sequence[AnyMessage], plan: Plan, before: Sequence[Attempt], context: Context
    ) -> Attempt:
        """The attempt that a plan buys; only a Wait goes on with what was said before."""
        goes_on = plan.arm == "wait" and plan.base is not None
        options = context.options
        id, about = context.message_id, context.about(plan)
        async with as_message(messages, context.write, name=self.name, id=id, about=about) as telling:
            work = think(
                self.model,
                messages,
                plan.rung,
                style=self.profile.style,
                recovery=self._recovery(before, context),
                talk=Talk.of(before[plan.base]) if goes_on and plan.base is not None else NO_TALK,
                temperature=options.temperature or None,
                seed=context.sampling.seed or None,
                index=plan.index,
                arm=plan.arm,
                on_event=telling.see,
            )
            # Apart: the calls inside would be streamed and counted beside the attempt that they make up.
            attempt = await apart(work)
            telling.message = attempt_message(attempt, attempt.usage.to_json(), self.name, id, about)
        return replace(attempt, reason=plan.reason, base=plan.base if goes_on else None, model=plan.model)

    async def release(self, session: str) -> None:
        """Nothing is held: providers cache by prefix."""

    def _recovery(self, before: Sequence[Attempt], context: Context) -> Recovery:
        options = context.options
        spent = sum((a.usage for a in before), Usage(cost=0.0))
        left = None if options.max_tokens is None else options.max_tokens - spent.total

        def affordable(usage: Usage) -> bool:
            if options.max_cost is None:
                return True
            cost = context.prices.cost(self.name, usage)
            return cost is not None and spent.cost is not None and spent.cost + cost <= options.max_cost

        return Recovery(self.memory, self.model.largest_cap, left, affordable, options.effort is not None)


def chat_bound(
    model: ChatModel,
    profile: str | Path | Profile | None,
    options: Options,
    *,
    check: Verifier | None = None,
    judge: Verifier | None = None,
) -> ChatBound:
    """A chat model with its profile, an untrained one by default, and with who verifies its attempts.

    Where nothing can judge an answer, neither a check nor a judge nor a verifier that was asked for or trained, a
    whole answer is accepted.
    """
    known = profile if isinstance(profile, Profile) else None
    known = known or (untrained_chat(model) if profile is None else Profile.load(str(profile)))
    known = known.with_waits(options.wait_string)
    by_form = options.verify is None and check is None and judge is None and known.verifier is None
    names = "rules" if by_form else options.verify
    verifier = verifier_of(known, names, check=check, judge=judge)
    return ChatBound(model, known, verifier, by_form=by_form)
