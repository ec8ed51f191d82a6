"""The LangGraph graph: classify, allocate, think, verify, escalate, approve, votes. Edges, nothing else.

The models, their profiles and verifiers are bound when the graph is built (`nodes.py`); what goes from node to
node is plain JSON (`state.py`). `approve` is visited only where there is something to ask (`approval.py`), so that
it costs nothing where there is not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from adaptive.chat.registry import open_chat_model
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.policy.arms import Plan
from adaptive.prices import Prices
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import load_model_profile
from adaptive.profile.verifier import build_profile_verifier
from adaptive.solver.chat_model import build_chat_solver_model
from adaptive.solver.model import SolverModel
from adaptive.solver.nodes import Solver
from adaptive.solver.runnables import make_node_runnable, make_nonblocking_node
from adaptive.solver.state import SolverInput, SolverOutput, SolverState
from adaptive.solver.token_model import TokenSolverModel
from adaptive.types.model_spec import ModelSpec
from adaptive.types.options import Options, SolverContext
from adaptive.types.stops import parse_stops
from adaptive.verify import Verifier

SAMPLE_STATE_KEYS = (
    "messages",
    "adaptive_asked",
    "adaptive_session",
    "adaptive_plan",
    "adaptive_attempts",
    "adaptive_seconds",
)
"""What a sample of a vote is given of the state."""


Model = str | TokenEngine | BaseChatModel
"""A model spec, a token engine, or a chat model of LangChain's."""


class SolverGraph(StateGraph[SolverState, SolverContext, Any, Any]):
    """The graph of a solver, which knows what its nodes are bound to."""

    solver: Solver


def build_solver(
    model: Model = "embedded",
    *,
    profile: str | Path | Profile | None = None,
    options: Options | None = None,
    engine: Mapping[str, Any] | None = None,
    stronger: Model | None = None,
    check: Verifier | None = None,
    judge: Verifier | None = None,
    prices: Prices | None = None,
    **compile_options: Any,
) -> CompiledStateGraph[Any, SolverContext, Any, Any]:
    """The solver as a compiled graph: a node for any graph, or run on its own.

    `model` is a model spec, an engine or a chat model of LangChain's; `profile` a profile or its folder (default:
    the model's own); `engine` what a model spec's engine takes beside it (`open_engine`, `chat_model`). `stronger`
    is a better model, turned to when this one's answers are rejected. `check` and `judge` are verifiers
    (`adaptive.verify`). `prices` say what tokens cost (default: the list prices that are known). `compile_options`
    go to `StateGraph.compile` (checkpointer, ...). Raises `InputError` for a model, profile or option that cannot
    be.
    """
    options = options or Options()
    first = _bound(model, engine or {}, profile, options, check, judge)
    better = () if stronger is None else (_bound(stronger, {}, None, options, check, judge),)
    solver = Solver((first, *better), options, prices or Prices())
    solver.check_options(options)
    if options.stop is not None:
        parse_stops(options.stop)  # says now what is wrong with a name
    return _build_graph(solver).compile(**{"name": "adaptive", **compile_options})


def find_solver(graph: Any) -> Solver | None:
    """What the nodes of a compiled solver are bound to; None for what `build_solver` did not make."""
    builder = getattr(graph, "builder", None)
    return builder.solver if isinstance(builder, SolverGraph) else None


def draw_graph() -> str:
    """The solver's graph as Mermaid text. No model is opened for it: all solvers have the same nodes."""
    return _build_graph(Solver((), Options())).compile().get_graph().draw_mermaid()


def _bound(
    model: Model,
    engine: Mapping[str, Any],
    profile: str | Path | Profile | None,
    options: Options,
    check: Verifier | None,
    judge: Verifier | None,
) -> SolverModel:
    """The model, opened, with what is known of it and who verifies it."""
    if isinstance(model, BaseChatModel) or (isinstance(model, str) and ModelSpec.parse(model).is_chat):
        return build_chat_solver_model(
            open_chat_model(model, **engine), profile, options, check=check, judge=judge
        )
    opened = open_engine(model, **engine) if isinstance(model, str) else model
    known = (
        profile
        if isinstance(profile, Profile)
        else load_model_profile(opened.name, opened.context_window, profile)
    )
    known = known.with_waits(options.wait_string)
    return TokenSolverModel(opened, known, build_profile_verifier(known, options.verify, check=check, judge=judge))


def _build_graph(solver: Solver) -> SolverGraph:
    graph = SolverGraph(
        SolverState, context_schema=SolverContext, input_schema=SolverInput, output_schema=SolverOutput
    )
    graph.solver = solver
    nodes = (solver.classify, solver.allocate, solver.think, solver.verify, solver.escalate, solver.sample,
             solver.tally, solver.approve, solver.finish)  # fmt: skip
    for node in nodes:
        graph.add_node(node.__name__, make_node_runnable(solver.wrap_node(node), node.__name__))

    def samples(state: SolverState) -> list[Send]:
        """The next samples of a vote, side by side."""
        given = {key: state[key] for key in SAMPLE_STATE_KEYS if key in state}  # type: ignore[literal-required]
        given["adaptive_sent"] = time.time()
        first = len(state["adaptive_attempts"])
        return [
            Send("sample", {**given, "adaptive_sample": first + i})
            for i in range(solver.count_next_samples(state))
        ]

    def after_plan(state: SolverState) -> str | list[Send]:
        return "approve" if not state["adaptive_stop"] and solver.must_approve(state) else after_approve(state)

    def after_approve(state: SolverState) -> str | list[Send]:
        if state["adaptive_stop"]:
            return "finish"
        return samples(state) if Plan.from_json(state["adaptive_plan"]).arm == "vote" else "think"

    def after_tally(state: SolverState) -> str | list[Send]:
        return "finish" if state["adaptive_stop"] else samples(state) or "escalate"

    graph.add_edge(START, "classify").add_edge("classify", "allocate")
    graph.add_edge("think", "verify").add_edge("sample", "tally")
    graph.add_conditional_edges("verify", make_nonblocking_node(_is_stopped), {True: "finish", False: "escalate"})
    graph.add_conditional_edges("allocate", make_nonblocking_node(after_plan), ["think", "approve"])
    graph.add_conditional_edges(
        "escalate", make_nonblocking_node(after_plan), ["think", "sample", "approve", "finish"]
    )
    graph.add_conditional_edges("approve", make_nonblocking_node(after_approve), ["think", "sample", "finish"])
    graph.add_conditional_edges("tally", make_nonblocking_node(after_tally), ["sample", "escalate", "finish"])
    graph.add_edge("finish", END)
    return graph


def _is_stopped(state: SolverState) -> bool:
    return bool(state["adaptive_stop"])
