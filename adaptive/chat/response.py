"""The response to one call of a chat model, read the same way whoever hosts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage

from adaptive._util.thinking_tags import ThinkingSplitter, join_parts
from adaptive.types.usage import Usage

ResponseFinish = Literal["stop", "length", "refusal", "tools"]

CHARACTERS_PER_TOKEN = 4
"""Of English text, by OpenAI's rule of thumb; used only if a provider reports no tokens."""

# How providers name an end, in lower case: OpenAI's two interfaces, Anthropic, Gemini, Bedrock and Ollama.
_LENGTH_REASONS = {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
_TOOL_REASONS = {"tool_calls", "tool_use", "function_call"}
_REFUSAL_REASONS = {
    "content_filter", "content_filtered", "refusal", "guardrail_intervened", "safety", "recitation", "blocklist",
    "prohibited_content", "spii", "language", "image_safety", "image_prohibited_content", "image_recitation",
}  # fmt: skip
_FINISH_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason", "status")
_REASONING_KEYS = ("reasoning", "flex_reasoning", "priority_reasoning")  # OpenAI's service tiers rename it
_THINKING_BLOCKS = {"thinking", "redacted_thinking", "reasoning", "non_standard"}  # a sealed one is thinking too
_SHOWING_PROVIDERS = {"anthropic", "google_genai"}  # if they report no count and no block, there was no thinking


@dataclass(frozen=True)
class ChatResponse:
    """The response to one call.

    Attributes:
        message: As the provider's integration built it, to be sent back unchanged.
        text: The visible text; of a refusal, its words.
        thinking: The reasoning or its summary; "" if the provider hides it.
        finish: How it ended.
        usage: What it spent.
        opened: Whether its text begins inside the thinking; None if that cannot be told.
    """

    message: AIMessage
    text: str
    thinking: str
    finish: ResponseFinish
    usage: Usage
    opened: bool | None = None

    @property
    def starved(self) -> bool:
        """Whether thinking used up the cap, so that there is no visible text."""
        return self.finish == "length" and not self.text.strip() and not self.message.tool_calls


def read_response(message: AIMessage, seconds: float = 0.0, *, opened: bool | None = None) -> ChatResponse:
    """Read the response in a message of any provider.

    Its usage is exact if the provider reports it; `estimated` names the figures that are not.

    Args:
        message: The message. Thinking in its text is split off by `adaptive._util.thinking_tags`.
        seconds: How long the call took.
        opened: Whether the model's replies begin inside the thinking. If so, one that was cut off before a closing
            tag is all thinking; a complete one without a closing tag is an answer.
    """
    finish = _classify_finish(message)
    splitter = ThinkingSplitter(True if opened and finish == "length" else None)
    tagged, text = join_parts([*splitter.feed(message.text), *splitter.finish()])
    thinking = "\n".join(part for part in (read_reasoning(message), tagged) if part)
    begins = True if splitter.closed_alone else False if text and finish == "stop" else None
    if finish == "refusal" and not text:
        text = _read_refusal(message)
    usage = _read_usage(message, thinking, text, seconds, is_tagged=bool(tagged))
    return ChatResponse(message, text, thinking, finish, usage, begins)


def read_finish_reason(message: AIMessage) -> str:
    """Return how the provider says that it ended, in lower case; "" if it does not say.

    OpenAI's Responses interface says `completed`, and gives a reason only if the response is incomplete.
    """
    data = message.response_metadata
    details = data.get("incomplete_details")
    if isinstance(details, Mapping) and details.get("reason"):
        return str(details["reason"]).lower()
    reason = next((str(data[key]).lower() for key in _FINISH_KEYS if data.get(key)), "")
    half = reason[: len(reason) // 2]
    # If several chunks of a stream name the reason, merging them doubles the word.
    return half if half and half + half == reason else reason


def _classify_finish(message: AIMessage) -> ResponseFinish:
    reason = read_finish_reason(message)
    if reason in _LENGTH_REASONS:
        return "length"
    if reason in _REFUSAL_REASONS or _read_refusal(message) or _is_blocked(message):
        return "refusal"
    return "tools" if message.tool_calls or reason in _TOOL_REASONS else "stop"


def _read_refusal(message: AIMessage) -> str:
    """Return the words of a refusal that is not part of the text."""
    words = [str(block.get("refusal") or "") for block in _list_blocks(message) if block.get("type") == "refusal"]
    return "\n".join(filter(None, words)) or str(message.additional_kwargs.get("refusal") or "")


def _list_blocks(message: AIMessage) -> list[dict[str, Any]]:
    return [b for b in message.content if isinstance(b, dict)] if isinstance(message.content, list) else []


def _is_blocked(message: AIMessage) -> bool:
    """Whether Gemini blocked the prompt: it then returns no candidate and no finish reason."""
    feedback = message.response_metadata.get("prompt_feedback")
    reason = feedback.get("block_reason") if isinstance(feedback, Mapping) else None
    return bool(reason) and not str(reason).upper().endswith("UNSPECIFIED")


def read_reasoning(message: AIMessage) -> str:
    """Return the reasoning, or its summary, that is not part of the text; "" if the provider hides it."""
    blocks = [str(b.get("reasoning") or "") for b in message.content_blocks if b["type"] == "reasoning"]
    if any(blocks):
        return "\n".join(filter(None, blocks))
    for field in ("reasoning_content", "reasoning"):
        reasoning = message.additional_kwargs.get(field)
        if isinstance(reasoning, str) and reasoning:
            return reasoning
    return ""


def _read_usage(message: AIMessage, thinking: str, text: str, seconds: float, *, is_tagged: bool) -> Usage:
    """Return what a message spent; `is_tagged`: whether there is thinking in its text."""
    reported = message.usage_metadata
    if reported is None:
        return Usage(
            thinking=estimate_tokens(thinking),
            answer=estimate_tokens(text),
            seconds=seconds,
            estimated=("answer", "prompt", "thinking"),
        )
    out, count = reported["output_tokens"], _count_reasoning_tokens(message)
    if is_tagged and not count:  # a server that does not tell thinking from text reports 0
        count = None
    tokens = _estimate_thinking(out, thinking, text) if count is None else min(count, out)
    return Usage(
        prompt=reported["input_tokens"],
        cached=reported.get("input_token_details", {}).get("cache_read") or 0,
        thinking=tokens,
        answer=out - tokens,
        seconds=seconds,
        estimated=("answer", "thinking") if count is None else (),
    )


def _count_reasoning_tokens(message: AIMessage) -> int | None:
    """Return the reasoning tokens that the provider counted; None if it did not count them."""
    usage: dict[str, Any] = dict(message.usage_metadata or {})
    details = usage.get("output_token_details") or {}
    counts: list[int] = [details[name] for name in _REASONING_KEYS if details.get(name) is not None]
    if counts:
        return sum(counts)
    has_thinking = any(block.get("type") in _THINKING_BLOCKS for block in _list_blocks(message))
    shows_thinking = message.response_metadata.get("model_provider") in _SHOWING_PROVIDERS
    return 0 if shows_thinking and not has_thinking else None


def _estimate_thinking(out: int, thinking: str, text: str) -> int:
    """Return how many of `out` tokens are thinking, by the length of the texts; 0 if no thinking is shown."""
    length = len(thinking) + len(text)
    return min(out, round(out * len(thinking) / length)) if length else 0


def estimate_tokens(text: str) -> int:
    """Return the tokens of a text, estimated by its length."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
