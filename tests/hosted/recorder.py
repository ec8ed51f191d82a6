"""A server that takes any provider's request, keeps it, and answers in that provider's words.

`tests.hosted.server` plays the faults of five wires; here only what is sent counts.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Body = dict[str, Any]

_COUNTS = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
_MESSAGE = {"role": "assistant", "content": "It is four."}
_TEXT = [{"type": "text", "text": "It is four."}]
_ANSWERS: dict[str, Body] = {
    r"/chat/completions": {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m", "usage": _COUNTS,
        "system_fingerprint": None,
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
    },
    r"/responses": {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "error": None,
        "incomplete_details": None, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "output": [{
            "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "It is four.", "annotations": []}],
        }],
    },
    r"/v1/messages": {
        "id": "1", "type": "message", "role": "assistant", "model": "m", "content": _TEXT,
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 4},
    },
    r"/invoke$": {
        "id": "1", "type": "message", "role": "assistant", "model": "m", "content": _TEXT,
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 4},
    },
    r":generateContent": {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "It is four."}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 4, "totalTokenCount": 9},
    },
    r"/converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": "It is four."}]}},
        "stopReason": "end_turn", "metrics": {"latencyMs": 1},
        "usage": {"inputTokens": 5, "outputTokens": 4, "totalTokens": 9},
    },
    r"/api/chat": {
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": _MESSAGE, "done": True,
        "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 4,
    },
}  # fmt: skip


class Recorder:
    """The server; `requests` are the bodies that came, and `paths` where they came to.

    answers: by a pattern of the path, in place of the usual ones.
    """

    def __init__(self, answers: Mapping[str, Body] | None = None) -> None:
        self.answers = _ANSWERS if answers is None else answers
        self.requests: list[Body] = []
        self.paths: list[str] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recorder = recorder


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """Keep the request and answer it."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.recorder.requests.append(body)
        self.server.recorder.paths.append(self.path)
        answers = self.server.recorder.answers
        answer = next((a for path, a in answers.items() if re.search(path, self.path)), None)
        if body.get("stream") and answer is not None and "choices" in answer:
            self._stream(answer)
            return
        data = json.dumps(answer or {"error": {"message": f"nothing is at {self.path}"}}).encode()
        self.send_response(404 if answer is None else 200)
        for name, value in {"content-type": "application/json", "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, answer: Body) -> None:
        """An answer of Chat Completions word by word; the last chunk has its end and its usage."""
        (choice,), top = answer["choices"], {**answer, "object": "chat.completion.chunk"}
        words: list[Body] = [{"content": word} for word in re.findall(r"\s*\S+", choice["message"]["content"])]
        ends = [*[None] * len(words), choice["finish_reason"]]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for delta, end in zip([{"role": "assistant", **words[0]}, *words[1:], {}], ends, strict=True):
            chunk = {**top, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
            self.wfile.write(f"data: {json.dumps({**chunk, 'usage': top['usage'] if end else None})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
