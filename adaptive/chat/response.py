"""A turn: what one call of a chat model brought, read the same way whoever hosts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage

from adaptive.types.usage import Usage

ResponseFinish = Literal["stop", "length", "refusal", "tools"]

CHARACTERS_PER_TOKEN = 4  # of English text, by OpenAI's rule of thumb; only where a provider reports no tokens

# How providers name an end, in lower case: OpenAI's two interfaces, Anthropic, Gemini, Bedrock and Ollama.
_LENGTH_REASONS = {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
_TOOL_REASONS = {"tool_calls", "tool_use", "function_call"}
_REFUSAL_REASONS = {
    "content_filter", "content_filtered", "refusal", "guardrail_intervened", "safety", "recitation", "blocklist",
    "prohibited_content", "spii", "language", "image_safety", "image_prohibited_content", "image_recitation",
}  # fmt: skip
_FINISH_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
_REASONING_KEYS = ("reasoning", "flex_reasoning", "priority_reasoning")  # OpenAI's service tiers rename it
_SHOWING_PROVIDERS = {"anthropic", "google_genai"}  # no count and no block of thinking: there was none


@dataclass(frozen=True)
class ChatResponse:
    """What one call brought.

    message: as the provider's integration gave it, to be sent back unchanged. text: what is visible; in a refusal
    the words of it. thinking: the reasoning or its summary, "" where the provider hides it.
    """

    message: AIMessage
    text: str
    thinking: str
    finish: ResponseFinish
    usage: Usage

    @property
    def starved(self) -> bool:
        """Whether thinking ate the room and nothing visible came out."""
        return self.finish == "length" and not self.text.strip() and not self.message.tool_calls


def read_response(message: AIMessage, seconds: float = 0.0) -> ChatResponse:
    """The turn in a message of any provider; `seconds` is what the call took.

    Its usage is exact where the provider gives it, and its `estimated` names the figures that are not.
    """
    thought, text = split_thinking(message.text)
    thinking = "\n".join(part for part in (read_reasoning(message), thought) if part)
    finish = _classify_finish(message)
    if finish == "refusal" and not text:
        text = _read_refusal(message)
    return ChatResponse(message, text, thinking, finish, _read_usage(message, thinking, text, seconds))


def read_finish_reason(message: AIMessage) -> str:
    """How the provider says that it ended, in lower case; "" where it does not say.

    OpenAI's Responses interface says `completed`, and a reason only where it is incomplete.
    """
    data = message.response_metadata
    details = data.get("incomplete_details")
    if isinstance(details, Mapping) and details.get("reason"):
        return str(details["reason"]).lower()
    said = next((str(data[key]).lower() for key in (*_FINISH_KEYS, "status") if data.get(key)), "")
    half = said[: len(said) // 2]
    # Chunks of a stream that each say it are merged into one word twice.
    return half if half and half + half == said else said


def estimate_tokens(text: str) -> int:
    """The tokens of a text, by its length."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _classify_finish(message: AIMessage) -> ResponseFinish:
    end = read_finish_reason(message)
    if end in _LENGTH_REASONS:
        return "length"
    if end in _REFUSAL_REASONS or _read_refusal(message) or _is_blocked(message):
        return "refusal"
    return "tools" if message.tool_calls or end in _TOOL_REASONS else "stop"


def _read_refusal(message: AIMessage) -> str:
    """The words of a refusal that stands apart from the text."""
    blocks = [b for b in message.content if isinstance(b, dict)] if isinstance(message.content, list) else []
    words = [str(b.get("refusal") or "") for b in blocks if b.get("type") == "refusal"]
    return "\n".join(filter(None, words)) or str(message.additional_kwargs.get("refusal") or "")


def _is_blocked(message: AIMessage) -> bool:
    """Whether Gemini blocked the prompt: it then gives no candidate and no finish."""
    feedback = message.response_metadata.get("prompt_feedback")
    reason = feedback.get("block_reason") if isinstance(feedback, Mapping) else None
    return bool(reason) and not str(reason).upper().endswith("UNSPECIFIED")


def _read_usage(message: AIMessage, thinking: str, text: str, seconds: float) -> Usage:
    given = message.usage_metadata
    if given is None:
        return Usage(
            thinking=estimate_tokens(thinking),
            answer=estimate_tokens(text),
            seconds=seconds,
            estimated=("answer", "prompt", "thinking"),
        )
    out, count = given["output_tokens"], _count_reasoning_tokens(message)
    guessed = count is None
    tokens = _estimate_thinking(out, thinking, text) if count is None else min(count, out)
    return Usage(
        prompt=given["input_tokens"],
        cached=given.get("input_token_details", {}).get("cache_read") or 0,
        thinking=tokens,
        answer=out - tokens,
        seconds=seconds,
        estimated=("answer", "thinking") if guessed else (),
    )


def _count_reasoning_tokens(message: AIMessage) -> int | None:
    """The reasoning tokens that the provider counted; None where it did not count them."""
    usage: dict[str, Any] = dict(message.usage_metadata or {})
    details = usage.get("output_token_details") or {}
    known: list[int] = [details[name] for name in _REASONING_KEYS if details.get(name) is not None]
    if known:
        return sum(known)
    provider = message.response_metadata.get("model_provider")
    return 0 if provider in _SHOWING_PROVIDERS and not _has_thinking(message) else None


def _has_thinking(message: AIMessage) -> bool:
    """Whether there is a block of thinking, if only a sealed one."""
    blocks = message.content if isinstance(message.content, list) else []
    kinds = {b.get("type") for b in blocks if isinstance(b, dict)}
    return bool(kinds & {"thinking", "redacted_thinking", "reasoning", "non_standard"})


def _estimate_thinking(out: int, thinking: str, text: str) -> int:
    """The part of `out` tokens that thinking took, by the length of the texts; 0 where no thinking is shown."""
    length = len(thinking) + len(text)
    return min(out, round(out * len(thinking) / length)) if length else 0


OPEN_TAG, CLOSE_TAG = "<think>", "</think>"


def read_reasoning(message: AIMessage) -> str:
    """The reasoning, or its summary, that stands apart from the text: "" where the provider hides it."""
    blocks = [str(b.get("reasoning") or "") for b in message.content_blocks if b["type"] == "reasoning"]
    if any(blocks):
        return "\n".join(filter(None, blocks))
    for field in ("reasoning_content", "reasoning"):
        beside = message.additional_kwargs.get(field)
        if isinstance(beside, str) and beside:
            return beside
    return ""


def split_thinking(text: str) -> tuple[str, str]:
    """Thinking and answer of a text that opens with thinking in tags: of a server without a reasoning parser.

    Only tags at the very beginning count: an answer may speak of them.
    """
    start = text.lstrip()
    if not start.startswith(OPEN_TAG):
        return "", text
    thinking, _, answer = start[len(OPEN_TAG) :].partition(CLOSE_TAG)
    return thinking.strip(), answer.lstrip()
