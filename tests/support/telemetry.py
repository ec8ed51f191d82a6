"""OpenTelemetry's SDK in this process: its in-memory exporters, read as a tree of spans and as sums of metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@dataclass
class Telemetry:
    """What was exported."""

    provider: TracerProvider
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def read_spans(self) -> list[ReadableSpan]:
        """All spans, in the order in which they began."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def find_roots(self) -> list[str]:
        """The names of the spans that have no parent."""
        return [span.name for span in self.read_spans() if span.parent is None]

    def find_operations(self, operation: str) -> list[dict[str, Any]]:
        """The attributes of the spans of an operation."""
        spans = [dict(span.attributes or {}) for span in self.read_spans()]
        return [one for one in spans if one.get("gen_ai.operation.name") == operation]

    def draw_tree(self) -> list[str]:
        """The names of the spans, each indented below its parent."""
        spans = self.read_spans()

        def draw(parent: int | None, depth: int) -> Iterator[str]:
            for span in spans:
                if (span.parent.span_id if span.parent else None) == parent:
                    yield "  " * depth + span.name
                    yield from draw(span.context.span_id, depth + 1)

        return [*draw(None, 0)]

    def count_tokens(self) -> int:
        """The tokens of all calls of models."""
        calls = self.find_operations("chat")
        return sum(one[f"gen_ai.usage.{kind}_tokens"] for one in calls for kind in ("input", "output"))

    def sum_metric(self, name: str, attribute: str) -> dict[str, float]:
        """The sum of a metric for each value of an attribute."""
        data = self.reader.get_metrics_data()
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        sums: Counter[str] = Counter()
        for point in [point for metric in found if metric.name == name for point in metric.data.data_points]:
            sums[str(point.attributes[attribute])] += point.sum
        return dict(sums)


@contextmanager
def export_in_memory() -> Iterator[Telemetry]:
    """Set up providers; the API's own setters could not be undone."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([reader], shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with (
        patch("opentelemetry.trace.get_tracer_provider", lambda: provider),
        patch("opentelemetry.metrics.get_meter_provider", lambda: meters),
    ):
        yield Telemetry(provider, exporter, reader)
    provider.shutdown()
    meters.shutdown()
