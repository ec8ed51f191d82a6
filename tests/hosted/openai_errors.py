"""OpenAI's and Azure's errors, as quoted in issue threads (2023 to 2026)."""

from __future__ import annotations

from tests.hosted.script import Asked, Body, Fault
from tests.hosted.wire import quoted

_STATUS = {
    "key": 401,
    "denied": 403,
    "model": 404,
    "quota": 429,
    "rate": 429,
    "error": 500,
    "overloaded": 503,
    "unavailable": 503,
}
_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 "
    "minutes, please wait a moment and try again."
)


def problem(asked: Asked, fault: Fault) -> tuple[int, Body]:
    """Status and body: `{"error": {"message", "type", "param", "code"}}`; less where Azure's gateway answers."""
    status = _STATUS.get(fault.kind, 400)
    if asked.provider == "azure_openai" and fault.kind in ("key", "model"):
        code, text = ("401", _DENIED) if fault.kind == "key" else ("DeploymentNotFound", _NO_DEPLOYMENT)
        return status, {"error": {"code": code, "message": fault.text or text}}
    text, kind, param, code = _error(asked, fault)
    return status, {"error": {"message": fault.text or text, "type": kind, "param": param, "code": code}}


def _error(asked: Asked, fault: Fault) -> tuple[str, str, str | None, str | None]:
    """Message, type, param, code."""
    invalid = "invalid_request_error"
    match fault.kind:
        case "effort" | "temperature":
            return _unsupported(asked, fault)
        case "cap":
            more = "Use 'max_completion_tokens' instead."
            text = f"Unsupported parameter: 'max_tokens' is not supported with this model. {more}"
            return text, invalid, "max_tokens", "unsupported_parameter"
        case "image":
            return (
                "Invalid content type. image_url is only supported by certain models.",
                invalid,
                "messages",
                None,
            )
        case "key":
            known = asked.headers.get("authorization", "").removeprefix("Bearer ")
            shown = f"{known[:3]}{'*' * 8}{known[-4:]}"
            more = "You can find your API key at https://platform.openai.com/account/api-keys."
            return f"Incorrect API key provided: {shown}. {more}", invalid, None, "invalid_api_key"
        case "model":
            text = f"The model `{asked.model}` does not exist or you do not have access to it."
            return text, invalid, None, "model_not_found"
        case "rate":
            text = f"Rate limit reached for {asked.model} on tokens per min (TPM)."
            more = f" Please try again in {fault.after}s." if fault.after else ""
            return f"{text}{more}", "tokens", None, "rate_limit_exceeded"
        case "quota":
            text = "You exceeded your current quota, please check your plan and billing details."
            return text, "insufficient_quota", None, "insufficient_quota"
        case "denied":
            text = f"Project `proj_1` does not have access to model `{asked.model}`"
            return text, invalid, None, "model_not_found"
        case "context":
            responses = asked.provider == "openai_responses"
            text = "Your input exceeds the context window of this model. Please adjust your input and try again."
            if not responses:
                text = "This model's maximum context length is 128000 tokens. However, you requested more."
            return text, invalid, "input" if responses else "messages", "context_length_exceeded"
        case "overloaded" | "unavailable":
            text = "The engine is currently overloaded, please try again later."
            return text, "server_error", None, "server_overloaded"
        case "error":
            text = "The server had an error while processing your request. Sorry about that!"
            return text, "server_error", None, "server_error"
    return "Invalid request.", invalid, None, None


def _unsupported(asked: Asked, fault: Fault) -> tuple[str, str, str | None, str | None]:
    responses = asked.provider == "openai_responses"
    param = fault.kind if fault.kind != "effort" else "reasoning.effort" if responses else "reasoning_effort"
    if not fault.allowed:
        text = f"Unsupported parameter: '{param}' is not supported with this model."
        return text, "invalid_request_error", param, "unsupported_parameter"
    if fault.kind == "temperature":
        right = f"Only the default ({fault.allowed[0]}) value is supported."
        text = f"Unsupported value: 'temperature' does not support {fault.value} with this model. {right}"
    elif responses:
        right = f"Supported values are: {quoted(fault.allowed)}."
        text = f"Unsupported value: '{fault.value}' is not supported with the '{asked.model}' model. {right}"
    else:
        right = f"Supported values are: {quoted(fault.allowed)}."
        text = f"Unsupported value: '{param}' does not support '{fault.value}' with this model. {right}"
    return text, "invalid_request_error", param, "unsupported_value"
