"""What goes wrong in a call: its kind, one plain sentence for it, and whether and when to try again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from langchain_core import exceptions as langchain_errors
from tenacity import RetryCallState

from adaptive._util.redact import redact_text
from adaptive._util.reply_limit import UnboundedReplyError
from adaptive.chat.error_details import (
    has_sentence,
    iterate_causes,
    list_class_names,
    read_error_code,
    read_error_message,
    read_error_text,
    read_http_status,
    read_retry_after,
)
from adaptive.errors import AdaptiveError, InputError
from adaptive.types.model_spec import ModelSpec
from adaptive.types.usage import Usage

LONGEST_WAIT = 60.0
"""Most seconds to wait for another try. If a provider asks for more, the call is not tried again."""

LONGEST_TOLD = 10 * 365 * 86_400.0
"""Seconds; a provider that asks for more is told so much, since dates end."""

ErrorKind = Literal[
    "no key", "key", "permission", "model", "credit", "context", "refusal", "request",
    "rate", "server", "reply", "unbounded", "unfinished", "form", "timeout", "connection", "cut", "other",
]  # fmt: skip

UNUSABLE: tuple[ErrorKind, ...] = ("no key", "key", "permission", "model", "credit")
"""Errors that are about the account or the model, whatever the question."""
TRANSIENT_ERRORS: tuple[ErrorKind, ...] = (
    "rate", "server", "reply", "unfinished", "form", "timeout", "connection", "cut",
)  # fmt: skip
"""Errors that may pass by themselves."""
PAID_ERRORS: tuple[ErrorKind, ...] = ("unfinished", "form")
"""Those of them whose answer is paid: the call is made once more, and no more."""

_KIND_BY_TYPE: Mapping[type[BaseException], ErrorKind] = {
    langchain_errors.ContextOverflowError: "context",
    langchain_errors.ModelAuthenticationError: "key",
    langchain_errors.ModelPermissionDeniedError: "permission",
    langchain_errors.ModelNotFoundError: "model",
    langchain_errors.ModelRateLimitError: "rate",
    langchain_errors.ModelTimeoutError: "timeout",
    langchain_errors.ModelConnectionError: "connection",
    langchain_errors.ModelAPIError: "server",
    langchain_errors.ModelInvalidRequestError: "request",
}
_KIND_BY_STATUS: Mapping[int, ErrorKind] = {
    400: "request", 401: "key", 402: "credit", 403: "permission", 404: "model", 408: "timeout", 413: "context",
    422: "request", 429: "rate",
}  # fmt: skip
# Errors inside a stream that began well have a code and no status.
_KIND_BY_CODE: Mapping[str, ErrorKind] = {
    "rate_limit": "rate",
    "vector_store_timeout": "server",  # of the Responses interface
    "overloaded": "server",
    "server_error": "server",
    "api_error": "server",
    "invalid_request": "request",  # these three of Anthropic's, in a reply of status 200
    "authentication": "key",
    "permission": "permission",
    "timeout": "timeout",
}
_KIND_BY_NAME: Mapping[str, ErrorKind] = {
    "ModelRefusalError": "refusal",  # not in every langchain-core that we support
    "ContentFilterFinishReasonError": "refusal",  # OpenAI's, of a structured answer
    "JSONDecodeError": "reply",
    "UnknownApiResponseError": "reply",  # Google's, of an event that is no JSON
    "APITimeoutError": "timeout",  # of OpenAI's and Anthropic's clients, if LangChain did not call them
    "APIConnectionError": "connection",
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
    r"insufficient_quota|credit balance is too low|credits are depleted": "credit",  # Google's is a 429
    # Azure's, of a prompt; and langchain-openai's, of an answer of Azure's that is not streamed.
    r"content_filter|content management policy|content filter being triggered": "refusal",
    # A page in place of JSON, or JSON of another kind: what the clients make of it, and LangChain of no events.
    r"unexpected response type|'str' object has no attribute '(error|model_dump)'": "reply",
    r"'nonetype' object is not (iterable|subscriptable)|no generation chunks were returned": "reply",
    r"^'choices'$": "reply",  # Mistral's and Groq's clients, of an object without an answer
    r"expected response header content-type": "reply",  # Mistral's, of a stream that is none
    # langchain-openai 1.7 shares clients, whose connections may belong to a closed loop; the next try opens one.
    r"event loop is closed": "connection",
    r"\[type=json_invalid": "form",  # pydantic's, of a structured answer that OpenAI's client parses
    r"unexpected keyword argument": "request",  # a client's own, if an interface has no such parameter
    r"maximum context length|context_length_exceeded|prompt is too long": "context",
}
_ERROR_SENTENCES: Mapping[ErrorKind, str] = {
    "no key": "{name} needs a key: set {key}.",
    "key": "{name}: the key was not accepted (401): check {key}.",
    "permission": "{name}: the key may not use this model ({detail}): use another model or key.",
    "model": "{name} is not known to its provider (404): check the model's name.",
    "credit": "{name}: the account has no credit left ({detail}): add some.",
    "context": "{name}: question and completion do not fit its context: shorten the question or lower the budget.",
    "refusal": "{name} refused to answer: put the question in another way.",
    "request": "{name} does not take the request: {detail}.",
    "rate": "{name} is over its rate limit (429): {when}.",
    "server": "{name} has a failure of its own ({detail}): try again later.",
    "reply": "{name} sent a reply that cannot be read: check the address, or try again later.",
    "unbounded": "{name}: {detail}.",
    "timeout": "{name} did not answer in time: try again, or give it more time.",
    "connection": "{name} cannot be reached, or the connection broke: check the address and the network.",
    "unfinished": "{name} ended without an answer ({detail}): try again later.",
    "form": "{name} gave a structured answer that is no whole JSON: ask again, or for a simpler form.",
    "cut": "{name}: the stream ended before the answer was complete: try again.",
    "other": "{name} failed ({detail}).",
}


class CutStreamError(AdaptiveError):
    """A stream ended before the answer was complete."""


class UnreadableReplyError(AdaptiveError):
    """A reply has no message in it."""


class ErrorReplyError(AdaptiveError):
    """A reply of status 200 is an error, which its client made nothing of; `body` is what it says."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__("an error in a reply of status 200")
        self.body = body


class UnfinishedReplyError(AdaptiveError):
    """A provider says that it failed in the middle of its answer, or gives neither an answer nor a reason."""


class FailedCallError(AdaptiveError):
    """A call failed with an error of its provider's client, after tries that spent `usage`."""

    def __init__(self, error: Exception, usage: Usage) -> None:
        super().__init__(str(error))
        self.error, self.usage = error, usage


class UnusableModelError(InputError):
    """The model cannot be called as it is named and set up: every question would fare the same."""


class ChatError(AdaptiveError):
    """A call failed and the caller cannot mend it; `usage` is what it spent, estimated."""

    usage = Usage()


class RateLimitError(ChatError):
    """The model is over its rate limit; `retry_after` is the wait that it asks for in seconds, None if unknown."""

    retry_after: float | None = None


E = TypeVar("E", bound=ChatError)
_KIND_BY_OURS: Mapping[type[AdaptiveError], ErrorKind] = {
    CutStreamError: "cut",
    UnreadableReplyError: "reply",
    UnfinishedReplyError: "unfinished",
}


def classify_error(error: BaseException) -> ErrorKind:
    """Return the kind of an error. Its words decide if they tell more than its type."""
    if _find_unbounded(error):
        return "unbounded"
    for kind_of_ours, kind in _KIND_BY_OURS.items():
        if isinstance(error, kind_of_ours):
            return kind
    text = read_error_text(error).lower()
    names = list_class_names(error)
    kinds = [
        *(kind for pattern, kind in _KIND_BY_PATTERN.items() if re.search(pattern, text)),
        *(kind for cls, kind in _KIND_BY_TYPE.items() if isinstance(error, cls)),
        *(kind for name, kind in _KIND_BY_NAME.items() if name in names),
    ]
    return kinds[0] if kinds else _classify_by_status(error)


def _find_unbounded(error: BaseException) -> UnboundedReplyError | None:
    """Return the refusal to read on that is behind an error of a provider's client; None if there is none."""
    return next((cause for cause in iterate_causes(error) if isinstance(cause, UnboundedReplyError)), None)


def _classify_by_status(error: BaseException) -> ErrorKind:
    if status := read_http_status(error):
        return _KIND_BY_STATUS.get(status, "server" if status >= 500 else "request")
    code = read_error_code(error)
    by_code = (kind for word, kind in _KIND_BY_CODE.items() if word in code)
    # LangChain's integrations raise ValueError for some parameters before anything is sent.
    unnamed: ErrorKind = "request" if isinstance(error, ValueError) else "other"
    return next(by_code, "server" if isinstance(error, ErrorReplyError) else unnamed)


def find_error_reply(error: BaseException, beginning: bytes) -> ErrorReplyError | None:
    """Return the error that a reply of status 200 holds, if its client could not read it.

    Args:
        error: What the call raised.
        beginning: The first bytes of the last reply.

    Returns:
        The error; None if the client read the reply, or no sentence is in it.
    """
    if classify_error(error) not in ("reply", "cut"):
        return None
    try:
        body = json.loads(beginning)
    except (ValueError, RecursionError):
        return None
    found = ErrorReplyError(body) if isinstance(body, Mapping) else None
    return found if found is not None and has_sentence(found) else None


def explain_error(error: BaseException, name: str, lost: Usage | None = None) -> AdaptiveError:
    """Return the error of a call as one plain sentence without any key in it.

    Args:
        error: What the provider's client raised.
        name: The model's name.
        lost: What the failed tries of the call spent.

    Returns:
        An `InputError` if the caller can mend it, else a `ChatError`, which has what was spent. Both say so.
    """
    kind, seconds = classify_error(error), read_retry_after(error)
    sentence = _ERROR_SENTENCES[kind].format(
        name=name,
        key=ModelSpec.parse(name).key_variable or "the environment variable of its key",
        detail=_describe(_find_unbounded(error) or error),
        when="try again later" if seconds is None else f"it asks to wait {_format_wait(seconds)}",
    )
    if kind == "rate":
        limited = _build_chat_error(RateLimitError, sentence, lost)
        limited.retry_after = seconds
        return limited
    if kind in (*TRANSIENT_ERRORS, "unbounded", "other"):
        return _build_chat_error(ChatError, sentence, lost)
    return (UnusableModelError if kind in UNUSABLE else InputError)(_add_spent(sentence, lost))


def _describe(error: BaseException) -> str:
    """Return what an error says; where that is nothing, the status of the reply."""
    status = read_http_status(error)
    return redact_text(read_error_message(error)) or (f"status {status}" if status else "it says no more")


def _build_chat_error(kind: type[E], sentence: str, lost: Usage | None) -> E:
    """Return an error of this kind, which has what was spent and says so."""
    error = kind(_add_spent(sentence, lost))
    error.usage = lost or Usage()
    return error


def _add_spent(sentence: str, lost: Usage | None) -> str:
    """Return the sentence of an error with what was spent before it."""
    if lost is None:
        return sentence
    about = "about " if lost.estimated else ""
    return f"{sentence.rstrip('.')} ({about}{lost.total} tokens were spent)."


def _format_wait(seconds: float) -> str:
    """Return a wait in seconds, or, if it is long, until when it is."""
    if seconds <= LONGEST_WAIT:
        return f"{seconds:.3g} s"
    return f"until {datetime.now(UTC) + timedelta(seconds=min(seconds, LONGEST_TOLD)):%Y-%m-%d %H:%M} UTC"


def is_retryable(error: BaseException) -> bool:
    """Whether the same request may succeed, soon enough."""
    kind = classify_error(error)
    # LangChain classifies its own errors; ours is for the others.
    passes = error.is_retryable if isinstance(error, langchain_errors.ModelError) else kind in TRANSIENT_ERRORS
    return passes and kind not in ("credit", "unbounded") and (read_retry_after(error) or 0.0) <= LONGEST_WAIT


def choose_wait(state: RetryCallState) -> float:
    """Return the seconds until the next try: what the provider asks for, else 1, 2, 4, ..."""
    error = state.outcome.exception() if state.outcome else None
    seconds = read_retry_after(error) if error else None
    return min(LONGEST_WAIT, 2.0 ** (state.attempt_number - 1)) if seconds is None else seconds
