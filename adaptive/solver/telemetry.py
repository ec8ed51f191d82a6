"""Spans and metrics of OpenTelemetry for solves, tools and steps, by the GenAI semantic conventions 1.41.

A callback handler of LangChain's sees the runs of a process once a provider of OpenTelemetry is set up; until then
nothing here runs and nothing is imported. It keeps what is below a run that `mark_run` claims, and writes the
spans of it when that run ends, with their own times: what a run is can be told only from inside. All other runs of
the process are left to other instrumentations.

Attributes: https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from adaptive.solver.seen_run import Mark, RunKind, SeenRun


class SpanHandler(BaseCallbackHandler):
    """Keeps the runs that are going on, and writes the spans of claimed ones."""

    run_inline = True  # in an executor's thread, the current context would be another

    def __init__(self) -> None:
        self._runs: dict[UUID, SeenRun] = {}

    def mark_run(self, run_id: UUID | None, mark: Mark, above: int = 0) -> None:
        """Claim a run that goes on; one that is not known is ignored."""
        if (run := self._find_run(run_id, above)) is not None:
            run.mark = mark

    def add_metadata(self, run_id: UUID | None, metadata: Mapping[str, Any], above: int = 0) -> None:
        """Add metadata to a run that goes on; one that is not known is ignored."""
        if (run := self._find_run(run_id, above)) is not None:
            run.metadata.update(metadata)

    def _find_run(self, run_id: UUID | None, above: int) -> SeenRun | None:
        run = self._runs.get(run_id) if run_id else None
        for _ in range(above):
            run = self._runs.get(run.parent) if run is not None and run.parent else None
        return run

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **more: Any) -> None:
        """Keep the run of a chain or a graph."""
        self._start("chain", run_id, more)

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, **more: Any) -> None:
        """Keep the run of a tool."""
        name = more.get("name") or (serialized or {}).get("name")
        self._start("tool", run_id, {**more, "name": name})

    def on_chat_model_start(
        self, serialized: Any, messages: list[list[BaseMessage]], *, run_id: UUID, **more: Any
    ) -> None:
        """Keep the call of a chat model."""
        run = self._start("model", run_id, more)
        run.parameters, run.messages = (
            more.get("invocation_params") or {},
            [m for batch in messages for m in batch],
        )

    def on_llm_start(self, serialized: Any, prompts: list[str], *, run_id: UUID, **more: Any) -> None:
        """Keep the call of a model that only completes text."""
        self._start("model", run_id, more).parameters = more.get("invocation_params") or {}

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **more: Any) -> None:
        """Note when the first token came."""
        run = self._runs.get(run_id)
        if run is not None and run.first_token_at is None:
            run.first_token_at = time.time_ns()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        """End the call of a model."""
        if (run := self._runs.get(run_id)) is not None:
            run.response = response
        self._end(run_id)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **more: Any) -> None:
        """End a chain."""
        self._end(run_id)

    def on_tool_end(self, output: Any, *, run_id: UUID, **more: Any) -> None:
        """End a tool."""
        self._end(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        """End the call of a model that failed."""
        self._end(run_id, error)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        """End a chain that failed."""
        self._end(run_id, error)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        """End a tool that failed."""
        self._end(run_id, error)

    def _start(self, kind: RunKind, run_id: UUID, more: Mapping[str, Any]) -> SeenRun:
        from opentelemetry import context  # a provider is set up: it is imported already

        run = SeenRun(kind, more.get("name") or kind, more.get("parent_run_id"), dict(more.get("metadata") or {}))
        run.context = context.get_current()
        self._runs[run_id] = run
        return run

    def _end(self, run_id: UUID, error: BaseException | None = None) -> None:
        run = self._runs.pop(run_id, None)
        if run is None:
            return
        run.ended_at, run.error = time.time_ns(), error
        parent = self._runs.get(run.parent) if run.parent else None
        if parent is not None and self._is_claimed(parent):
            parent.children.append(run)
        elif run.mark:
            from adaptive.solver.spans import write_spans

            write_spans(run)

    def _is_claimed(self, run: SeenRun) -> bool:
        """Return whether a run, or one above it, is claimed."""
        above: SeenRun | None = run
        while above is not None and not above.mark:
            above = self._runs.get(above.parent) if above.parent else None
        return above is not None


class _HandlerVariable:
    """Stands where LangChain reads a context variable: a handler depends on more than the context."""

    def get(self) -> SpanHandler | None:
        """Return the handler if a provider is set up, and the context is not detached."""
        return _HANDLER if not IS_DETACHED.get() and is_set_up() else None


IS_DETACHED: ContextVar[bool] = ContextVar("adaptive_is_detached", default=False)
"""Whether what runs here is said by a run above it, and would be counted twice."""
_HANDLER = SpanHandler()
_VARIABLE = _HandlerVariable()
register_configure_hook(cast("ContextVar[Any]", _VARIABLE), inheritable=True)


def is_set_up() -> bool:
    """Return whether the program has set up a provider of traces or metrics. Imports nothing."""
    for name, find in (("trace", "get_tracer_provider"), ("metrics", "get_meter_provider")):
        find_provider = getattr(sys.modules.get(f"opentelemetry.{name}"), find, None)
        # The API's own providers, which stand for none, are of its own modules.
        if find_provider is not None and not type(find_provider()).__module__.startswith(f"opentelemetry.{name}"):
            return True
    return False


def mark_run(manager: Any, run_id: UUID | None, mark: Mark, *, above: int = 0) -> None:
    """Claim a run that goes on, so that it and what is below it get spans.

    Args:
        manager: A callback manager of the run.
        run_id: The id of the run.
        mark: What the run is.
        above: How many runs above that one is meant.
    """
    for handler in manager.handlers:
        if isinstance(handler, SpanHandler):
            handler.mark_run(run_id, mark, above)
