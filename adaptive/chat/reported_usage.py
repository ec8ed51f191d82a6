"""The usage of a call as its provider reports it: the one place where such figures enter.

A figure that cannot be (negative, absurd, a part that is more than its whole, none for a text that is there) is
unknown: it is estimated and marked, like one that is missing, and never stands in a result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

MOST_TOKENS = 10**9
"""More than any model reads or writes in a call."""
MOST_DOLLARS = 10**6
"""More than any call costs."""

_TIERS = ("flex", "priority", "batch")
"""Service tiers with prices of their own; langchain-openai puts the first two before the names of counts."""
_HOUR_KEY, _MINUTES_KEY = "ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens"  # Anthropic's two cache times


@dataclass(frozen=True)
class ReportedUsage:
    """Usage of one call; None if a figure is not known.

    Attributes:
        prompt: Tokens read.
        cached: Those of them that were in a cache; 0 if nothing is said of them.
        written: Those of them that were written to a cache, and `written_1h` those that stay an hour.
        output: Tokens written.
        reasoning: Those of them that are thinking.
        consistent: Whether the figures add up to the total, as far as there is one.
        cost: Dollars, if the provider says them.
        tier: The service tier with prices of its own; "" for the standard one.
    """

    prompt: int | None = None
    cached: int | None = None
    written: int | None = None
    written_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    consistent: bool = True
    cost: float | None = None
    tier: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether all that a cost depends on is known."""
        counts = (self.prompt, self.cached, self.written, self.output)
        return self.consistent and None not in counts


def read_reported_usage(message: AIMessage) -> ReportedUsage:
    """Return the usage that the provider reports of a message."""
    usage: Mapping[str, Any] = message.usage_metadata or {}
    read, written = (usage.get(f"{side}_token_details") or {} for side in ("input", "output"))
    if _sum_tiers(read, "cache_read", missing=-1) == -1:
        read = {**read, **_read_raw_cached(message.response_metadata)}
    prompt = read_count(usage.get("input_tokens")) or None  # every call reads something
    output = read_count(usage.get("output_tokens"))
    if output == 0 and (message.content or message.tool_calls):
        output = None
    reasoning = _sum_tiers(written, "reasoning")
    output, consistent = _fit_to_total(prompt, output, reasoning, usage.get("total_tokens"))
    cached, stored, hour = _read_cache(read, prompt)
    return ReportedUsage(
        prompt, cached, stored, hour, output, _limit_to(reasoning, output), consistent,
        _read_cost(message.response_metadata), _read_tier(message.response_metadata, {**read, **written}),
    )  # fmt: skip


def read_count(value: object) -> int | None:
    """Return a count of tokens; None if it cannot be one."""
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def _fit_to_total(
    prompt: int | None, output: int | None, reasoning: int | None, said: object
) -> tuple[int | None, bool]:
    """Return the output, and whether the figures add up to the total that is said.

    xAI and others count the reasoning beside the completion, which only the total shows.
    """
    if prompt is None or output is None or said is None:
        return output, said is None or read_count(said) is not None
    if said == prompt + output + (reasoning or 0):
        return output + (reasoning or 0), True
    return output, said == prompt + output


def _read_cache(details: Mapping[str, Any], prompt: int | None) -> tuple[int | None, int | None, int | None]:
    """Return the tokens that were read from a cache, written to one, and those of the latter that stay an hour."""
    read, written = (_sum_tiers(details, key, missing=0) for key in ("cache_read", "cache_creation"))
    hour, minutes = (read_count(details.get(key) or 0) for key in (_HOUR_KEY, _MINUTES_KEY))
    if read is None or written is None or hour is None or minutes is None:
        return _limit_to(read, prompt), None, None
    written = max(written, hour + minutes)
    return (None, None, None) if read + written > (prompt or 0) else (read, written, hour)


def _sum_tiers(details: Mapping[str, Any], key: str, missing: int | None = None) -> int | None:
    """Return a count over all tiers; None if one of them cannot be, `missing` if there is none."""
    names = (key, *(f"{tier}_{key}" for tier in _TIERS))
    counts = [read_count(details[name]) for name in names if details.get(name) is not None]
    if not counts:
        return missing
    return None if None in counts else sum(filter(None, counts))


def _read_raw_cached(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cached tokens of the provider's own usage beside the message, since LangChain drops Mistral's.

    The name is OpenAI's and Mistral's (docs.mistral.ai, "Prompt caching"; langchain-ai/langchain, pull 38385).
    langchain-mistralai 1.1 keeps nothing of a stream's usage but three counts.
    """
    usage = data.get("token_usage")
    details = usage.get("prompt_tokens_details") if isinstance(usage, Mapping) else None
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    return {} if cached is None else {"cache_read": cached}


def _read_cost(data: Mapping[str, Any]) -> float | None:
    """Return the dollars that a call cost, as OpenRouter says them; None if it cannot be a cost."""
    usage = data.get("token_usage")
    cost = data.get("cost", usage.get("cost") if isinstance(usage, Mapping) else None)
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if math.isfinite(cost) and 0 <= cost <= MOST_DOLLARS else None


def _read_tier(data: Mapping[str, Any], details: Iterable[str]) -> str:
    """Return the tier that a provider names beside the message, or in the names of its counts."""
    usage = data.get("usage")  # Anthropic's
    named = data.get("service_tier") or (usage.get("service_tier") if isinstance(usage, Mapping) else "")
    return next((tier for tier in _TIERS if tier == named or tier in details), "")


def _limit_to(part: int | None, whole: int | None) -> int | None:
    """Return a part of a count; None if it is more than the whole."""
    return None if part is None or part > (whole or 0) else part
