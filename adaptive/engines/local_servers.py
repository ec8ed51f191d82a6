"""Finds model servers that answer on this machine. Nothing outside it is asked: no proxy, and no redirect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from adaptive._util.deadline import Deadline, DeadlineExceeded
from adaptive._util.reply_limit import limit_reply
from adaptive.engines.dialects.registry import DIALECTS
from adaptive.errors import AdaptiveError

OLLAMA_PORT = 11434
USUAL_PORTS: Mapping[int, str] = {
    8000: "vllm",
    8080: "llama.cpp",
    OLLAMA_PORT: "ollama",
    1234: "lm-studio",
    30000: "sglang",
}
"""The ports that servers use unless told otherwise, by their documentation (November 2026)."""
SECONDS = 2.0
_MAX_LIST = 1.0  # megabytes of a list of models
_OTHER = "openai-compatible"


@dataclass(frozen=True)
class LocalModel:
    """A model that a server on this machine serves.

    Attributes:
        server: The kind of server, such as "vllm".
        url: The address of its API.
        name: What the server calls the model; None if it tells only with a key.
        arguments: The command's arguments that name the model, beginning with "-m".
    """

    server: str
    url: str
    name: str | None
    arguments: tuple[str, ...]


async def find_local_models(ports: Mapping[int, str] = USUAL_PORTS, seconds: float = SECONDS) -> list[LocalModel]:
    """Return the models of the servers that answer on these ports of this machine.

    No key is sent: who listens there is not known.

    Args:
        ports: Ports, and the kind of server that usually has each.
        seconds: How long all servers together may take to answer.
    """
    # trust_env: a proxy of the environment is outside this machine.
    headers = {"Accept-Encoding": "identity"}
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False, headers=headers) as client:
        asked = [_list_models(client, port, usual, Deadline(0.0, seconds)) for port, usual in ports.items()]
        return [model for models in await asyncio.gather(*asked) for model in models]


async def _list_models(client: httpx.AsyncClient, port: int, usual: str, deadline: Deadline) -> list[LocalModel]:
    url = f"http://127.0.0.1:{port}/v1"
    try:
        async with deadline.enforce(), client.stream("GET", f"{url}/models") as response:
            limit_reply(response, _MAX_LIST, url)
            status, text = response.status_code, await response.aread()
    except (httpx.HTTPError, DeadlineExceeded, AdaptiveError):
        return []  # no server, or one of something else
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return [LocalModel(usual, url, None, ("-m", url))]
    listed = _read_list(text) if status == httpx.codes.OK else []
    return [_describe_model(one, port, usual, url, alone=len(listed) == 1) for one in listed]


def _read_list(text: bytes) -> list[dict[str, Any]]:
    """Return the models in a reply; none if it is no list of models."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return []
    rows = data.get("data") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


def _describe_model(listed: Mapping[str, Any], port: int, usual: str, url: str, *, alone: bool) -> LocalModel:
    name, owner = listed["id"], listed.get("owned_by")
    dialect = next((dialect for dialect in DIALECTS if dialect.owner == owner), None)
    if dialect is not None:
        return LocalModel(dialect.name, url, name, ("-m", url, *(() if alone else ("--served-model", name))))
    if usual == "ollama":
        place = () if port == OLLAMA_PORT else ("-o", f"base_url={url.removesuffix('/v1')}")
        return LocalModel(usual, url, name, ("-m", f"ollama:{name}", *place))
    # The list of LM Studio does not say who it is.
    server = usual if usual == "lm-studio" else _OTHER
    return LocalModel(server, url, name, ("-m", f"openai:{name}", "-o", f"base_url={url}", "-o", "api_key=none"))
