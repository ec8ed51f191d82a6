"""The dialect of `vllm serve`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adaptive.engines.dialects.call import DialectCall, ServedModelInfo, read_window
from adaptive.engines.reply_fields import ReplyFields, as_logprob
from adaptive.engines.steering import STEERING_KEY, RequestSteering

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient


class VllmCall(DialectCall):
    """`vllm serve`, which returns ids since 0.10.2, and servers that are compatible with it."""

    name, owner, path, guides, can_steer = "vllm", "vllm", "/v1/completions", True, True

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read both from the entry in `/v1/models`."""
        fields = ReplyFields(server.url, listed)
        return ServedModelInfo(fields.read_text("root") or listed["id"], read_window(fields, "max_model_len"))

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
