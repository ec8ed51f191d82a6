"""Counting what chat models spend while something is verified, and keeping their tokens to themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config, merge_configs, set_config_context

from adaptive._util.redact import redact_error
from adaptive.prices import Prices, add_cost
from adaptive.types.usage import Usage
from adaptive.types.verdict import FREE, CannotTell
from adaptive.verify.external import OutOfTime, wait_within

T = TypeVar("T")

NOSTREAM = "nostream"
"""LangGraph's tag (`langgraph.constants.TAG_NOSTREAM`) for models whose tokens are not shown in a stream."""

ESTIMATED_USAGE = Usage(estimated=("verifier",))
CHARACTERS_PER_TOKEN = 4  # of English text, by OpenAI's rule of thumb; only where a model reports no usage


class UsageCallbackHandler(BaseCallbackHandler):
    """The tokens of every model call that is made under it, and what they cost by `prices`.

    A call that reports no usage, was cut off or failed is estimated by its characters. The models are those that
    LangChain says were called (`ls_provider:ls_model_name`), or `spec` where that is given.
    """

    run_inline = True  # in an executor's thread it would come after the verdict

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
        """A call begins: what it reads, estimated."""
        self._begin_call(run_id, metadata, [_format_message(m) for batch in messages for m in batch])

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """A call of a model that only completes text begins: likewise."""
        self._begin_call(run_id, metadata, prompts)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        """A call is over: what the model reports, or what it wrote is estimated too."""
        made = [g for batch in response.generations for g in batch]
        messages = [g.message for g in made if isinstance(g, ChatGeneration)]
        reported = [m.usage_metadata for m in messages if isinstance(m, AIMessage) and m.usage_metadata]
        texts = [_format_message(m) for m in messages] or [g.text for g in made]
        read = self._calls.get(run_id, ESTIMATED_USAGE)
        self._calls[run_id] = (
            sum(map(_parse_usage, reported), Usage())
            if reported
            else replace(read, answer=_estimate_tokens(texts))
        )

    def sum_usage(self) -> Usage:
        """What was spent so far, its cost not known where a model's price is not; free where none was called."""
        paid = [add_cost(usage, self._models.get(call, ""), self.prices) for call, usage in self._calls.items()]
        if not paid:
            return FREE
        spent = sum(paid, FREE)
        return Usage(verifier=spent.total, cost=spent.cost, estimated=spent.estimated)

    def _begin_call(self, run_id: UUID, metadata: dict[str, Any] | None, texts: Sequence[str]) -> None:
        known = metadata or {}
        self._models[run_id] = self.spec or f"{known.get('ls_provider', '')}:{known.get('ls_model_name', '')}"
        self._calls[run_id] = replace(ESTIMATED_USAGE, prompt=_estimate_tokens(texts))


async def run_metered(
    work: Coroutine[Any, Any, T], who: str, seconds: float, spending: UsageCallbackHandler | None = None
) -> tuple[T, Usage]:
    """The result of `work`, and what the model calls in it spent; their tokens stay out of the caller's stream.

    spending: what counts them, at list prices where it is not given. Where `work` raises or takes more than
    `seconds`, `CannotTell`, with what was spent and `who` in the message.
    """
    spending = spending or UsageCallbackHandler()
    ours = merge_configs(ensure_config(), {"callbacks": [spending], "tags": [NOSTREAM]})
    try:
        with set_config_context(ours) as context:
            result = await wait_within(asyncio.get_running_loop().create_task(work, context=context), seconds)
    except OutOfTime:
        raise CannotTell(f"{who} took more than {seconds:g} s", spending.sum_usage()) from None
    except Exception as error:  # noqa: BLE001 -- a user's test and every provider have errors of their own
        # Not `from error`: what it says may hold a key, and a traceback would show it.
        raise CannotTell(f"{who} raised {redact_error(error)}", spending.sum_usage()) from None
    return result, spending.sum_usage()


def _parse_usage(reported: UsageMetadata) -> Usage:
    """What a model reports of a call, by what its tokens cost: those read, and those made."""
    cached = reported.get("input_token_details", {}).get("cache_read") or 0
    return Usage(prompt=reported["input_tokens"], cached=cached, answer=reported["output_tokens"])


def _estimate_tokens(texts: Sequence[str]) -> int:
    return -(-sum(map(len, texts)) // CHARACTERS_PER_TOKEN)


def _format_message(message: BaseMessage) -> str:
    """A message's text, and its tool calls as JSON: structured output is made of them."""
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return str(message.text) + "".join(json.dumps(call["args"], default=str) for call in calls)
