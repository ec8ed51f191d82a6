"""What the nodes of the graph do, with the models, the options and the verifiers that they are bound to."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from langgraph.types import Overwrite

from adaptive import policy
from adaptive.arms import Plan, Situation
from adaptive.attempt import Attempt
from adaptive.blocking import Write
from adaptive.bound import GENERAL, Bound, Context, session_of
from adaptive.engines.protocol import Sampling
from adaptive.ladder import Ladder
from adaptive.learn.probe import probe_of
from adaptive.options import Options
from adaptive.result import result_object, to_message
from adaptive.state import Node, SolverState, Update, attempts_of, last_question
from adaptive.voting import tallied, wanted

SAMPLE_SEEDS = 1009
"""Between the seeds of two solves there is room for so many samples."""
MOST_BROKEN = 1024
"""Solves whose vote failed that are remembered."""


@dataclass
class Drawing:
    """The samples of a solve that are being drawn: whose turn it is, and how many there are."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    inside: int = 0


@dataclass(frozen=True)
class Solver:
    """The nodes. models: this model, and better ones after it. broken: solves of which a sample failed."""

    models: tuple[Bound, ...]
    options: Options
    drawing: dict[str, Drawing] = field(default_factory=dict)
    broken: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_BROKEN))

    async def classify(self, state: SolverState, write: Write) -> Update:
        """How likely each rung is to solve the question."""
        self.models[0].check(state["messages"])
        question = last_question(state["messages"])
        asked = state.get("adaptive_options")
        options = self.options.with_state(asked)
        return {
            "adaptive_asked": dict(asked or {}),
            "adaptive_question": question,
            "adaptive_session": uuid.uuid4().hex,
            "adaptive_difficulty": await self._difficulty(0, question, options),
            "adaptive_attempts": [],
            "adaptive_samples": Overwrite([]),
            "adaptive_stop": "",
        }

    async def allocate(self, state: SolverState, write: Write) -> Update:
        """The first rung."""
        difficulty, options, model = state["adaptive_difficulty"], self._options(state), self.models[0]
        ladder, known = model.ladder(options), model.profile.ladder
        general = difficulty.get("general") if model.by_form else None
        plan = policy.first(ladder, model.profile.policy, difficulty["p_solved"], options, known, general)
        if "general" in difficulty:
            plan = replace(plan, reason=f"{plan.reason}; {difficulty['level']} as {GENERAL}")
        write({"event": "difficulty", **difficulty, "rung": plan.index, "reason": plan.reason})
        for note in self._notes({0}, options):
            write({"event": "note", "text": note})
        return {"adaptive_plan": plan.to_json()}

    async def think(self, state: SolverState, write: Write) -> Update:
        """One attempt, on the chain of an earlier one where the plan says so."""
        plan, attempts, options = Plan.from_json(state["adaptive_plan"]), attempts_of(state), self._options(state)
        sampling = Sampling(temperature=options.temperature, seed=options.seed)
        attempt = await self._buy(state, plan, attempts, options, sampling, write, len(attempts))
        return {"adaptive_attempts": [*state["adaptive_attempts"], attempt.to_json()]}

    async def sample(self, state: SolverState, write: Write) -> Update:
        """One of a vote's samples; many of them run side by side."""
        plan, attempts, options = Plan.from_json(state["adaptive_plan"]), attempts_of(state), self._options(state)
        number, bound = state["adaptive_sample"], self.models[plan.model]
        warmth = options.temperature or bound.profile.policy.vote_temperature
        sampling = Sampling(temperature=warmth, seed=options.seed * SAMPLE_SEEDS + number)

        def told(event: dict[str, Any]) -> None:
            write({**event, "sample": number})

        async with self._drawn(state, bound):
            attempt = await self._buy(state, plan, attempts, options, sampling, told, number)
        return {"adaptive_samples": [{"number": number, "attempt": attempt.to_json()}]}

    async def verify(self, state: SolverState, write: Write) -> Update:
        """A verdict on the last attempt."""
        *before, last = attempts_of(state)
        judged = await self._judged(state, last, before, write)
        update: Update = {"adaptive_attempts": [a.to_json() for a in (*before, judged)]}
        accepted = judged.verdict is not None and judged.verdict.accepted
        return update | ({"adaptive_stop": "accepted"} if accepted else {})

    async def tally(self, state: SolverState, write: Write) -> Update:
        """Count a vote: verdicts on the new samples, and on the majority once it is settled."""
        plan, attempts = Plan.from_json(state["adaptive_plan"]), attempts_of(state)
        if state["adaptive_session"] in self.broken:
            self.broken.remove(state["adaptive_session"])  # it was gone on with
        for one in sorted(state["adaptive_samples"], key=lambda s: s["number"]):
            attempts.append(await self._judged(state, Attempt.from_json(one["attempt"]), attempts, write))
        update: Update = {"adaptive_samples": Overwrite([])}
        vote = tallied(attempts, plan, self.models[plan.model].profile.policy)
        if vote.over:
            write(
                {"event": "vote", "attempt": vote.leader, "accepted": vote.accepted, "reason": vote.verdict.reason}
            )
        update["adaptive_attempts"] = [a.to_json() for a in vote.attempts]
        return update | ({"adaptive_stop": "accepted"} if vote.accepted else {})

    async def escalate(self, state: SolverState, write: Write) -> Update:
        """Another rung or arm, or the reason to stop."""
        attempts, options = attempts_of(state), self._options(state)
        plan = policy.following(await self._situation(state, attempts, options))
        if isinstance(plan, str):
            return {"adaptive_stop": plan}
        if plan.arm == "model":
            plan = await self._on_next_model(state, plan, options)
            for note in self._notes({plan.model}, options):
                write({"event": "note", "text": note})
        write({"event": "escalate", "arm": plan.arm, "rung": plan.index, "reason": plan.reason})
        return {"adaptive_plan": plan.to_json()}

    async def finish(self, state: SolverState, write: Write) -> Update:
        """The best attempt as a message and as the result object."""
        await self._release(state)
        attempts, options = attempts_of(state), self._options(state)
        kept = policy.best(attempts)
        result = result_object(
            question=state["adaptive_question"],
            attempts=attempts,
            kept=kept,
            difficulty=state["adaptive_difficulty"],
            stop=state["adaptive_stop"],
            models=[m.name for m in self.models],
            profile=self.models[0].profile.name,
            notes=self._notes({0, *(a.model for a in attempts)}, options),
            seed=options.seed,
            shadow=await self._shadow(state["adaptive_question"], attempts[0], options),
        )
        write({"event": "done", "result": result})
        return {"messages": [to_message(attempts[kept], result)], "adaptive_result": result}

    def holding(self, node: Node) -> Node:
        """The node, which lets go of what the engine holds for this solve where it fails or is cancelled."""

        async def held(state: SolverState, write: Write) -> Update:
            try:
                return await node(state, write)
            except BaseException:
                await self._release(state)
                raise

        return held

    def batch(self, state: SolverState) -> int:
        """How many samples of the planned vote to draw next, side by side; one at least, and then 0 where it is
        settled or a limit was reached."""
        plan, attempts = Plan.from_json(state["adaptive_plan"]), attempts_of(state)
        if policy.out_of_tokens(attempts, self._options(state)):
            return 0
        return wanted(attempts, plan, self.models[plan.model].profile.policy)

    @asynccontextmanager
    async def _drawn(self, state: SolverState, bound: Bound) -> AsyncIterator[None]:
        """While a sample is drawn: in turn where the engine wants that.

        When a sample fails, others go on to their end, in threads above all. The last one out lets go of what they
        made the engine hold since.
        """
        solve = state["adaptive_session"]
        drawing = self.drawing.setdefault(solve, Drawing())
        drawing.inside += 1
        try:
            async with nullcontext() if bound.shares_cache else drawing.turn:
                yield
        except BaseException:
            if solve not in self.broken:
                self.broken.append(solve)
            raise
        finally:
            drawing.inside -= 1
            if not drawing.inside:
                del self.drawing[solve]
                if solve in self.broken:
                    await self._release(state)

    def _options(self, state: SolverState) -> Options:
        return self.options.with_state(state["adaptive_asked"])

    def _notes(self, models: set[int], options: Options) -> list[str]:
        """What was mapped to the nearest thing that these models can; a better model's name goes before it."""
        return [
            f"{self.models[model].name}: {note}" if model else note
            for model in sorted(models)
            for note in self.models[model].notes(options)
        ]

    async def _difficulty(
        self, model: int, question: str, options: Options, attempts: Sequence[Attempt] = ()
    ) -> dict[str, Any]:
        """How hard a question is for a model, by rung of its ladder within the options, after these attempts."""
        profile = self.models[model].profile
        # In a thread: the first time, the difficulty model is read from its files.
        known = await asyncio.to_thread(profile.difficulty, question, probe_of(attempts, model))
        shaped = policy.shape(profile.ladder, options)
        return {**known, "p_solved": policy.on_ladder(known["p_solved"], profile.ladder, shaped)}

    async def _shadow(self, question: str, begun: Attempt, options: Options) -> dict[str, Any] | None:
        """What the policy would have begun with on its own ladder, had options not made it begin so."""
        if options.adapt and options.effort is None and options.budget is None:
            return None
        free, model = Options(), self.models[0]
        p_solved = (await self._difficulty(0, question, free))["p_solved"]
        plan = policy.first(model.ladder(free), model.profile.policy, p_solved, free)
        if (plan.rung.effort, plan.rung.budget) == (begun.effort, begun.budget):
            return None
        return {"rung": plan.index, "effort": plan.rung.effort, "budget": plan.rung.budget, "reason": plan.reason,
                "p_solved": p_solved}  # fmt: skip

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
        session = session_of(state["adaptive_session"], plan, attempts)

        def told(event: dict[str, Any]) -> None:
            write({"attempt": number, **event})

        context = Context(options, sampling, session, told)
        return await self.models[plan.model].buy(state["messages"], plan, attempts, context)

    async def _judged(self, state: SolverState, one: Attempt, before: list[Attempt], write: Write) -> Attempt:
        """An attempt with its verdict, told."""
        verdict = await self.models[one.model].verifier.verify(state["adaptive_question"], one, before)
        write({"event": "verdict", "attempt": len(before), "answer": one.answer, "accepted": verdict.accepted,
               "score": verdict.score, "verifier": verdict.verifier, "reason": verdict.reason})  # fmt: skip
        return one.judged(verdict)

    async def _situation(self, state: SolverState, attempts: list[Attempt], options: Options) -> Situation:
        model = attempts[-1].model
        difficulty = await self._difficulty(model, state["adaptive_question"], options, attempts)
        bound = self.models[model]
        return Situation(attempts, bound.ladder(options), bound.profile.policy, difficulty["p_solved"], options,
                         bound.efforts, len(self.models))  # fmt: skip

    async def _on_next_model(self, state: SolverState, plan: Plan, options: Options) -> Plan:
        """The rung of the next model's own ladder."""
        bound = self.models[plan.model]
        known = await self._difficulty(plan.model, state["adaptive_question"], options)
        ladder: Ladder = bound.ladder(options)
        rung = policy.thinking(ladder, bound.profile.policy, known["p_solved"], "model")
        return replace(rung, model=plan.model, reason=f"{plan.reason}, {bound.name}: {rung.reason}")

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
