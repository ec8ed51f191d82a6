"""What a provider's error says, read the same way whichever client raised it: status, code, message, wait."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

MOST_CHARACTERS = 20_000
"""Of an error's text; a longer one is no sentence of a provider's."""
MOST_NESTED = 8
"""Objects in objects in which a sentence is looked for."""
_SENTENCE_KEYS = ("message", "msg", "detail", "error", "errors", "reason")


def read_http_status(error: BaseException) -> int:
    """Return the HTTP status behind an error, or the one in its body; 0 if there is none."""
    for cause in iterate_causes(error):
        sources = (cause, getattr(cause, "response", None))
        statuses = (getattr(source, field, None) for source in sources for field in ("status_code", "code"))
        if status := next((one for one in statuses if type(one) is int), 0):
            # What a reply of status 200 says of itself counts more.
            return status if status >= 400 else _read_body_status(error)
    return _read_body_status(error)


def _read_body_status(error: BaseException) -> int:
    """Return the status in a body, where gateways put it: `{"error": {"code": 502, ...}}`; 0 if there is none."""
    code = str(_read_error_body(error).get("code"))
    return int(code) if re.fullmatch(r"[45]\d\d", code) else 0


def read_error_code(error: BaseException) -> str:
    """Return the provider's type, code and status of an error, in lower case."""
    body = _read_error_body(error)
    codes = [str(body[key]) for key in ("type", "code", "status") if body.get(key)]
    # LangChain raises ValueError("code: message"), or one of a whole object in words, for an error in a stream of
    # OpenAI's Responses interface.
    prefix = re.match(r"(?:\w+\()?code='(\w+)'|(\w+): ", str(error)) if isinstance(error, ValueError) else None
    return " ".join([*codes, *(filter(None, prefix.groups()) if prefix else ())]).lower()


def read_error_message(error: BaseException) -> str:
    """Return the provider's sentence, unwrapped and without its full stop."""
    message = _find_sentence(_read_error_body(error)) or str(error)
    inner = re.search(r"""(?:['"]message['"]: |\bmessage=)(['"])(.+?)\1(?:[,})]|$)""", message)
    return (inner[2] if inner else message).rstrip(". \n")


def has_sentence(error: BaseException) -> bool:
    """Return whether the body of an error says anything."""
    return bool(_find_sentence(_read_error_body(error)))


def _find_sentence(value: Any, depth: int = MOST_NESTED) -> str:
    """Return the sentence in a body of any shape: a text, a list, or an object that holds one; "" if none does."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth:
        return "; ".join(filter(None, (_find_sentence(one, depth - 1) for one in value)))
    if not isinstance(value, Mapping) or not depth:
        return ""
    sentence = next((text for key in _SENTENCE_KEYS if (text := _find_sentence(value.get(key), depth - 1))), "")
    # FastAPI's (Mistral, vLLM) names the place of a wrong value beside the sentence.
    place = value.get("loc")
    named = ".".join(str(part) for part in place if part != "body") if isinstance(place, list) else ""
    return f"{named}: {sentence}" if named and sentence else sentence


def read_error_text(error: BaseException) -> str:
    """Return everything that an error says, including the parameter it names."""
    body = _read_error_body(error)
    parameter = str(body.get("param") or "")
    # Newer versions of OpenAI's client leave the sentence out of the error's own text.
    return " ".join(filter(None, [parameter, read_error_code(error), _find_sentence(body), str(error)]))


def read_retry_after(error: BaseException) -> float | None:
    """Return the seconds to wait, from a Retry-After header or Google's `retryDelay`; None if neither is there."""
    for cause in iterate_causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        if headers is not None and (header := headers.get("retry-after")):
            return _parse_retry_after(str(header))
    delay = re.search(r"retryDelay\W+(\d+(?:\.\d+)?)s", str(error))
    return float(delay[1]) if delay else None


def list_class_names(value: object) -> set[str]:
    """Return the names of the classes of an error, or of another object.

    Clients bring HTTP libraries of their own, whose errors have names in common but no class.
    """
    return {kind.__name__ for kind in type(value).__mro__}


def _read_error_body(error: BaseException) -> Mapping[str, Any]:
    """Return the object that describes an error; a text or a list in its place becomes its `message`."""
    body = next((one for one in _list_bodies(error) if isinstance(one, Mapping | str | list) and one), None)
    inner = body.get("error") or body if isinstance(body, Mapping) else body
    return inner if isinstance(inner, Mapping) else {"message": _find_sentence(inner)}


def _list_bodies(error: BaseException) -> Iterator[Any]:
    """Yield what may be the body of an error: the client's, the one that LangChain raises, and the reply's own."""
    yield getattr(error, "body", None)
    first: Any = error.args[0] if error.args else None
    yield first.model_dump() if hasattr(first, "model_dump") else first if isinstance(first, Mapping) else None
    yield _find_object(str(error))


def _find_object(text: str) -> Any:
    """Return the object in a text, as JSON or as Python prints it, since some clients put the body there."""
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end < MOST_CHARACTERS:
        return None
    try:
        return json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text[start : end + 1])
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def iterate_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors behind it."""
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
