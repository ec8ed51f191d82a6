"""All dialects, and which of them a server speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive.engines.dialects.call import DialectCall
from adaptive.engines.dialects.llamacpp import LlamaCppCall
from adaptive.engines.dialects.ollama import OllamaCall
from adaptive.engines.dialects.sglang import SglangCall
from adaptive.engines.dialects.vllm import VllmCall
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive._util.http import Part, ServerClient

DIALECTS: tuple[type[DialectCall], ...] = (VllmCall, LlamaCppCall, SglangCall, OllamaCall)


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
    if "model_path" in (await server.fetch_json("/get_model_info") or {}):
        return SglangCall
    return OllamaCall if "version" in (await server.fetch_json("/api/version") or {}) else VllmCall
