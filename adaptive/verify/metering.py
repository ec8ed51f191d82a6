"""Counts what chat models spend while something is verified, and keeps their tokens out of the caller's stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config, merge_configs, set_config_context

from adaptive._util.redact import redact_error
from adaptive.chat.reported_usage import read_reported_usage
from adaptive.prices import Prices, add_cost
from adaptive.types.usage import Usage
from adaptive.types.verdict import FREE, CannotTell
from adaptive.verify.external import OutOfTime, wait_within

T = TypeVar("T")

NOSTREAM = "nostream"
"""LangGraph's tag (`langgraph.constants.TAG_NOSTREAM`) for models whose tokens do not show in a stream."""

ESTIMATED_USAGE = Usage(estimated=("verifier",))
CHARACTERS_PER_TOKEN = 4  # of English text, by OpenAI's rule of thumb; used if a model reports no usage


class UsageCallbackHandler(BaseCallbackHandler):
    """Counts the tokens of every model call that runs under it, and what they cost.

    A call that reports no usage, was cut off or failed is estimated by its characters.

    Args:
        prices: The prices of tokens; list prices by default.
        spec: The model by which calls are priced; by default the one that LangChain says was called
            (`ls_provider:ls_model_name`).
    """

    run_inline = True  # in an executor's thread it would run after the verdict

    def __init__(self, prices: Prices | None = None, spec: str | None = None) -> None:
        self.prices, self.spec = prices or Prices(), spec
        self._models: dict[UUID, str] = {}
        self._calls: dict[UUID, Usage] = {}

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Estimate what a call that starts reads."""
        self._start_call(run_id, metadata, [_format_message(m) for batch in messages for m in batch])

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Do the same for a model that only completes text."""
        self._start_call(run_id, metadata, prompts)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        """Count what the model reports, or else estimate what it wrote too."""
        generations = [g for batch in response.generations for g in batch]
        messages = [g.message for g in generations if isinstance(g, ChatGeneration)]
        reported = [u for m in messages if isinstance(m, AIMessage) and (u := _read_reported_usage(m)) is not None]
        texts = [_format_message(m) for m in messages] or [g.text for g in generations]
        if reported:
            self._calls[run_id] = sum(reported[1:], reported[0])
        else:
            prompt = self._calls.get(run_id, ESTIMATED_USAGE)
            self._calls[run_id] = replace(prompt, answer=_estimate_tokens(texts))

    def sum_usage(self) -> Usage:
        """Return what was spent so far. The cost is unknown if a model's price is; without a call it is `FREE`."""
        calls = [add_cost(usage, self._models.get(call, ""), self.prices) for call, usage in self._calls.items()]
        if not calls:
            return FREE
        spent = sum(calls, FREE)
        return Usage(verifier=spent.total, cost=spent.cost, estimated=spent.estimated)

    def _start_call(self, run_id: UUID, metadata: dict[str, Any] | None, texts: Sequence[str]) -> None:
        labels = metadata or {}
        self._models[run_id] = self.spec or f"{labels.get('ls_provider', '')}:{labels.get('ls_model_name', '')}"
        self._calls[run_id] = replace(ESTIMATED_USAGE, prompt=_estimate_tokens(texts))


async def run_metered(
    work: Coroutine[Any, Any, T], who: str, seconds: float, handler: UsageCallbackHandler | None = None
) -> tuple[T, Usage]:
    """Run `work` and count its model calls, whose tokens do not show in the caller's stream.

    Args:
        work: The coroutine to run.
        who: What runs, for the message of an error.
        seconds: The time limit.
        handler: Counts the calls; by default at list prices.

    Returns:
        The result of `work`, and what its model calls spent.

    Raises:
        CannotTell: If `work` raises or exceeds the time limit. Its `usage` is what was spent.
    """
    handler = handler or UsageCallbackHandler()
    config = merge_configs(ensure_config(), {"callbacks": [handler], "tags": [NOSTREAM]})
    try:
        with set_config_context(config) as context:
            result = await wait_within(asyncio.get_running_loop().create_task(work, context=context), seconds)
    except OutOfTime:
        raise CannotTell(f"{who} took more than {seconds:g} s", handler.sum_usage()) from None
    except Exception as error:  # noqa: BLE001 -- a user's test and every provider have errors of their own
        # Not `from error`: its message may contain a key, and a traceback would show it.
        raise CannotTell(f"{who} raised {redact_error(error)}", handler.sum_usage()) from None
    return result, handler.sum_usage()


def _read_reported_usage(message: AIMessage) -> Usage | None:
    """Return the usage that a model reports of a call, tokens read and generated; None if it is not known."""
    reported = read_reported_usage(message)
    if reported.prompt is None or reported.output is None:
        return None
    return Usage(
        prompt=reported.prompt,
        cached=reported.cached or 0,
        written=reported.written or 0,
        written_1h=reported.written_1h or 0,
        answer=reported.output,
        cost=reported.cost,
        tier=reported.tier,
        estimated=() if reported.is_exact else ("verifier",),
    )


def _estimate_tokens(texts: Sequence[str]) -> int:
    return -(-sum(map(len, texts)) // CHARACTERS_PER_TOKEN)


def _format_message(message: BaseMessage) -> str:
    """Return a message's text and its tool calls as JSON, since structured output consists of them."""
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return str(message.text) + "".join(json.dumps(call["args"], default=str) for call in calls)
