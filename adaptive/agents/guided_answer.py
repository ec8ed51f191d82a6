"""Structured output on a token engine: the answer is held to a JSON schema by the engine's guided decoding.

The thinking is free and budgeted as in every solve: only what follows it is guided.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from adaptive.errors import AdaptiveError

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
METHOD = "json_schema"
"""The one method of LangChain's that guided decoding is."""


def bind_guided_output(
    chat: BaseChatModel,
    name: str,
    schema: Any,
    *,
    include_raw: bool = False,
    method: str = METHOD,
    strict: bool | None = None,
) -> Runnable[Any, Any]:
    """Return the model bound to a schema, with the parser that `with_structured_output` of LangChain has.

    Args:
        chat: A `ChatAdaptive` on an engine that can guide.
        name: Its model, for error sentences.
        schema: A pydantic class, a `TypedDict` or a JSON schema.
        include_raw: Whether the message is returned too, and a failure beside it instead of being raised.
        method: Only "json_schema".
        strict: True or None: guided decoding is always strict.

    Raises:
        NotImplementedError: The method is another one, or the schema need not be kept.
        ValueError: The schema is none.
    """
    if method != METHOD or strict is False:
        asked = f"method={method!r}" if method != METHOD else "strict=False"
        raise NotImplementedError(f"{name} holds answers to a schema as they are generated, not by {asked}.")
    form = convert_to_json_schema(schema)
    parser: BaseOutputParser[Any] = JsonOutputParser()
    if is_basemodel_subclass(schema) if isinstance(schema, type) else False:
        parser = PydanticOutputParser(pydantic_object=schema)
    guided, parse = chat.bind(answer_schema=form), RunnableLambda(require_whole) | parser
    if not include_raw:
        return guided | parse
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parse, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=guided) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def require_whole(message: AIMessage) -> AIMessage:
    """Return the message of a guided answer; raise `AdaptiveError` if the room ended before the JSON was whole.

    LangChain's parsers would mend half of it.
    """
    if message.response_metadata["finish_reason"] != "stop":
        raise AdaptiveError(
            "no structured answer: the room for it was used up: ask for less, or raise max_tokens if it is set."
        )
    return message
