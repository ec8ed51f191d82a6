"""The dialect of SGLang."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive._util.redact import redact_text
from adaptive.engines.dialects.call import DialectCall, ServedModelInfo, read_window
from adaptive.engines.loop_engine import UNREPORTED_BATCH
from adaptive.engines.reply_fields import ReplyFields, as_logprob
from adaptive.errors import AdaptiveError

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient


class SglangCall(DialectCall):
    """SGLang. Its stream repeats all ids so far, or brings new ones with `--incremental-streaming-output`."""

    name, owner, path = "sglang", "sglang", "/generate"

    @classmethod
    async def read_info(cls, server: ServerClient, listed: Part) -> ServedModelInfo:
        """Read the tokenizer's path and the longest input, which leaves room for an answer."""
        model = ReplyFields(server.url, await server.fetch_json("/get_model_info") or {})
        info = ReplyFields(server.url, await server.fetch_json("/get_server_info") or {})
        longest = read_window(info, "max_req_input_len")
        context = read_window(ReplyFields(server.url, listed), "max_model_len") or read_window(
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


def _read_batch(info: ReplyFields) -> int:
    """Return how many requests SGLang runs at once: what it settled on, else what it was told.

    The first stands in the state of each of its schedulers, of which a data-parallel server has several.
    """
    states = info.read_objects("internal_states")
    settled = [state.read_known_count("effective_max_running_requests_per_dp") for state in states]
    known = sum(filter(None, settled)) or info.read_known_count("max_running_requests")
    return known or UNREPORTED_BATCH
