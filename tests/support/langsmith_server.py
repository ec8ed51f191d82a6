"""LangSmith on a socket of this machine: the real client posts its runs there, and tests read them as a tree."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import langsmith
from langsmith import Client

INGEST = {
    "use_multipart_endpoint": False,
    "scale_up_qsize_trigger": 1000,
    "scale_up_nthreads_limit": 1,
    "scale_down_nempty_trigger": 4,
    "size_limit": 100,
    "size_limit_bytes": None,
}
"""What LangSmith's server says of itself: here that it takes batches of JSON."""


@dataclass
class Trace:
    """The runs that were posted. `client` must be flushed before they are read: `read_runs` does it."""

    client: Client
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add_batch(self, batch: Mapping[str, Any]) -> None:
        """Keep the runs of a batch; a later part of a run replaces fields of the earlier one."""
        for run in (*batch.get("post", ()), *batch.get("patch", ())):
            known = self.runs.setdefault(run["id"], {})
            known.update({name: value for name, value in run.items() if value is not None})

    def read_runs(self) -> list[dict[str, Any]]:
        """All runs, in the order in which they began."""
        self.client.flush()
        return sorted(self.runs.values(), key=lambda run: run["dotted_order"])

    def find_roots(self) -> list[str]:
        """The names of the runs that have no parent."""
        return [run["name"] for run in self.read_runs() if not run.get("parent_run_id")]

    def find_models(self) -> list[dict[str, Any]]:
        """The runs of models: LangSmith adds up their tokens."""
        return [run for run in self.read_runs() if run["run_type"] == "llm"]

    def find_one(self, name: str) -> dict[str, Any]:
        """The one run of that name."""
        (run,) = [run for run in self.read_runs() if run["name"] == name]
        return run

    def find_path(self, run: Mapping[str, Any]) -> list[str]:
        """The names from the root to a run."""
        parent = run.get("parent_run_id")
        above = self.find_path(self.runs[parent]) if parent else []
        return [*above, run["name"]]

    def count_tokens(self) -> int:
        """The tokens of all runs of models."""
        return sum(read_usage(run).get("total_tokens", 0) for run in self.find_models())


def read_metadata(run: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a run."""
    metadata: dict[str, Any] = run["extra"]["metadata"]
    return metadata


def read_usage(run: Mapping[str, Any]) -> dict[str, Any]:
    """The usage of a run of a model; empty if it reports none."""
    return run["outputs"]["generations"][0][0]["message"]["kwargs"].get("usage_metadata") or {}


class _Handler(BaseHTTPRequestHandler):
    trace: Trace

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/runs/batch":
            self.trace.add_batch(json.loads(data))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def trace_to_langsmith() -> Iterator[Trace]:
    """Trace everything in this process, as LangSmith's environment variables do; yields what was traced."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    client = Client(
        api_url=f"http://127.0.0.1:{server.server_address[1]}",
        api_key="local",
        info={"batch_ingest_config": INGEST},
    )
    handler.trace = Trace(client)  # type: ignore[attr-defined]
    langsmith.configure(client=client, enabled=True)
    try:
        yield handler.trace  # type: ignore[attr-defined]
    finally:
        langsmith.configure(client=None, enabled=None)
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()
