"""What a provider's error holds: status, code, words, the wait that it asks for, wherever its client put them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


def status(error: BaseException) -> int:
    """The HTTP status behind an error; 0 where there is none, as inside an answer that began well."""
    for one in _chain(error):
        for field in ("status_code", "code"):
            if isinstance(found := getattr(one, field, None), int):
                return found if found >= 400 else 0
    return 0


def code(error: BaseException) -> str:
    """The provider's own words for the kind of error, in lower case: its type, code and status."""
    inside = _inside(error)
    named = [str(inside[key]) for key in ("type", "code", "status") if inside.get(key)]
    # LangChain raises ValueError("code: message") for an error in a stream of OpenAI's Responses interface.
    led = re.match(r"(\w+): ", str(error)) if isinstance(error, ValueError) else None
    return " ".join([*named, *([led[1]] if led else [])]).lower()


def words(error: BaseException) -> str:
    """The provider's sentence, without what it is wrapped in and without a full stop."""
    said = str(_inside(error).get("message") or error)
    inner = re.search(r"""['"]message['"]: (['"])(.+?)\1[,}]""", said)
    return (inner[2] if inner else said).rstrip(". \n")


def whole(error: BaseException) -> str:
    """All that it says, the parameter that it names included."""
    return " ".join(filter(None, [str(_inside(error).get("param") or ""), code(error), str(error)]))


def names(error: BaseException) -> set[str]:
    """The names of its classes: clients bring HTTP libraries of their own, whose errors share names only."""
    return {kind.__name__ for kind in type(error).__mro__}


def asked_wait(error: BaseException) -> float | None:
    """Seconds that it asks to wait, by a Retry-After header or Google's `retryDelay`; None where it does not."""
    for one in _chain(error):
        headers = getattr(getattr(one, "response", None), "headers", None)
        if headers is not None and (said := headers.get("retry-after")):
            return _seconds(str(said))
    found = re.search(r"retryDelay\W+([\d.]+)s", str(error))
    return float(found[1]) if found else None


def _inside(error: BaseException) -> Mapping[str, Any]:
    """The error in the body of the reply."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _seconds(said: str) -> float | None:
    """Seconds in a Retry-After header, a number or a date (RFC 9110, 10.2.3); None where it is neither."""
    if re.fullmatch(r"\d+(\.\d+)?", said):
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None
