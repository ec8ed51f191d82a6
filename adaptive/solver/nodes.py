"""What the nodes of the graph do, and which node follows (the routers).

A node takes a view of the state and a listener for events, and returns an update of the state.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from langgraph.errors import GraphBubbleUp
from langgraph.graph import END
from langgraph.types import Send

from adaptive._util.deadline import DeadlineExceeded
from adaptive.engines.protocol import Sampling
from adaptive.errors import AdaptiveError
from adaptive.policy import limits, select
from adaptive.policy.arms import Plan
from adaptive.solver.approval import count_max_thinking_tokens, needs_approval, request_approval
from adaptive.solver.context import read_context_settings
from adaptive.solver.conversation import get_last_question
from adaptive.solver.exploration import Explorer
from adaptive.solver.node_tools import describe_failure, explain_no_answer, read_cut
from adaptive.solver.protocol import JUDGED_BY_GENERAL
from adaptive.solver.result import build_result
from adaptive.solver.spent import SpentTokens
from adaptive.solver.state import SolverState, SolveView, Update
from adaptive.solver.streaming import make_message_id
from adaptive.solver.tracing import claim_current_run
from adaptive.solver.vote_nodes import VoteNodes
from adaptive.types.attempt import Attempt
from adaptive.types.events import OnEvent
from adaptive.types.result import Result
from adaptive.types.usage import Usage

Node = Callable[[SolveView, OnEvent], Awaitable[Update]]


@dataclass(frozen=True)
class Solver(VoteNodes):
    """The nodes and routers of the graph."""

    # The nodes, in the order of the diagram in README.

    async def classify(self, view: SolveView, on_event: OnEvent) -> Update:
        """Predict how likely each rung is to solve the question."""
        messages = view.state["messages"]
        self.models[0].check_messages(messages)
        question = get_last_question(messages)
        context, own = read_context_settings(), view.state.get("adaptive_options")
        options = self.options.with_settings(context).with_settings(own)
        self.check_options(options)
        await self.check_schema(options)
        asked = {**context, **(own or {})}
        view = view.with_settings(asked)
        return {
            "adaptive_asked": asked,
            "adaptive_question": question,
            "adaptive_session": uuid.uuid4().hex,
            "adaptive_difficulty": await self.get_allocator(view).predict_difficulty(0, question, options),
            "adaptive_attempts": [],
            "adaptive_samples": None,
            "adaptive_stop": "",
            "adaptive_seconds": 0.0,
            "adaptive_cut": None,
        }

    async def allocate(self, view: SolveView, on_event: OnEvent) -> Update:
        """Plan the first attempt."""
        difficulty = view.state["adaptive_difficulty"]
        plan = self.get_allocator(view).choose_first(difficulty, view.options)
        if "general" in difficulty:
            plan = replace(plan, reason=f"{plan.reason}; {difficulty['level']} as {JUDGED_BY_GENERAL}")
        on_event({"event": "difficulty", "attempt": 0, **difficulty, "rung": plan.index, "reason": plan.reason})
        for note in self.collect_notes({0}, view, view.options):
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
        cheaper = self.get_allocator(view).choose_first(
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
                attempt = await self.make_attempt(view, sampling, listener, len(view.attempts))
        except DeadlineExceeded:
            if not view.attempts:
                raise explain_no_answer(options, str(spent)) from None
            cut = spent.to_usage(deadline.elapsed - deadline.previous_seconds)
            return {"adaptive_stop": limits.describe_timeout(options), "adaptive_cut": cut.to_json()}
        except AdaptiveError as error:
            if not view.attempts:
                raise
            return {"adaptive_stop": describe_failure(error), "adaptive_cut": read_cut(error, spent).to_json()}
        return {"adaptive_attempts": [*view.state["adaptive_attempts"], attempt.to_json()]}

    async def verify(self, view: SolveView, on_event: OnEvent) -> Update:
        """Judge the last attempt, unless the deadline has passed."""
        if view.stop:
            return {}
        *before, last = view.attempts
        judged = await self.make_attempt_verifier(view, on_event, view.deadline).verify_attempt(last, before)
        return {
            "adaptive_attempts": [a.to_json() for a in (*before, judged)],
            "adaptive_stop": self._find_stop(view, judged) or view.find_step_limit(limits.STEPS_TO_GO_ON),
        }

    async def escalate(self, view: SolveView, on_event: OnEvent) -> Update:
        """Plan the attempt after a rejected one, or stop and say why."""
        attempts, options = view.attempts, view.options
        known = await self.get_allocator(view).predict_difficulty(
            attempts[-1].model, view.question, options, attempts
        )
        plan = self.get_allocator(view).choose_next(attempts, options, known, view.elapsed)
        if isinstance(plan, Plan):
            plan = view.find_step_limit(limits.STEPS_TO_ATTEMPT) or plan
        if isinstance(plan, str):
            return {"adaptive_stop": plan}
        if plan.arm == "model":
            known = await self.get_allocator(view).predict_difficulty(plan.model, view.question, options)
            plan = self.get_allocator(view).choose_on_next_model(plan, options, known)
            for note in self.collect_notes({plan.model}, view, options):
                on_event({"event": "note", "attempt": len(attempts), "text": note})
        on_event({"event": "escalate", "attempt": len(attempts), "arm": plan.arm, "rung": plan.index,
                  "reason": plan.reason})  # fmt: skip
        return {"adaptive_plan": plan.to_json()}

    async def finish(self, view: SolveView, on_event: OnEvent) -> Update:
        """Return the best attempt, as a message and as the result object."""
        await self.release_sessions(view)
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
            notes=self.collect_notes({0, *(a.model for a in attempts)}, view, options),
            seed=options.seed,
            shadow=await self.get_allocator(view).compute_shadow(view.question, attempts[0], options),
            cut=Usage.from_json(cut) if (cut := view.state["adaptive_cut"]) else None,
        )
        data = result.to_json()
        on_event({"event": "done", "attempt": kept, "result": data})
        to_explore = Explorer(view, self.prices).choose_rungs(result)
        return {**self.return_result(view, result), "adaptive_to_explore": to_explore}

    async def explore(self, view: SolveView, on_event: OnEvent) -> Update:
        """Try a rung that the answer did not need, to measure the model; the answer stays as it is."""
        left, before = view.state["adaptive_to_explore"], Result.of(view.state)
        asked = view.without_reply(make_message_id(view.solve_id, before.kept))
        result = await Explorer(asked, self.prices).explore_next(left, before, on_event)
        for note in result.notes[len(before.notes) :]:
            on_event({"event": "note", "attempt": result.kept, "text": note})
        return {**self.return_result(view, result), "adaptive_to_explore": left[1:]}

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

    def route_exploration(self, state: SolverState) -> str:
        """After `finish` and `explore`."""
        return "explore" if state["adaptive_to_explore"] else END

    def _start_plan(self, view: SolveView) -> str | list[Send]:
        if view.stop:
            return "finish"
        return self.send_samples(view) if view.plan.arm == "vote" else "think"

    # Shared by the nodes.

    def wrap_node(self, node: Node) -> Callable[[SolverState, OnEvent], Awaitable[Update]]:
        """Return the node as the graph runs it.

        It counts the seconds of the solve. If the node fails or is cancelled, the engines' sessions are released.
        """

        async def run(state: SolverState, on_event: OnEvent) -> Update:
            start, view = time.monotonic(), SolveView(state, self.options, self.models)
            claim_current_run("solve", above=1)  # the graph's run
            try:
                update = await node(view, on_event)
            except GraphBubbleUp:  # an interrupt for an approval: the solve goes on later
                raise
            except BaseException:
                await self.release_sessions(view)
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
