"""The batch APIs of OpenAI and Anthropic, spoken by the server: jobs of requests that a brain answers later.

A job goes on at each look at it: the first looks find it running, and it is over after `looks` of them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.hosted.script import Asked, Body, Fault, Reply, said
from tests.hosted.wire import Wire

Ask = Callable[[Wire, Asked], Reply]
Page = tuple[int, Any]
"""A status, and JSON or bytes."""

EXPIRED = "expired"


@dataclass
class Job:
    """A batch. lines: custom id and outcome of each request; the outcome is a status and a body, or `EXPIRED`."""

    id: str
    path: str
    requests: list[tuple[str, Body]]
    metadata: Mapping[str, str]
    looks: int = 0
    lines: list[tuple[str, Page | str]] = field(default_factory=list)
    problem: str = ""


class BatchServer:
    """The jobs of a server.

    looks: how many looks find a job running. expire: which requests are given up, by custom id. problem: why no
    job is taken, if so. on_create: called with each new job before its id is told; may raise `ConnectionError`.
    refusal: what is said to whoever sends something. looked: released once for each look at a job.
    """

    def __init__(self, ask: Ask, wires: Mapping[str, Wire]) -> None:
        self._ask, self._wires = ask, wires
        self.jobs: dict[str, Job] = {}
        self.files: dict[str, bytes] = {}
        self.looks = 2
        self.expire: Callable[[str], bool] = lambda custom_id: False
        self.problem = ""
        self.on_create: Callable[[Job], None] = lambda job: None
        self.refusal: Page | None = None
        self.looked = threading.Semaphore(0)
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, headers: Mapping[str, str], data: bytes, url: str) -> Page | None:
        """Return the page at an address; None if it is none of a batch API."""
        for pattern, serve in (*_OPENAI.items(), *_ANTHROPIC.items()):
            verb, _, where = pattern.partition(" ")
            if verb == method and (match := re.fullmatch(where, path.partition("?")[0])):
                if self.refusal and method == "POST":
                    return self.refusal
                with self._lock:
                    name = match.groupdict().get("id", "")
                    return serve(_Request(self, name, headers, data, url))
        return None

    def create(self, path: str, requests: list[tuple[str, Body]], metadata: Mapping[str, str], prefix: str) -> Job:
        job = Job(f"{prefix}{len(self.jobs) + 1}", path, requests, metadata, problem=self.problem)
        self.jobs[job.id] = job
        self.on_create(job)
        return job

    def look(self, job: Job, headers: Mapping[str, str]) -> bool:
        """Return whether the job is over now; its requests are made when it gets there."""
        job.looks += 1
        self.looked.release()
        if job.looks > self.looks and not job.lines and not job.problem:
            job.lines = [(name, self._make(job, name, body, headers)) for name, body in job.requests]
        return bool(job.lines or job.problem)

    def _make(self, job: Job, name: str, body: Body, headers: Mapping[str, str]) -> Page | str:
        if self.expire(name):
            return EXPIRED
        assert not body.get("stream"), "a request of a batch cannot be streamed"
        wire = self._wires[job.path]
        match = wire.path.fullmatch(job.path)
        assert match is not None
        asked = wire.asked(match, headers, body)
        reply = self._ask(wire, asked)
        return (
            wire.problem(asked, reply)
            if isinstance(reply, Fault)
            else (200, wire.whole(asked, said(asked, reply)))
        )


@dataclass(frozen=True)
class _Request:
    """id: what the address names. url: the server's."""

    server: BatchServer
    id: str
    headers: Mapping[str, str]
    data: bytes
    url: str


Serve = Callable[[_Request], Page]


def _upload(get: _Request) -> Page:
    """Take the file out of the form, whose parts a boundary separates (RFC 7578)."""
    boundary = get.headers["content-type"].partition("boundary=")[2].encode()
    parts = dict(_read_part(part) for part in get.data.split(b"--" + boundary)[1:-1])
    assert parts[b"purpose"] == b"batch"
    name = f"file-{len(get.server.files) + 1}"
    get.server.files[name] = parts[b"file"]
    return 200, {"id": name, "object": "file", "bytes": len(parts[b"file"]), "created_at": 1, "purpose": "batch",
                 "filename": "batch.jsonl", "status": "processed"}  # fmt: skip


def _read_part(part: bytes) -> tuple[bytes, bytes]:
    head, _, body = part.partition(b"\r\n\r\n")
    return re.search(rb'name="(\w+)"', head)[1], body.removesuffix(b"\r\n")  # type: ignore[index]


def _openai_create(get: _Request) -> Page:
    sent = json.loads(get.data)
    assert sent["completion_window"] == "24h"
    lines = [json.loads(line) for line in get.server.files[sent["input_file_id"]].splitlines()]
    assert {line["url"] for line in lines} == {sent["endpoint"]}
    assert {line["method"] for line in lines} == {"POST"}
    requests = [(line["custom_id"], line["body"]) for line in lines]
    job = get.server.create(sent["endpoint"], requests, sent.get("metadata") or {}, "batch_")
    return 200, _show_openai(get.server, job, over=False)


def _openai_read(get: _Request) -> Page:
    job = get.server.jobs.get(get.id)
    if job is None:
        return 404, {"error": {"message": f"No batch found with id '{get.id}'.", "type": "invalid_request_error"}}
    return 200, _show_openai(get.server, job, over=get.server.look(job, get.headers))


def _openai_list(get: _Request) -> Page:
    jobs = [_show_openai(get.server, job, over=False) for job in reversed(get.server.jobs.values())]
    return 200, {"object": "list", "data": jobs, "has_more": False}


def _openai_content(get: _Request) -> Page:
    return 200, get.server.files[get.id]


def _show_openai(server: BatchServer, job: Job, *, over: bool) -> Body:
    shown: Body = {
        "id": job.id, "object": "batch", "endpoint": job.path, "input_file_id": "file-1",
        "created_at": 4_000_000_000, "completion_window": "24h", "status": "in_progress", "metadata": job.metadata,
        "request_counts": {"total": len(job.requests), "completed": 0, "failed": 0},
    }  # fmt: skip
    if not over:
        return shown
    if job.problem:
        error = {"code": "token_limit_exceeded", "message": job.problem, "line": None, "param": None}
        return {**shown, "status": "failed", "errors": {"object": "list", "data": [error]}}
    good = [line for line in job.lines if line[1] != EXPIRED and line[1][0] == 200]
    bad = [line for line in job.lines if line not in good]
    counts = {"total": len(job.lines), "completed": len(good), "failed": len(bad)}
    files = {"output_file_id": _write(server, job, "out", good), "error_file_id": _write(server, job, "err", bad)}
    status = "expired" if any(line[1] == EXPIRED for line in bad) else "completed"
    return {**shown, "status": status, "request_counts": counts, **files}


def _write(server: BatchServer, job: Job, kind: str, lines: list[tuple[str, Page | str]]) -> str | None:
    if not lines:
        return None
    name = f"file-{job.id}-{kind}"
    server.files[name] = b"".join(json.dumps(_show_line(*line)).encode() + b"\n" for line in reversed(lines))
    return name


def _show_line(custom_id: str, outcome: Page | str) -> Body:
    shown: Body = {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": None, "error": None}
    if isinstance(outcome, str):
        return {**shown, "error": {"code": "batch_expired", "message": "The completion window expired."}}
    return {**shown, "response": {"status_code": outcome[0], "request_id": "req_1", "body": outcome[1]}}


def _anthropic_create(get: _Request) -> Page:
    requests = [(one["custom_id"], one["params"]) for one in json.loads(get.data)["requests"]]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name, _ in requests)
    return 200, _show_anthropic(get.server.create("/v1/messages", requests, {}, "msgbatch_"), get.url, over=False)


def _anthropic_read(get: _Request) -> Page:
    job = get.server.jobs.get(get.id)
    if job is None:
        return 404, {"type": "error", "error": {"type": "not_found_error", "message": "no such batch"}}
    return 200, _show_anthropic(job, get.url, over=get.server.look(job, get.headers))


def _anthropic_list(get: _Request) -> Page:
    jobs = [_show_anthropic(job, get.url, over=bool(job.lines)) for job in reversed(get.server.jobs.values())]
    return 200, {"data": jobs, "has_more": False, "first_id": None, "last_id": None}


def _anthropic_results(get: _Request) -> Page:
    lines = [{"custom_id": name, "result": _show_result(one)} for name, one in get.server.jobs[get.id].lines]
    return 200, b"".join(json.dumps(line).encode() + b"\n" for line in reversed(lines))


def _show_result(outcome: Page | str) -> Body:
    if isinstance(outcome, str):
        return {"type": "expired"}
    status, body = outcome
    return {"type": "succeeded", "message": body} if status == 200 else {"type": "errored", "error": body}


def _show_anthropic(job: Job, url: str, *, over: bool) -> Body:
    kinds = [_show_result(one)["type"] for _, one in job.lines] if over else ["processing"] * len(job.requests)
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    return {
        "id": job.id, "type": "message_batch", "processing_status": "ended" if over else "in_progress",
        "request_counts": {name: kinds.count(name) for name in names}, "created_at": "2096-10-02T07:06:40Z",
        "expires_at": "2096-10-03T07:06:40Z", "ended_at": None, "archived_at": None, "cancel_initiated_at": None,
        "results_url": f"{url}/v1/messages/batches/{job.id}/results" if over else None,
    }  # fmt: skip


_ID = r"(?P<id>[\w-]+)"
_OPENAI: dict[str, Serve] = {
    "POST /v1/files": _upload,
    "POST /v1/batches": _openai_create,
    "GET /v1/batches": _openai_list,
    f"GET /v1/batches/{_ID}": _openai_read,
    f"GET /v1/files/{_ID}/content": _openai_content,
}
_ANTHROPIC: dict[str, Serve] = {
    "POST /v1/messages/batches": _anthropic_create,
    "GET /v1/messages/batches": _anthropic_list,
    f"GET /v1/messages/batches/{_ID}": _anthropic_read,
    f"GET /v1/messages/batches/{_ID}/results": _anthropic_results,
}
