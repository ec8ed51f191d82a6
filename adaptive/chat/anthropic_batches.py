"""Anthropic's batch API (platform.claude.com/docs/en/build-with-claude/batch-processing)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.batch_api import (
    CLOCK_SECONDS,
    NO_REPLY,
    BatchClients,
    BatchStatus,
    explain_batch_damage,
    explain_batch_errors,
    get_if_there,
    make_custom_id,
    parse_custom_id,
)
from adaptive.chat.call_transport import Send, WireReply, WireRequest

_BETA_HEADER = "anthropic-beta"
_STATUS_BY_ERROR: Mapping[str, int] = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "api_error": 500,
    "timeout_error": 504, "overloaded_error": 529,
}  # fmt: skip
"""HTTP statuses of errors (platform.claude.com/docs/en/api/errors), which the replies of a batch leave out."""
_WHOLE_REPLY_SECONDS = 24 * 3600.0
"""The client refuses long completions without a stream unless it was given a timeout."""


class AnthropicBatches(BatchClients):
    """The `BatchApi` of Anthropic.

    Args:
        chat: A ChatAnthropic; its client is used.
        name: The spec of the model, for error sentences.
    """

    most_requests = 100_000
    most_bytes = 256_000_000

    def __init__(self, chat: BaseChatModel, name: str) -> None:
        super().__init__(chat, name, chat._async_client, "anthropic")  # type: ignore[attr-defined]

    def route_calls(self, send: Send) -> BaseChatModel:
        """Return a copy of the chat model, as `BatchApi.route_calls`."""
        client = self._route(send, timeout=_WHOLE_REPLY_SECONDS)
        return self._chat.model_copy(update={"_async_client": client})  # a cached property

    async def submit(self, token: str, requests: Sequence[WireRequest]) -> str:
        """Start the batch, as `BatchApi.submit`."""
        params = [
            {"custom_id": make_custom_id(token, place), "params": one.body} for place, one in enumerate(requests)
        ]
        betas = {name: value for name, value in requests[0].headers.items() if name == _BETA_HEADER}
        with explain_batch_errors(self._name):
            batch = await self._once.messages.batches.create(requests=params, extra_headers=betas)
        return str(batch.id)

    async def find(self, token: str, count: int, since: float) -> list[str]:
        """Return the batches of about this time that have as many requests, as `BatchApi.find`.

        Batches have no metadata, and their custom ids show only once they have ended, in the replies.
        """
        ids = []
        with explain_batch_errors(self._name):
            async for batch in self._client.messages.batches.list(limit=100):  # the newest first
                if batch.created_at.timestamp() < since - CLOCK_SECONDS:
                    break
                if _count_requests(batch) == count:
                    ids.append(str(batch.id))
        return ids

    async def read_status(self, id: str) -> BatchStatus | None:
        """Return how far a batch is, as `BatchApi.read_status`."""
        batch = await self._retrieve(id)
        if batch is None:
            return None
        total = _count_requests(batch)
        return BatchStatus(id, total, total - batch.request_counts.processing, batch.processing_status == "ended")

    async def read_replies(self, id: str, token: str) -> AsyncIterator[tuple[int, WireReply]]:
        """Yield the results, as `BatchApi.read_replies`."""
        batch = await self._retrieve(id)
        if batch is None or not batch.results_url:  # results are kept for 29 days
            return
        with explain_batch_errors(self._name):
            async for entry in await self._client.messages.batches.results(id):
                with explain_batch_damage(self._name):
                    place = parse_custom_id(entry.custom_id, token)
                    reply = _read_reply(entry.result.to_dict(mode="json", warnings=False))
                if place is not None:
                    yield place, reply

    async def _retrieve(self, id: str) -> Any:
        return await get_if_there(self._client.messages.batches.retrieve(id), self._name)


def _count_requests(batch: Any) -> int:
    counts = batch.request_counts
    return int(counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired)


def _read_reply(result: Mapping[str, Any]) -> WireReply:
    """Return the reply in a result: a message, an error, or nothing of a request that was given up."""
    if result["type"] == "succeeded":
        return WireReply(200, result["message"])
    if result["type"] == "errored":
        error = result["error"]
        return WireReply(_STATUS_BY_ERROR.get(error["error"]["type"], 500), error)
    return WireReply(NO_REPLY, {"type": "error", "error": {"type": "timeout_error", "message": result["type"]}})
