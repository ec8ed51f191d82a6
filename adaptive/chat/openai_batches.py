"""OpenAI's batch API (developers.openai.com/api/docs/guides/batch): a file of requests, then files of replies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive._util.redact import redact_text
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

TOKEN_KEY = "adaptive"
"""The name of the token in a batch's metadata."""
_ENDED = ("completed", "failed", "expired", "cancelled")


class OpenAIBatches(BatchClients):
    """The `BatchApi` of OpenAI, and of servers that have the same.

    Args:
        chat: A ChatOpenAI; its client is used.
        name: The spec of the model, for error sentences.
    """

    most_requests = 50_000
    most_bytes = 200_000_000

    def __init__(self, chat: BaseChatModel, name: str) -> None:
        super().__init__(chat, name, chat.root_async_client, "openai")  # type: ignore[attr-defined]

    def route_calls(self, send: Send) -> BaseChatModel:
        """Return a copy of the chat model, as `BatchApi.route_calls`."""
        client = self._route(send)
        clients = {"root_async_client": client, "async_client": client.chat.completions}
        return self._chat.model_copy(update=clients)

    async def submit(self, token: str, requests: Sequence[WireRequest]) -> str:
        """Upload the requests and start the batch, as `BatchApi.submit`."""
        urls = [f"/v1{one.path.removeprefix(self._client.base_url.path.rstrip('/'))}" for one in requests]
        lines = [
            {"custom_id": make_custom_id(token, place), "method": "POST", "url": url, "body": one.body}
            for place, (one, url) in enumerate(zip(requests, urls, strict=True))
        ]
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        with explain_batch_errors(self._name):
            file = await self._client.files.create(file=(f"adaptive-{token}.jsonl", data), purpose="batch")
            batch = await self._once.batches.create(
                input_file_id=file.id, endpoint=urls[0], completion_window="24h", metadata={TOKEN_KEY: token}
            )
        return str(batch.id)

    async def find(self, token: str, count: int, since: float) -> list[str]:
        """Return the batch whose metadata has the token, as `BatchApi.find`."""
        with explain_batch_errors(self._name):
            async for batch in self._client.batches.list(limit=100):  # the newest first
                if (batch.metadata or {}).get(TOKEN_KEY) == token:
                    return [str(batch.id)]
                if batch.created_at < since - CLOCK_SECONDS:
                    break
        return []

    async def read_status(self, id: str) -> BatchStatus | None:
        """Return how far a batch is, as `BatchApi.read_status`."""
        batch = await self._retrieve(id)
        if batch is None:
            return None
        counts = batch.request_counts
        total, done = (counts.total, counts.completed + counts.failed) if counts else (0, 0)
        return BatchStatus(id, total, done, batch.status in _ENDED, _read_problem(batch))

    async def read_replies(self, id: str, token: str) -> AsyncIterator[tuple[int, WireReply]]:
        """Yield what the files of outputs and of errors hold, as `BatchApi.read_replies`."""
        batch = await self._retrieve(id)
        for file in filter(None, (batch.output_file_id, batch.error_file_id) if batch else ()):
            content = await get_if_there(self._client.files.content(file), self._name)
            for line in filter(None, content.content.split(b"\n") if content else ()):
                with explain_batch_damage(self._name):
                    row = json.loads(line)
                    place, reply = parse_custom_id(row["custom_id"], token), _read_reply(row)
                if place is not None:
                    yield place, reply

    async def _retrieve(self, id: str) -> Any:
        return await get_if_there(self._client.batches.retrieve(id), self._name)


def _read_problem(batch: Any) -> str:
    """Return why a batch was not taken, by its first error; "" if it was."""
    if batch.status != "failed":
        return ""
    errors = (batch.errors.data if batch.errors else None) or []
    return redact_text(errors[0].message or errors[0].code or "") if errors else "no reason is given"


def _read_reply(row: Mapping[str, Any]) -> WireReply:
    """Return the reply in a line: one that came over the wire, or the error of a request that was given up."""
    response = row.get("response")
    if response:
        if type(response["status_code"]) is not int:
            raise TypeError("a status is no number")
        return WireReply(response["status_code"], response["body"])
    return WireReply(NO_REPLY, {"error": row.get("error")})
