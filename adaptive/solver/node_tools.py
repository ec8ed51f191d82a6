"""What the nodes of the graph share: the models, and what is made of them for one solve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from adaptive._util.deadline import Deadline
from adaptive.chat.errors import ChatError
from adaptive.engines.protocol import Sampling
from adaptive.errors import AdaptiveError, InputError, NoAnswerInTime
from adaptive.policy.arms import Plan
from adaptive.policy.vote import ALIKE
from adaptive.prices import Prices, add_cost
from adaptive.profile.domain import UNLIKE
from adaptive.solver.allocator import Allocator
from adaptive.solver.protocol import AttemptContext, SolverModel, name_session
from adaptive.solver.result import to_message
from adaptive.solver.spent import SpentTokens
from adaptive.solver.state import SolveView, Update
from adaptive.solver.streaming import make_message_id
from adaptive.solver.tracing import add_run_metadata, describe_result, get_callback_manager
from adaptive.solver.verdicts import AttemptVerifier
from adaptive.solver.vote_slots import VoteSlots
from adaptive.types.attempt import Attempt
from adaptive.types.events import Event, OnEvent
from adaptive.types.options import Options
from adaptive.types.result import Result
from adaptive.types.usage import Usage
from adaptive.verify.combine import hold_back_measured


@dataclass(frozen=True)
class NodeTools:
    """What the nodes work with.

    models: the first is asked first, stronger ones follow. prices: what their tokens cost. message_name: that of
    the messages with answers. vote_slots: the votes whose samples run now. loaded_models: whose difficulty models
    were read (`Allocator`).
    """

    models: tuple[SolverModel, ...]
    options: Options
    prices: Prices = field(default_factory=Prices)
    message_name: str | None = None
    vote_slots: VoteSlots = field(default_factory=VoteSlots)
    loaded_models: set[tuple[int, bool]] = field(default_factory=set)

    def check_options(self, options: Options) -> None:
        """Raise `InputError` for a worth in another unit than a profile's, or a cost limit that cannot be kept."""
        for model in self.models:
            model.profile.policy.with_worth(options.worth)
        if options.max_cost is not None:
            self.require_prices(options.max_cost)

    def require_prices(self, limit: float) -> None:
        """Raise `InputError` if a limit of money cannot be kept, because the price of a model is unknown."""
        for model in self.models:
            self.prices.require_price(model.name, limit)

    async def check_schema(self, options: Options) -> None:
        """Raise `InputError` for a schema of answers that a model, which may be asked, cannot be held to."""
        if options.answer_schema is None:
            return
        for model in self.models:
            if not await model.can_guide():
                raise InputError(
                    f"{model.name} has no guided decoding, so answer_schema cannot be kept: leave it out, and "
                    "check the form with build_solver(check=...)."
                )

    def get_allocator(self, view: SolveView) -> Allocator:
        """Return what chooses rungs for the models of a solve."""
        return Allocator(view.models, self.loaded_models)

    def make_attempt_verifier(self, view: SolveView, on_event: OnEvent, deadline: Deadline) -> AttemptVerifier:
        """Return what judges a solve's attempts."""
        verifiers = [model.verifier for model in view.models]
        if view.plan.every_sample:
            verifiers = [hold_back_measured(one, ALIKE) for one in verifiers]
        return AttemptVerifier(view.question, verifiers, view.options, on_event, deadline)

    def collect_notes(self, models: set[int], view: SolveView, options: Options) -> list[str]:
        """Return what these models cannot do as asked, then whose price is not known.

        A note of a stronger model begins with its name.
        """
        used = [(i, view.models[i]) for i in sorted(models)]
        messages = view.state["messages"]
        notes = [
            f"{model.name}: {note}" if i else note
            for i, model in used
            for note in (*model.list_notes(options, messages), *_note_unmeasured(model))
        ]
        prices = (self.prices.note_unknown_price(name) for name in dict.fromkeys(model.name for _, model in used))
        return [*notes, *(note for note in prices if note)]

    async def make_attempt(self, view: SolveView, sampling: Sampling, on_event: OnEvent, number: int) -> Attempt:
        """Make the planned attempt, number `number` of the solve, and add its cost."""
        plan, model = view.plan, view.models[view.plan.model]

        of_model = {"model": model.name} if plan.rung.model else {}

        def tag(event: Event) -> None:
            on_event({"attempt": number, **event, **(of_model if event["event"] == "start" else {})})

        session = name_session(view.solve_id, plan, view.attempts)
        message_id = make_message_id(view.solve_id, number)
        context = AttemptContext(view.options, sampling, session, tag, number, message_id, self.prices)
        attempt = await model.make_attempt(view.state["messages"], plan, view.attempts, context)
        return replace(attempt, usage=add_cost(attempt.usage, model.name, self.prices))

    def return_result(self, view: SolveView, result: Result) -> Update:
        """Return a result as a message, which replaces an earlier one of it, and as an object."""
        manager = get_callback_manager()
        add_run_metadata(manager, manager.parent_run_id, describe_result(result), above=1)  # the graph's run
        message = to_message(result, make_message_id(view.solve_id, result.kept), self.message_name)
        return {"messages": [message], "adaptive_result": result.to_json()}

    async def release_sessions(self, view: SolveView) -> None:
        """Release all sessions that this solve has used or was about to use."""
        solve = view.state.get("adaptive_session", "")
        attempts: Sequence[Attempt] = view.attempts if "adaptive_attempts" in view.state else ()
        steps: list[Plan | Attempt] = [*attempts, *([view.plan] if "adaptive_plan" in view.state else [])]
        used = {(step.model, name_session(solve, step, attempts)) for step in steps} or {(0, solve)}
        for model, session in sorted(used):
            await self.models[model].release(session)


def describe_failure(error: AdaptiveError) -> str:
    """Say that an attempt failed after others, which were paid and are kept."""
    return f"asking again failed ({str(error).rstrip('.')}): what was there before is kept"


def read_cut(error: AdaptiveError, spent: SpentTokens) -> Usage:
    """Return what an attempt spent that failed: by its error, or else by its events."""
    return error.usage if isinstance(error, ChatError) else spent.to_usage(0.0)


def explain_no_answer(options: Options, spent: str) -> NoAnswerInTime:
    """Return the error of a solve whose time was up before it had an answer."""
    return NoAnswerInTime(f"no answer within {options.timeout:g} s, {spent}: raise timeout or lower the budget.")


def _note_unmeasured(model: SolverModel) -> list[str]:
    """Say that the shape of the conversation was not measured; of an unlike question the verdict says it."""
    if model.unmeasured in ("", UNLIKE):
        return []
    return [f"{model.unmeasured}: nothing but a check or a judge can accept here"]
