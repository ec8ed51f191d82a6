"""Errors as OpenAI's clients read them: a status, and `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from adaptive._util.redact import redact_error
from adaptive.chat.errors import LONGEST_TOLD, RateLimitError
from adaptive.errors import AdaptiveError, InputError, NoAnswerInTime

LOG = logging.getLogger("adaptive")
DO_NOT_RETRY: Mapping[str, str] = {"x-should-retry": "false"}
"""OpenAI's clients obey it. They would send a solve whose time is up again, and pay for it again."""


class ApiError(Exception):
    """A request that is answered by an error.

    Args:
        status: The HTTP status.
        message: One sentence: the wrong value and what to do.
        type: OpenAI's kind of error.
        param: The field of the request that is wrong.
        code: OpenAI's code, such as "model_not_found".
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        type: str = "invalid_request_error",
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.type, self.param, self.code = status, type, param, code
        self.headers = dict(headers or {})

    def to_json(self) -> dict[str, Any]:
        """Return the body."""
        return {"error": {"message": str(self), "type": self.type, "param": self.param, "code": self.code}}

    def to_response(self) -> Response:
        """Return the response."""
        return Response(dump_json(self.to_json()), self.status, self.headers, "application/json")


def dump_json(value: Any) -> bytes:
    """Return JSON in ASCII: a model may write half a surrogate pair, which UTF-8 cannot hold."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def to_api_error(error: Exception) -> ApiError:
    """Return any error as one that clients read. What we did not foresee is logged, and not shown."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, f"{error.detail}.", headers=error.headers)
    if isinstance(error, InputError | NotImplementedError):
        return ApiError(400, str(error))
    if isinstance(error, NoAnswerInTime):
        return ApiError(504, str(error), "server_error", code="timeout", headers=DO_NOT_RETRY)
    if isinstance(error, RateLimitError):
        return _make_rate_error(error)
    if isinstance(error, AdaptiveError):
        return ApiError(500, str(error), "server_error")
    LOG.warning("a request failed: %s", redact_error(error), exc_info=LOG.isEnabledFor(logging.DEBUG))
    return ApiError(500, f"the server failed ({type(error).__name__}): its log says more.", "server_error")


def _make_rate_error(error: RateLimitError) -> ApiError:
    """Return the rate limit of a provider as ours, with the wait that the provider asks for."""
    wait = error.retry_after
    headers = {} if wait is None else {"Retry-After": str(math.ceil(min(wait, LONGEST_TOLD)))}
    return ApiError(429, str(error), "rate_limit_error", code="rate_limit_exceeded", headers=headers)


async def handle_error(_: Request, error: Exception) -> Response:
    """Answer a request whose handler raised."""
    return to_api_error(error).to_response()
