"""The four ways to call a chat model, as one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

WAYS = ("invoke", "ainvoke", "stream", "astream")


async def ask(chat: BaseChatModel, way: str, messages: Any, **settings: Any) -> AIMessage:
    """The whole message, however it came."""
    if way == "invoke":
        return chat.invoke(messages, **settings)
    if way == "ainvoke":
        return await chat.ainvoke(messages, **settings)
    if way == "stream":
        return _whole(chat.stream(messages, **settings))
    return _whole([chunk async for chunk in chat.astream(messages, **settings)])


def _whole(chunks: Iterable[Any]) -> Any:
    return reduce(add, chunks)
