"""OpenAI's format with nothing lost: LangChain drops the reasoning of compatible servers, and streamed refusals.

`ChatOpenAI` reads only what is in OpenAI's own specification, by its maintainers' choice (its module's docstring):
`reasoning_content` and `reasoning`, as vLLM, SGLang and DeepSeek name them, are not. And a structured answer that
the cap cut comes as an error of OpenAI's client, which has its usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import OutputTokenDetails, UsageMetadata

from adaptive.chat.error_details import list_class_names

_REASONING_FIELDS = ("reasoning_content", "reasoning")


class _LosslessOpenAI:
    """An OpenAI chat class that also puts the reasoning and the refusal beside the content."""

    def _create_chat_result(self, response: Any, generation_info: Any = None) -> Any:
        result = super()._create_chat_result(response, generation_info)  # type: ignore[misc]
        # Warnings are about the structured answer, which OpenAI's client puts where its own types have no field.
        data = response if isinstance(response, dict) else response.model_dump(warnings=False)
        for generation, choice in zip(result.generations, data.get("choices") or [], strict=False):
            _copy_reasoning(generation.message, choice.get("message"))
        return result

    def _convert_chunk_to_generation_chunk(self, chunk: Any, *more: Any) -> Any:
        generation = super()._convert_chunk_to_generation_chunk(chunk, *more)  # type: ignore[misc]
        choices = chunk.get("choices") or (chunk.get("chunk") or {}).get("choices")
        if generation is not None and choices:
            _copy_reasoning(generation.message, choices[0].get("delta"))
        return generation


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
    if usage is None:
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
