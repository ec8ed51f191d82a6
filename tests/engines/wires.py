"""The wire formats of the servers, as their documentation and sources have them (July to November 2026)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adaptive.engines.protocol import Generation, Sampling

Body = dict[str, Any]
EOG = (2, 0)
"""What ends a turn of the embedded model, as its generation_config.json says."""


@dataclass(frozen=True)
class Wire:
    """What is told at which address, what of a request is asked of the engine, and the parts of an answer."""

    path: str
    told: Callable[[str, int, str], dict[str, Any]]
    asked: Callable[[Body], dict[str, Any]]
    parts: Callable[[Body, Generation], list[Any]]


def tokens(made: Generation) -> list[tuple[int, float]]:
    """All that was made with its log-probability, the stop id too."""
    stop = [] if made.stop_id is None else [(made.stop_id, made.stop_logprob or 0.0)]
    return [*zip(made.ids, made.logprobs, strict=True), *stop]


def _vllm_told(root: str, window: int, name: str) -> dict[str, Any]:
    return {"/v1/models": {"data": [{"id": name, "owned_by": "vllm", "root": root, "max_model_len": window}]}}


def _vllm_asked(body: Body) -> dict[str, Any]:
    how = Sampling(body["temperature"], body["top_p"], body["top_k"], body["seed"] or 0)
    most, stops = body["max_tokens"], body["stop_token_ids"]
    return {"ids": body["prompt"], "max_tokens": most, "stop_ids": stops, "sampling": how}


def _vllm_parts(_: Body, made: Generation) -> list[Any]:
    choices = [{"token_ids": [t], "logprobs": {"token_logprobs": [p]}, "text": "?"} for t, p in tokens(made)]
    usage = {"prompt_tokens_details": {"cached_tokens": made.cached}}
    return [*({"choices": [choice]} for choice in choices), {"choices": [], "usage": usage}]


def _llama_told(root: str, window: int, name: str) -> dict[str, Any]:
    meta = {"n_ctx": window, "n_ctx_train": 4 * window}
    return {
        "/v1/models": {"data": [{"id": name, "owned_by": "llamacpp", "meta": meta}]},
        "/props": {"default_generation_settings": {"n_ctx": window}, "model_path": root, "total_slots": 4},
    }


def _llama_asked(body: Body) -> dict[str, Any]:
    how = Sampling(body["temperature"], body["top_p"], body["top_k"], body["seed"])
    return {"ids": body["prompt"], "max_tokens": body["n_predict"], "stop_ids": EOG, "sampling": how}


def _llama_parts(body: Body, made: Generation) -> list[Any]:
    told = [{"tokens": [t], "completion_probabilities": [{"id": t, "logprob": p}]} for t, p in tokens(made)]
    counts = {"tokens_evaluated": len(body["prompt"]), "timings": {"prompt_n": made.prefilled}}
    last = {**counts, "tokens": [], "tokens_predicted": len(told), "stop": True}
    if body["stream"]:
        return [*({**part, **counts, "tokens_predicted": n} for n, part in enumerate(told, start=1)), last]
    known = [part["completion_probabilities"][0] for part in told]
    return [{**last, "tokens": [t for t, _ in tokens(made)], "completion_probabilities": known}]


def _sglang_told(root: str, window: int, name: str) -> dict[str, Any]:
    return {
        "/v1/models": {"data": [{"id": name, "owned_by": "sglang", "root": name, "max_model_len": window + 6}]},
        "/get_model_info": {"model_path": root, "tokenizer_path": root},
        "/get_server_info": {
            "context_length": None,
            "max_req_input_len": window,
            "max_running_requests": None,
            "internal_states": [{"effective_max_running_requests_per_dp": 24}] * 2,
        },
    }


def _sglang_asked(body: Body) -> dict[str, Any]:
    how = body["sampling_params"]
    sampling = Sampling(how["temperature"], how["top_p"], max(how["top_k"], 0), how.get("sampling_seed", 0))
    stops = () if how["ignore_eos"] else (*how["stop_token_ids"], *EOG)
    return {"ids": body["input_ids"], "max_tokens": how["max_new_tokens"], "stop_ids": stops, "sampling": sampling}


def _sglang_parts(body: Body, made: Generation, step: int = 2) -> list[Any]:
    """All ids so far, `step` more in each part."""
    all_ids = [token for token, _ in tokens(made)]
    rows = [[p, t, None] for t, p in tokens(made)] if body["return_logprob"] else None
    parts = []
    for count in [*range(step, len(all_ids), step), len(all_ids)]:
        over = {"type": "stop", "matched": made.stop_id} if made.stop_id is not None else {"type": "length"}
        meta = {"completion_tokens": count, "cached_tokens": made.cached, "prompt_tokens": len(body["input_ids"])}
        meta["finish_reason"] = over if count == len(all_ids) else None  # type: ignore[assignment]
        if rows is not None:
            meta["output_token_logprobs"] = rows[:count]  # type: ignore[assignment]
        parts.append({"text": None, "output_ids": all_ids[:count], "meta_info": meta})
    return parts


def _incremental(body: Body, made: Generation) -> list[Any]:
    """Only what is new in each part."""
    parts, had = _sglang_parts(body, made), 0
    for part in parts:
        meta, now = part["meta_info"], len(part["output_ids"])
        part["output_ids"] = part["output_ids"][had:]
        if "output_token_logprobs" in meta:
            meta["output_token_logprobs"] = meta["output_token_logprobs"][had:]
        had = now
    return parts


WIRES = {
    "vllm": Wire("/v1/completions", _vllm_told, _vllm_asked, _vllm_parts),
    "llama.cpp": Wire("/completion", _llama_told, _llama_asked, _llama_parts),
    "sglang": Wire("/generate", _sglang_told, _sglang_asked, _sglang_parts),
    "sglang, incremental": Wire("/generate", _sglang_told, _sglang_asked, _incremental),
}
