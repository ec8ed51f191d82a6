"""Reads the JSON body of a request, within limits of bytes and seconds."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from adaptive._util.surrogates import mend_surrogates
from adaptive.serve.errors import ApiError

BODY_SECONDS = 30.0
"""Seconds in which a body must be complete."""


async def read_json_body(request: Request, most: int) -> Any:
    """Return the body of a request.

    Args:
        request: The request.
        most: The most bytes of its body.

    Raises:
        ApiError: It is too large, too slow, cut off, no JSON, or not said to be JSON.
    """
    # A web page may send other types to this server without asking it, and so spend what solves cost.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, f"the content type is {kind!r}: send application/json.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read_bytes(request, most)
    except TimeoutError as error:
        raise ApiError(408, f"the body was not complete within {BODY_SECONDS:g} s: send it again.") from error
    except ClientDisconnect as error:
        raise ApiError(400, "the body was cut off.") from error
    try:
        return mend_surrogates(json.loads(body, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ApiError(400, f"the body is no JSON: {why}.") from error


async def _read_bytes(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise ApiError(
                413, f"the body has more than {most} bytes: send less, or start with a larger --body-limit."
            )
        parts.append(part)
    return b"".join(parts)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
