"""What goes wrong in a call: its kind, one plain sentence for it, and whether and when to try again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from langchain_core import exceptions as known
from tenacity import RetryCallState

from adaptive._util.redact import redact_text
from adaptive.errors import AdaptiveError, InputError
from adaptive.types.model_spec import ModelSpec
from adaptive.types.usage import Usage

LONGEST_WAIT = 60.0
"""Seconds to wait at most; a provider that asks for more is not waited for."""

ErrorKind = Literal[
    "no key", "key", "permission", "model", "credit", "context", "refusal", "request",
    "rate", "server", "timeout", "connection", "cut", "other",
]  # fmt: skip

TRANSIENT_ERRORS: tuple[ErrorKind, ...] = ("rate", "server", "timeout", "connection", "cut")
"""What may pass by itself."""

_KIND_BY_TYPE: Mapping[type[BaseException], ErrorKind] = {
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
_KIND_BY_STATUS: Mapping[int, ErrorKind] = {
    400: "request", 401: "key", 402: "credit", 403: "permission", 404: "model", 408: "timeout", 413: "context",
    422: "request", 429: "rate",
}  # fmt: skip
# Errors inside a stream that began well have a code and no status.
_KIND_BY_CODE: Mapping[str, ErrorKind] = {"rate_limit": "rate", "overloaded": "server", "server_error": "server",
                               "api_error": "server", "timeout": "timeout"}  # fmt: skip
_KIND_BY_NAME: Mapping[str, ErrorKind] = {
    "ModelRefusalError": "refusal",  # not in every langchain-core that we take
    "ContentFilterFinishReasonError": "refusal",  # OpenAI's, of a structured answer
    "TimeoutException": "timeout",
    "TimeoutError": "timeout",
    "TransportError": "connection",
    "ConnectionError": "connection",
    "ClientConnectionError": "connection",
    "ClientPayloadError": "connection",
}
_KIND_BY_PATTERN: Mapping[str, ErrorKind] = {
    r"api[ _]key[ _](not valid|invalid)": "key",  # Google says so with a 400
    r"could not resolve authentication method": "no key",
    r"insufficient_quota|credit balance is too low": "credit",
    r"content_filter|content management policy": "refusal",  # Azure's, of a prompt
    # langchain-openai 1.7 shares clients, which keep connections of loops that are over; the next try makes one.
    r"event loop is closed": "connection",
    r"unexpected keyword argument": "request",  # a client's own, where an interface has no such parameter
    r"maximum context length|context_length_exceeded|prompt is too long": "context",
}
_ERROR_SENTENCES: Mapping[ErrorKind, str] = {
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


def classify_error(error: BaseException) -> ErrorKind:
    """What kind of fault an error is."""
    if isinstance(error, CutStreamError):
        return "cut"
    if (said := _classify_by_words(error)) is not None:
        return said
    typed: list[ErrorKind] = [kind for cls, kind in _KIND_BY_TYPE.items() if isinstance(error, cls)]
    named: list[ErrorKind] = [kind for name, kind in _KIND_BY_NAME.items() if name in list_class_names(error)]
    found = typed or named or _classify_by_status(error)
    return found[0] if found else "other"


def is_retryable(error: BaseException) -> bool:
    """Whether the same request may succeed, soon enough."""
    # LangChain's word on its own errors; what it does not classify is judged by its kind.
    able = error.is_retryable if isinstance(error, known.ModelError) else classify_error(error) in TRANSIENT_ERRORS
    return able and classify_error(error) != "credit" and (read_retry_after(error) or 0.0) <= LONGEST_WAIT


def choose_wait(state: RetryCallState) -> float:
    """Seconds until the next try: what the provider asks for, else 1, 2, 4, ..."""
    error = state.outcome.exception() if state.outcome else None
    asked = read_retry_after(error) if error else None
    return min(LONGEST_WAIT, 2.0 ** (state.attempt_number - 1)) if asked is None else asked


def explain_error(error: BaseException, name: str) -> AdaptiveError:
    """The error of a call of the model `name` in one plain sentence, never with a key in it.

    An `InputError` where the caller can mend it, else a `ChatError`.
    """
    kind, seconds = classify_error(error), read_retry_after(error)
    when = "try again later" if seconds is None else f"it asks to wait {seconds:g} s"
    said = redact_text(read_error_message(error)) or type(error).__name__
    sentence = _ERROR_SENTENCES[kind].format(
        name=name,
        key=ModelSpec.parse(name).key_variable or "the environment variable of its key",
        said=said,
        when=when,
    )
    return ChatError(sentence) if kind in (*TRANSIENT_ERRORS, "other") else InputError(sentence)


def _classify_by_words(error: BaseException) -> ErrorKind | None:
    """By what it says, where that tells more than its type."""
    text = read_error_text(error).lower()
    return next((kind for pattern, kind in _KIND_BY_PATTERN.items() if re.search(pattern, text)), None)


def _classify_by_status(error: BaseException) -> list[ErrorKind]:
    number, said = read_http_status(error), read_error_code(error)
    if number:
        return (
            [_KIND_BY_STATUS[number]]
            if number in _KIND_BY_STATUS
            else ["server"]
            if number >= 500
            else ["request"]
        )
    coded: list[ErrorKind] = [kind for word, kind in _KIND_BY_CODE.items() if word in said]
    # LangChain's integrations raise ValueError for some parameters before anything is sent.
    return coded or (["request"] if isinstance(error, ValueError) else [])


def read_http_status(error: BaseException) -> int:
    """The HTTP status behind an error; 0 where there is none, as inside an answer that began well."""
    for one in _iterate_causes(error):
        for field in ("status_code", "code"):
            if isinstance(found := getattr(one, field, None), int):
                return found if found >= 400 else 0
    return 0


def read_error_code(error: BaseException) -> str:
    """The provider's own words for the kind of error, in lower case: its type, code and status."""
    inside = _read_error_body(error)
    named = [str(inside[key]) for key in ("type", "code", "status") if inside.get(key)]
    # LangChain raises ValueError("code: message") for an error in a stream of OpenAI's Responses interface.
    led = re.match(r"(\w+): ", str(error)) if isinstance(error, ValueError) else None
    return " ".join([*named, *([led[1]] if led else [])]).lower()


def read_error_message(error: BaseException) -> str:
    """The provider's sentence, without what it is wrapped in and without a full stop."""
    said = str(_read_error_body(error).get("message") or error)
    inner = re.search(r"""['"]message['"]: (['"])(.+?)\1[,}]""", said)
    return (inner[2] if inner else said).rstrip(". \n")


def read_error_text(error: BaseException) -> str:
    """All that it says, the parameter that it names included."""
    return " ".join(
        filter(None, [str(_read_error_body(error).get("param") or ""), read_error_code(error), str(error)])
    )


def list_class_names(error: BaseException) -> set[str]:
    """The names of its classes: clients bring HTTP libraries of their own, whose errors share names only."""
    return {kind.__name__ for kind in type(error).__mro__}


def read_retry_after(error: BaseException) -> float | None:
    """Seconds that it asks to wait, by a Retry-After header or Google's `retryDelay`; None where it does not."""
    for one in _iterate_causes(error):
        headers = getattr(getattr(one, "response", None), "headers", None)
        if headers is not None and (said := headers.get("retry-after")):
            return _parse_retry_after(str(said))
    found = re.search(r"retryDelay\W+([\d.]+)s", str(error))
    return float(found[1]) if found else None


def _read_error_body(error: BaseException) -> Mapping[str, Any]:
    """The error in the body of the reply."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _iterate_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _parse_retry_after(header: str) -> float | None:
    """Seconds in a Retry-After header, a number or a date (RFC 9110, 10.2.3); None where it is neither."""
    if re.fullmatch(r"\d+(\.\d+)?", header):
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None
