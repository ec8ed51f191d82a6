"""What goes wrong in a call: one plain sentence for it, whether trying again may help, and how long to wait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from langchain_core import exceptions as known
from tenacity import RetryCallState

from adaptive.attempt import Usage
from adaptive.chat.keys import key_of
from adaptive.errors import AdaptiveError, InputError
from adaptive.verify.said import shown

LONGEST = 60.0
"""Seconds to wait at most; a provider that asks for more is not waited for."""

_NO_CREDIT = ("insufficient_quota", "credit balance is too low", "billing")
_FILTERED = ("content_filter", "content management policy", "responsible ai policy")


class CutStreamError(AdaptiveError):
    """A stream ended before the answer was complete."""


class ChatError(AdaptiveError):
    """A call failed; `usage` is what it spent all the same, estimated."""

    usage = Usage()


def retryable(error: BaseException) -> bool:
    """Whether the same request may succeed: rate limits, failures of server or connection, cut streams."""
    if (isinstance(error, known.ModelError) and not error.is_retryable) or _no_credit(error):
        return False
    if isinstance(error, known.ModelError):
        return (asked_wait(error) or 0.0) <= LONGEST
    return (
        isinstance(error, (CutStreamError, httpx.TransportError, ConnectionError, TimeoutError))
        or _status(error) >= 500
    )


def wait(state: RetryCallState) -> float:
    """Seconds until the next try: what the provider asks for, else 1, 2, 4, ..."""
    error = state.outcome.exception() if state.outcome else None
    asked = asked_wait(error) if error else None
    return min(LONGEST, 2.0 ** (state.attempt_number - 1)) if asked is None else asked


def asked_wait(error: BaseException) -> float | None:
    """Seconds that the provider asks to wait, by its Retry-After header or Google's `retryDelay`, if it does."""
    for one in _chain(error):
        headers = getattr(getattr(one, "response", None), "headers", None)
        if headers is not None and (said := headers.get("retry-after")):
            return _seconds(str(said))
    found = re.search(r"retryDelay\W+([\d.]+)s", str(error))
    return float(found[1]) if found else None


def is_bad_request(error: BaseException) -> bool:
    """Whether the request itself was refused, so that another one may not be."""
    if isinstance(error, known.ContextOverflowError):
        return False
    # LangChain's integrations raise ValueError for some parameters before anything is sent.
    return isinstance(error, (known.ModelInvalidRequestError, ValueError)) or _status(error) in (400, 422)


def is_refusal(error: BaseException) -> bool:
    """Whether the model, or the filter before it, declined."""
    names = {c.__name__ for c in type(error).__mro__}  # not in every langchain-core that we take
    return "ModelRefusalError" in names or (
        is_bad_request(error) and any(w in str(error).lower() for w in _FILTERED)
    )


def explain(error: BaseException, name: str) -> AdaptiveError:
    """The error of a call of the model `name` in one plain sentence, never with a key in it."""
    if isinstance(error, AdaptiveError):
        return error
    said = shown(_words(error))
    if _no_credit(error):
        return InputError(f"{name} is not paid for ({said}): see to the account's credit.")
    if isinstance(error, known.ModelAuthenticationError) or _status(error) == 401:
        return InputError(f"{name}: the key was not accepted (401): check {key_of(name)}.")
    if "Could not resolve authentication method" in str(error):
        return InputError(f"{name}: there is no key: set {key_of(name)}.")
    if isinstance(error, known.ModelPermissionDeniedError) or _status(error) == 403:
        return InputError(f"{name}: the key may not use this model (403): {said}.")
    if isinstance(error, known.ModelNotFoundError) or _status(error) == 404:
        return InputError(f"{name} is not known to its provider (404): check the model's name.")
    if isinstance(error, known.ContextOverflowError):
        return InputError(
            f"{name}: question and completion do not fit its context: shorten the question or the budget."
        )
    if is_bad_request(error):
        return InputError(f"{name} does not take the request: {said}.")
    return _passing(error, name, said)


def _passing(error: BaseException, name: str, said: str) -> AdaptiveError:
    """The sentence for what may pass by itself."""
    seconds = asked_wait(error)
    if isinstance(error, known.ModelRateLimitError) or _status(error) == 429:
        when = f"it asks to wait {seconds:g} s" if seconds is not None else "try again later"
        return ChatError(f"{name} is over its rate limit (429): {when}.")
    if isinstance(error, (known.ModelTimeoutError, TimeoutError, httpx.TimeoutException)):
        return ChatError(f"{name} did not answer in time: try again, or give it more time.")
    if isinstance(error, (known.ModelConnectionError, httpx.TransportError, ConnectionError)):
        return ChatError(f"{name} cannot be reached, or the connection broke: check the address and the network.")
    if isinstance(error, known.ModelAPIError) or _status(error) >= 500:
        return ChatError(f"{name} has a failure of its own ({_status(error) or 'server error'}): try again later.")
    return ChatError(f"{name} failed ({type(error).__name__}: {said}).")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _status(error: BaseException) -> int:
    """The HTTP status behind an error; 0 where there is none."""
    for one in _chain(error):
        for field in ("status_code", "code"):
            if isinstance(status := getattr(one, field, None), int):
                return status
    return 0


def _no_credit(error: BaseException) -> bool:
    return _status(error) in (400, 402, 429) and any(w in str(error).lower() for w in _NO_CREDIT)


def _words(error: BaseException) -> str:
    """What the provider says, out of the body that it came in."""
    body = getattr(error, "body", None)
    inner: Any = body.get("error", body) if isinstance(body, Mapping) else None
    message = inner.get("message") if isinstance(inner, Mapping) else None
    return str(message or error).rstrip(". \n")


def _seconds(said: str) -> float | None:
    """Seconds in a Retry-After header: a number, or a date."""
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None
