"""A real server in a process of its own, and what tests read of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from openai import OpenAI
from prometheus_client.parser import text_string_to_metric_families

from adaptive.agents.chat_model import ChatAdaptive
from adaptive.serve.app import ModelServer, OfferedModel
from adaptive.serve.keys import Keyring
from adaptive.serve.run import open_socket
from adaptive.serve.solve_queue import SolveQueue
from adaptive.solver.build import build_solver, replace_check
from adaptive.verify import Verifier
from tests.docs.blocks import ROOT
from tests.support.guard import GUARD

QUESTION = "What is 47 + 38 - 12?"
LONG_SOLVES = ("--check", "sleep 3600", "--check-timeout", "3600", "--max-attempts", "1")
"""Options by which a solve does not end while a test runs, however fast the machine is: its check takes long."""


@dataclass(frozen=True)
class Served:
    """A server that runs, and where."""

    process: subprocess.Popen[str]
    address: str
    http: httpx.Client

    def client(self, key: str = "no key") -> OpenAI:
        return OpenAI(base_url=f"{self.address}/v1", api_key=key, max_retries=0, http_client=self.http)

    def ask(self, text: str = QUESTION, **more: Any) -> Any:
        """Return a reply of the server, by OpenAI's client."""
        return self.client().chat.completions.create(model="embedded", messages=chat(text), **more)

    def post(self, **fields: Any) -> httpx.Response:
        body = {"model": "embedded", "messages": chat(), **fields}
        return httpx.post(f"{self.address}/v1/chat/completions", json=body, timeout=60)

    def metric(self, name: str, key: str = "none", **labels: str) -> float:
        """Return the value of a metric; 0 if it has none yet."""
        page = httpx.get(f"{self.address}/metrics", headers={"Authorization": f"Bearer {key}"}).text
        samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
        return sum(s.value for s in samples if s.name == f"adaptive_{name}" and labels.items() <= s.labels.items())

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once something holds; fail if it does not within the guard."""
    until = time.monotonic() + GUARD
    while not holds():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def chat(text: str = QUESTION) -> list[Any]:
    return [{"role": "user", "content": text}]


def solve(question: str = QUESTION, **options: Any) -> dict[str, Any]:
    """What the solver answers in this process."""
    state = build_solver("embedded").invoke({"messages": [("user", question)], "adaptive_options": options})
    result: dict[str, Any] = state["adaptive_result"]
    return result


def usage_of(result: dict[str, Any]) -> tuple[int, int, int, int]:
    spent = result["usage"]
    return spent["prompt"], spent["total"] - spent["prompt"], spent["total"], spent["thinking"]


@contextmanager
def serving(*options: str) -> Iterator[Served]:
    """Serve the embedded model on a free port."""
    command = [sys.executable, "-m", "adaptive.cli", "serve", "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    guard = threading.Timer(GUARD, process.kill)  # one that never gets ready ends
    guard.start()
    try:
        line = process.stderr.readline()
        while line and not line.startswith("Serving"):
            line = process.stderr.readline()
        guard.cancel()
        assert line, "the server ended before it was ready"
        with httpx.Client(timeout=60) as http:
            yield Served(process, line.split()[-1].removesuffix("/v1"), http)
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        process.stderr.close()


@contextmanager
def serving_here(
    chats: Mapping[str, ChatAdaptive],
    keyring: Keyring | None = None,
    concurrency: int = 8,
    checks: Mapping[str, Verifier] | None = None,
) -> Iterator[str]:
    """Serve models in a thread of this process, on a free port; yield the address."""
    models = {
        name: OfferedModel(
            name,
            chat,
            SolveQueue(concurrency, 64),
            {check: ChatAdaptive(solver=replace_check(chat.solver, one)) for check, one in (checks or {}).items()},
        )
        for name, chat in chats.items()
    }
    app = ModelServer(models, keyring or Keyring()).build_app()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with open_socket("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(GUARD)
            assert not thread.is_alive()
