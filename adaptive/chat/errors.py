"""What goes wrong in a call: its kind, one plain sentence for it, and whether and when to try again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from langchain_core import exceptions as known
from tenacity import RetryCallState

from adaptive._util.redact import shown
from adaptive.errors import AdaptiveError, InputError
from adaptive.types.model_spec import key_of
from adaptive.types.usage import Usage

LONGEST = 60.0
"""Seconds to wait at most; a provider that asks for more is not waited for."""

Fault = Literal[
    "no key", "key", "permission", "model", "credit", "context", "refusal", "request",
    "rate", "server", "timeout", "connection", "cut", "other",
]  # fmt: skip

PASSING: tuple[Fault, ...] = ("rate", "server", "timeout", "connection", "cut")
"""What may pass by itself."""

_TYPES: Mapping[type[BaseException], Fault] = {
    known.ContextOverflowError: "context",
    known.ModelAuthenticationError: "key",
    known.ModelPermissionDeniedError: "permission",
    known.ModelNotFoundError: "model",
    known.ModelRateLimitError: "rate",
    known.ModelTimeoutError: "timeout",
    known.ModelConnectionError: "connection",
    known.ModelAPIError: "server",
    known.ModelInvalidRequestError: "request",
}
_STATUSES: Mapping[int, Fault] = {
    400: "request", 401: "key", 402: "credit", 403: "permission", 404: "model", 408: "timeout", 413: "context",
    422: "request", 429: "rate",
}  # fmt: skip
# Errors inside a stream that began well have a code and no status.
_CODES: Mapping[str, Fault] = {"rate_limit": "rate", "overloaded": "server", "server_error": "server",
                               "api_error": "server", "timeout": "timeout"}  # fmt: skip
_NAMES: Mapping[str, Fault] = {
    "ModelRefusalError": "refusal",  # not in every langchain-core that we take
    "ContentFilterFinishReasonError": "refusal",  # OpenAI's, of a structured answer
    "TimeoutException": "timeout",
    "TimeoutError": "timeout",
    "TransportError": "connection",
    "ConnectionError": "connection",
    "ClientConnectionError": "connection",
    "ClientPayloadError": "connection",
}
_WORDS: Mapping[str, Fault] = {
    r"api[ _]key[ _](not valid|invalid)": "key",  # Google says so with a 400
    r"could not resolve authentication method": "no key",
    r"insufficient_quota|credit balance is too low": "credit",
    r"content_filter|content management policy": "refusal",  # Azure's, of a prompt
    # langchain-openai 1.7 shares clients, which keep connections of loops that are over; the next try makes one.
    r"event loop is closed": "connection",
    r"unexpected keyword argument": "request",  # a client's own, where an interface has no such parameter
    r"maximum context length|context_length_exceeded|prompt is too long": "context",
}
_SENTENCES: Mapping[Fault, str] = {
    "no key": "{name} needs a key: set {key}.",
    "key": "{name}: the key was not accepted (401): check {key}.",
    "permission": "{name}: the key may not use this model ({said}): use another model or key.",
    "model": "{name} is not known to its provider (404): check the model's name.",
    "credit": "{name}: the account has no credit left ({said}): add some.",
    "context": "{name}: question and completion do not fit its context: shorten the question or lower the budget.",
    "refusal": "{name} refused to answer: put the question in another way.",
    "request": "{name} does not take the request: {said}.",
    "rate": "{name} is over its rate limit (429): {when}.",
    "server": "{name} has a failure of its own ({said}): try again later.",
    "timeout": "{name} did not answer in time: try again, or give it more time.",
    "connection": "{name} cannot be reached, or the connection broke: check the address and the network.",
    "cut": "{name}: the stream ended before the answer was complete: try again.",
    "other": "{name} failed ({said}).",
}


class CutStreamError(AdaptiveError):
    """A stream ended before the answer was complete."""


class ChatError(AdaptiveError):
    """A call failed and nothing in it can be mended by the caller; `usage` is what it spent, estimated."""

    usage = Usage()


def fault(error: BaseException) -> Fault:
    """What kind of fault an error is."""
    if isinstance(error, CutStreamError):
        return "cut"
    if (said := _by_words(error)) is not None:
        return said
    typed: list[Fault] = [kind for cls, kind in _TYPES.items() if isinstance(error, cls)]
    named: list[Fault] = [kind for name, kind in _NAMES.items() if name in names(error)]
    found = typed or named or _by_status(error)
    return found[0] if found else "other"


def retryable(error: BaseException) -> bool:
    """Whether the same request may succeed, soon enough."""
    # LangChain's word on its own errors; what it does not classify is judged by its kind.
    able = error.is_retryable if isinstance(error, known.ModelError) else fault(error) in PASSING
    return able and fault(error) != "credit" and (asked_wait(error) or 0.0) <= LONGEST


def wait(state: RetryCallState) -> float:
    """Seconds until the next try: what the provider asks for, else 1, 2, 4, ..."""
    error = state.outcome.exception() if state.outcome else None
    asked = asked_wait(error) if error else None
    return min(LONGEST, 2.0 ** (state.attempt_number - 1)) if asked is None else asked


def explain(error: BaseException, name: str) -> AdaptiveError:
    """The error of a call of the model `name` in one plain sentence, never with a key in it.

    An `InputError` where the caller can mend it, else a `ChatError`.
    """
    kind, seconds = fault(error), asked_wait(error)
    when = "try again later" if seconds is None else f"it asks to wait {seconds:g} s"
    said = shown(words(error)) or type(error).__name__
    sentence = _SENTENCES[kind].format(name=name, key=key_of(name), said=said, when=when)
    return ChatError(sentence) if kind in (*PASSING, "other") else InputError(sentence)


def _by_words(error: BaseException) -> Fault | None:
    """By what it says, where that tells more than its type."""
    text = whole(error).lower()
    return next((kind for pattern, kind in _WORDS.items() if re.search(pattern, text)), None)


def _by_status(error: BaseException) -> list[Fault]:
    number, said = status(error), code(error)
    if number:
        return [_STATUSES[number]] if number in _STATUSES else ["server"] if number >= 500 else ["request"]
    coded: list[Fault] = [kind for word, kind in _CODES.items() if word in said]
    # LangChain's integrations raise ValueError for some parameters before anything is sent.
    return coded or (["request"] if isinstance(error, ValueError) else [])


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
