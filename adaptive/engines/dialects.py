"""Dialects: how a server is asked to continue ids, and how the ids are read from its answer.

| dialect | path | stop ids | parts of the stream |
|---|---|---|---|
| vLLM | `/v1/completions` | the server's | new ids |
| llama.cpp | `/completion` | ours: the connection is closed | one id, none inside a character |
| SGLang | `/generate` | the server's | all ids so far, or new ones |
| Ollama | `/api/generate` | ours: the connection is closed | text, in `ollama.py` |

Only vLLM continues past an end of turn that is no stop id. The others stop there and are asked for the rest.

Guided text comes whole, not as a stream: what breaks off cannot be continued in the middle of a grammar, and is
asked for again from its start.
"""

from __future__ import annotations

import json
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from adaptive._util.redact import redact_text
from adaptive.engines.generation import GrowingGeneration
from adaptive.engines.loop_engine import UNREPORTED_BATCH
from adaptive.engines.reply_fields import ReplyFields, as_logprob
from adaptive.engines.steering import STEERING_KEY, RequestSteering
from adaptive.errors import AdaptiveError, InputError

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient
    from adaptive.engines.tokenizer import FolderCodec


@dataclass(frozen=True)
class ServedModelInfo:
    """A model as its server describes it.

    Args:
        root: Where it came from.
        window: Its window in ids; None if the server does not report it.
        slots: How many caches the server keeps, if a call must name one.
        parallel: How many calls the server batches.
    """

    root: str
    window: int | None
    slots: int = 1
    parallel: int = UNREPORTED_BATCH


class DialectCall(ABC):
    """One call to the server at `url` for `model`. `cached` counts the ids that the server had in its cache."""

    name: ClassVar[str]
    owner: ClassVar[str]
    path: ClassVar[str]
    text: ClassVar[str] = "prompt"
    takes_ids: ClassVar[bool] = True
    guides: ClassVar[bool] = False
    """Whether requests have a field for a schema. What a server does with it is asked (`CompletionsEngine`)."""
    can_steer: ClassVar[bool] = False

    def __init__(
        self, url: str, model: str, growing: GrowingGeneration, slots: int, codec: FolderCodec | None = None
    ) -> None:
        self.url, self.model, self.growing, self.slots = url, model, growing, slots
        self.cached: int | None = None
        self._text_codec = codec
        self._start = 0

    @classmethod
    @abstractmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Return the place and window of a model that the server lists."""

    def request(self) -> Part | None:
        """Return the body of the request for what is still missing; None if nothing is."""
        if self.growing.is_complete or self._is_broken_off:
            return None
        self._start = len(self.growing.ids)
        return self._build_body([*self.growing.request.ids, *self.growing.ids], self.growing.tokens_left)

    @property
    def _is_broken_off(self) -> bool:
        """Whether a steered call brought ids before: its caller, who follows the chain, asks for the rest."""
        return self.growing.request.steering is not None and bool(self.growing.ids)

    def on_end(self) -> None:
        """Handle the end of an answer. Raise `AdaptiveError` if it brought nothing."""
        if self._guided and self._received_count:
            self.growing.close()
        if self.growing.is_complete or len(self.growing.ids) > self._start:
            return
        if not self.growing.ids:
            raise InputError(f"the server {self.url} gives no token ids, which budget forcing needs.")
        count = f"{len(self.growing.ids)} of {self.growing.request.room} tokens"
        raise AdaptiveError(f"the server {self.url} ended after {count} without saying why: ask again.")

    @property
    def received(self) -> int:
        """How many ids came so far."""
        return len(self.growing.ids)

    def take(self, part: Part) -> bool:
        """Take one part of the answer; return whether another one is wanted.

        Raise `AdaptiveError` with the name of a field that cannot be read.
        """
        return self._take_fields(ReplyFields(self.url, part))

    @abstractmethod
    def _take_fields(self, part: ReplyFields) -> bool:
        """Take the fields of one part; return whether another one is wanted."""

    @abstractmethod
    def _build_body(self, ids: list[int], most: int) -> Part:
        """Return the body that asks for at most `most` tokens after `ids`."""

    @property
    def _codec(self) -> FolderCodec:
        """The model's tokenizer, for a server that takes text."""
        if self._text_codec is None:
            raise RuntimeError(f"a call in the dialect {self.name} needs a codec")
        return self._text_codec

    @property
    def _guided(self) -> bool:
        return bool(self.growing.request.sampling.schema)

    @property
    def _seed(self) -> int | None:
        request = self.growing.request
        return request.seed_after(self._start) if request.sampling.temperature > 0 else None

    @property
    def _received_count(self) -> int:
        """How many ids this request has brought."""
        return len(self.growing.ids) - self._start

    def _note_cached(self, cached: int | None) -> None:
        if self.cached is None:
            self.cached = cached


class VllmCall(DialectCall):
    """`vllm serve`, which returns ids since 0.10.2, and servers that are compatible with it."""

    name, owner, path, guides, can_steer = "vllm", "vllm", "/v1/completions", True, True

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read both from the entry in `/v1/models`."""
        fields = ReplyFields(server.url, listed)
        return ServedModelInfo(fields.read_text("root") or listed["id"], _read_window(fields, "max_model_len"))

    def _take_fields(self, part: ReplyFields) -> bool:
        """Take the ids of one part; the last part has none, it reports what was cached."""
        for choice in part.read_objects("choices"):
            given = choice.read_object("logprobs")
            logprobs = given.read_logprobs("token_logprobs")
            self.growing.add(choice.read_ids("token_ids"), logprobs, _read_chosen(given, logprobs))
        details = part.read_object("usage").read_object("prompt_tokens_details")
        if "cached_tokens" in details.data:
            # null: none was.
            self._note_cached(
                0 if details.data["cached_tokens"] is None else details.read_known_count("cached_tokens")
            )
        return not self.growing.halted

    def _build_body(self, ids: list[int], most: int) -> Part:
        request, sampling = self.growing.request, self.growing.request.sampling
        return {
            **_build_steering(request.steering),
            "model": self.model,
            "prompt": ids,
            "max_tokens": most,
            "stop_token_ids": sorted(request.stop_ids),
            "ignore_eos": not self._guided,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "seed": self._seed,
            "logprobs": int(request.steering is not None and request.steering.may_wait),
            "return_token_ids": True,
            "skip_special_tokens": False,
            **(
                {"stream": False, "structured_outputs": {"json": json.loads(sampling.schema)}}
                if self._guided
                else {"stream": True, "stream_options": {"include_usage": True}}
            ),
        }


class LlamaCppCall(DialectCall):
    """`llama-server`, which ends at the model's own ends of turn and knows no other stop ids.

    A stream has no part for an id that leaves a character unfinished: only the count of tokens shows that there
    was one. Such lost ids are fetched by repeating the request, with the same seed, without streaming. They have
    no log-probabilities.
    """

    name, owner, path, text, guides = "llama.cpp", "llamacpp", "/completion", "content", True

    def __init__(
        self, url: str, model: str, growing: GrowingGeneration, slots: int, codec: FolderCodec | None = None
    ) -> None:
        super().__init__(url, model, growing, slots, codec)
        self._lost = 0

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read the GGUF file and the window of one slot: `--ctx-size` may be split among several."""
        props = ReplyFields(server.url, await server.fetch_json("/props") or {})
        window = _read_window(props.read_object("default_generation_settings"), "n_ctx")
        slots = props.read_known_count("total_slots") or 1
        return ServedModelInfo(props.read_text("model_path") or listed["id"], window, slots, slots)

    def request(self) -> Part | None:
        """Return the next request, which repeats the last one if it lost ids."""
        if not self._lost:
            return super().request()
        ids = [*self.growing.request.ids, *self.growing.ids[: self._start]]
        return {**self._build_body(ids, self._lost), "stream": False}

    def _take_fields(self, part: ReplyFields) -> bool:
        """Take a part of the stream, or the whole answer of a request without streaming."""
        tokens = part.read_ids("tokens")
        logprobs = [as_logprob(row.data.get("logprob")) for row in part.read_objects("completion_probabilities")]
        self._note_computed(part)
        if self._lost:
            self._restore_lost(tokens, logprobs)
            return False
        predicted = part.read_count("tokens_predicted") or 0
        if predicted > self._received_count + len(tokens) and not self._guided:
            self._lost = min(predicted, self.growing.request.room)
            return False
        self.growing.add(tokens, logprobs)
        return not self.growing.is_complete

    def on_end(self) -> None:
        """Handle the end of an answer; lost ids are asked for next."""
        if not self._lost:
            super().on_end()

    def _restore_lost(self, tokens: list[int], logprobs: list[float | None]) -> None:
        had = self._received_count
        if tokens[:had] == self.growing.ids[self._start :]:
            self._lost = 0
            self.growing.add(tokens[had:], logprobs[had:] if len(logprobs) == len(tokens) else [])
            self.on_end()
        else:  # a near tie fell the other way: continue from the ids that were emitted
            self._start, self._lost = len(self.growing.ids), self._lost - had

    def _note_computed(self, part: ReplyFields) -> None:
        # `tokens_cached` does not count what was reused: it is all that the slot holds in the end.
        computed = part.read_object("timings").read_known_count("prompt_n")
        evaluated = part.read_known_count("tokens_evaluated")
        if computed is not None and evaluated is not None and computed <= evaluated:
            self._note_cached(evaluated - computed)

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
            "stream": not self._guided,
            **({"json_schema": json.loads(sampling.schema)} if self._guided else {}),
        }


class SglangCall(DialectCall):
    """SGLang. Its stream repeats all ids so far, or brings new ones with `--incremental-streaming-output`."""

    name, owner, path = "sglang", "sglang", "/generate"

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read the tokenizer's path and the longest input, which leaves room for an answer."""
        model = ReplyFields(server.url, await server.fetch_json("/get_model_info") or {})
        info = ReplyFields(server.url, await server.fetch_json("/get_server_info") or {})
        longest = _read_window(info, "max_req_input_len")
        context = _read_window(ReplyFields(server.url, listed), "max_model_len") or _read_window(
            info, "context_length"
        )
        # It reserves six ids of the context.
        window = longest or (context - 6 if context and context > 7 else None)
        root = model.read_text("tokenizer_path") or model.read_text("model_path") or listed["id"]
        return ServedModelInfo(root, window, parallel=_read_batch(info))

    def _take_fields(self, part: ReplyFields) -> bool:
        """Take a part; one that is shorter than all generated ids holds only the new ones."""
        meta, ids = part.read_object("meta_info"), part.read_ids("output_ids")
        reason = meta.read_object("finish_reason").data
        if reason.get("type") == "abort":
            raise AdaptiveError(f"the server {self.url} gave up ({redact_text(str(reason.get('message')))}).")
        new = ids if len(ids) < (meta.read_count("completion_tokens") or 0) else ids[self._received_count :]
        rows = meta.read_list("output_token_logprobs")
        logprobs = [as_logprob(row[0] if isinstance(row, list) and row else None) for row in rows[-len(new) :]]
        self._note_cached(meta.read_known_count("cached_tokens"))
        self.growing.add(new, logprobs if len(rows) >= len(new) else [])
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


def _build_steering(steering: RequestSteering | None) -> Part:
    """Return the fields of a request that steer a chain inside it."""
    if steering is None:
        return {}
    # Names of ids, not their texts: two ids may have the same text.
    return {"vllm_xargs": {STEERING_KEY: steering.plan}, "return_tokens_as_token_ids": True}


def _read_chosen(given: ReplyFields, logprobs: list[float | None]) -> list[bool] | None:
    """Return whether each id is the most probable one; None if the server gives no others."""
    rows = given.read_list("top_logprobs")
    if len(rows) != len(logprobs) or not all(isinstance(row, dict) for row in rows):
        return None
    return [
        logprob is None or logprob >= max((p for p in map(as_logprob, row.values()) if p is not None), default=0.0)
        for logprob, row in zip(logprobs, rows, strict=True)
    ]


def _read_window(fields: ReplyFields, name: str) -> int | None:
    """Return how many ids fit; None if the server does not say, or hardly any do."""
    window = fields.read_known_count(name)
    return window if window is not None and window > 1 else None


def _read_batch(info: ReplyFields) -> int:
    """Return how many requests SGLang runs at once: what it settled on, else what it was told.

    The first stands in the state of each of its schedulers, of which a data-parallel server has several.
    """
    states = info.read_objects("internal_states")
    settled = [state.read_known_count("effective_max_running_requests_per_dp") for state in states]
    known = sum(filter(None, settled)) or info.read_known_count("max_running_requests")
    return known or UNREPORTED_BATCH
