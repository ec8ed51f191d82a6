"""What a call of `ChatAdaptive` carries beside our options: tools or a form, in its provider's format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableParallel, RunnableSequence

NAMES_KEY, STRUCTURED_KEY = "adaptive_carried", "adaptive_form"
"""Arguments of a call: the names of those that are the provider's, and whether the answer has a form."""
TRACING_KEY = "ls_structured_output_format"
"""For LangChain's traces: it is taken out before a call is made."""

RunnableFactory = Callable[[Mapping[str, Any]], Runnable[Any, Any]]


@dataclass(frozen=True)
class BoundArguments:
    """Arguments of a call, in the provider's format.

    form: whether the answer is a structured one, which may come as the call of a tool.
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
    """The arguments, with what tells them from options of ours."""
    return {
        **arguments,
        NAMES_KEY: tuple(n for n in arguments if n != TRACING_KEY),
        **({STRUCTURED_KEY: True} if structured else {}),
    }


def split_arguments(arguments: Mapping[str, Any]) -> tuple[BoundArguments | None, dict[str, Any]]:
    """What a call carries, None where it is nothing, and the rest of its arguments."""
    names = arguments.get(NAMES_KEY, ())
    rest = {name: value for name, value in arguments.items() if name not in (*names, NAMES_KEY, STRUCTURED_KEY)}
    carried = BoundArguments(
        {name: arguments[name] for name in names if name in arguments}, arguments.get(STRUCTURED_KEY, False)
    )
    return (carried if NAMES_KEY in arguments else None), rest


def has_tool_calls(messages: Sequence[BaseMessage]) -> bool:
    """Whether tools were called before: what their results are for is one more call, not a solve."""
    return any(isinstance(m, ToolMessage) or (isinstance(m, AIMessage) and bool(m.tool_calls)) for m in messages)


def rebind_runnable(
    runnable: Runnable[Any, Any], chat: BaseChatModel, rebind: RunnableFactory
) -> Runnable[Any, Any]:
    """What a chat model made of itself and arguments, parsers around it, with `ours` in its place.

    Raises `NotImplementedError` where that is made in a way that hides the call.
    """
    found = _replace_model(runnable, chat, rebind)
    if found is runnable:
        kind = type(chat).__name__
        raise NotImplementedError(f"{kind} does not show what it binds: use it as it is, or the middleware.")
    return found


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
