"""What `/metrics` shows, in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from adaptive.types.result import Result
from adaptive.types.usage import TOKEN_FIELDS, Usage

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
"""Seconds: from a direct answer to a long thought."""
VERDICTS = {True: "accepted", False: "rejected", None: "unverified"}


class Metrics:
    """The metrics of one server. `registry` has them all."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._add_counter(
            "requests", "Requests; status 499: the client hung up.", "path", "status"
        )
        self._tokens = self._add_counter(
            "tokens", "Tokens of all solves, each counted once; of solves that were cut off estimated.",
            "model", "kind",
        )  # fmt: skip
        self._cost = self._add_counter("cost_dollars", "Cost of all solves, where it is known.", "model")
        self._rungs = self._add_counter("rungs", "Finished solves, by the rung of the answer.", "model", "rung")
        self._verdicts = self._add_counter("verdicts", "Finished solves, by verdict.", "model", "verdict")
        self._statuses = self._add_counter("statuses", "Finished solves, by status.", "model", "status")
        self._escalations = self._add_counter("escalations", "Attempts after the first.", "model")
        self._saved = self._add_gauge("saved_tokens", "Tokens predicted of the top rung, less those spent.")
        self._running = self._add_gauge("running", "Solves that run.")
        self._waiting = self._add_gauge("waiting", "Requests that wait for their turn.")
        self._seconds = self._add_histogram("request_seconds", "Seconds of a request.", "path")
        self._first = self._add_histogram(
            "first_token_seconds", "Seconds of a request until its first text.", "model"
        )

    def watch_queue(
        self, model: str, count_running: Callable[[], float], count_waiting: Callable[[], float]
    ) -> None:
        """Show how many solves of a model run and wait, as these functions say."""
        self._running.labels(model).set_function(count_running)
        self._waiting.labels(model).set_function(count_waiting)

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """Count a request that ended."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def count_first_token(self, model: str, seconds: float) -> None:
        """Count the seconds of a request until its first text, the wait for its turn included."""
        self._first.labels(model).observe(seconds)

    def count_usage(self, model: str, usage: Usage) -> None:
        """Count what a solve of a served model spent, whether it finished or not."""
        for kind in TOKEN_FIELDS:
            self._tokens.labels(model, kind).inc(getattr(usage, kind) or 0)
        if usage.cost is not None:
            self._cost.labels(model).inc(usage.cost)

    def count_result(self, model: str, result: Result) -> None:
        """Count a finished solve of a served model."""
        self._rungs.labels(model, str(result.rung)).inc()
        self._verdicts.labels(model, VERDICTS[result.accepted]).inc()
        self._statuses.labels(model, result.status).inc()
        self._escalations.labels(model).inc(len(result.attempts) - 1)
        if result.difficulty.tokens:  # a trained profile predicts them
            self._saved.labels(model).inc(result.difficulty.tokens[-1] - result.usage.total)

    def render(self) -> bytes:
        """Return the page."""
        return generate_latest(self.registry)

    def _add_counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"adaptive_{name}", text, labels, registry=self.registry)

    def _add_gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"adaptive_{name}", text, ["model"], registry=self.registry)

    def _add_histogram(self, name: str, text: str, label: str) -> Histogram:
        return Histogram(f"adaptive_{name}", text, [label], registry=self.registry, buckets=BUCKETS)
