"""What a provider's error says, read the same way whichever client raised it: status, code, message, wait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


def read_http_status(error: BaseException) -> int:
    """Return the HTTP status behind an error; 0 if there is none, as for an error inside a stream."""
    for cause in _iterate_causes(error):
        for field in ("status_code", "code"):
            if isinstance(status := getattr(cause, field, None), int):
                return status if status >= 400 else 0
    return 0


def read_error_code(error: BaseException) -> str:
    """Return the provider's type, code and status of an error, in lower case."""
    body = _read_error_body(error)
    codes = [str(body[key]) for key in ("type", "code", "status") if body.get(key)]
    # LangChain raises ValueError("code: message") for an error in a stream of OpenAI's Responses interface.
    prefix = re.match(r"(\w+): ", str(error)) if isinstance(error, ValueError) else None
    return " ".join([*codes, *([prefix[1]] if prefix else [])]).lower()


def read_error_message(error: BaseException) -> str:
    """Return the provider's sentence, unwrapped and without its full stop."""
    message = str(_read_error_body(error).get("message") or error)
    inner = re.search(r"""['"]message['"]: (['"])(.+?)\1[,}]""", message)
    return (inner[2] if inner else message).rstrip(". \n")


def read_error_text(error: BaseException) -> str:
    """Return everything that an error says, including the parameter it names."""
    parameter = str(_read_error_body(error).get("param") or "")
    return " ".join(filter(None, [parameter, read_error_code(error), str(error)]))


def read_retry_after(error: BaseException) -> float | None:
    """Return the seconds to wait, from a Retry-After header or Google's `retryDelay`; None if neither is there."""
    for cause in _iterate_causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        if headers is not None and (header := headers.get("retry-after")):
            return _parse_retry_after(str(header))
    delay = re.search(r"retryDelay\W+([\d.]+)s", str(error))
    return float(delay[1]) if delay else None


def list_class_names(error: BaseException) -> set[str]:
    """Return the names of an error's classes.

    Clients bring HTTP libraries of their own, whose errors have names in common but no class.
    """
    return {kind.__name__ for kind in type(error).__mro__}


def _read_error_body(error: BaseException) -> Mapping[str, Any]:
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _iterate_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _parse_retry_after(header: str) -> float | None:
    """Return the seconds in a Retry-After header: a number or a date (RFC 9110, 10.2.3), else None."""
    if re.fullmatch(r"\d+(\.\d+)?", header):
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None
