"""The clients of `benchmarks.serve_load`, as a file of Locust: they stream, hang up, or send what is no request.

Every reply is compared with what the solver answers. `SERVE_LOAD` names a JSON file of the plan: `replies` by
question, `pace` (requests of a client in a second; 0: one after the other), and `draining` (whether the server is
told to end meanwhile, so that connections may be refused).
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from locust import HttpUser, constant_throughput, task
from locust.exception import RescheduleTask, StopUser
from requests.exceptions import ChunkedEncodingError, ConnectionError
from urllib3.exceptions import NewConnectionError

PLAN: dict[str, Any] = json.loads(Path(os.environ["SERVE_LOAD"]).read_text(encoding="utf-8"))
QUESTIONS = list(PLAN["replies"])
PATH = "/v1/chat/completions"
MALFORMED: tuple[tuple[bytes, str], ...] = (
    (b"{", "application/json"),
    (b"\xff\xfe\x00", "application/json"),
    (b'{"model": "embedded", "messages": []}', "application/json"),
    (b'{"model": "nobody", "messages": [{"role": "user", "content": "1 + 1?"}]}', "application/json"),
    (b'{"model": "embedded", "messages": [{"role": "user", "content": "1 + 1?"}]}', "text/plain"),
    (b'{"model": "embedded", "messages": [{"role": "user", "content": "1 + 1?"}], "n": 9}', "application/json"),
)


class StreamingClient(HttpUser):
    """A client. Each request has a connection of its own, so that a refused one was never accepted."""

    if PLAN["pace"]:
        wait_time = constant_throughput(PLAN["pace"])

    @task(85)
    def solve(self) -> None:
        """Read a reply to its end, and compare it."""
        question, started, first = random.choice(QUESTIONS), perf_counter(), 0.0
        texts, end, usage = list[str](), None, None
        try:
            for chunk in self._stream(question):
                first = first or perf_counter() - started
                if chunk["choices"]:
                    texts.append(chunk["choices"][0]["delta"].get("content") or "")
                    end, report = chunk["choices"][0]["finish_reason"], chunk.get("adaptive")
                    usage = report["usage"] if report else usage
        except (ConnectionError, ChunkedEncodingError) as error:
            self._note_broken(error)
            return
        whole = perf_counter() - started
        wrong = (
            None if ("".join(texts), end) == (PLAN["replies"][question], "stop") else ValueError("a wrong reply")
        )
        self._report("whole reply", whole, wrong)
        self._report("first token", first)
        if usage:
            self._report("over the engine", whole - usage["seconds"])

    @task(10)
    def hang_up(self) -> None:
        """Leave in the middle of a reply."""
        try:
            with closing(self._stream(random.choice(QUESTIONS))) as chunks:
                for _ in islice(chunks, 5):
                    pass
        except (ConnectionError, ChunkedEncodingError) as error:
            self._note_broken(error)
            return
        self._report("hung up", 0.0)

    @task(5)
    def send_malformed(self) -> None:
        """Send what is no request, and expect a sentence."""
        data, kind = random.choice(MALFORMED)
        started = perf_counter()
        try:
            headers = {"Content-Type": kind, "Connection": "close"}
            with self.client.post(
                PATH, data=data, headers=headers, catch_response=True, name="malformed"
            ) as response:
                if response.status_code == 0:
                    raise response.error
                fine = 400 <= response.status_code < 500 and response.json()["error"]["message"]
                response.success() if fine else response.failure("no sentence")
        except (ConnectionError, ChunkedEncodingError) as error:
            self._note_broken(error)
            return
        self._report("malformed answered", perf_counter() - started)

    def _stream(self, question: str) -> Iterator[dict[str, Any]]:
        """Yield the chunks of a reply; raise `ConnectionError` if it ends before its last event."""
        body = {
            "model": "embedded",
            "messages": [{"role": "user", "content": question}],
            "stream": True,
            "adaptive": {"result": True},
        }
        headers = {"Connection": "close"}
        with self.client.post(
            PATH, json=body, headers=headers, stream=True, catch_response=True, name="head"
        ) as response:
            if response.status_code != 200:
                if response.status_code == 0:
                    raise response.error
                response.failure(response.text[:200])
                raise RescheduleTask
            response.success()
            try:
                for line in response.iter_lines():
                    if line == b"data: [DONE]":
                        return
                    if line.startswith(b"data: "):
                        yield json.loads(line.removeprefix(b"data: "))
            finally:
                response.close()
        raise ConnectionError("the stream ended without its last event")

    def _note_broken(self, error: Exception) -> None:
        refused = isinstance(getattr(error.args[0] if error.args else None, "reason", None), NewConnectionError)
        if refused and PLAN["draining"]:
            self._report("refused", 0.0)
            raise StopUser
        self._report("whole reply", 0.0, error)

    def _report(self, name: str, seconds: float, error: Exception | None = None) -> None:
        told = {"request_type": "", "name": name, "response_time": 1000 * seconds, "response_length": 0}
        self.environment.events.request.fire(**told, exception=error, context={})
