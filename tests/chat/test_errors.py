"""What goes wrong, told in a sentence; what may pass by itself; how long to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core import exceptions as known

from adaptive.chat.error_details import read_error_message, read_error_text, read_retry_after
from adaptive.chat.errors import (
    UNUSABLE,
    ChatError,
    CutStreamError,
    RateLimitError,
    UnusableModelError,
    classify_error,
    explain_error,
    is_retryable,
)
from adaptive.errors import InputError


class ApiError(Exception):
    """As the clients of OpenAI and Anthropic raise them."""

    def __init__(self, message: str = "", status: int | None = None, body: Any = None, after: str = "") -> None:
        super().__init__(message)
        self.status_code, self.body = status, body
        self.response = httpx.Response(status or 200, headers={"Retry-After": after} if after else {})


class LimitedError(ApiError, known.ModelRateLimitError):
    """Over the rate limit."""


class ModelRefusalError(known.ModelError):
    """As newer versions of langchain-core have it."""


@pytest.mark.parametrize(
    ("error", "kind", "again"),
    [
        (known.ModelAuthenticationError(), "key", False),
        (known.ModelPermissionDeniedError(), "permission", False),
        (known.ModelNotFoundError(), "model", False),
        (known.ModelRateLimitError(), "rate", True),
        (known.ModelAPIError(), "server", True),
        (known.ModelConnectionError(), "connection", True),
        (RuntimeError("Event loop is closed"), "connection", True),
        (known.ModelTimeoutError(), "timeout", True),
        (known.ContextOverflowError(), "context", False),
        (known.ModelInvalidRequestError("bad"), "request", False),
        (ModelRefusalError(), "refusal", False),
        (CutStreamError(), "cut", True),
        (ApiError(status=401), "key", False),
        (ApiError(status=402), "credit", False),
        (ApiError(status=409), "request", False),
        (ApiError(status=429), "rate", True),
        (ApiError(status=500), "server", True),
        (ApiError(status=529), "server", True),
        (ApiError(body={"type": "error", "error": {"type": "overloaded_error"}}), "server", True),
        (ApiError(body={"code": "rate_limit_exceeded", "type": "tokens"}), "rate", True),
        (ApiError("insufficient_quota", 429), "credit", False),
        (LimitedError("", 429, {"code": "insufficient_quota"}), "credit", False),
        (ApiError("Your credit balance is too low", 400), "credit", False),
        (ApiError("", 400, {"code": "content_filter", "message": "no"}), "refusal", False),
        (ApiError("This model's maximum context length is 4096 tokens.", 400), "context", False),
        (ValueError("server_overloaded: try again"), "server", True),
        (ValueError("`temperature` is not supported"), "request", False),
        (httpx.ReadError("cut"), "connection", True),
        (httpx.ReadTimeout("late"), "timeout", True),
        (ConnectionResetError(), "connection", True),
        (TimeoutError(), "timeout", True),
        (TypeError("Could not resolve authentication method."), "no key", False),
        (json.JSONDecodeError("Expecting value", "<html>", 0), "reply", True),
        (AttributeError("'str' object has no attribute 'model_dump'"), "reply", True),
        (KeyError("choices"), "reply", True),
    ],
)
def test_kinds(error: Exception, kind: str, again: bool) -> None:
    assert (classify_error(error), is_retryable(error)) == (kind, again)
    told = explain_error(error, "openai:o4-mini")
    mended = kind not in ("rate", "server", "timeout", "connection", "cut", "reply", "other")
    ours = RateLimitError if kind == "rate" else ChatError
    assert type(told) is ((UnusableModelError if kind in UNUSABLE else InputError) if mended else ours)
    assert str(told).startswith("openai:o4-mini")
    assert str(told).endswith(".")
    assert "\n" not in str(told)


@pytest.mark.parametrize(
    ("error", "said"), [(ApiError("", 503), "status 503"), (known.ModelAPIError(), "it says no more")]
)
def test_a_failure_that_says_nothing_is_not_told_by_an_exceptions_name(error: Exception, said: str) -> None:
    assert str(explain_error(error, "openai:o4-mini")) == (
        f"openai:o4-mini has a failure of its own ({said}): try again later."
    )


def nested(depth: int) -> Any:
    body: Any = "deep"
    for _ in range(depth):
        body = {"error": [body]}
    return body


MISTRAL = httpx.Response(422, request=httpx.Request("POST", "https://api.mistral.ai/v1"))


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (ApiError("Error code: 422 None", 422, {"detail": "No."}), "request", "No"),
        (ApiError("", 422, {"detail": [{"loc": ["body", "a", 0], "msg": "No."}]}), "request", "a.0: No"),
        (ApiError("", 400, {"error": "No."}), "request", "No"),
        (ApiError("", 400, ["No.", "Nor this."]), "request", "No.; Nor this"),
        (ApiError("Error code: 400", 400, nested(900)), "request", "Error code: 400"),
        (ValueError({"message": "Provider returned error", "code": 502}), "server", "Provider returned error"),
        (ValueError({"message": "No.", "code": "429"}), "rate", "No"),
        (ValueError("ResponseError(code='server_error', message='Sorry.')"), "server", "Sorry"),
        (ValueError("code='rate_limit_exceeded' message='Slow down.'"), "rate", "Slow down"),
        (
            httpx.HTTPStatusError(
                'Error response 422 while fetching https://api.mistral.ai: {"object": "error", "message": '
                '{"detail": [{"loc": ["body", "reasoning_effort"], "msg": "Input should be high"}]}}',
                request=MISTRAL.request,
                response=MISTRAL,
            ),
            "request",
            "reasoning_effort: Input should be high",
        ),
    ],
)
def test_the_sentence_of_an_error_of_any_shape(error: Exception, kind: str, sentence: str) -> None:
    assert (classify_error(error), read_error_message(error)) == (kind, sentence)
    assert sentence in read_error_text(error)


def test_a_wait_that_is_far_off_is_a_time() -> None:
    told = str(explain_error(LimitedError("", 429, after="86400"), "openai:o4-mini"))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert f"it asks to wait until {tomorrow:%Y-%m-%d}" in told
    for endless in ("9" * 400, "1e9"):
        assert explain_error(LimitedError("", 429, after=endless), "openai:o4-mini")


@pytest.mark.parametrize(
    ("after", "seconds"), [("7", 7.0), ("0.5", 0.5), ("", None), ("soon", None), ("-3", None)]
)
def test_the_wait_that_is_asked_for(after: str, seconds: float | None) -> None:
    assert read_retry_after(ApiError(status=429, after=after)) == seconds


def test_a_wait_until_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    assert 30 < (read_retry_after(ApiError(status=429, after=at)) or 0) <= 40
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=40), usegmt=True)
    assert read_retry_after(ApiError(status=429, after=past)) == 0


def test_a_wait_that_is_too_long_is_not_waited_for() -> None:
    assert is_retryable(LimitedError("", 429, after="60"))
    assert not is_retryable(LimitedError("", 429, after="61"))


@pytest.mark.parametrize("kind", [LimitedError, ApiError])
@given(key=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=24, max_size=60))
def test_never_a_key(kind: Any, key: str) -> None:
    for status in (400, 401, 403, 429, 500, None):
        told = str(explain_error(kind(f"Bad api_key: sk-{key} was sent", status), "openai:o4-mini"))
        assert key not in told


def test_words_without_their_wrapping() -> None:
    wrapped = "Error calling model 'x': 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'Bad thing.'}}"
    assert read_error_message(Exception(wrapped)) == "Bad thing"
    assert read_error_message(ApiError("Error code: 400 - {...}", 400, {"message": "Bad thing."})) == "Bad thing"
