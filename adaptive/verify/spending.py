"""Counting what chat models spend while something is verified, and keeping their tokens to themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config, merge_configs, set_config_context

from adaptive.attempt import Usage
from adaptive.verify.outside import FREE, CannotTell, OutOfTime, within
from adaptive.verify.said import said

T = TypeVar("T")

NOSTREAM = "nostream"
"""LangGraph's tag (`langgraph.constants.TAG_NOSTREAM`) for models whose tokens are not shown in a stream."""

CHARACTERS_PER_TOKEN = 4  # of English text, by OpenAI's rule of thumb; only where a model reports no usage


class Spending(BaseCallbackHandler):
    """The tokens of every model call that is made under it.

    A call that reports no usage, was cut off or failed is estimated by its characters.
    """

    run_inline = True  # in an executor's thread it would come after the verdict

    def __init__(self) -> None:
        self._tokens: dict[UUID, int] = {}
        self._estimated: set[UUID] = set()

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **more: Any
    ) -> None:
        """A call begins: what it reads, estimated."""
        self._estimate(run_id, [_written(m) for batch in messages for m in batch])

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **more: Any) -> None:
        """A call of a model that only completes text begins: likewise."""
        self._estimate(run_id, prompts)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        """A call is over: what the model reports, or what it wrote is estimated too."""
        made = [g for batch in response.generations for g in batch]
        messages = [g.message for g in made if isinstance(g, ChatGeneration)]
        usages = [m.usage_metadata for m in messages if isinstance(m, AIMessage) and m.usage_metadata]
        if usages:
            self._tokens[run_id] = sum(u["input_tokens"] + u["output_tokens"] for u in usages)
            self._estimated.discard(run_id)
        else:
            self._estimate(run_id, [_written(m) for m in messages] or [g.text for g in made])

    def usage(self) -> Usage:
        """What was spent so far, at a price that is not known; free where no model was called."""
        if not self._tokens:
            return FREE
        return Usage(
            verifier=sum(self._tokens.values()), estimated=("verifier",) if self._estimated else (), cost=None
        )

    def _estimate(self, run_id: UUID, texts: Sequence[str]) -> None:
        tokens = -(-sum(map(len, texts)) // CHARACTERS_PER_TOKEN)
        self._tokens[run_id] = self._tokens.get(run_id, 0) + tokens
        self._estimated.add(run_id)


async def counted(work: Coroutine[Any, Any, T], who: str, seconds: float) -> tuple[T, Usage]:
    """The result of `work`, and what the model calls in it spent; their tokens stay out of the caller's stream.

    Where it raises or takes more than `seconds`, `CannotTell`, with what was spent and `who` in the message.
    """
    spending = Spending()
    ours = merge_configs(ensure_config(), {"callbacks": [spending], "tags": [NOSTREAM]})
    try:
        with set_config_context(ours) as context:
            result = await within(asyncio.get_running_loop().create_task(work, context=context), seconds)
    except OutOfTime:
        raise CannotTell(f"{who} took more than {seconds:g} s", spending.usage()) from None
    except Exception as error:  # noqa: BLE001 -- a user's test and every provider have errors of their own
        # Not `from error`: what it says may hold a key, and a traceback would show it.
        raise CannotTell(f"{who} raised {said(error)}", spending.usage()) from None
    return result, spending.usage()


def _written(message: BaseMessage) -> str:
    """A message's text, and its tool calls as JSON: structured output is made of them."""
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return str(message.text) + "".join(json.dumps(call["args"], default=str) for call in calls)
