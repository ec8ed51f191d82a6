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

from adaptive._util.deadline import Clock, TimeUp
from adaptive.engines.protocol import Sampling
from adaptive.errors import NoAnswerInTime
from adaptive.policy import limits, select
from adaptive.policy.arms import Plan
from adaptive.policy.vote import tallied, wanted
from adaptive.prices import Prices, priced
from adaptive.solver.allocator import Allocator
from adaptive.solver.approval import ask, needs_approval, price
from adaptive.solver.context import given_in_context
from adaptive.solver.model import GENERAL, Bound, Context, session_of
from adaptive.solver.result import result_object, to_message
from adaptive.solver.runnables import Write
from adaptive.solver.spent import Tally
from adaptive.solver.state import Node, SolverState, Update, attempts_of, last_question
from adaptive.solver.streaming import message_id
from adaptive.solver.verdicts import Judging
from adaptive.solver.vote_slots import Drawing
from adaptive.types.attempt import Attempt
from adaptive.types.options import Options
from adaptive.types.usage import Usage

SAMPLE_SEEDS = 1009
"""Between the seeds of two solves there is room for so many samples."""


@dataclass(frozen=True)
class Solver:
    """The nodes. models: this model, and better ones after it. prices: of their tokens. drawing: the votes that
    are being drawn."""

    models: tuple[Bound, ...]
    options: Options
    prices: Prices = field(default_factory=Prices)
    drawing: Drawing = field(default_factory=Drawing)

    @cached_property
    def allocator(self) -> Allocator:
        """What chooses the first rung, and those after it."""
        return Allocator(self.models)

    async def classify(self, state: SolverState, write: Write) -> Update:
        """How likely each rung is to solve the question."""
        self.models[0].check(state["messages"])
        question = last_question(state["messages"])
        asked = state.get("adaptive_options")
        known = given_in_context()
        options = self.options.with_state(known).with_state(asked)
        self.check(options)
        return {
            "adaptive_asked": {**known, **(asked or {})},
            "adaptive_question": question,
            "adaptive_session": uuid.uuid4().hex,
            "adaptive_difficulty": await self.allocator.difficulty(0, question, options),
            "adaptive_attempts": [],
            "adaptive_samples": Overwrite([]),
            "adaptive_stop": "",
            "adaptive_seconds": 0.0,
            "adaptive_cut": None,
        }

    async def allocate(self, state: SolverState, write: Write) -> Update:
        """The first rung."""
        difficulty, options = state["adaptive_difficulty"], self._options(state)
        plan = self.allocator.first(difficulty, options)
        if "general" in difficulty:
            plan = replace(plan, reason=f"{plan.reason}; {difficulty['level']} as {GENERAL}")
        told = {name: value for name, value in difficulty.items() if name != "notes"}
        write({"event": "difficulty", "attempt": 0, **told, "rung": plan.index, "reason": plan.reason})
        for note in (*self._notes({0}, options), *difficulty.get("notes", ())):
            write({"event": "note", "attempt": 0, "text": note})
        return {"adaptive_plan": plan.to_json()}

    async def approve(self, state: SolverState, write: Write) -> Update:
        """Ask before the planned purchase; where it is denied, something cheaper or the end."""
        plan, attempts, options = Plan.from_json(state["adaptive_plan"]), attempts_of(state), self._options(state)
        answer = ask(self._request(state, plan, attempts), plan, options.approve_above or 0)
        write({"event": "approval", "attempt": len(attempts), "tokens": price(plan), "approved": answer.approved,
               "approve_above": answer.limit})  # fmt: skip
        if answer.approved:
            return {"adaptive_asked": {**state["adaptive_asked"], "approve_above": answer.limit}}
        if attempts:
            return {"adaptive_stop": f"denied: {price(plan)} thinking tokens more"}
        asked = {**state["adaptive_asked"], "budget": answer.limit}
        cheaper = self.allocator.first(state["adaptive_difficulty"], self.options.with_state(asked))
        reason = f"{price(plan)} thinking tokens were denied: the dearest within {answer.limit}"
        return {"adaptive_asked": asked, "adaptive_plan": replace(cheaper, reason=reason).to_json()}

    async def think(self, state: SolverState, write: Write) -> Update:
        """One attempt, on the chain of an earlier one where the plan says so."""
        plan, attempts, options = Plan.from_json(state["adaptive_plan"]), attempts_of(state), self._options(state)
        sampling = Sampling(temperature=options.temperature, seed=options.seed)
        clock, tally = _clock(state, options), Tally()
        try:
            async with clock.limited():
                attempt = await self._buy(
                    state, plan, attempts, options, sampling, tally.heard(write), len(attempts)
                )
        except TimeUp:
            if not attempts:
                late = f"no answer within {options.timeout:g} s, {tally}"
                raise NoAnswerInTime(f"{late}: raise --timeout or lower --budget.") from None
            spent = tally.usage(clock.seconds - clock.before)
            return {"adaptive_stop": limits.out_of_time(options), "adaptive_cut": spent.to_json()}
        return {"adaptive_attempts": [*state["adaptive_attempts"], attempt.to_json()]}

    async def sample(self, state: SolverState, write: Write) -> Update:
        """One of a vote's samples; many of them run side by side."""
        plan, attempts, options = Plan.from_json(state["adaptive_plan"]), attempts_of(state), self._options(state)
        number, solve, bound = state["adaptive_sample"], state["adaptive_session"], self.models[plan.model]
        warmth = options.temperature or bound.profile.policy.vote_temperature
        sampling = Sampling(temperature=warmth, seed=options.seed * SAMPLE_SEEDS + number)

        clock, tally = _clock(state, options), Tally()

        def told(event: dict[str, Any]) -> None:
            tally.see(event)
            write({**event, "sample": number})

        try:
            async with clock.limited(), self.drawing.of(solve, bound.shares_cache, lambda: self._release(state)):
                attempt = await self._buy(state, plan, attempts, options, sampling, told, number)
            made = {"attempt": attempt.to_json()}
        except TimeUp:
            made = {"cut": tally.usage(clock.seconds - clock.before).to_json()}
        return {"adaptive_samples": [{"number": number, "seconds": clock.seconds, **made}]}

    async def verify(self, state: SolverState, write: Write) -> Update:
        """A verdict on the last attempt; none where the one after it was cut off."""
        if state["adaptive_stop"]:
            return {}
        *before, last = attempts_of(state)
        update = await self._read(state, last.model)
        judged = await self._judging(state, write, _clock(state, self._options(state))).judged(last, before)
        update["adaptive_attempts"] = [a.to_json() for a in (*before, judged)]
        accepted = judged.verdict is not None and judged.verdict.accepted
        return update | {"adaptive_stop": "accepted" if accepted else _out_of_steps(state, limits.TO_GO_ON)}

    async def tally(self, state: SolverState, write: Write) -> Update:
        """Count a vote: verdicts on the new samples, and on the majority once it is settled."""
        plan, attempts = Plan.from_json(state["adaptive_plan"]), attempts_of(state)
        self.drawing.mended(state["adaptive_session"])
        drawn = sorted(state["adaptive_samples"], key=lambda s: s["number"])
        made, cut = [Attempt.from_json(s["attempt"]) for s in drawn if "attempt" in s], _cut(state, drawn)
        clock = Clock(max((s["seconds"] for s in drawn), default=_ran(state)), self._options(state).timeout)
        update = await self._read(state, plan.model)
        judging = self._judging(state, write, clock)
        for place, one in enumerate(made):
            attempts.append(await judging.judged(one, attempts, made[place + 1 :]))
        update |= {"adaptive_samples": Overwrite([]), "adaptive_seconds": clock.before, "adaptive_cut": cut}
        vote = tallied(attempts, plan, self.models[plan.model].profile.policy)
        if vote.over:
            write(
                {"event": "vote", "attempt": vote.leader, "accepted": vote.accepted, "reason": vote.verdict.reason}
            )
        update["adaptive_attempts"] = [a.to_json() for a in vote.attempts]
        stop = _out_of_steps(state, limits.TO_GO_ON if vote.over else limits.TO_ATTEMPT)
        if any("cut" in s for s in drawn):
            stop = limits.out_of_time(self._options(state))
        return update | {"adaptive_stop": "accepted" if vote.accepted else stop}

    async def escalate(self, state: SolverState, write: Write) -> Update:
        """Another rung or arm, or the reason to stop."""
        attempts, options = attempts_of(state), self._options(state)
        known = await self.allocator.difficulty(attempts[-1].model, state["adaptive_question"], options, attempts)
        plan = self.allocator.following(attempts, options, known["p_solved"], _ran(state))
        if isinstance(plan, Plan):
            plan = _out_of_steps(state, limits.TO_ATTEMPT) or plan
        if isinstance(plan, str):
            return {"adaptive_stop": plan}
        fallen_back = [*known.get("notes", ())]
        if plan.arm == "model":
            known = await self.allocator.difficulty(plan.model, state["adaptive_question"], options)
            plan = self.allocator.on_next_model(plan, options, known["p_solved"])
            fallen_back += known.get("notes", ())
            for note in (*self._notes({plan.model}, options), *known.get("notes", ())):
                write({"event": "note", "attempt": len(attempts), "text": note})
        write({"event": "escalate", "attempt": len(attempts), "arm": plan.arm, "rung": plan.index,
               "reason": plan.reason})  # fmt: skip
        return {**_noted(state, fallen_back), "adaptive_plan": plan.to_json()}

    async def finish(self, state: SolverState, write: Write) -> Update:
        """The best attempt as a message and as the result object."""
        await self._release(state)
        attempts, options = attempts_of(state), self._options(state)
        kept, difficulty = select.best(attempts), {**state["adaptive_difficulty"]}
        fallen_back = difficulty.pop("notes", [])
        result = result_object(
            question=state["adaptive_question"],
            attempts=attempts,
            kept=kept,
            difficulty=difficulty,
            stop=state["adaptive_stop"],
            models=[m.name for m in self.models],
            profile=self.models[0].profile.name,
            notes=[*self._notes({0, *(a.model for a in attempts)}, options), *fallen_back],
            seed=options.seed,
            shadow=await self.allocator.shadow(state["adaptive_question"], attempts[0], options),
            cut=Usage.from_json(cut) if (cut := state["adaptive_cut"]) else None,
        )
        write({"event": "done", "attempt": kept, "result": result})
        message = to_message(attempts[kept], result, message_id(state["adaptive_session"], kept))
        return {"messages": [message], "adaptive_result": result}

    def check(self, options: Options) -> None:
        """Raise `InputError` for a limit of money that cannot be kept: a model's price is not known."""
        if options.max_cost is not None:
            for model in self.models:
                self.prices.require(model.name, options.max_cost)

    def holding(self, node: Node) -> Node:
        """The node, which counts its seconds, and where it fails or is cancelled lets go of what the engine holds
        for this solve."""

        async def held(state: SolverState, write: Write) -> Update:
            begun = time.monotonic()
            try:
                update = await node(state, write)
            except GraphBubbleUp:  # a pause to ask: the solve goes on
                raise
            except BaseException:
                await self._release(state)
                raise
            if "adaptive_sample" in state:  # side by side: the tally counts them
                return update
            ran = update.get("adaptive_seconds", _ran(state)) + time.monotonic() - begun
            return {**update, "adaptive_seconds": ran}

        return held

    def asks(self, state: SolverState) -> bool:
        """Whether the planned purchase is to be asked for."""
        return needs_approval(Plan.from_json(state["adaptive_plan"]), self._options(state))

    def batch(self, state: SolverState) -> int:
        """How many samples of the planned vote to draw next, side by side; one at least, and then 0 where it is
        settled or a limit was reached."""
        plan, attempts = Plan.from_json(state["adaptive_plan"]), attempts_of(state)
        if limits.reached(attempts, self._options(state), _ran(state)):
            return 0
        return wanted(attempts, plan, self.models[plan.model].profile.policy)

    def _options(self, state: SolverState) -> Options:
        return self.options.with_state(state["adaptive_asked"])

    def _judging(self, state: SolverState, write: Write, clock: Clock) -> Judging:
        verifiers = [model.verifier for model in self.models]
        return Judging(state["adaptive_question"], verifiers, self._options(state), write, clock)

    def _request(self, state: SolverState, plan: Plan, attempts: Sequence[Attempt]) -> dict[str, Any]:
        """What is shown to who is asked, in plain JSON types; answer: the best so far."""
        answer = attempts[select.best(attempts)].answer if attempts else None
        return {"question": state["adaptive_question"], "attempt": len(attempts), "answer": answer,
                "model": self.models[plan.model].name, "rung": plan.index, "arm": plan.arm,
                "effort": plan.rung.effort, "budget": plan.rung.budget, "samples": plan.samples,
                "reason": plan.reason}  # fmt: skip

    def _notes(self, models: set[int], options: Options) -> list[str]:
        """What was mapped to the nearest thing that these models can, a better model's name before it; and whose
        price is not known."""
        mapped = [
            f"{self.models[model].name}: {note}" if model else note
            for model in sorted(models)
            for note in self.models[model].notes(options)
        ]
        names = dict.fromkeys(self.models[model].name for model in sorted(models))
        return [*mapped, *(note for name in names if (note := self.prices.note(name)))]

    async def _read(self, state: SolverState, model: int) -> Update:
        """Read a question's embedding before a verifier wants it, which must not wait; what to note, as an
        update."""
        if self.models[model].profile.embedding is None:
            return {}
        known = await self.allocator.difficulty(model, state["adaptive_question"], self._options(state))
        return _noted(state, known.get("notes", ()))

    async def _buy(
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
        session = session_of(solve, plan, attempts)

        def told(event: dict[str, Any]) -> None:
            write({"attempt": number, **event})

        context = Context(options, sampling, session, told, number, message_id(solve, number), self.prices)
        bound = self.models[plan.model]
        attempt = await bound.buy(state["messages"], plan, attempts, context)
        return replace(attempt, usage=priced(attempt.usage, bound.name, self.prices))

    async def _release(self, state: SolverState) -> None:
        """Let go of all sessions that this solve has used or was about to."""
        solve = state.get("adaptive_session", "")
        attempts = attempts_of(state) if "adaptive_attempts" in state else []
        made: list[Plan | Attempt] = [*attempts]
        if "adaptive_plan" in state:
            made.append(Plan.from_json(state["adaptive_plan"]))
        used = {(m.model, session_of(solve, m, attempts)) for m in made} or {(0, solve)}
        for model, session in sorted(used):
            await self.models[model].release(session)


def _ran(state: SolverState) -> float:
    """The seconds that the solve has run, before this node."""
    return state.get("adaptive_seconds", 0.0)


def _clock(state: SolverState, options: Options) -> Clock:
    return Clock.since(_ran(state), state.get("adaptive_sent"), options.timeout)


def _out_of_steps(state: SolverState, needed: int) -> str:
    return limits.out_of_steps(state.get("adaptive_steps"), needed)


def _noted(state: SolverState, notes: Sequence[str]) -> Update:
    """Why something was told without an embedding, kept for the result; nothing where that is known already."""
    difficulty = state["adaptive_difficulty"]
    known = difficulty.get("notes", [])
    new = [note for note in dict.fromkeys(notes) if note not in known]
    return {"adaptive_difficulty": {**difficulty, "notes": [*known, *new]}} if new else {}


def _cut(state: SolverState, drawn: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What calls that were cut off had spent, those of a batch of samples too."""
    lost = [Usage.from_json(one) for one in (state["adaptive_cut"], *(s.get("cut") for s in drawn)) if one]
    return sum(lost[1:], lost[0]).to_json() if lost else None
