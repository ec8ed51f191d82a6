"""What the nodes of the graph do, with the models, the options and the verifiers that they are bound to."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from langgraph.errors import GraphBubbleUp
from langgraph.types import Overwrite

from adaptive._util.deadline import Deadline, DeadlineExceeded
from adaptive.engines.protocol import Sampling
from adaptive.errors import NoAnswerInTime
from adaptive.policy import limits, select
from adaptive.policy.arms import Plan
from adaptive.policy.vote import count_vote, count_wanted_samples
from adaptive.prices import Prices, add_cost
from adaptive.solver.allocator import Allocator
from adaptive.solver.approval import count_max_thinking_tokens, needs_approval, request_approval
from adaptive.solver.context import read_context_settings
from adaptive.solver.model import JUDGED_BY_GENERAL, AttemptContext, SolverModel, name_session
from adaptive.solver.result import build_result, to_message
from adaptive.solver.runnables import Write
from adaptive.solver.spent import SpentTokens
from adaptive.solver.state import Node, SolverState, Update, get_last_question, read_attempts
from adaptive.solver.streaming import make_message_id
from adaptive.solver.verdicts import AttemptVerifier
from adaptive.solver.vote_slots import VoteSlots
from adaptive.types.attempt import Attempt
from adaptive.types.options import Options
from adaptive.types.usage import Usage

SEEDS_PER_SOLVE = 1009
"""Between the seeds of two solves there is room for so many samples."""


@dataclass(frozen=True)
class Solver:
    """The nodes. models: this model, and better ones after it. prices: of their tokens. drawing: the votes that
    are being drawn."""

    models: tuple[SolverModel, ...]
    options: Options
    prices: Prices = field(default_factory=Prices)
    vote_slots: VoteSlots = field(default_factory=VoteSlots)

    @cached_property
    def allocator(self) -> Allocator:
        """What chooses the first rung, and those after it."""
        return Allocator(self.models)

    async def classify(self, state: SolverState, write: Write) -> Update:
        """How likely each rung is to solve the question."""
        self.models[0].check_messages(state["messages"])
        question = get_last_question(state["messages"])
        asked = state.get("adaptive_options")
        known = read_context_settings()
        options = self.options.with_settings(known).with_settings(asked)
        self.check_options(options)
        return {
            "adaptive_asked": {**known, **(asked or {})},
            "adaptive_question": question,
            "adaptive_session": uuid.uuid4().hex,
            "adaptive_difficulty": await self.allocator.predict_difficulty(0, question, options),
            "adaptive_attempts": [],
            "adaptive_samples": Overwrite([]),
            "adaptive_stop": "",
            "adaptive_seconds": 0.0,
            "adaptive_cut": None,
        }

    async def allocate(self, state: SolverState, write: Write) -> Update:
        """The first rung."""
        difficulty, options = state["adaptive_difficulty"], self._get_options(state)
        plan = self.allocator.choose_first(difficulty, options)
        if "general" in difficulty:
            plan = replace(plan, reason=f"{plan.reason}; {difficulty['level']} as {JUDGED_BY_GENERAL}")
        told = {name: value for name, value in difficulty.items() if name != "notes"}
        write({"event": "difficulty", "attempt": 0, **told, "rung": plan.index, "reason": plan.reason})
        for note in (*self._collect_notes({0}, options), *difficulty.get("notes", ())):
            write({"event": "note", "attempt": 0, "text": note})
        return {"adaptive_plan": plan.to_json()}

    async def approve(self, state: SolverState, write: Write) -> Update:
        """Ask before the planned purchase; where it is denied, something cheaper or the end."""
        plan, attempts, options = (
            Plan.from_json(state["adaptive_plan"]),
            read_attempts(state),
            self._get_options(state),
        )
        answer = request_approval(
            self._make_approval_request(state, plan, attempts), plan, options.approve_above or 0
        )
        write({"event": "approval", "attempt": len(attempts), "tokens": count_max_thinking_tokens(plan), "approved": answer.approved,
               "approve_above": answer.limit})  # fmt: skip
        if answer.approved:
            return {"adaptive_asked": {**state["adaptive_asked"], "approve_above": answer.limit}}
        if attempts:
            return {"adaptive_stop": f"denied: {count_max_thinking_tokens(plan)} thinking tokens more"}
        asked = {**state["adaptive_asked"], "budget": answer.limit}
        cheaper = self.allocator.choose_first(state["adaptive_difficulty"], self.options.with_settings(asked))
        reason = (
            f"{count_max_thinking_tokens(plan)} thinking tokens were denied: the dearest within {answer.limit}"
        )
        return {"adaptive_asked": asked, "adaptive_plan": replace(cheaper, reason=reason).to_json()}

    async def think(self, state: SolverState, write: Write) -> Update:
        """One attempt, on the chain of an earlier one where the plan says so."""
        plan, attempts, options = (
            Plan.from_json(state["adaptive_plan"]),
            read_attempts(state),
            self._get_options(state),
        )
        sampling = Sampling(temperature=options.temperature, seed=options.seed)
        clock, tally = _make_deadline(state, options), SpentTokens()
        try:
            async with clock.enforce():
                attempt = await self._make_attempt(
                    state, plan, attempts, options, sampling, tally.wrap_listener(write), len(attempts)
                )
        except DeadlineExceeded:
            if not attempts:
                late = f"no answer within {options.timeout:g} s, {tally}"
                raise NoAnswerInTime(f"{late}: raise --timeout or lower --budget.") from None
            spent = tally.to_usage(clock.elapsed - clock.previous_seconds)
            return {"adaptive_stop": limits.describe_timeout(options), "adaptive_cut": spent.to_json()}
        return {"adaptive_attempts": [*state["adaptive_attempts"], attempt.to_json()]}

    async def sample(self, state: SolverState, write: Write) -> Update:
        """One of a vote's samples; many of them run side by side."""
        plan, attempts, options = (
            Plan.from_json(state["adaptive_plan"]),
            read_attempts(state),
            self._get_options(state),
        )
        number, solve, bound = state["adaptive_sample"], state["adaptive_session"], self.models[plan.model]
        warmth = options.temperature or bound.profile.policy.vote_temperature
        sampling = Sampling(temperature=warmth, seed=options.seed * SEEDS_PER_SOLVE + number)

        clock, tally = _make_deadline(state, options), SpentTokens()

        def told(event: dict[str, Any]) -> None:
            tally.count_event(event)
            write({**event, "sample": number})

        try:
            async with (
                clock.enforce(),
                self.vote_slots.hold(solve, bound.shares_cache, lambda: self._release_sessions(state)),
            ):
                attempt = await self._make_attempt(state, plan, attempts, options, sampling, told, number)
            made = {"attempt": attempt.to_json()}
        except DeadlineExceeded:
            made = {"cut": tally.to_usage(clock.elapsed - clock.previous_seconds).to_json()}
        return {"adaptive_samples": [{"number": number, "seconds": clock.elapsed, **made}]}

    async def verify(self, state: SolverState, write: Write) -> Update:
        """A verdict on the last attempt; none where the one after it was cut off."""
        if state["adaptive_stop"]:
            return {}
        *before, last = read_attempts(state)
        update = await self._prefetch_embedding(state, last.model)
        judged = await self._make_attempt_verifier(
            state, write, _make_deadline(state, self._get_options(state))
        ).verify_attempt(last, before)
        update["adaptive_attempts"] = [a.to_json() for a in (*before, judged)]
        accepted = judged.verdict is not None and judged.verdict.accepted
        return update | {
            "adaptive_stop": "accepted" if accepted else _find_step_limit(state, limits.STEPS_TO_GO_ON)
        }

    async def tally(self, state: SolverState, write: Write) -> Update:
        """Count a vote: verdicts on the new samples, and on the majority once it is settled."""
        plan, attempts = Plan.from_json(state["adaptive_plan"]), read_attempts(state)
        self.vote_slots.clear_failed(state["adaptive_session"])
        drawn = sorted(state["adaptive_samples"], key=lambda s: s["number"])
        made, cut = (
            [Attempt.from_json(s["attempt"]) for s in drawn if "attempt" in s],
            _sum_cut_usage(state, drawn),
        )
        clock = Deadline(
            max((s["seconds"] for s in drawn), default=_get_elapsed(state)), self._get_options(state).timeout
        )
        update = await self._prefetch_embedding(state, plan.model)
        judging = self._make_attempt_verifier(state, write, clock)
        for place, one in enumerate(made):
            attempts.append(await judging.verify_attempt(one, attempts, made[place + 1 :]))
        update |= {
            "adaptive_samples": Overwrite([]),
            "adaptive_seconds": clock.previous_seconds,
            "adaptive_cut": cut,
        }
        vote = count_vote(attempts, plan, self.models[plan.model].profile.policy)
        if vote.finished:
            write(
                {"event": "vote", "attempt": vote.leader, "accepted": vote.accepted, "reason": vote.verdict.reason}
            )
        update["adaptive_attempts"] = [a.to_json() for a in vote.attempts]
        stop = _find_step_limit(state, limits.STEPS_TO_GO_ON if vote.finished else limits.STEPS_TO_ATTEMPT)
        if any("cut" in s for s in drawn):
            stop = limits.describe_timeout(self._get_options(state))
        return update | {"adaptive_stop": "accepted" if vote.accepted else stop}

    async def escalate(self, state: SolverState, write: Write) -> Update:
        """Another rung or arm, or the reason to stop."""
        attempts, options = read_attempts(state), self._get_options(state)
        known = await self.allocator.predict_difficulty(
            attempts[-1].model, state["adaptive_question"], options, attempts
        )
        plan = self.allocator.choose_next(attempts, options, known["p_solved"], _get_elapsed(state))
        if isinstance(plan, Plan):
            plan = _find_step_limit(state, limits.STEPS_TO_ATTEMPT) or plan
        if isinstance(plan, str):
            return {"adaptive_stop": plan}
        fallen_back = [*known.get("notes", ())]
        if plan.arm == "model":
            known = await self.allocator.predict_difficulty(plan.model, state["adaptive_question"], options)
            plan = self.allocator.choose_on_next_model(plan, options, known["p_solved"])
            fallen_back += known.get("notes", ())
            for note in (*self._collect_notes({plan.model}, options), *known.get("notes", ())):
                write({"event": "note", "attempt": len(attempts), "text": note})
        write({"event": "escalate", "attempt": len(attempts), "arm": plan.arm, "rung": plan.index,
               "reason": plan.reason})  # fmt: skip
        return {**_add_notes(state, fallen_back), "adaptive_plan": plan.to_json()}

    async def finish(self, state: SolverState, write: Write) -> Update:
        """The best attempt as a message and as the result object."""
        await self._release_sessions(state)
        attempts, options = read_attempts(state), self._get_options(state)
        kept, difficulty = select.select_best_attempt(attempts), {**state["adaptive_difficulty"]}
        fallen_back = difficulty.pop("notes", [])
        result = build_result(
            question=state["adaptive_question"],
            attempts=attempts,
            selected=kept,
            difficulty=difficulty,
            stop=state["adaptive_stop"],
            models=[m.name for m in self.models],
            profile=self.models[0].profile.name,
            notes=[*self._collect_notes({0, *(a.model for a in attempts)}, options), *fallen_back],
            seed=options.seed,
            shadow=await self.allocator.compute_shadow(state["adaptive_question"], attempts[0], options),
            cut=Usage.from_json(cut) if (cut := state["adaptive_cut"]) else None,
        )
        write({"event": "done", "attempt": kept, "result": result})
        message = to_message(attempts[kept], result, make_message_id(state["adaptive_session"], kept))
        return {"messages": [message], "adaptive_result": result}

    def check_options(self, options: Options) -> None:
        """Raise `InputError` for a limit of money that cannot be kept: a model's price is not known."""
        if options.max_cost is not None:
            for model in self.models:
                self.prices.require_price(model.name, options.max_cost)

    def wrap_node(self, node: Node) -> Node:
        """The node, which counts its seconds, and where it fails or is cancelled lets go of what the engine holds
        for this solve."""

        async def held(state: SolverState, write: Write) -> Update:
            begun = time.monotonic()
            try:
                update = await node(state, write)
            except GraphBubbleUp:  # a pause to ask: the solve goes on
                raise
            except BaseException:
                await self._release_sessions(state)
                raise
            if "adaptive_sample" in state:  # side by side: the tally counts them
                return update
            ran = update.get("adaptive_seconds", _get_elapsed(state)) + time.monotonic() - begun
            return {**update, "adaptive_seconds": ran}

        return held

    def must_approve(self, state: SolverState) -> bool:
        """Whether the planned purchase is to be asked for."""
        return needs_approval(Plan.from_json(state["adaptive_plan"]), self._get_options(state))

    def count_next_samples(self, state: SolverState) -> int:
        """How many samples of the planned vote to draw next, side by side; one at least, and then 0 where it is
        settled or a limit was reached."""
        plan, attempts = Plan.from_json(state["adaptive_plan"]), read_attempts(state)
        if limits.find_reached_limit(attempts, self._get_options(state), _get_elapsed(state)):
            return 0
        return count_wanted_samples(attempts, plan, self.models[plan.model].profile.policy)

    def _get_options(self, state: SolverState) -> Options:
        return self.options.with_settings(state["adaptive_asked"])

    def _make_attempt_verifier(self, state: SolverState, write: Write, deadline: Deadline) -> AttemptVerifier:
        verifiers = [model.verifier for model in self.models]
        return AttemptVerifier(state["adaptive_question"], verifiers, self._get_options(state), write, deadline)

    def _make_approval_request(
        self, state: SolverState, plan: Plan, attempts: Sequence[Attempt]
    ) -> dict[str, Any]:
        """What is shown to who is asked, in plain JSON types; answer: the best so far."""
        answer = attempts[select.select_best_attempt(attempts)].answer if attempts else None
        return {"question": state["adaptive_question"], "attempt": len(attempts), "answer": answer,
                "model": self.models[plan.model].name, "rung": plan.index, "arm": plan.arm,
                "effort": plan.rung.effort, "budget": plan.rung.budget, "samples": plan.samples,
                "reason": plan.reason}  # fmt: skip

    def _collect_notes(self, models: set[int], options: Options) -> list[str]:
        """What was mapped to the nearest thing that these models can, a better model's name before it; and whose
        price is not known."""
        mapped = [
            f"{self.models[model].name}: {note}" if model else note
            for model in sorted(models)
            for note in self.models[model].list_notes(options)
        ]
        names = dict.fromkeys(self.models[model].name for model in sorted(models))
        return [*mapped, *(note for name in names if (note := self.prices.note_unknown_price(name)))]

    async def _prefetch_embedding(self, state: SolverState, model: int) -> Update:
        """Read a question's embedding before a verifier wants it, which must not wait; what to note, as an
        update."""
        if self.models[model].profile.embedding is None:
            return {}
        known = await self.allocator.predict_difficulty(
            model, state["adaptive_question"], self._get_options(state)
        )
        return _add_notes(state, known.get("notes", ()))

    async def _make_attempt(
        self,
        state: SolverState,
        plan: Plan,
        attempts: list[Attempt],
        options: Options,
        sampling: Sampling,
        write: Write,
        number: int,
    ) -> Attempt:
        solve = state["adaptive_session"]
        session = name_session(solve, plan, attempts)

        def told(event: dict[str, Any]) -> None:
            write({"attempt": number, **event})

        context = AttemptContext(
            options, sampling, session, told, number, make_message_id(solve, number), self.prices
        )
        bound = self.models[plan.model]
        attempt = await bound.make_attempt(state["messages"], plan, attempts, context)
        return replace(attempt, usage=add_cost(attempt.usage, bound.name, self.prices))

    async def _release_sessions(self, state: SolverState) -> None:
        """Let go of all sessions that this solve has used or was about to."""
        solve = state.get("adaptive_session", "")
        attempts = read_attempts(state) if "adaptive_attempts" in state else []
        made: list[Plan | Attempt] = [*attempts]
        if "adaptive_plan" in state:
            made.append(Plan.from_json(state["adaptive_plan"]))
        used = {(m.model, name_session(solve, m, attempts)) for m in made} or {(0, solve)}
        for model, session in sorted(used):
            await self.models[model].release(session)


def _get_elapsed(state: SolverState) -> float:
    """The seconds that the solve has run, before this node."""
    return state.get("adaptive_seconds", 0.0)


def _make_deadline(state: SolverState, options: Options) -> Deadline:
    return Deadline.since(_get_elapsed(state), state.get("adaptive_sent"), options.timeout)


def _find_step_limit(state: SolverState, needed: int) -> str:
    return limits.find_step_limit(state.get("adaptive_steps"), needed)


def _add_notes(state: SolverState, notes: Sequence[str]) -> Update:
    """Why something was told without an embedding, kept for the result; nothing where that is known already."""
    difficulty = state["adaptive_difficulty"]
    known = difficulty.get("notes", [])
    new = [note for note in dict.fromkeys(notes) if note not in known]
    return {"adaptive_difficulty": {**difficulty, "notes": [*known, *new]}} if new else {}


def _sum_cut_usage(state: SolverState, samples: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What calls that were cut off had spent, those of a batch of samples too."""
    lost = [Usage.from_json(one) for one in (state["adaptive_cut"], *(s.get("cut") for s in samples)) if one]
    return sum(lost[1:], lost[0]).to_json() if lost else None
