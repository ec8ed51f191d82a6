"""What is read of each provider's replies and sent to it beside an effort: a table that the tests run.

The replies have 2,000 tokens of prompt, 1,500 of them from a cache, 40 of thinking and 10 of answer, in the
provider's own form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.hosted.lever_table import Body

THINKING, ANSWER = "let me see", '{"addend": 4}'
COLUMNS = (
    "thinking shown", "thinking counted", "cached counted", "cost", "starvation", "images", "tools",
    "structured output", "streaming",
)  # fmt: skip


@dataclass(frozen=True)
class FeatureRow:
    """A client of `CLIENTS` with a model.

    reply: a whole reply, or one that its cap cut. price: the model's spec for prices; "" where it costs nothing.
    has: for each of `COLUMNS`.
    """

    client: str
    model: str
    reply: Callable[[bool], Body]
    price: str
    has: str
    path: str = r"/chat/completions"


def chat(**thinking: object) -> Callable[[bool], Body]:
    """A reply of Chat Completions; `thinking`: where the message has it."""

    def reply(cut: bool) -> Body:
        message = {"role": "assistant", "content": "" if cut else ANSWER, **thinking}
        usage = {
            "prompt_tokens": 2000, "completion_tokens": 50, "total_tokens": 2050,
            "prompt_tokens_details": {"cached_tokens": 1500},
            "completion_tokens_details": {"reasoning_tokens": 50 if cut else 40},
        }  # fmt: skip
        choice = {"index": 0, "message": message, "finish_reason": "length" if cut else "stop"}
        top = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": None}
        return {**top, "choices": [choice], "usage": usage}

    return reply


def counts_beside(reply: Callable[[bool], Body]) -> Callable[[bool], Body]:
    """The reply with the thinking beside the completion, as xAI counts (docs.x.ai, "Reasoning")."""

    def counted(cut: bool) -> Body:
        body = reply(cut)
        usage = body["usage"]
        thought = usage["completion_tokens_details"]["reasoning_tokens"]
        return {**body, "usage": {**usage, "completion_tokens": usage["completion_tokens"] - thought}}

    return counted


def responses(cut: bool) -> Body:
    summary = [{"type": "summary_text", "text": THINKING}]
    text = {"type": "output_text", "text": ANSWER, "annotations": []}
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": None,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "output": [{"id": "rs_1", "type": "reasoning", "summary": summary}, *([] if cut else [message])],
        "usage": {
            "input_tokens": 2000, "input_tokens_details": {"cached_tokens": 1500}, "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 50 if cut else 40}, "total_tokens": 2050,
        },
    }  # fmt: skip


def messages(cut: bool) -> Body:
    thinking = {"type": "thinking", "thinking": THINKING, "signature": "c2ln"}
    return {
        "id": "1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None,
        "stop_reason": "max_tokens" if cut else "end_turn",
        "content": [thinking, *([] if cut else [{"type": "text", "text": ANSWER}])],
        "usage": {
            "input_tokens": 500, "cache_read_input_tokens": 1500, "cache_creation_input_tokens": 0,
            "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 50 if cut else 40},
        },
    }  # fmt: skip


def gemini(cut: bool) -> Body:
    parts = [{"text": THINKING, "thought": True}, *([] if cut else [{"text": ANSWER}])]
    content = {"role": "model", "parts": parts}
    counts = {"promptTokenCount": 2000, "cachedContentTokenCount": 1500, "totalTokenCount": 2050}
    written = {"thoughtsTokenCount": 50} if cut else {"thoughtsTokenCount": 40, "candidatesTokenCount": 10}
    finish = "MAX_TOKENS" if cut else "STOP"
    return {"candidates": [{"content": content, "finishReason": finish}], "usageMetadata": {**counts, **written}}


def converse(cut: bool) -> Body:
    thinking = {"reasoningContent": {"reasoningText": {"text": THINKING, "signature": "c2ln"}}}
    content = [thinking, *([] if cut else [{"text": ANSWER}])]
    return {
        "output": {"message": {"role": "assistant", "content": content}}, "metrics": {"latencyMs": 1},
        "stopReason": "max_tokens" if cut else "end_turn",
        "usage": {"inputTokens": 500, "cacheReadInputTokens": 1500, "outputTokens": 50, "totalTokens": 2050},
    }  # fmt: skip


def ollama(cut: bool) -> Body:
    message = {"role": "assistant", "content": "" if cut else ANSWER, "thinking": THINKING}
    return {
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True,
        "done_reason": "length" if cut else "stop", "prompt_eval_count": 2000, "eval_count": 50,
    }  # fmt: skip


MISTRAL = [
    {"type": "thinking", "thinking": [{"type": "text", "text": THINKING}]},
    {"type": "text", "text": ANSWER},
]
FEATURES: tuple[FeatureRow, ...] = (
    FeatureRow("OpenAI", "gpt-5", chat(), "openai:gpt-5", "no yes yes yes yes yes yes yes yes"),
    FeatureRow(
        "OpenAI", "gpt-5.6-sol", responses, "openai:gpt-5.6-sol", "yes yes yes yes yes yes yes yes yes",
        r"/responses",
    ),
    FeatureRow("Azure", "gpt-5", chat(), "azure_openai:gpt-5", "no yes yes yes yes yes yes yes yes"),
    FeatureRow(
        "Anthropic", "claude-opus-5", messages, "anthropic:claude-opus-5", "yes yes yes yes yes yes yes yes yes",
        r"/v1/messages",
    ),
    FeatureRow(
        "Gemini", "gemini-3-flash-preview", gemini, "google_genai:gemini-3-flash-preview",
        "yes yes yes yes yes yes yes yes yes", r":generateContent",
    ),
    FeatureRow(
        "DeepSeek", "deepseek-v4-pro", chat(reasoning_content=THINKING), "deepseek:deepseek-v4-pro",
        "yes yes yes yes yes no yes yes yes",
    ),
    FeatureRow(
        "Groq", "openai/gpt-oss-120b", chat(reasoning=THINKING), "groq:openai/gpt-oss-120b",
        "yes yes yes yes yes no yes yes yes",
    ),
    FeatureRow(
        "Mistral", "mistral-small-latest", lambda cut: chat(content=MISTRAL[:1] if cut else MISTRAL)(cut),
        "mistralai:mistral-small-latest", "yes no yes yes yes yes yes yes yes",
    ),
    FeatureRow(
        "Bedrock", "us.anthropic.claude-opus-5", converse, "bedrock_converse:us.anthropic.claude-opus-5",
        "yes no yes yes yes yes yes yes yes", r"/converse",
    ),
    FeatureRow(
        "OpenRouter", "openai/gpt-5.4", chat(reasoning=THINKING), "openrouter:openai/gpt-5.4",
        "yes yes yes yes yes yes yes yes yes",
    ),
    FeatureRow(
        "xAI", "grok-4.3", counts_beside(chat(reasoning_content=THINKING)), "xai:grok-4.3",
        "yes yes yes yes yes yes yes yes yes",
    ),
    FeatureRow(
        "Together", "openai/gpt-oss-120b", chat(reasoning=THINKING), "together:openai/gpt-oss-120b",
        "yes yes yes yes yes yes yes yes yes",
    ),
    FeatureRow(
        "Fireworks", "accounts/fireworks/models/deepseek-v4-pro", chat(reasoning_content=THINKING),
        "fireworks:accounts/fireworks/models/deepseek-v4-pro", "yes yes yes yes yes yes yes yes yes",
    ),
    FeatureRow(
        "LiteLLM", "openai/gpt-5", chat(reasoning_content=THINKING), "litellm:openai/gpt-5",
        "yes yes yes yes yes yes yes yes yes",
    ),
    FeatureRow("Ollama", "qwen3", ollama, "ollama:qwen3", "yes no no no yes yes yes yes yes", r"/api/chat"),
)  # fmt: skip
"""Of each of `CLIENTS`; those whose package is not installed are skipped."""
