"""The LangGraph graph: classify, allocate, think, verify, escalate. Nodes and edges, nothing else.

State is plain JSON types and messages, so that it survives a checkpointer and another process; the model, the
profile and the verifier are bound when the graph is built. Keys that are ours start with `adaptive_`; only
`messages` is shared with a parent graph.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from adaptive import policy
from adaptive.attempt import Attempt
from adaptive.blocking import Write, either_way
from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.errors import InputError
from adaptive.ladder import Effort, Ladder, Rung
from adaptive.policy import Options, Plan
from adaptive.profile import Profile, profile_for
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import think
from adaptive.result import result_object, to_message
from adaptive.verify import Verifier, verifier_for

__all__ = ["Options", "build_solver"]

Update = dict[str, Any]
ROLES = {"human": "user", "ai": "assistant", "system": "system"}


class SolverOutput(MessagesState, total=False):
    """What a parent graph gets back."""

    adaptive_result: dict[str, Any]


class SolverState(SolverOutput, total=False):
    """What the nodes share. Lists are replaced whole, so that a persisted thread starts each turn afresh."""

    adaptive_question: str
    adaptive_session: str
    adaptive_difficulty: dict[str, Any]
    adaptive_plan: dict[str, Any]
    adaptive_stop: str
    adaptive_attempts: list[dict[str, Any]]


class SolverInput(TypedDict):
    """What a caller or a parent graph gives."""

    messages: list[AnyMessage]


Node = Callable[[SolverState, Write], Awaitable[Update]]


@dataclass(frozen=True)
class Solver:
    """The nodes, with what they are bound to."""

    engine: TokenEngine
    profile: Profile
    ladder: Ladder
    verifier: Verifier
    options: Options

    async def classify(self, state: SolverState, write: Write) -> Update:
        """How likely each rung is to solve the question."""
        question = last_question(conversation(state["messages"]))
        # In a thread: the first time, the difficulty model is read from its files.
        known = await asyncio.to_thread(self.profile.difficulty, question)
        p_solved = policy.on_ladder(known["p_solved"], self.profile.ladder, self.ladder)
        return {
            "adaptive_question": question,
            "adaptive_session": uuid.uuid4().hex,
            "adaptive_difficulty": {**known, "p_solved": p_solved},
            "adaptive_attempts": [],
            "adaptive_stop": "",
        }

    async def allocate(self, state: SolverState, write: Write) -> Update:
        """The first rung."""
        difficulty = state["adaptive_difficulty"]
        plan = policy.first(self.ladder, self.profile.policy, difficulty["p_solved"], self.options)
        write({"event": "difficulty", **difficulty, "rung": plan.index, "reason": plan.reason})
        return {"adaptive_plan": plan.to_json()}

    async def think(self, state: SolverState, write: Write) -> Update:
        """One attempt, on the chain of the attempt before it where there is one."""
        plan, attempts = Plan.from_json(state["adaptive_plan"]), _attempts(state)
        prompt = self.engine.codec.render(conversation(state["messages"]), self.effort(plan.rung))
        attempt = await think(
            self.engine,
            prompt,
            plan.rung,
            style=self.profile.style,
            thought=_chain(attempts, plan),
            sampling=Sampling(temperature=self.options.temperature, seed=self.options.seed),
            session=state["adaptive_session"],
            index=plan.index,
            arm=plan.arm,
            on_event=lambda event: write({"attempt": len(attempts), **event}),
        )
        return {"adaptive_attempts": [*state["adaptive_attempts"], replace(attempt, reason=plan.reason).to_json()]}

    def effort(self, rung: Rung) -> Effort:
        """What the template is told: a rung that does not think shares the prompt of the first that does."""
        return next((r.effort for r in (rung, *self.ladder) if r.thinks), rung.effort)

    async def verify(self, state: SolverState, write: Write) -> Update:
        """A verdict on the last attempt, and the next plan or the reason to stop."""
        *before, last = _attempts(state)
        verdict = await self.verifier.verify(state["adaptive_question"], last, before)
        judged = [*before, last.judged(verdict)]
        write({"event": "verdict", "attempt": len(before), "accepted": verdict.accepted, "score": verdict.score,
               "verifier": verdict.verifier, "reason": verdict.reason})  # fmt: skip
        update: Update = {"adaptive_attempts": [a.to_json() for a in judged]}
        return update | ({"adaptive_stop": "accepted"} if verdict.accepted else {})

    async def escalate(self, state: SolverState, write: Write) -> Update:
        """Another rung or arm, or the reason to stop."""
        p_solved = state["adaptive_difficulty"]["p_solved"]
        plan = policy.following(_attempts(state), self.ladder, self.profile.policy, p_solved, self.options)
        if isinstance(plan, str):
            return {"adaptive_stop": plan}
        write({"event": "escalate", "arm": plan.arm, "rung": plan.index, "reason": plan.reason})
        return {"adaptive_plan": plan.to_json()}

    async def finish(self, state: SolverState, write: Write) -> Update:
        """The best attempt as a message and as the result object."""
        await self.engine.release(state["adaptive_session"])
        attempts = _attempts(state)
        kept = policy.best(attempts)
        result = result_object(
            question=state["adaptive_question"],
            attempts=attempts,
            kept=kept,
            difficulty=state["adaptive_difficulty"],
            stop=state["adaptive_stop"],
            model=self.engine.name,
            profile=self.profile.name,
            seed=self.options.seed,
        )
        write({"event": "done", "result": result})
        return {"messages": [to_message(attempts[kept], result)], "adaptive_result": result}

    def holding(self, node: Node) -> Node:
        """The node, which lets go of what the engine holds for this solve where it fails or is cancelled."""

        async def held(state: SolverState, write: Write) -> Update:
            try:
                return await node(state, write)
            except BaseException:
                await self.engine.release(state.get("adaptive_session", ""))
                raise

        return held


def build_solver(
    model: str | TokenEngine = "embedded",
    *,
    profile: str | Path | Profile | None = None,
    options: Options | None = None,
    engine: Mapping[str, Any] | None = None,
    **compile_options: Any,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The solver as a compiled graph: a node for any graph, or run on its own.

    `model` is a model spec or an engine; `profile` a profile or its folder (default: the model's own); `engine`
    what a model spec's engine takes beside it (`open_engine`); `compile_options` go to `StateGraph.compile`
    (checkpointer, name, ...). Raises `InputError` for a model, profile or option that cannot be.
    """
    options = options or Options()
    opened = open_engine(model, **(engine or {})) if isinstance(model, str) else model
    known = profile if isinstance(profile, Profile) else profile_for(opened.name, opened.context_window, profile)
    if options.wait_string:
        known = replace(known, style=replace(known.style, waits=options.wait_string))
    ladder = policy.shape(known.ladder, options)
    verifier = verifier_for(known.policy, options.verify)
    return _graph(Solver(opened, known, ladder, verifier, options)).compile(
        **{"name": "adaptive", **compile_options}
    )


def _graph(solver: Solver) -> StateGraph[SolverState, Any, Any, Any]:
    graph: StateGraph[SolverState, Any, Any, Any] = StateGraph(
        SolverState, input_schema=SolverInput, output_schema=SolverOutput
    )
    nodes = (solver.classify, solver.allocate, solver.think, solver.verify, solver.escalate, solver.finish)
    for node in nodes:
        graph.add_node(node.__name__, either_way(solver.holding(node), node.__name__))
    graph.add_edge(START, "classify").add_edge("classify", "allocate").add_edge("allocate", "think")
    graph.add_edge("think", "verify")
    graph.add_conditional_edges("verify", _stopped, {True: "finish", False: "escalate"})
    graph.add_conditional_edges("escalate", _stopped, {True: "finish", False: "think"})
    return graph.add_edge("finish", END)


def _stopped(state: SolverState) -> bool:
    return bool(state["adaptive_stop"])


def _attempts(state: SolverState) -> list[Attempt]:
    return [Attempt.from_json(a) for a in state["adaptive_attempts"]]


def conversation(messages: Sequence[AnyMessage]) -> list[tuple[str, str]]:
    """(role, content) pairs for the chat template; raises `InputError` for a message it cannot take."""
    for message in messages:
        if message.type not in ROLES:
            raise InputError(
                f"a {message.type!r} message cannot be solved: give user, assistant and system messages."
            )
        if unread := _unread(message):
            raise InputError(f"a message holds {unread!r}, which a token engine cannot read: give it text.")
    return [(ROLES[m.type], str(m.text)) for m in messages]


def _unread(message: AnyMessage) -> str:
    """The kind of the first content block that is no text; an assistant's own thinking is left out unsaid."""
    blocks = message.content if isinstance(message.content, list) and message.type != "ai" else []
    kinds = ("text" if isinstance(b, str) else str(b.get("type")) for b in blocks)
    return next((kind for kind in kinds if kind != "text"), "")


def _chain(attempts: Sequence[Attempt], plan: Plan) -> Thought:
    """The chain to go on with; a Wait after a rejection is judged by itself: the verifier compares answers."""
    thought = Thought.of(attempts[-1]) if attempts else Thought()
    return replace(thought, weakest=None) if plan.arm == "wait" else thought


def last_question(turns: Sequence[tuple[str, str]]) -> str:
    """The text of the last user message; raises `InputError` if there is none or it is blank."""
    text = next((content for role, content in reversed(turns) if role == "user"), "")
    if not text.strip():
        raise InputError("the question is empty: give some text to solve.")
    return text
