"""Builds a solver from models and options, and finds what a compiled solver was built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from adaptive.errors import InputError
from adaptive.prices import Prices
from adaptive.profile.profile import Profile
from adaptive.solver.graph import SolverGraph, build_graph
from adaptive.solver.model import Model, open_models
from adaptive.solver.nodes import Solver
from adaptive.types.options import Options, SolverContext
from adaptive.types.stops import parse_stops
from adaptive.verify import Verifier
from adaptive.verify.base import require_verifier


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
    """Build the solver as a compiled graph. It runs on its own, or as a node of any other graph.

    Args:
        model: A model spec, a token engine, or a chat model of LangChain's.
        profile: A profile or its folder, or "none" for an untrained one; by default the stored one of this model
            (`adaptive fit`), else the model's own, else an untrained one.
        options: What every solve of this graph starts from; a run's context and state can override it.
        engine: Further arguments for opening `model` (see `open_engine` and `open_chat_model`).
        stronger: A better model to escalate to when the answers of `model` are rejected.
        check: A verifier that knows whether an answer is right (`adaptive.verify`).
        judge: A verifier that asks another model.
        prices: What tokens cost; by default the published list prices.
        **compile_options: Passed to `StateGraph.compile` (`checkpointer`, `name`, ...). A `name` is also that of
            the messages with the answers, by which a model tells agents apart.

    Raises:
        InputError: A model, profile, verifier or option is not valid.
    """
    check_compile_options(compile_options, "build_solver")
    require_verifier("check", check)
    require_verifier("judge", judge)
    options = options or Options()
    if options.stop is not None:
        parse_stops(options.stop)  # rejects an unknown name now, not in the first solve
    models = open_models(model, options, profile=profile, engine=engine, check=check, judge=judge)
    if stronger is not None:
        models += open_models(stronger, options, check=check, judge=judge)
    solver = Solver(tuple(models), options, prices or Prices(), compile_options.get("name"))
    solver.check_options(options)
    return build_graph(solver).compile(**{"name": "adaptive", **compile_options})


def replace_check(graph: Any, check: Verifier) -> CompiledStateGraph[Any, SolverContext, Any, Any]:
    """Return a solver of the same open models in which another check decides.

    Args:
        graph: A graph of `build_solver`.
        check: A verifier that knows whether an answer is right.

    Raises:
        InputError: It is no such graph.
    """
    solver = find_solver(graph)
    if solver is None:
        raise InputError(f"{graph!r} is no graph of build_solver: build one.")
    models = tuple(model.with_check(check) for model in solver.models)
    return build_graph(replace(solver, models=models)).compile(name=graph.name)


def check_compile_options(options: Mapping[str, Any], function: str) -> None:
    """Raise `InputError` for an option that `StateGraph.compile` does not take; `function` is who got it."""
    known = [name for name in signature(StateGraph.compile).parameters if name != "self"]
    if other := next((name for name in options if name not in known), None):
        raise InputError(f"{function} takes no {other!r}: beside its own arguments it takes {', '.join(known)}.")


def find_solver(graph: Any) -> Solver | None:
    """Return the nodes of a graph made by `build_solver`; None for any other graph."""
    builder = getattr(graph, "builder", None)
    return builder.solver if isinstance(builder, SolverGraph) else None


def draw_graph() -> str:
    """Return the solver's graph as Mermaid text. No model is opened: all solvers have the same nodes."""
    return build_graph(Solver((), Options())).compile().get_graph().draw_mermaid()
