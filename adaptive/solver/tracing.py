"""One trace for each solve: which callbacks see what, and what a solve says in its trace.

LangGraph's streams and tracers are both callbacks of a run. An attempt of a chat model may make several calls
(`adaptive.reason.starvation`), so the two see different things: streams see the attempt, as one message, and
tracers and counters of usage see each call below the run of its node. So each token is streamed once, and counted
once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackHandler
from langchain_core.runnables.config import (
    ensure_config,
    get_async_callback_manager_for_config,
    set_config_context,
)

# Private, but the only mark that all handlers of streams have: LangGraph's, and those of `astream_events`.
from langchain_core.tracers._streaming import _StreamingCallbackHandler
from langchain_core.tracers.base import BaseTracer

from adaptive.solver.seen_run import Mark
from adaptive.solver.telemetry import IS_DETACHED, SpanHandler, is_set_up, mark_run
from adaptive.types.model_spec import ModelSpec
from adaptive.types.result import Result

OWN_PROVIDER = "adaptive"
"""The `ls_provider` of a model in this process whose spec names no provider."""


def is_stream_handler(handler: BaseCallbackHandler) -> bool:
    """Whether a callback streams what it sees to a caller of the graph."""
    return isinstance(handler, _StreamingCallbackHandler)


def get_callback_manager() -> AsyncCallbackManager:
    """Return the callbacks of the current run, for runs below it."""
    return get_async_callback_manager_for_config(ensure_config())


@contextmanager
def hide_from_streams(about: Mapping[str, Any] | None = None) -> Iterator[Context]:
    """Yield a context whose runs are traced and counted below the current run, but not streamed.

    Nothing else of LangGraph's run is seen there: a graph that runs in it is no subgraph of the current one.

    Args:
        about: Metadata of these runs.
    """
    manager = get_callback_manager()
    for handler in filter(is_stream_handler, [*manager.handlers]):
        manager.remove_handler(handler)
    manager.add_metadata(dict(about or {}))
    with set_config_context({"callbacks": manager}) as context:
        yield context


def make_detached_context() -> Context:
    """Return a context with nothing of the current run: no callbacks, no counters of usage, no graph.

    For what a chat model of ours does inside of its own run, which says all of it. Only the span of OpenTelemetry
    stays the current one, so that the HTTP calls of instrumented clients are in its trace. LangSmith's environment
    variables count in any context: see `langsmith.tracing_context`.
    """
    context = Context()
    context.run(IS_DETACHED.set, True)
    if (telemetry := sys.modules.get("opentelemetry.context")) is not None:
        context.run(telemetry.attach, telemetry.get_current())
    return context


def describe_model(spec: str) -> dict[str, Any]:
    """Return what a model's span says of it, by the names that tracers read."""
    model = ModelSpec.parse(spec)
    name = spec if model.kind in ("http", "https") else model.name
    return {"ls_provider": model.kind or OWN_PROVIDER, "ls_model_name": name, "ls_model_type": "chat"}


def describe_result(result: Result) -> dict[str, Any]:
    """Return what the span of a solve says of it: plain values, by which traces can be searched."""
    best, difficulty = result.best, result.difficulty
    facts = {
        "difficulty": difficulty.level,
        "status": result.status,
        "rung": best.rung,
        "effort": best.effort,
        "budget": best.budget,
        "arm": best.arm,
        "accepted": result.accepted,
        "verifier": best.verdict.verifier if best.verdict else None,
        "attempts": len(result.attempts),
        "stopped": result.stopped,
        "tokens": result.usage.total,
        "cost": result.usage.cost,
    }
    return {f"adaptive_{name}": value for name, value in facts.items() if value is not None}


def claim_current_run(mark: Mark, *, above: int = 0) -> None:
    """Give the current run, and what is below it, spans of OpenTelemetry, if a provider is set up.

    Args:
        mark: What the run is.
        above: How many runs above the current one is meant.
    """
    if is_set_up():
        manager = get_callback_manager()
        mark_run(manager, manager.parent_run_id, mark, above=above)


def add_run_metadata(manager: Any, run_id: Any, metadata: Mapping[str, Any], *, above: int = 0) -> None:
    """Add metadata to a run that has begun, in all tracers that see it.

    Args:
        manager: A callback manager that has the tracers.
        run_id: The id of the run.
        metadata: What to add.
        above: How many runs above that one is meant.
    """
    for tracer in manager.handlers:
        if isinstance(tracer, SpanHandler):
            tracer.add_metadata(run_id, metadata, above)
        run = tracer.run_map.get(str(run_id)) if isinstance(tracer, BaseTracer) else None
        for _ in range(above):
            run = tracer.run_map.get(str(run.parent_run_id)) if run is not None else None
        if run is not None:
            run.extra.setdefault("metadata", {}).update(metadata)
