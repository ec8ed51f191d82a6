"""The LangGraph graph: classify, allocate, think, verify, escalate, and a vote's samples. Edges, nothing else.

The models, their profiles and verifiers are bound when the graph is built (`nodes.py`); what goes from node to
node is plain JSON (`state.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from adaptive.arms import Plan
from adaptive.blocking import either_way
from adaptive.bound import Bound, TokenBound, verifier_of
from adaptive.chat.keys import is_chat
from adaptive.chat.open import chat_model
from adaptive.chat_bound import chat_bound
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.nodes import Solver
from adaptive.options import Options
from adaptive.profile import Profile, profile_for
from adaptive.reason.stops import parse_stops
from adaptive.state import SolverInput, SolverOutput, SolverState
from adaptive.verify import Verifier

__all__ = ["Options", "build_solver"]

SENT = ("messages", "adaptive_asked", "adaptive_session", "adaptive_plan", "adaptive_attempts")
"""What a sample of a vote is given of the state."""


Model = str | TokenEngine | BaseChatModel
"""A model spec, a token engine, or a chat model of LangChain's."""


def build_solver(
    model: Model = "embedded",
    *,
    profile: str | Path | Profile | None = None,
    options: Options | None = None,
    engine: Mapping[str, Any] | None = None,
    stronger: Model | None = None,
    check: Verifier | None = None,
    judge: Verifier | None = None,
    **compile_options: Any,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The solver as a compiled graph: a node for any graph, or run on its own.

    `model` is a model spec, an engine or a chat model of LangChain's; `profile` a profile or its folder (default:
    the model's own); `engine` what a model spec's engine takes beside it (`open_engine`, `chat_model`). `stronger`
    is a better model, turned to when this one's answers are rejected. `check` and `judge` are verifiers
    (`adaptive.verify`). `compile_options` go to `StateGraph.compile` (checkpointer, ...). Raises `InputError`
    for a model, profile or option that cannot be.
    """
    options = options or Options()
    first = _bound(model, engine or {}, profile, options, check, judge)
    better = () if stronger is None else (_bound(stronger, {}, None, options, check, judge),)
    solver = Solver((first, *better), options)
    if options.stop is not None:
        parse_stops(options.stop)  # says now what is wrong with a name
    return _graph(solver).compile(**{"name": "adaptive", **compile_options})


def _bound(
    model: Model,
    engine: Mapping[str, Any],
    profile: str | Path | Profile | None,
    options: Options,
    check: Verifier | None,
    judge: Verifier | None,
) -> Bound:
    """The model, opened, with what is known of it and who verifies it."""
    if isinstance(model, BaseChatModel) or (isinstance(model, str) and is_chat(model)):
        return chat_bound(chat_model(model, **engine), profile, options, check=check, judge=judge)
    opened = open_engine(model, **engine) if isinstance(model, str) else model
    known = profile if isinstance(profile, Profile) else profile_for(opened.name, opened.context_window, profile)
    known = known.with_waits(options.wait_string)
    return TokenBound(opened, known, verifier_of(known, options.verify, check=check, judge=judge))


def _graph(solver: Solver) -> StateGraph[SolverState, Any, Any, Any]:
    graph: StateGraph[SolverState, Any, Any, Any] = StateGraph(
        SolverState, input_schema=SolverInput, output_schema=SolverOutput
    )
    nodes = (solver.classify, solver.allocate, solver.think, solver.verify, solver.escalate, solver.sample,
             solver.tally, solver.finish)  # fmt: skip
    for node in nodes:
        graph.add_node(node.__name__, either_way(solver.holding(node), node.__name__))

    def drawn(state: SolverState) -> list[Send]:
        """The next samples of a vote, side by side."""
        given = {key: state[key] for key in SENT if key in state}  # type: ignore[literal-required]
        first = len(state["adaptive_attempts"])
        return [Send("sample", {**given, "adaptive_sample": first + i}) for i in range(solver.batch(state))]

    def after_escalate(state: SolverState) -> str | list[Send]:
        if state["adaptive_stop"]:
            return "finish"
        return drawn(state) if Plan.from_json(state["adaptive_plan"]).arm == "vote" else "think"

    def after_tally(state: SolverState) -> str | list[Send]:
        return "finish" if state["adaptive_stop"] else drawn(state) or "escalate"

    graph.add_edge(START, "classify").add_edge("classify", "allocate").add_edge("allocate", "think")
    graph.add_edge("think", "verify").add_edge("sample", "tally")
    graph.add_conditional_edges("verify", _stopped, {True: "finish", False: "escalate"})
    graph.add_conditional_edges("escalate", after_escalate, ["think", "sample", "finish"])
    graph.add_conditional_edges("tally", after_tally, ["sample", "escalate", "finish"])
    return graph.add_edge("finish", END)


def _stopped(state: SolverState) -> bool:
    return bool(state["adaptive_stop"])
