"""Claimed runs as spans and measurements of OpenTelemetry; see `telemetry`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration
from langgraph.errors import GraphBubbleUp
from opentelemetry import metrics, trace
from opentelemetry.metrics import Histogram, MeterProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

from adaptive.solver.seen_run import SeenRun

NAME = "adaptive"
SCHEMA = "https://opentelemetry.io/schemas/1.41.0"
NANOSECONDS = 1e9
CONTENT_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CAPTURING = ("true", "span_only", "span_and_event")
PROVIDERS = {
    "azure": "azure.ai.openai", "azure_openai": "azure.ai.openai", "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock", "amazon_bedrock": "aws.bedrock", "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai", "mistralai": "mistral_ai", "xai": "x_ai",
}  # fmt: skip
"""LangChain's names of providers that the conventions name differently."""
ROLES = {"human": "user", "ai": "assistant"}
CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample")
TOKEN_BUCKETS = [4.0**power for power in range(14)]
SECOND_BUCKETS = [0.01 * 2**power for power in range(14)]
"""Both as the conventions say."""

Attributes = dict[str, Any]


class Instruments(NamedTuple):
    """The metrics."""

    tokens: Histogram
    seconds: Histogram


def write_spans(run: SeenRun) -> None:
    """Write a claimed run and those below it as spans, and measure the calls of models."""
    _write_span(run, run.context)


def _write_span(run: SeenRun, context: Any) -> None:
    if run.kind == "chain" and run.mark != "solve":
        for child in run.children:
            _write_span(child, context)
        return
    describe = {"chain": _describe_solve, "tool": _describe_tool, "model": _describe_call}[run.kind]
    attributes = _drop_unknown({**describe(run), **_read_facts(run)})
    named = attributes.get("gen_ai.request.model") if run.kind == "model" else run.name
    tracer = trace.get_tracer(NAME, schema_url=SCHEMA)
    span = tracer.start_span(
        f"{attributes['gen_ai.operation.name']} {named}",
        context,
        SpanKind.CLIENT if run.kind == "model" else SpanKind.INTERNAL,
        attributes,
        start_time=run.started_at,
    )
    below = trace.set_span_in_context(span, context)
    for child in run.children:
        _write_span(child, below)
    if isinstance(run.error, GraphBubbleUp):
        span.set_attribute("adaptive.interrupted", True)
    elif run.error is not None:  # without its text, which may have a key in it
        span.set_status(Status(StatusCode.ERROR, type(run.error).__name__))
    span.end(run.ended_at)
    if run.kind == "model":
        _measure_call(run, attributes, below)


def _describe_solve(run: SeenRun) -> Attributes:
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": NAME,
        "gen_ai.agent.name": run.name,
        "gen_ai.conversation.id": run.metadata.get("thread_id"),
    }


def _describe_tool(run: SeenRun) -> Attributes:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": run.name,
        "gen_ai.tool.type": "function",
    }


def _describe_call(run: SeenRun) -> Attributes:
    given, about, message = run.parameters, run.metadata, _find_message(run)
    provider, streamed = about.get("ls_provider"), run.first_token_at is not None
    attributes: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(provider or "", provider or "_OTHER"),
        "gen_ai.request.model": about.get("ls_model_name"),
        "gen_ai.request.max_tokens": next((given[name] for name in CAPS if given.get(name)), None),
        "gen_ai.request.temperature": given.get("temperature", about.get("ls_temperature")),
        "gen_ai.request.seed": given.get("seed"),
        "gen_ai.request.stream": True if streamed else None,
        "adaptive.requested_effort": given.get("reasoning_effort") or _read_effort(given.get("reasoning")),
        "adaptive.requested_budget": given.get("thinking_budget"),
    }
    if run.first_token_at is not None:
        seconds = (run.first_token_at - run.started_at) / NANOSECONDS
        attributes["gen_ai.response.time_to_first_chunk"] = seconds
    if message is not None:
        attributes |= _describe_response(message)
    if os.environ.get(CONTENT_VARIABLE, "").lower() in CAPTURING:
        attributes |= _describe_content(run.messages, message)
    return attributes


def _read_effort(reasoning: Any) -> Any:
    return reasoning.get("effort") if isinstance(reasoning, dict) else None


def _find_message(run: SeenRun) -> AIMessage | None:
    generations = [one for batch in run.response.generations for one in batch] if run.response else []
    first = generations[0] if generations else None
    message = first.message if isinstance(first, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None


def _describe_response(message: AIMessage) -> Attributes:
    data, usage = message.response_metadata, message.usage_metadata
    finish = data.get("finish_reason") or data.get("stop_reason")
    attributes: Attributes = {
        "gen_ai.response.id": data.get("id"),
        "gen_ai.response.model": data.get("model_name") or data.get("model"),
        "gen_ai.response.finish_reasons": [finish] if finish else None,
    }
    if usage is not None:
        read, wrote = usage.get("input_token_details", {}), usage.get("output_token_details", {})
        attributes |= {
            "gen_ai.usage.input_tokens": usage["input_tokens"],
            "gen_ai.usage.output_tokens": usage["output_tokens"],
            "gen_ai.usage.cache_read.input_tokens": read.get("cache_read"),
            "gen_ai.usage.reasoning.output_tokens": wrote.get("reasoning"),
        }
    return attributes


def _describe_content(messages: Sequence[BaseMessage], answer: AIMessage | None) -> Attributes:
    """Return what was read and written, in the conventions' JSON."""
    finish = {} if answer is None else {"finish_reason": answer.response_metadata.get("finish_reason") or "stop"}
    written = [] if answer is None else [{**_to_message(answer), **finish}]
    contents = {"input": [_to_message(message) for message in messages], "output": written}
    return {
        f"gen_ai.{side}.messages": json.dumps(one, ensure_ascii=False) for side, one in contents.items() if one
    }


def _to_message(message: BaseMessage) -> dict[str, Any]:
    return {"role": ROLES.get(message.type, message.type), "parts": list(_list_parts(message))}


def _list_parts(message: BaseMessage) -> Iterator[dict[str, Any]]:
    for block in message.content_blocks:
        if block["type"] == "reasoning":
            yield {"type": "reasoning", "content": block.get("reasoning", "")}
        elif block["type"] == "text":
            yield {"type": "text", "content": block["text"]}
        elif block["type"] == "tool_call":
            yield {"type": "tool_call", "id": block["id"], "name": block["name"], "arguments": block["args"]}
        else:
            yield {"type": block["type"]}  # an image, say: its bytes are no matter of a trace


def _read_facts(run: SeenRun) -> Attributes:
    """Return our metadata of a run as `adaptive.*`, and what it failed with."""
    facts: Attributes = {
        f"adaptive.{key.removeprefix('adaptive_')}": value
        for key, value in run.metadata.items()
        if key.startswith("adaptive_") and isinstance(value, str | bool | int | float)
    }
    if run.error is not None and not isinstance(run.error, GraphBubbleUp):
        facts["error.type"] = type(run.error).__name__
    return facts


def _drop_unknown(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}


@lru_cache(maxsize=1)
def _get_instruments(provider: MeterProvider) -> Instruments:
    meter = provider.get_meter(NAME, schema_url=SCHEMA)
    return Instruments(
        meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKEN_BUCKETS,
        ),
        meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=SECOND_BUCKETS,
        ),
    )


def _measure_call(run: SeenRun, attributes: Attributes, context: Any) -> None:
    instruments = _get_instruments(metrics.get_meter_provider())
    names = ("operation.name", "provider.name", "request.model", "response.model")
    shared = _drop_unknown({f"gen_ai.{name}": attributes.get(f"gen_ai.{name}") for name in names})
    for kind in ("input", "output"):
        if (count := attributes.get(f"gen_ai.usage.{kind}_tokens")) is not None:
            instruments.tokens.record(count, {**shared, "gen_ai.token.type": kind}, context)
    failed = {"error.type": attributes["error.type"]} if "error.type" in attributes else {}
    instruments.seconds.record((run.ended_at - run.started_at) / NANOSECONDS, {**shared, **failed}, context)
