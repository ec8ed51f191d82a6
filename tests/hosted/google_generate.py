"""Gemini generateContent and streamGenerateContent: thoughts are counted beside the answer, not inside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from tests.hosted.script import Asked, Body, Fault, Said, pieces
from tests.hosted.wire import Wire, frame, images_in, text_of

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY", "filtered": "SAFETY", "tools": "STOP"}
_REFUSED = ("refusal", "filtered")
_ROLES = {"model": "assistant"}


def _asked(match: re.Match[str], headers: Mapping[str, str], body: Body) -> Asked:
    config = body.get("generationConfig") or {}
    thinking = {_camel(name): value for name, value in (config.get("thinkingConfig") or {}).items()}
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    system = [("system", text_of(body["systemInstruction"]["parts"]))] if "systemInstruction" in body else []
    parts = [content.get("parts") or [] for content in body["contents"]]
    roles = [_ROLES.get(content.get("role"), "user") for content in body["contents"]]
    return Asked(
        provider="google_genai",
        model=match["model"],
        messages=(*system, *zip(roles, (text_of(_said_parts(of)) for of in parts), strict=True)),
        effort=level.lower() if level else None,
        budget=None if budget == -1 else budget,
        cap=config.get("maxOutputTokens"),
        images=images_in(parts, ("inlineData", "fileData")),
        stream=match["call"].startswith("stream"),
        thinks=budget != 0,
        shows=bool(thinking.get("includeThoughts")),
        temperature=config.get("temperature"),
        seed=config.get("seed"),
        path=match.string,
        headers=headers,
        body=body,
    )


def _camel(name: str) -> str:
    """The client names these in either way, and the API takes both."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _said_parts(parts: list[Body]) -> list[Body]:
    return [part for part in parts if not part.get("thought")]


def _usage(said: Said) -> Body:
    """`candidatesTokenCount` is without the thoughts, and left out when there is no answer."""
    usage: Body = {"promptTokenCount": said.prompt, "totalTokenCount": said.prompt + said.completion}
    counts = {"cachedContentTokenCount": said.cached, "candidatesTokenCount": said.answered}
    counts["thoughtsTokenCount"] = said.thought
    return usage | {name: count for name, count in counts.items() if count} | dict(said.usage)


def _parts(said: Said) -> list[Body]:
    thoughts = [{"text": said.thinking, "thought": True}] if said.thinking else []
    answer = [{"text": said.answer}] if said.answer else []
    calls = [{"functionCall": {"name": tool.name, "args": tool.args}} for tool in said.tools]
    if said.thought and (answer or calls):  # a signature stands on the first part after the thoughts
        signature = base64.b64encode(f"{said.thought} tokens".encode()).decode()
        (answer or calls)[0]["thoughtSignature"] = signature
    return [*thoughts, *answer, *calls]


def _response(asked: Asked, said: Said, parts: list[Body], finish: str | None = None) -> Body:
    candidate: Body = {"index": 0}
    if said.finish not in _REFUSED:
        candidate["content"] = {"role": "model", **({"parts": parts} if parts else {})}
    if finish:
        candidate["finishReason"] = finish
    if finish == "SAFETY":
        rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
        candidate["safetyRatings"] = [rating]
    top = {"modelVersion": asked.model, "responseId": "response-1"}
    return {"candidates": [candidate], "usageMetadata": _usage(said), **top}


def _whole(asked: Asked, said: Said) -> Body:
    parts = [] if said.finish in _REFUSED else _parts(said)
    return _response(asked, said, parts, said.ending(_FINISH[said.finish]))


def _frames(asked: Asked, said: Said) -> list[str]:
    parts = [] if said.finish in _REFUSED else [piece for part in _parts(said) for piece in _pieces(part)]
    chunks = [_response(asked, said, [part]) for part in parts[:-1]]
    return [*map(frame, chunks), frame(_response(asked, said, parts[-1:], said.ending(_FINISH[said.finish])))]


def _pieces(part: Body) -> list[Body]:
    """The part word by word; a signature comes with the last."""
    if "text" not in part:
        return [part]
    signature = part.pop("thoughtSignature", None)
    made = [{**part, "text": piece} for piece in pieces(part["text"])]
    if signature:
        made[-1]["thoughtSignature"] = signature
    return made


_ERRORS = {
    "key": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "denied": (403, "PERMISSION_DENIED", "The caller does not have permission"),
    "context": (
        400, "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "quota": (
        429, "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.",
    ),
    "rate": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    "error": (500, "INTERNAL", "An internal error has occurred. Please retry."),
    "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "unavailable": (503, "UNAVAILABLE", "The service is currently unavailable."),
    "image": (400, "INVALID_ARGUMENT", "Image input modality is not enabled for models/{model}"),
    "budget": (400, "INVALID_ARGUMENT", "The thinking budget ({value}) is invalid."),
    "model": (
        404, "NOT_FOUND",
        "models/{model} is not found for API version v1beta, or is not supported for generateContent. "
        "Call ListModels to see the list of available models and their supported methods.",
    ),
}  # fmt: skip


def _problem(asked: Asked, fault: Fault) -> tuple[int, Body]:
    """Status and body, as quoted in issue threads (2024 to 2026). When to retry is in the details."""
    status, name, text = _ERRORS.get(fault.kind, (400, "INVALID_ARGUMENT", _invalid(fault)))
    text = fault.text or text.format(model=asked.model, value=fault.value)
    error: Body = {"code": status, "message": text, "status": name}
    types = "type.googleapis.com/google.rpc."
    if fault.kind == "rate" and fault.after:
        error["message"] += f" Please retry in {fault.after}s."
        error["details"] = [{"@type": f"{types}RetryInfo", "retryDelay": f"{fault.after}s"}]
    if fault.kind == "key":
        reason = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        error["details"] = [{"@type": f"{types}ErrorInfo", **reason}]
    return status, {"error": error}


def _invalid(fault: Fault) -> str:
    if fault.kind == "effort" and fault.allowed:
        text = f"Thinking level {fault.value.upper()} is not supported for this model."
        return f"{text} Please retry with other thinking level."
    if fault.kind == "effort":
        return "Thinking level is not supported for this model."
    return f"{fault.kind} is invalid."


GOOGLE = Wire(
    path=re.compile(
        r"/v1(?:beta)?/models/(?P<model>[^/:]+):(?P<call>generateContent|streamGenerateContent\?alt=sse)"
    ),
    keys=("x-goog-api-key",),
    asked=_asked,
    whole=_whole,
    frames=_frames,
    problem=_problem,
    broken=lambda asked, fault: frame(_problem(asked, fault)[1]),
    after=None,
)
