"""OpenAI's format with nothing lost: LangChain drops the reasoning of compatible servers, and streamed refusals.

`ChatOpenAI` reads only what is in OpenAI's own specification, by its maintainers' choice (its module's docstring):
`reasoning_content` and `reasoning`, as vLLM, SGLang and DeepSeek name them, are not. And a structured answer that
the cap cut comes as an error of OpenAI's client, which has its usage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.messages.ai import OutputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGenerationChunk

from adaptive.chat.error_details import list_class_names
from adaptive.chat.errors import UnreadableReplyError
from adaptive.chat.streamed_usage import COST_KEY, fix_async_stream, fix_stream

_REASONING_FIELDS = ("reasoning_content", "reasoning")


class _LosslessOpenAI:
    """An OpenAI chat class that also puts the reasoning and the refusal beside the content.

    Usage that LangChain's types do not take is left out: it would end the call, and the answer be lost. In a
    stream it is made what each chunk adds.
    """

    def _get_request_payload(self, input_: Any, **more: Any) -> Any:
        payload = super()._get_request_payload(input_, **more)  # type: ignore[misc]
        if _is_deepseek(self) and "messages" in payload:
            _send_reasoning_back(payload["messages"], self._convert_input(input_).to_messages())  # type: ignore[attr-defined]
        return payload

    def _stream(self, *args: Any, **more: Any) -> Iterator[ChatGenerationChunk]:
        return fix_stream(super()._stream(*args, **more))  # type: ignore[misc]

    def _astream(self, *args: Any, **more: Any) -> AsyncIterator[ChatGenerationChunk]:
        return fix_async_stream(super()._astream(*args, **more))  # type: ignore[misc]

    def _create_chat_result(self, response: Any, generation_info: Any = None) -> Any:
        if not _is_readable_usage(_get(response, "usage")):
            response = {**response, "usage": None} if isinstance(response, dict) else _without_usage(response)
        data = _to_dict(response)
        if data is not None and not data.get("choices") and not data.get("error"):
            raise UnreadableReplyError("a reply without choices")
        result = super()._create_chat_result(response, generation_info)  # type: ignore[misc]
        for generation, choice in zip(result.generations, (data or {}).get("choices") or [], strict=False):
            _copy_reasoning(generation.message, choice.get("message"))
        return result

    def _convert_chunk_to_generation_chunk(self, chunk: Any, *more: Any) -> Any:
        if not _is_readable_usage(chunk.get("usage")):
            chunk = {**chunk, "usage": None}
        generation = super()._convert_chunk_to_generation_chunk(chunk, *more)  # type: ignore[misc]
        choices = chunk.get("choices") or (chunk.get("chunk") or {}).get("choices")
        if generation is not None and choices:
            _copy_reasoning(generation.message, choices[0].get("delta"))
        ends = not choices or choices[0].get("finish_reason")
        if generation is not None and ends and (cost := _get(chunk.get("usage"), "cost")) is not None:
            generation.message.response_metadata[COST_KEY] = cost
        return generation


_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS = {
    "prompt_tokens_details": ("cached_tokens", "audio_tokens", "cache_write_tokens"),
    "completion_tokens_details": ("reasoning_tokens", "audio_tokens"),
}


def _is_readable_usage(usage: Any) -> bool:
    """Return whether every count is a whole number, or missing."""
    if usage is None:
        return True
    details = [(_get(usage, name), names) for name, names in _DETAILS.items()]
    if isinstance(usage, str | int | list) or any(isinstance(one, str | int | list) for one, _ in details):
        return False
    counts = [_get(usage, name) for name in _COUNTS]
    counts += [_get(detail, name) for detail, names in details if detail is not None for name in names]
    return all(type(count) in (int, type(None)) for count in counts)


def _get(value: Any, name: str) -> Any:
    """Return an entry of a mapping, or an attribute of an object of OpenAI's client."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _to_dict(response: Any) -> dict[str, Any] | None:
    """Return a reply as a dict; None if it is no object, which LangChain explains."""
    if isinstance(response, dict):
        return response
    # Warnings are about the structured answer, which OpenAI's client puts where its own types have no field.
    return response.model_dump(warnings=False) if hasattr(response, "model_dump") else None


def _without_usage(response: Any) -> Any:
    return response.model_copy(update={"usage": None}) if hasattr(response, "model_copy") else response


def keep_reasoning(chat: BaseChatModel) -> BaseChatModel:
    """Return a copy that loses nothing if the model speaks OpenAI's format, else the model itself.

    The copy shares the model's clients.
    """
    speaks_openai = any(kind.__name__ == "BaseChatOpenAI" for kind in type(chat).__mro__)
    if not speaks_openai or isinstance(chat, _LosslessOpenAI):
        return chat
    copy = chat.model_copy()
    # Building it again from its fields would make other clients, and lose what it was built with besides them.
    copy.__class__ = _build_lossless_class(type(chat))
    return copy


@cache
def _build_lossless_class(kind: type[BaseChatModel]) -> type[BaseChatModel]:
    return type(kind.__name__, (_LosslessOpenAI, kind), {"__module__": kind.__module__})


def _is_deepseek(chat: Any) -> bool:
    """Return whether a model is DeepSeek's own, by its class or its address."""
    return "ChatDeepSeek" in list_class_names(chat) or "api.deepseek.com" in str(chat.openai_api_base)


def _send_reasoning_back(sent: Sequence[dict[str, Any]], messages: Sequence[AnyMessage]) -> None:
    """Put the reasoning of tool calls into a request: DeepSeek refuses a tool's result without it.

    Of other turns it wants none (api-docs.deepseek.com/guides/thinking_mode, "Tool Calls").
    """
    for one, message in zip(sent, messages, strict=True):
        reasoning = message.additional_kwargs.get("reasoning_content")
        if isinstance(message, AIMessage) and message.tool_calls and reasoning:
            one["reasoning_content"] = reasoning


def _copy_reasoning(message: Any, source: Any) -> None:
    """Copy reasoning and refusal of a raw message beside the content, unless they are there already."""
    if not isinstance(source, Mapping):
        return
    beside = message.additional_kwargs
    reasoning = next((source[field] for field in _REASONING_FIELDS if isinstance(source.get(field), str)), None)
    if reasoning and "reasoning_content" not in beside:
        beside["reasoning_content"] = reasoning
    if isinstance(source.get("refusal"), str) and "refusal" not in beside:
        beside["refusal"] = source["refusal"]


def recover_cut_message(error: BaseException) -> AIMessage | None:
    """Return the message of a structured answer that the cap cut; None for any other error.

    It has no text: half a JSON document is no answer.
    """
    completion = getattr(error, "completion", None)
    if "LengthFinishReasonError" not in list_class_names(error) or completion is None:
        return None
    metadata = {"finish_reason": "length", "model_name": completion.model}
    return AIMessage("", response_metadata=metadata, usage_metadata=_read_completion_usage(completion.usage))


def _read_completion_usage(usage: Any) -> UsageMetadata | None:
    if usage is None or not _is_readable_usage(usage) or None in (_get(usage, name) for name in _COUNTS):
        return None
    details = usage.completion_tokens_details
    reasoning = None if details is None else details.reasoning_tokens
    counts = OutputTokenDetails() if reasoning is None else OutputTokenDetails(reasoning=reasoning)
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        output_token_details=counts,
    )
