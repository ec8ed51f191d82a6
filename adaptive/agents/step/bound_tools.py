"""Arguments of a call of `ChatAdaptive` beside our options: tools or a schema, in its provider's format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableParallel, RunnableSequence

NAMES_KEY, STRUCTURED_KEY = "adaptive_carried", "adaptive_form"
"""Two arguments of a call: the names of the provider's arguments, and whether the answer is structured."""
TRACING_KEY = "ls_structured_output_format"
"""An argument for LangChain's traces, which is removed before a call."""

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


def has_tool_calls(messages: Sequence[BaseMessage]) -> bool:
    """Whether tools were called before: their results are for one more call, not for a solve."""
    return any(isinstance(m, ToolMessage) or (isinstance(m, AIMessage) and bool(m.tool_calls)) for m in messages)


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
