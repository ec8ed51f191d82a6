"""Arguments of a call of `ChatAdaptive` beside our options: tools or a schema, in its provider's format."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableParallel, RunnableSequence

from adaptive.chat.response import ChatResponse

NAMES_KEY, STRUCTURED_KEY = "adaptive_carried", "adaptive_form"
"""Two arguments of a call: the names of the provider's arguments, and whether the answer is structured."""
TRACING_KEY = "ls_structured_output_format"
"""An argument for LangChain's traces, which is removed before a call."""

_FENCE_PATTERN = re.compile(r"```(?:json)?(.*?)```", re.DOTALL)

RunnableFactory = Callable[[Mapping[str, Any]], Runnable[Any, Any]]


@dataclass(frozen=True)
class BoundArguments:
    """Arguments of a call, in the provider's format.

    Attributes:
        arguments: The arguments.
        structured: Whether the answer is a structured one, which may come as the call of a tool.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    structured: bool = False

    @property
    def forces_tool(self) -> bool:
        """Whether the model must call a tool."""
        choice = self.arguments.get("tool_choice")
        kind = choice.get("type") if isinstance(choice, Mapping) else choice
        return kind not in (None, False, "auto", "none")


def mark_arguments(arguments: Mapping[str, Any], *, structured: bool = False) -> dict[str, Any]:
    """Return the arguments, marked so that `split_arguments` can tell them from options of ours."""
    return {
        **arguments,
        NAMES_KEY: tuple(n for n in arguments if n != TRACING_KEY),
        **({STRUCTURED_KEY: True} if structured else {}),
    }


def split_arguments(arguments: Mapping[str, Any]) -> tuple[BoundArguments | None, dict[str, Any]]:
    """Return the marked arguments of a call, None if there are none, and the rest of its arguments."""
    names = arguments.get(NAMES_KEY, ())
    rest = {name: value for name, value in arguments.items() if name not in (*names, NAMES_KEY, STRUCTURED_KEY)}
    if NAMES_KEY not in arguments:
        return None, rest
    marked = {name: arguments[name] for name in names if name in arguments}
    return BoundArguments(marked, arguments.get(STRUCTURED_KEY, False)), rest


def lacks_form(response: ChatResponse, arguments: Mapping[str, Any]) -> bool:
    """Return whether a complete response to a request for a structured answer has none.

    LangChain's parsers would mend half a JSON document, or make None of a call that is missing.

    Args:
        response: The response.
        arguments: What was bound for the request: tools, or a format of the provider's own.
    """
    if response.finish not in ("stop", "tools") or response.message.tool_calls:
        return False
    return bool(arguments.get("tools")) or not _is_json(response.text)


def _is_json(text: str) -> bool:
    """Return whether a text is a JSON document, alone or in a block of Markdown."""
    fenced = _FENCE_PATTERN.search(text)
    try:
        json.loads(fenced[1] if fenced else text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def has_tool_calls(messages: Sequence[BaseMessage]) -> bool:
    """Whether tools were called before: their results are for one more call, not for a solve."""
    return any(isinstance(m, ToolMessage) or (isinstance(m, AIMessage) and bool(m.tool_calls)) for m in messages)


def choose_form_arguments(chat: BaseChatModel, schema: Any | None, *, strict: bool) -> dict[str, Any]:
    """Return the arguments of a model's `with_structured_output` beside the schema.

    The signature of its class says what it has: some classes only warn about a method that they lack, and take
    another one.

    Args:
        chat: The model.
        schema: The schema; None: any JSON object.
        strict: Whether the provider must hold the model to the schema.

    Raises:
        NotImplementedError: The model has no such form.
    """
    parameters, name = inspect.signature(type(chat).with_structured_output).parameters, type(chat).__name__
    methods = str(parameters["method"].annotation) if "method" in parameters else ""
    if schema is None:
        if "json_mode" not in methods:
            raise NotImplementedError(f"{name} takes a schema, and has no mode for any JSON object.")
        return {"method": "json_mode"}
    if not strict or "strict" in parameters:
        return {"strict": True} if strict else {}
    if "json_schema" not in methods:
        raise NotImplementedError(f"{name} cannot be held to a schema: leave strict out.")
    return {"method": "json_schema"}


def rebind_runnable(
    runnable: Runnable[Any, Any], chat: BaseChatModel, rebind: RunnableFactory
) -> Runnable[Any, Any]:
    """Replace a chat model in a runnable that its `bind_tools` or `with_structured_output` returned.

    Args:
        runnable: The model bound to arguments, with or without parsers around it.
        chat: The model.
        rebind: Builds the replacement from the bound arguments.

    Returns:
        The runnable with the replacement.

    Raises:
        NotImplementedError: The runnable does not show the model and its arguments.
    """
    replaced = _replace_model(runnable, chat, rebind)
    if replaced is runnable:
        kind = type(chat).__name__
        raise NotImplementedError(f"{kind} does not show what it binds: use it as it is, or the middleware.")
    return replaced


def _replace_model(
    runnable: Runnable[Any, Any], chat: BaseChatModel, rebind: RunnableFactory
) -> Runnable[Any, Any]:
    if isinstance(runnable, RunnableBinding) and runnable.bound is chat:
        return rebind(runnable.kwargs)
    if isinstance(runnable, RunnableSequence):
        steps = [_replace_model(step, chat, rebind) for step in runnable.steps]
        return runnable if steps == runnable.steps else RunnableSequence(*steps)
    if isinstance(runnable, RunnableParallel):
        branches = {name: _replace_model(step, chat, rebind) for name, step in runnable.steps__.items()}
        return runnable if branches == dict(runnable.steps__) else RunnableParallel(branches)
    return runnable
