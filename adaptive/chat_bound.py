"""A chat model as a solve uses it: efforts and completion caps in place of forced budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from langchain_core.messages import AnyMessage

from adaptive import policy
from adaptive.apart import apart
from adaptive.arms import Plan
from adaptive.attempt import Attempt, Usage
from adaptive.bound import GENERAL, Context, fitted, verifier_of
from adaptive.chat.ask import Ask
from adaptive.chat.images import has_image, refused
from adaptive.chat.model import ChatModel
from adaptive.ladder import Effort, Ladder, Rung
from adaptive.options import Options
from adaptive.profile import Profile
from adaptive.reason.budget import Style
from adaptive.reason.effort import NO_TALK, Talk, think
from adaptive.reason.starving import Memory, Recovery
from adaptive.result import attempt_message
from adaptive.streaming import as_message
from adaptive.verify import Verifier

BUDGETS: dict[Effort, int] = {"minimal": 1024, "low": 4096, "medium": 16384, "high": 32768, "xhigh": 65536}
"""Thinking tokens of an effort where nothing was measured: a bound, what is not used costs nothing."""
BY_BUDGET: tuple[Effort, ...] = ("low", "medium", "high")
"""Rungs of a model that takes a thinking budget and no efforts."""
THINKING = frozenset(
    {"reasoning_effort", "effort", "reasoning", "thinking", "thinking_level", "thinking_budget", "output_config"}
)
"""Arguments by which providers take an effort or a thinking budget."""
ANSWER_ROOM = 8192
WAIT = "Wait. Go over that again, and then give your whole answer once more."
"""A turn of its own: a bare "Wait" reads as a request for patience."""
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
        return fitted(policy.shape(self.profile.ladder, options), self.efforts)[0]

    def notes(self, options: Options) -> list[str]:
        """What was mapped to the nearest thing that the model can, and what was not measured."""
        notes = [*fitted(policy.shape(self.profile.ladder, options), self.efforts)[1], *self.model.notes()]
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


def untrained_chat(model: ChatModel) -> Profile:
    """What is taken for a chat model as long as nothing was learned of it: a rung for each effort that it takes.

    One without efforts has rungs by thinking budget, and one without any lever has one rung, which does not think.
    """
    top = model.largest_cap or BUDGETS["xhigh"] + ANSWER_ROOM
    room = min(ANSWER_ROOM, max(1, top // 4))
    thinking = [e for e in model.efforts if e != "none"] or (BY_BUDGET if takes_budget(model) else ())
    rungs = [Rung(e, min(BUDGETS[e], top - room), answer_room=room) for e in thinking]
    if "none" in model.efforts or not thinking:
        rungs.insert(0, Rung("none", 0, answer_room=room))
    return Profile("untrained", model.name, Ladder(tuple(rungs)), style=Style(waits=(WAIT,)), general=True)


def takes_budget(model: ChatModel) -> bool:
    """Whether it takes a thinking budget, or another lever that is no effort and no cap."""
    return bool(THINKING & model.settings(Ask("medium", BUDGETS["low"], 2 * BUDGETS["low"])).keys())
