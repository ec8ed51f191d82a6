"""Dialects: how a server is asked to continue ids, and how the ids are read from its answer.

| dialect | path | stop ids | parts of the stream |
|---|---|---|---|
| vLLM | `/v1/completions` | the server's | new ids |
| llama.cpp | `/completion` | ours: the connection is closed | one id, none inside a character |
| SGLang | `/generate` | the server's | all ids so far, or new ones |

Only vLLM continues past an end of turn that is no stop id. The others stop there and are asked for the rest.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from adaptive.engines.generation import GrowingGeneration
from adaptive.errors import AdaptiveError, InputError, to_single_line

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient


@dataclass(frozen=True)
class ServedModelInfo:
    """Where a model came from, its window in ids if the server reports it, and how many slots the server has."""

    root: str
    window: int | None
    slots: int = 1


class DialectCall(ABC):
    """One call to the server at `url` for `model`. `cached` counts the ids that the server had in its cache."""

    name: ClassVar[str]
    owner: ClassVar[str]
    path: ClassVar[str]
    text: ClassVar[str] = "prompt"

    def __init__(self, url: str, model: str, growing: GrowingGeneration, slots: int) -> None:
        self.url, self.model, self.growing, self.slots = url, model, growing, slots
        self.cached: int | None = None
        self._start = 0

    @classmethod
    @abstractmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Return the place and window of a model that the server lists."""

    def request(self) -> Part | None:
        """Return the body of the request for what is still missing; None if nothing is."""
        if self.growing.is_complete:
            return None
        self._start = len(self.growing.ids)
        return self._build_body([*self.growing.request.ids, *self.growing.ids], self.growing.tokens_left)

    def on_end(self) -> None:
        """Handle the end of an answer. Raise `AdaptiveError` if it brought nothing."""
        if self.growing.is_complete or len(self.growing.ids) > self._start:
            return
        if not self.growing.ids:
            raise InputError(f"the server {self.url} gives no token ids, which budget forcing needs.")
        count = f"{len(self.growing.ids)} of {self.growing.request.room} tokens"
        raise AdaptiveError(f"the server {self.url} ended after {count} without saying why: ask again.")

    @abstractmethod
    def take(self, part: Part) -> bool:
        """Take one part of the answer; return whether another one is wanted."""

    @abstractmethod
    def _build_body(self, ids: list[int], most: int) -> Part:
        """Return the body that asks for at most `most` tokens after `ids`."""

    @property
    def _seed(self) -> int | None:
        request = self.growing.request
        return request.seed_after(self._start) if request.sampling.temperature > 0 else None

    @property
    def _received_count(self) -> int:
        """How many ids this request has brought."""
        return len(self.growing.ids) - self._start

    def _note_cached(self, cached: int) -> None:
        if self.cached is None:
            self.cached = cached


class VllmCall(DialectCall):
    """`vllm serve`, which returns ids since 0.10.2, and servers that are compatible with it."""

    name, owner, path = "vllm", "vllm", "/v1/completions"

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read both from the entry in `/v1/models`."""
        return ServedModelInfo(str(listed.get("root") or listed["id"]), _read_count(listed.get("max_model_len")))

    def take(self, part: Part) -> bool:
        """Take the ids of one part; the last part has none, it reports what was cached."""
        for choice in part.get("choices") or ():
            logprobs = (choice.get("logprobs") or {}).get("token_logprobs") or ()
            self.growing.add(choice.get("token_ids") or (), logprobs)
        details = (part.get("usage") or {}).get("prompt_tokens_details") or {}
        if "cached_tokens" in details:
            self._note_cached(int(details["cached_tokens"] or 0))
        return not self.growing.halted

    def _build_body(self, ids: list[int], most: int) -> Part:
        request, sampling = self.growing.request, self.growing.request.sampling
        return {
            "model": self.model,
            "prompt": ids,
            "max_tokens": most,
            "stop_token_ids": sorted(request.stop_ids),
            "ignore_eos": True,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "seed": self._seed,
            "logprobs": 0,
            "return_token_ids": True,
            "skip_special_tokens": False,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


class LlamaCppCall(DialectCall):
    """`llama-server`, which ends at the model's own ends of turn and knows no other stop ids.

    A stream has no part for an id that leaves a character unfinished: only the count of tokens shows that there
    was one. Such lost ids are fetched by repeating the request, with the same seed, without streaming. They have
    no log-probabilities.
    """

    name, owner, path, text = "llama.cpp", "llamacpp", "/completion", "content"

    def __init__(self, url: str, model: str, growing: GrowingGeneration, slots: int) -> None:
        super().__init__(url, model, growing, slots)
        self._lost = 0

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read the GGUF file and the window of one slot: `--ctx-size` may be split among several."""
        props = await server.fetch_json("/props") or {}
        settings = props.get("default_generation_settings") or {}
        slots = _read_count(props.get("total_slots")) or 1
        return ServedModelInfo(
            str(props.get("model_path") or listed["id"]), _read_count(settings.get("n_ctx")), slots
        )

    def request(self) -> Part | None:
        """Return the next request, which repeats the last one if it lost ids."""
        if not self._lost:
            return super().request()
        ids = [*self.growing.request.ids, *self.growing.ids[: self._start]]
        return {**self._build_body(ids, self._lost), "stream": False}

    def take(self, part: Part) -> bool:
        """Take a part of the stream, or the whole answer of a request without streaming."""
        tokens = part.get("tokens") or []
        logprobs = [row["logprob"] for row in part.get("completion_probabilities") or ()]
        self._note_computed(part)
        if self._lost:
            self._restore_lost(tokens, logprobs)
            return False
        if int(part.get("tokens_predicted") or 0) > self._received_count + len(tokens):
            self._lost = int(part["tokens_predicted"])
            return False
        self.growing.add(tokens, logprobs)
        return not self.growing.is_complete

    def on_end(self) -> None:
        """Handle the end of an answer; lost ids are asked for next."""
        if not self._lost:
            super().on_end()

    def _restore_lost(self, tokens: list[int], logprobs: list[float]) -> None:
        had = self._received_count
        if tokens[:had] == self.growing.ids[self._start :]:
            self._lost = 0
            self.growing.add(tokens[had:], logprobs[had:] if len(logprobs) == len(tokens) else [])
            self.on_end()
        else:  # a near tie fell the other way: continue from the ids that were emitted
            self._start, self._lost = len(self.growing.ids), self._lost - had

    def _note_computed(self, part: Part) -> None:
        # `tokens_cached` does not count what was reused: it is all that the slot holds in the end.
        computed = (part.get("timings") or {}).get("prompt_n")
        if computed is not None and "tokens_evaluated" in part:
            self._note_cached(int(part["tokens_evaluated"]) - int(computed))

    def _build_body(self, ids: list[int], most: int) -> Part:
        sampling = self.growing.request.sampling
        return {
            "prompt": ids,
            # A fixed slot: one just left is busy for a moment, and any other would compute the chain again.
            "id_slot": zlib.crc32(self.growing.session.encode()) % self.slots,
            "n_predict": most,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "samplers": ["temperature", "top_k", "top_p"],  # the server's own defaults hold penalties and more
            "seed": self._seed or 0,
            "n_probs": 1,
            "return_tokens": True,
            "timings_per_token": True,
            "cache_prompt": True,
            "ignore_eos": False,  # true forbids ends of turn, while vLLM's continues past them
            "stream": True,
        }


class SglangCall(DialectCall):
    """SGLang. Its stream repeats all ids so far, or brings new ones with `--incremental-streaming-output`."""

    name, owner, path = "sglang", "sglang", "/generate"

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read the tokenizer's path and the longest input, which leaves room for an answer."""
        model = await server.fetch_json("/get_model_info") or {}
        info = await server.fetch_json("/get_server_info") or {}
        longest = _read_count(info.get("max_req_input_len"))
        context = _read_count(listed.get("max_model_len")) or _read_count(info.get("context_length"))
        # It reserves six ids of the context.
        window = longest or (context - 6 if context else None)
        return ServedModelInfo(str(model.get("tokenizer_path") or model.get("model_path") or listed["id"]), window)

    def take(self, part: Part) -> bool:
        """Take a part; one that is shorter than all generated ids holds only the new ones."""
        meta, ids = part.get("meta_info") or {}, part.get("output_ids") or []
        reason = meta.get("finish_reason") or {}
        if reason.get("type") == "abort":
            raise AdaptiveError(f"the server {self.url} gave up ({to_single_line(reason.get('message'), 160)}).")
        new = ids if len(ids) < int(meta.get("completion_tokens") or 0) else ids[self._received_count :]
        rows = meta.get("output_token_logprobs") or []
        logprobs = [row[0] for row in rows[len(rows) - len(new) :]] if len(rows) >= len(new) else []
        if "cached_tokens" in meta:
            self._note_cached(int(meta["cached_tokens"]))
        self.growing.add(new, logprobs)
        return not self.growing.is_complete

    def _build_body(self, ids: list[int], most: int) -> Part:
        request, sampling = self.growing.request, self.growing.request.sampling
        params = {
            "max_new_tokens": most,
            "stop_token_ids": sorted(request.stop_ids),
            "ignore_eos": False,  # true would switch off the stop ids too
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k or -1,
            "skip_special_tokens": False,
        }
        if self._seed is not None:
            params["sampling_seed"] = self._seed
        # When sampling, it returns log-probabilities of the tempered distribution: better none than those.
        return {
            "input_ids": ids,
            "sampling_params": params,
            "return_logprob": sampling.temperature in (0, 1),
            "stream": True,
        }


DIALECTS: tuple[type[DialectCall], ...] = (VllmCall, LlamaCppCall, SglangCall)


async def find_dialect(server: ServerClient, listed: Part, wanted: str | None) -> type[DialectCall]:
    """Return the dialect that a server speaks.

    A server that cannot be identified is taken for vLLM: behind a gateway it may be one.

    Args:
        server: The server.
        listed: The model's entry in the server's list.
        wanted: The name of the dialect; None to find out.

    Raises:
        InputError: No dialect has the name `wanted`.
    """
    by_name = {dialect.name: dialect for dialect in DIALECTS}
    if wanted is not None:
        if wanted not in by_name:
            raise InputError(f"dialect {wanted!r} is not known: use {', '.join(by_name)}.")
        return by_name[wanted]
    owner = listed.get("owned_by")
    if dialect := next((dialect for dialect in DIALECTS if dialect.owner == owner), None):
        return dialect
    if "default_generation_settings" in (await server.fetch_json("/props") or {}):
        return LlamaCppCall
    return SglangCall if "model_path" in (await server.fetch_json("/get_model_info") or {}) else VllmCall


def _read_count(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
