"""Replies of servers of token ids, in every dialect."""
# ruff: noqa: E501 -- tables of replies

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.harness import Check
from tests.fuzz.replies import LINES, Sent, collecting_complaints, judge_call, sent, take_complaint, to_bytes
from tests.support.hostile import EVENTS, JSON, REPLIES, HostileReply, HostileServer, serving

DIALECT_EVENTS: dict[str, list[Any]] = {
    "vllm": [
        {"choices": [{"token_ids": [7], "logprobs": {"token_logprobs": [-0.1]}, "text": "?"}]},
        {"choices": [{"token_ids": [8, 2], "logprobs": {"token_logprobs": [-0.1, -0.2]}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens_details": {"cached_tokens": 1}}},
    ],
    "llama.cpp": [
        {"tokens": [7], "completion_probabilities": [{"id": 7, "logprob": -0.1}], "tokens_predicted": 1,
         "tokens_evaluated": 2, "timings": {"prompt_n": 2}},
        {"tokens": [8], "completion_probabilities": [{"id": 8, "logprob": -0.1}], "tokens_predicted": 2,
         "tokens_evaluated": 2, "timings": {"prompt_n": 2}},
        {"tokens": [], "tokens_predicted": 2, "tokens_evaluated": 2, "timings": {"prompt_n": 2}, "stop": True},
    ],
    "sglang": [
        {"text": None, "output_ids": [7], "meta_info": {"completion_tokens": 1, "cached_tokens": 1, "prompt_tokens": 2,
         "finish_reason": None, "output_token_logprobs": [[-0.1, 7, None]]}},
        {"text": None, "output_ids": [7, 8], "meta_info": {"completion_tokens": 2, "cached_tokens": 1,
         "prompt_tokens": 2, "finish_reason": {"type": "length"},
         "output_token_logprobs": [[-0.1, 7, None], [-0.1, 8, None]]}},
    ],
    "ollama": [
        {"model": "m", "response": "4", "done": False},
        {"model": "m", "response": "2", "done": False},
        {"model": "m", "response": "", "done": True, "done_reason": "stop", "prompt_eval_count": 2, "eval_count": 2},
    ],
}  # fmt: skip
PATHS = {"vllm": "/v1/completions", "llama.cpp": "/completion", "sglang": "/generate", "ollama": "/api/generate"}
TOKENIZER = str(Path(__file__).parents[2] / "models" / "abacus" / "hf")
TOLD: dict[str, dict[str, Any]] = {
    "vllm": {"/v1/models": {"data": [{"id": "m", "owned_by": "vllm", "root": TOKENIZER, "max_model_len": 512}]}},
    "llama.cpp": {
        "/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx": 512}}]},
        "/props": {"default_generation_settings": {"n_ctx": 512}, "model_path": TOKENIZER, "total_slots": 4},
    },
    "sglang": {
        "/v1/models": {"data": [{"id": "m", "owned_by": "sglang", "root": "m", "max_model_len": 518}]},
        "/get_model_info": {"model_path": TOKENIZER, "tokenizer_path": TOKENIZER},
        "/get_server_info": {"context_length": None, "max_req_input_len": 512},
    },
    "ollama": {
        "/v1/models": {"data": [{"id": "m", "owned_by": "library"}]},
        "/api/version": {"version": "0.40.12"},
        "/api/show": {"parameters": "num_ctx 512", "model_info": {"llama.context_length": 1000}},
        "/api/ps": {"models": [{"name": "m", "context_length": 512}]},
    },
}
"""The place of the tokenizer is ours, so that what a server names is not looked for on a hub."""


@dataclass(frozen=True)
class TokenReply:
    """What a server of token ids says of itself, and its reply to each request."""

    dialect: str
    told: tuple[tuple[str, Sent], ...]
    reply: Sent


@st.composite
def token_replies(draw: st.DrawFn) -> TokenReply:
    dialect = draw(st.sampled_from(sorted(DIALECT_EVENTS)))
    told = {path: Sent(JSON, (to_bytes(body),)) for path, body in TOLD[dialect].items()}
    events, lines = [("", one) for one in DIALECT_EVENTS[dialect]], dialect == "ollama"
    right = (
        Sent(LINES, tuple(to_bytes(one) + b"\n" for _, one in events))
        if lines
        else Sent(EVENTS, tuple(b"data: " + to_bytes(one) + b"\n\n" for _, one in events))
    )
    if draw(st.sampled_from([False, False, True])):
        path = draw(st.sampled_from(sorted(told)))
        told[path] = draw(sent(events, TOLD[dialect][path], streams=False))
        return TokenReply(dialect, tuple(told.items()), right)
    return TokenReply(dialect, tuple(told.items()), draw(sent(events, events[-1][1], True, lines)))


@contextmanager
def open_check(folder: Path) -> Iterator[Check]:
    """The check of token servers: an answer, or one sentence that names the server."""
    from adaptive._util.http import ServerClient
    from adaptive.engines.completions import CompletionsEngine
    from adaptive.engines.protocol import Sampling

    ServerClient._compute_pause = lambda self, state: 0.0  # type: ignore[method-assign]

    def ask(server: HostileServer) -> None:
        engine = CompletionsEngine(server.url, tokenizer=TOKENIZER, retries=0, timeout=5, max_reply=0.3)

        async def generate() -> None:
            try:
                made = await engine.generate(
                    [5, 6], max_tokens=2, stop_ids=[2], sampling=Sampling(), session="s", on_token=lambda _: None
                )
                assert len(made.ids) <= 2, made
                assert 0 <= made.cached <= 2, made
                assert all(p is None or -1e9 < p <= 0 for p in made.logprobs), made
            finally:
                await engine.close()

        asyncio.run(generate())

    with serving() as server, collecting_complaints() as complaints:

        def check(case: TokenReply) -> str:
            server.replies = {None: REPLIES["no content"], **{path: one.to_reply() for path, one in case.told}}
            server.replies[None] = HostileReply(JSON, lambda: [b"{}"], status=404)
            server.replies[PATHS[case.dialect]] = case.reply.to_reply()
            return judge_call(lambda: ask(server), server.url) or take_complaint(complaints)

        yield check


CASES = token_replies()
CORPUS = [
    TokenReply(
        dialect, tuple((path, Sent(JSON, (to_bytes(body),))) for path, body in TOLD[dialect].items()),
        Sent(one.kind, tuple(one.parts()), one.status, tuple(one.headers.items())),
    )
    for dialect in DIALECT_EVENTS for one in REPLIES.values() if not one.endless
]  # fmt: skip
"""Each reply of `REPLIES` that ends, for each dialect."""
