"""A run of LangChain's, as far as a span of OpenTelemetry tells of it; see `telemetry`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

RunKind = Literal["chain", "model", "tool"]
Mark = Literal["solve", "step", "call"]
"""What a claimed run is: a solve; a step of an agent, which has no span of its own; a call of a model or tool."""


@dataclass
class SeenRun:
    """One run of LangChain's.

    Attributes:
        kind: What runs.
        name: Its name.
        parent: The id of the run above it.
        metadata: What LangChain and `tracing.add_run_metadata` say of it.
        parameters: What a model is called with.
        messages: What a model reads.
        context: The context of OpenTelemetry that it began in.
        started_at: When it began, in nanoseconds of the epoch.
        first_token_at: When a model's first token came; None if it did not stream.
        ended_at: When it ended.
        response: What a model returned.
        error: What it failed with.
        mark: What it was claimed as.
        children: The runs below it that have ended, if it or a run above it is claimed.
    """

    kind: RunKind
    name: str
    parent: UUID | None
    metadata: dict[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    messages: list[BaseMessage] = field(default_factory=list)
    context: Any = None
    started_at: int = field(default_factory=time.time_ns)
    first_token_at: int | None = None
    ended_at: int = 0
    response: LLMResult | None = None
    error: BaseException | None = None
    mark: Mark | None = None
    children: list[SeenRun] = field(default_factory=list)
