"""OpenAI's format with nothing lost: LangChain drops the reasoning of compatible servers, and streamed refusals.

`ChatOpenAI` reads only what is in OpenAI's own specification, by its maintainers' choice (its module's docstring):
`reasoning_content` and `reasoning`, as vLLM, SGLang and DeepSeek name them, are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import OutputTokenDetails, UsageMetadata

from adaptive.chat.errors import list_class_names

_REASONING_FIELDS = ("reasoning_content", "reasoning")


class _LosslessOpenAI:
    """What an OpenAI chat class does, and the reasoning and the refusal put beside the content."""

    def _create_chat_result(self, response: Any, generation_info: Any = None) -> Any:
        result = super()._create_chat_result(response, generation_info)  # type: ignore[misc]
        # Warnings are of the structured answer, which OpenAI's client puts where its own types have none.
        data = response if isinstance(response, dict) else response.model_dump(warnings=False)
        for made, choice in zip(result.generations, data.get("choices") or [], strict=False):
            _copy_reasoning(made.message, choice.get("message"))
        return result

    def _convert_chunk_to_generation_chunk(self, chunk: Any, *more: Any) -> Any:
        made = super()._convert_chunk_to_generation_chunk(chunk, *more)  # type: ignore[misc]
        choices = chunk.get("choices") or (chunk.get("chunk") or {}).get("choices")
        if made is not None and choices:
            _copy_reasoning(made.message, choices[0].get("delta"))
        return made


def keep_reasoning(chat: BaseChatModel) -> BaseChatModel:
    """The model, if it speaks OpenAI's format, as a copy that loses nothing; it shares the model's clients."""
    if not any(kind.__name__ == "BaseChatOpenAI" for kind in type(chat).__mro__) or isinstance(
        chat, _LosslessOpenAI
    ):
        return chat
    copy = chat.model_copy()
    # Not built anew from its fields: that would make other clients, and some of what made it is not in a field.
    copy.__class__ = _make_lossless_class(type(chat))
    return copy


@cache
def _make_lossless_class(kind: type[BaseChatModel]) -> type[BaseChatModel]:
    made: type[BaseChatModel] = type(kind.__name__, (_LosslessOpenAI, kind), {"__module__": kind.__module__})
    return made


def _copy_reasoning(message: Any, source: Any) -> None:
    """Put what is given beside the content of a message, where it is not yet."""
    if not isinstance(source, Mapping):
        return
    beside = message.additional_kwargs
    thought = next((source[field] for field in _REASONING_FIELDS if isinstance(source.get(field), str)), None)
    if thought and "reasoning_content" not in beside:
        beside["reasoning_content"] = thought
    if isinstance(source.get("refusal"), str) and "refusal" not in beside:
        beside["refusal"] = source["refusal"]


def recover_cut_message(error: BaseException) -> AIMessage | None:
    """The message of such a call, without text, for half a form is none; None for another error."""
    completion = getattr(error, "completion", None)
    if "LengthFinishReasonError" not in list_class_names(error) or completion is None:
        return None
    said = {"finish_reason": "length", "model_name": completion.model}
    return AIMessage("", response_metadata=said, usage_metadata=_read_completion_usage(completion.usage))


def _read_completion_usage(usage: Any) -> UsageMetadata | None:
    """What was spent; None where the server does not say."""
    if usage is None:
        return None
    details = usage.completion_tokens_details
    thought = None if details is None else details.reasoning_tokens
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        output_token_details=OutputTokenDetails() if thought is None else OutputTokenDetails(reasoning=thought),
    )
