"""What the nodes of the graph do, and which node follows (the routers).

A node takes a view of the state and a listener for events, and returns an update of the state.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langgraph.errors import GraphBubbleUp
from langgraph.types import Overwrite, Send

from adaptive._util.deadline import Deadline, DeadlineExceeded
from adaptive.engines.protocol import Sampling
from adaptive.errors import NoAnswerInTime
from adaptive.policy import limits, select
from adaptive.policy.arms import Plan
from adaptive.policy.vote import VoteResult, count_vote, count_wanted_samples
from adaptive.prices import Prices, add_cost
from adaptive.profile.domain import UNLIKE
from adaptive.solver.allocator import Allocator
from adaptive.solver.approval import count_max_thinking_tokens, needs_approval, request_approval
from adaptive.solver.context import read_context_settings
from adaptive.solver.conversation import get_last_question
from adaptive.solver.protocol import JUDGED_BY_GENERAL, AttemptContext, SolverModel, name_session
from adaptive.solver.result import build_result, to_message
from adaptive.solver.spent import SpentTokens
from adaptive.solver.state import SolverState, SolveView, Update
from adaptive.solver.streaming import make_message_id
from adaptive.solver.verdicts import AttemptVerifier
from adaptive.solver.vote_slots import VoteSlots
from adaptive.types.attempt import Attempt
from adaptive.types.events import Event, OnEvent
from adaptive.types.options import Options
from adaptive.types.usage import Usage

Node = Callable[[SolveView, OnEvent], Awaitable[Update]]

SEEDS_PER_SOLVE = 1009
"""The distance between the seeds of two solves; a vote has fewer samples."""

SAMPLE_STATE_KEYS = (
    "messages",
    "adaptive_asked",
    "adaptive_session",
    "adaptive_plan",
    "adaptive_attempts",
    "adaptive_seconds",
)
"""The part of the state that a sample of a vote gets."""


@dataclass(frozen=True)
class Solver:
    """The nodes and routers of the graph.

    models: the first is asked first, stronger ones follow. prices: what their tokens cost. vote_slots: the votes
    whose samples run now. loaded_models: whose difficulty models were read (`Allocator`).
    """

    models: tuple[SolverModel, ...]
    options: Options
    prices: Prices = field(default_factory=Prices)
    vote_slots: VoteSlots = field(default_factory=VoteSlots)
    loaded_models: set[tuple[int, bool]] = field(default_factory=set)

    # The nodes, in the order of the diagram in README.

    async def classify(self, view: SolveView, on_event: OnEvent) -> Update:
        """Predict how likely each rung is to solve the question."""
        messages = view.state["messages"]
        self.models[0].check_messages(messages)
        question = get_last_question(messages)
        context, own = read_context_settings(), view.state.get("adaptive_options")
        options = self.options.with_settings(context).with_settings(own)
        self.check_options(options)
        return {
            "adaptive_asked": {**context, **(own or {})},
            "adaptive_question": question,
            "adaptive_session": uuid.uuid4().hex,
            "adaptive_difficulty": await self._get_allocator(view).predict_difficulty(0, question, options),
            "adaptive_attempts": [],
            "adaptive_samples": Overwrite([]),
            "adaptive_stop": "",
            "adaptive_seconds": 0.0,
            "adaptive_cut": None,
        }

    async def allocate(self, view: SolveView, on_event: OnEvent) -> Update:
        """Plan the first attempt."""
        difficulty = view.state["adaptive_difficulty"]
        plan = self._get_allocator(view).choose_first(difficulty, view.options)
        if "general" in difficulty:
            plan = replace(plan, reason=f"{plan.reason}; {difficulty['level']} as {JUDGED_BY_GENERAL}")
        on_event({"event": "difficulty", "attempt": 0, **difficulty, "rung": plan.index, "reason": plan.reason})
        for note in self._collect_notes({0}, view, view.options):
            on_event({"event": "note", "attempt": 0, "text": note})
        return {"adaptive_plan": plan.to_json()}

    async def approve(self, view: SolveView, on_event: OnEvent) -> Update:
        """Ask whether the planned attempt may be made; if not, plan a cheaper one or stop."""
        plan, attempts = view.plan, view.attempts
        tokens = count_max_thinking_tokens(plan)
        # LangGraph runs this node again for each answer: nothing may happen before the question.
        request = {
            "question": view.question,
            "attempt": len(attempts),
            "answer": attempts[select.select_best_attempt(attempts)].answer if attempts else None,
            "model": view.models[plan.model].name,
            "rung": plan.index,
            "arm": plan.arm,
            "effort": plan.rung.effort,
            "budget": plan.rung.budget,
            "samples": plan.samples,
            "reason": plan.reason,
        }
        approval = request_approval(request, plan, view.options.approve_above or 0)
        on_event({"event": "approval", "attempt": len(attempts), "tokens": tokens, "approved": approval.approved,
                  "approve_above": approval.limit})  # fmt: skip
        settings = view.state["adaptive_asked"]
        if approval.approved:
            return {"adaptive_asked": {**settings, "approve_above": approval.limit}}
        if attempts:
            return {"adaptive_stop": f"denied: {tokens} thinking tokens more"}
        settings = {**settings, "budget": approval.limit}
        cheaper = self._get_allocator(view).choose_first(
            view.state["adaptive_difficulty"], self.options.with_settings(settings)
        )
        reason = f"{tokens} thinking tokens were denied: the dearest within {approval.limit}"
        return {"adaptive_asked": settings, "adaptive_plan": replace(cheaper, reason=reason).to_json()}

    async def think(self, view: SolveView, on_event: OnEvent) -> Update:
        """Make the planned attempt."""
        options, deadline, spent = view.options, view.deadline, SpentTokens()
        sampling = Sampling(temperature=options.temperature, seed=options.seed)
        try:
            async with deadline.enforce():
                listener = spent.wrap_listener(on_event)
                attempt = await self._make_attempt(view, sampling, listener, len(view.attempts))
        except DeadlineExceeded:
            if not view.attempts:
                late = f"no answer within {options.timeout:g} s, {spent}"
                raise NoAnswerInTime(f"{late}: raise --timeout or lower --budget.") from None
            cut = spent.to_usage(deadline.elapsed - deadline.previous_seconds)
            return {"adaptive_stop": limits.describe_timeout(options), "adaptive_cut": cut.to_json()}
        return {"adaptive_attempts": [*view.state["adaptive_attempts"], attempt.to_json()]}

    async def verify(self, view: SolveView, on_event: OnEvent) -> Update:
        """Judge the last attempt, unless the deadline has passed."""
        if view.stop:
            return {}
        *before, last = view.attempts
        judged = await self._make_attempt_verifier(view, on_event, view.deadline).verify_attempt(last, before)
        return {
            "adaptive_attempts": [a.to_json() for a in (*before, judged)],
            "adaptive_stop": self._find_stop(view, judged) or view.find_step_limit(limits.STEPS_TO_GO_ON),
        }

    async def escalate(self, view: SolveView, on_event: OnEvent) -> Update:
        """Plan the attempt after a rejected one, or stop and say why."""
        attempts, options = view.attempts, view.options
        known = await self._get_allocator(view).predict_difficulty(
            attempts[-1].model, view.question, options, attempts
        )
        plan = self._get_allocator(view).choose_next(attempts, options, known["p_solved"], view.elapsed)
        if isinstance(plan, Plan):
            plan = view.find_step_limit(limits.STEPS_TO_ATTEMPT) or plan
        if isinstance(plan, str):
            return {"adaptive_stop": plan}
        if plan.arm == "model":
            known = await self._get_allocator(view).predict_difficulty(plan.model, view.question, options)
            plan = self._get_allocator(view).choose_on_next_model(plan, options, known["p_solved"])
            for note in self._collect_notes({plan.model}, view, options):
                on_event({"event": "note", "attempt": len(attempts), "text": note})
        on_event({"event": "escalate", "attempt": len(attempts), "arm": plan.arm, "rung": plan.index,
                  "reason": plan.reason})  # fmt: skip
        return {"adaptive_plan": plan.to_json()}

    async def sample(self, view: SolveView, on_event: OnEvent) -> Update:
        """Draw one sample of a vote; many of them run side by side."""
        number, model = view.state["adaptive_sample"], view.models[view.plan.model]
        options, deadline, spent = view.options, view.deadline, SpentTokens()
        temperature = options.temperature or model.profile.policy.vote_temperature
        sampling = Sampling(temperature=temperature, seed=options.seed * SEEDS_PER_SOLVE + number)
        listener = spent.wrap_listener(lambda event: on_event({**event, "sample": number}))
        try:
            async with (
                deadline.enforce(),
                self.vote_slots.hold(view.solve_id, model.shares_cache, lambda: self._release_sessions(view)),
            ):
                attempt = await self._make_attempt(view, sampling, listener, number)
            drawn = {"attempt": attempt.to_json()}
        except DeadlineExceeded:
            drawn = {"cut": spent.to_usage(deadline.elapsed - deadline.previous_seconds).to_json()}
        return {"adaptive_samples": [{"number": number, "seconds": deadline.elapsed, **drawn}]}

    async def tally(self, view: SolveView, on_event: OnEvent) -> Update:
        """Judge the new samples of a vote and count it; once it is settled, the majority has its verdict."""
        self.vote_slots.clear_failed(view.solve_id)
        samples = sorted(view.state["adaptive_samples"], key=lambda s: s["number"])
        drawn = [Attempt.from_json(s["attempt"]) for s in samples if "attempt" in s]
        cuts = [s["cut"] for s in samples if "cut" in s]
        # The samples ran side by side: the slowest of them says how long the solve has run.
        seconds = max((s["seconds"] for s in samples), default=view.elapsed)
        verifier = self._make_attempt_verifier(view, on_event, Deadline(seconds, view.options.timeout))
        attempts = [*view.attempts]
        for place, attempt in enumerate(drawn, start=1):
            attempts.append(await verifier.verify_attempt(attempt, attempts, drawn[place:]))
        vote = count_vote(attempts, view.plan, view.models[view.plan.model].profile.policy)
        if vote.finished:
            on_event({"event": "vote", "attempt": vote.leader, "accepted": vote.accepted,
                      "reason": vote.verdict.reason})  # fmt: skip
        steps = limits.STEPS_TO_GO_ON if vote.finished else limits.STEPS_TO_ATTEMPT
        stop = limits.describe_timeout(view.options) if cuts else view.find_step_limit(steps)
        lost = [Usage.from_json(one) for one in (view.state["adaptive_cut"], *cuts) if one]
        return {
            "adaptive_samples": Overwrite([]),
            "adaptive_seconds": seconds,
            "adaptive_cut": sum(lost[1:], lost[0]).to_json() if lost else None,
            "adaptive_attempts": [a.to_json() for a in vote.attempts],
            "adaptive_stop": "accepted" if vote.accepted else stop or self._find_vote_stop(view, vote),
        }

    async def finish(self, view: SolveView, on_event: OnEvent) -> Update:
        """Return the best attempt, as a message and as the result object."""
        await self._release_sessions(view)
        attempts, options = view.attempts, view.options
        kept = select.select_best_attempt(attempts)
        result = build_result(
            question=view.question,
            attempts=attempts,
            selected=kept,
            difficulty=view.state["adaptive_difficulty"],
            stop=view.stop,
            models=[m.name for m in view.models],
            profile=view.models[0].profile.name,
            notes=self._collect_notes({0, *(a.model for a in attempts)}, view, options),
            seed=options.seed,
            shadow=await self._get_allocator(view).compute_shadow(view.question, attempts[0], options),
            cut=Usage.from_json(cut) if (cut := view.state["adaptive_cut"]) else None,
        )
        data = result.to_json()
        on_event({"event": "done", "attempt": kept, "result": data})
        message = to_message(result, make_message_id(view.solve_id, kept))
        return {"messages": [message], "adaptive_result": data}

    # The routers: which node follows.

    def route_plan(self, state: SolverState) -> str | list[Send]:
        """After `allocate` and `escalate`: ask first if the plan needs an approval."""
        view = SolveView(state, self.options, self.models)
        return "approve" if not view.stop and needs_approval(view.plan, view.options) else self._start_plan(view)

    def route_approved(self, state: SolverState) -> str | list[Send]:
        """After `approve`."""
        return self._start_plan(SolveView(state, self.options, self.models))

    def route_verified(self, state: SolverState) -> str:
        """After `verify`."""
        return "finish" if state["adaptive_stop"] else "escalate"

    def route_vote(self, state: SolverState) -> str | list[Send]:
        """After `tally`: draw more samples until the vote is settled or a limit is reached."""
        view = SolveView(state, self.options, self.models)
        return "finish" if view.stop else self._send_samples(view) or "escalate"

    def _start_plan(self, view: SolveView) -> str | list[Send]:
        if view.stop:
            return "finish"
        return self._send_samples(view) if view.plan.arm == "vote" else "think"

    def _send_samples(self, view: SolveView) -> list[Send]:
        """Send the next samples of a vote; the first time at least one, later none if the vote is settled."""
        attempts, policy = view.attempts, view.models[view.plan.model].profile.policy
        if limits.find_reached_limit(attempts, view.options, view.elapsed):
            return []
        shared: dict[str, Any] = {key: view.state[key] for key in SAMPLE_STATE_KEYS if key in view.state}  # type: ignore[literal-required]
        shared["adaptive_sent"] = time.time()
        wanted = count_wanted_samples(attempts, view.plan, policy)
        return [Send("sample", {**shared, "adaptive_sample": len(attempts) + i}) for i in range(wanted)]

    # Shared by the nodes.

    def check_options(self, options: Options) -> None:
        """Raise `InputError` for a cost limit that cannot be kept because a model's price is not known."""
        if options.max_cost is not None:
            for model in self.models:
                self.prices.require_price(model.name, options.max_cost)

    def wrap_node(self, node: Node) -> Callable[[SolverState, OnEvent], Awaitable[Update]]:
        """Return the node as the graph runs it.

        It counts the seconds of the solve. If the node fails or is cancelled, the engines' sessions are released.
        """

        async def run(state: SolverState, on_event: OnEvent) -> Update:
            start, view = time.monotonic(), SolveView(state, self.options, self.models)
            try:
                update = await node(view, on_event)
            except GraphBubbleUp:  # an interrupt for an approval: the solve goes on later
                raise
            except BaseException:
                await self._release_sessions(view)
                raise
            if "adaptive_sample" in state:  # side by side with others: `tally` counts their seconds
                return update
            seconds = update.get("adaptive_seconds", view.elapsed) + time.monotonic() - start
            return {**update, "adaptive_seconds": seconds}

        return run

    def _find_stop(self, view: SolveView, judged: Attempt) -> str:
        """Say why no attempt follows a judged one; empty if one may."""
        verdict, model = judged.verdict, view.models[judged.model]
        if verdict is not None and verdict.accepted:
            return "accepted"
        options = replace(view.options, verify=None) if model.unmeasured else view.options  # no name helps there
        stands = select.stands(judged, model.profile.policy, model.build_ladder(view.options), options)
        return verdict.reason if verdict is not None and stands else ""

    def _find_vote_stop(self, view: SolveView, vote: VoteResult) -> str:
        """Say why no attempt follows a vote that is over and accepted no answer; empty if one may."""
        measured = view.models[view.plan.model].profile.policy.measured
        return vote.verdict.reason if vote.finished and not measured and not vote.verdict.decided else ""

    def _get_allocator(self, view: SolveView) -> Allocator:
        return Allocator(view.models, self.loaded_models)

    def _make_attempt_verifier(self, view: SolveView, on_event: OnEvent, deadline: Deadline) -> AttemptVerifier:
        verifiers = [model.verifier for model in view.models]
        return AttemptVerifier(view.question, verifiers, view.options, on_event, deadline)

    def _collect_notes(self, models: set[int], view: SolveView, options: Options) -> list[str]:
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

    async def _make_attempt(self, view: SolveView, sampling: Sampling, on_event: OnEvent, number: int) -> Attempt:
        """Make the planned attempt, number `number` of the solve, and add its cost."""
        plan, model = view.plan, view.models[view.plan.model]

        def tag(event: Event) -> None:
            on_event({"attempt": number, **event})

        session = name_session(view.solve_id, plan, view.attempts)
        message_id = make_message_id(view.solve_id, number)
        context = AttemptContext(view.options, sampling, session, tag, number, message_id, self.prices)
        attempt = await model.make_attempt(view.state["messages"], plan, view.attempts, context)
        return replace(attempt, usage=add_cost(attempt.usage, model.name, self.prices))

    async def _release_sessions(self, view: SolveView) -> None:
        """Release all sessions that this solve has used or was about to use."""
        solve = view.state.get("adaptive_session", "")
        attempts: Sequence[Attempt] = view.attempts if "adaptive_attempts" in view.state else ()
        steps: list[Plan | Attempt] = [*attempts, *([view.plan] if "adaptive_plan" in view.state else [])]
        used = {(step.model, name_session(solve, step, attempts)) for step in steps} or {(0, solve)}
        for model, session in sorted(used):
            await self.models[model].release(session)


def _note_unmeasured(model: SolverModel) -> list[str]:
    """Say that the shape of the conversation was not measured; of an unlike question the verdict says it."""
    if model.unmeasured in ("", UNLIKE):
        return []
    return [f"{model.unmeasured}: nothing but a check or a judge can accept here"]
