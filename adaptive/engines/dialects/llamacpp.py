"""The dialect of `llama-server`."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from adaptive.engines.dialects.call import DialectCall, ServedModelInfo, read_window
from adaptive.engines.reply_fields import ReplyFields, as_logprob

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient
    from adaptive.engines.generation import GrowingGeneration
    from adaptive.engines.tokenizer import FolderCodec


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
        window = read_window(props.read_object("default_generation_settings"), "n_ctx")
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
