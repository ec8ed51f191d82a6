"""The LangGraph graph: classify, allocate, think, verify, escalate, and a vote's samples. Edges, nothing else.

The models, their profiles and verifiers are bound when the graph is built (`nodes.py`); what goes from node to
node is plain JSON (`state.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from adaptive.arms import Plan
from adaptive.blocking import either_way, quick
from adaptive.bound import TokenBound, verifier_of
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.nodes import Solver
from adaptive.options import Options
from adaptive.profile import Profile, profile_for
from adaptive.state import SolverInput, SolverOutput, SolverState
from adaptive.verify import Verifier

__all__ = ["Options", "build_solver", "drawn"]

SENT = ("messages", "adaptive_asked", "adaptive_session", "adaptive_plan", "adaptive_attempts")
"""What a sample of a vote is given of the state."""


def build_solver(
    model: str | TokenEngine = "embedded",
    *,
    profile: str | Path | Profile | None = None,
    options: Options | None = None,
    engine: Mapping[str, Any] | None = None,
    stronger: str | TokenEngine | None = None,
    check: Verifier | None = None,
    judge: Verifier | None = None,
    **compile_options: Any,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The solver as a compiled graph: a node for any graph, or run on its own.

    `model` is a model spec or an engine; `profile` a profile or its folder (default: the model's own); `engine`
    what a model spec's engine takes beside it (`open_engine`). `stronger` is a better model, to turn to when this
    one's answers are rejected. `check` and `judge` are verifiers (`adaptive.verify`). `compile_options` go to
    `StateGraph.compile` (checkpointer, name, ...). Raises `InputError` for a model, profile or option that cannot
    be.
    """
    options = options or Options()
    first = _bound(_opened(model, engine), profile, options, check, judge)
    better = () if stronger is None else (_bound(_opened(stronger, None), None, options, check, judge),)
    solver = Solver((first, *better), options)
    first.stops(options)  # says now what is wrong with a name
    return _graph(solver).compile(**{"name": "adaptive", **compile_options})


def drawn() -> str:
    """The solver's graph as Mermaid text. No model is opened for it: all solvers have the same nodes."""
    return _graph(Solver((), Options())).compile().get_graph().draw_mermaid()


def _opened(model: str | TokenEngine, engine: Mapping[str, Any] | None) -> TokenEngine:
    return open_engine(model, **(engine or {})) if isinstance(model, str) else model


def _bound(
    engine: TokenEngine,
    profile: str | Path | Profile | None,
    options: Options,
    check: Verifier | None,
    judge: Verifier | None,
) -> TokenBound:
    known = profile if isinstance(profile, Profile) else profile_for(engine.name, engine.context_window, profile)
    if options.wait_string:
        known = replace(known, style=replace(known.style, waits=options.wait_string))
    return TokenBound(engine, known, verifier_of(known, options.verify, check=check, judge=judge))


def _graph(solver: Solver) -> StateGraph[SolverState, Any, Any, Any]:
    graph: StateGraph[SolverState, Any, Any, Any] = StateGraph(
        SolverState, input_schema=SolverInput, output_schema=SolverOutput
    )
    nodes = (solver.classify, solver.allocate, solver.think, solver.verify, solver.escalate, solver.sample,
             solver.tally, solver.finish)  # fmt: skip
    for node in nodes:
        graph.add_node(node.__name__, either_way(solver.holding(node), node.__name__))

    def samples(state: SolverState) -> list[Send]:
        """The next samples of a vote, side by side."""
        given = {key: state[key] for key in SENT if key in state}  # type: ignore[literal-required]
        first = len(state["adaptive_attempts"])
        return [Send("sample", {**given, "adaptive_sample": first + i}) for i in range(solver.batch(state))]

    def after_escalate(state: SolverState) -> str | list[Send]:
        if state["adaptive_stop"]:
            return "finish"
        return samples(state) if Plan.from_json(state["adaptive_plan"]).arm == "vote" else "think"

    def after_tally(state: SolverState) -> str | list[Send]:
        return "finish" if state["adaptive_stop"] else samples(state) or "escalate"

    graph.add_edge(START, "classify").add_edge("classify", "allocate").add_edge("allocate", "think")
    graph.add_edge("think", "verify").add_edge("sample", "tally")
    graph.add_conditional_edges("verify", quick(_stopped), {True: "finish", False: "escalate"})
    graph.add_conditional_edges("escalate", quick(after_escalate), ["think", "sample", "finish"])
    graph.add_conditional_edges("tally", quick(after_tally), ["sample", "escalate", "finish"])
    return graph.add_edge("finish", END)


def _stopped(state: SolverState) -> bool:
    return bool(state["adaptive_stop"])
