"""The response to one call of a chat model, read the same way whoever hosts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from adaptive._util.surrogates import mend_surrogates
from adaptive._util.thinking_tags import ThinkingSplitter, join_parts
from adaptive.chat.reported_usage import ReportedUsage, read_reported_usage
from adaptive.types.usage import Usage

ResponseFinish = Literal["stop", "length", "refusal", "tools", "failed"]

CHARACTERS_PER_TOKEN = 4
"""Of English text, by OpenAI's rule of thumb; used only if a provider reports no tokens."""

# How providers name an end, in lower case: OpenAI's two interfaces, Anthropic, Gemini, Bedrock and Ollama.
_LENGTH_REASONS = {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
_TOOL_REASONS = {"tool_calls", "tool_use", "function_call"}
_REFUSAL_REASONS = {
    "content_filter", "content_filtered", "refusal", "guardrail_intervened", "safety", "recitation", "blocklist",
    "prohibited_content", "spii", "language", "image_safety", "image_prohibited_content", "image_recitation",
}  # fmt: skip
_FAILURE_REASONS = {
    "error", "failed", "cancelled", "insufficient_system_resource", "malformed_function_call",
    "malformed_response", "unexpected_tool_call", "finish_reason_unspecified", "other",
}  # fmt: skip
_FINISH_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason", "status")
_REQUIRED_FINISH_KEYS = ("finish_reason", "stop_reason")
# A sealed one is thinking too; the last is Bedrock's.
_THINKING_BLOCKS = {"thinking", "redacted_thinking", "reasoning", "non_standard", "reasoning_content"}
_SHOWING_PROVIDERS = {"anthropic", "google_genai"}  # if they report no count and no block, there was no thinking


@dataclass(frozen=True)
class ChatResponse:
    """The response to one call.

    Attributes:
        message: As the provider's integration built it, to be sent back unchanged.
        text: The visible text; of a refusal, its words.
        thinking: The reasoning or its summary; "" if the provider hides it.
        finish: How it ended; "failed" if the provider failed, or gives neither an answer nor a reason.
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
    def thinking_tokens(self) -> int:
        """Tokens of thinking; if they are not counted apart, all tokens less those of the visible text, estimated.

        For decisions on the next call, not for figures.
        """
        counted, generated = self.usage.thinking, self.usage.generated
        return max(0, generated - estimate_tokens(self.text)) if counted is None else counted

    @property
    def answer_tokens(self) -> int:
        """The rest of the generated tokens."""
        return self.usage.generated - self.thinking_tokens

    @property
    def starved(self) -> bool:
        """Whether thinking used up the cap, so that there is no visible text."""
        return self.finish == "length" and not self.text.strip() and not self.message.tool_calls


def read_response(message: AIMessage, seconds: float = 0.0, *, opened: bool | None = None) -> ChatResponse:
    """Read the response in a message of any provider.

    Its usage is exact if the provider reports it; `estimated` names the figures that are not. Thinking that is not
    counted apart is unknown, and its tokens are among those of the answer. Half a character becomes U+FFFD.

    Args:
        message: The message. Thinking in its text is split off by `adaptive._util.thinking_tags`.
        seconds: How long the call took.
        opened: Whether the model's replies begin inside the thinking. If so, one that was cut off before a closing
            tag is all thinking; a complete one without a closing tag is an answer.
    """
    message = mend_message(message)
    finish = classify_finish(message)
    splitter = ThinkingSplitter(True if opened and finish == "length" else None)
    tagged, text = join_parts([*splitter.feed(message.text), *splitter.finish()])
    thinking = "\n".join(part for part in (read_reasoning(message), tagged) if part)
    begins = True if splitter.closed_alone else False if text and finish == "stop" else None
    if finish == "refusal" and not text:
        text = _read_refusal(message)
    usage = _read_usage(message, thinking, text, seconds, is_tagged=bool(tagged))
    return ChatResponse(message, text, thinking, finish, usage, begins)


def mend_message(message: AIMessage) -> AIMessage:
    """Return the message with texts that can be written; half a character would be lost with the whole answer."""
    texts = {name: getattr(message, name) for name in ("content", "additional_kwargs", "tool_calls")}
    mended = mend_surrogates(texts)
    return message if mended == texts else message.model_copy(update=mended)


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


def classify_finish(message: AIMessage) -> ResponseFinish:
    """Return how a reply ended, whatever its provider calls it."""
    reason = read_finish_reason(message)
    if reason in _LENGTH_REASONS:
        return "length"
    if reason in _REFUSAL_REASONS or _read_refusal(message) or _is_blocked(message):
        return "refusal"
    if reason in _FAILURE_REASONS:
        return "failed"
    if message.tool_calls or reason in _TOOL_REASONS:
        return "tools"
    # No key at all is a client's way, or an older server's; an empty one is what the provider says.
    is_empty = any(key in message.response_metadata for key in _REQUIRED_FINISH_KEYS)
    return "stop" if reason or (message.text and not is_empty) else "failed"


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
    reported = read_reported_usage(message)
    count = _find_thinking_count(message, reported)
    if is_tagged and not count:  # a server that does not tell thinking from text reports 0
        count = None
    out = estimate_tokens(thinking) + estimate_tokens(text) if reported.output is None else reported.output
    estimated = {name for name in ("prompt", "cached", "written") if getattr(reported, name) is None}
    if reported.output is None or not reported.consistent:
        estimated |= {"answer"} if count is None else {"answer", "thinking"}
    if not reported.consistent:
        estimated.add("prompt")
    return Usage(
        prompt=reported.prompt or 0,
        cached=reported.cached or 0,
        written=reported.written or 0,
        written_1h=reported.written_1h or 0,
        thinking=count,
        answer=out - (count or 0),
        seconds=seconds,
        cost=reported.cost,
        tier=reported.tier,
        estimated=tuple(sorted(estimated)),
    )


def resumes_bare(messages: Sequence[BaseMessage]) -> bool:
    """Return whether a conversation goes on with the results of a tool call that came without thinking.

    A tool loop is one turn of the model's: its first message says whether the turn thinks.
    """
    turn: list[AIMessage] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage):
            turn.append(message)
    return bool(turn and turn[-1].tool_calls) and not _has_thinking(turn[-1])


def _has_thinking(message: AIMessage) -> bool:
    return any(block.get("type") in _THINKING_BLOCKS for block in _list_blocks(message))


def _find_thinking_count(message: AIMessage, reported: ReportedUsage) -> int | None:
    """Return the tokens of thinking; None if the provider does not count them."""
    if reported.reasoning is not None or reported.output is None:
        return reported.reasoning
    shows_thinking = message.response_metadata.get("model_provider") in _SHOWING_PROVIDERS
    return 0 if shows_thinking and not _has_thinking(message) else None


def estimate_prompt(messages: Sequence[BaseMessage]) -> int:
    """Return the tokens of a conversation, estimated by the length of its texts."""
    return estimate_tokens("".join(str(message.text) for message in messages))


def estimate_tokens(text: str) -> int:
    """Return the tokens of a text, estimated by its length."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
