"""What a call of `ChatAdaptive` carries beside our options: tools or a form, in its provider's format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableParallel, RunnableSequence

NAMES, FORM = "adaptive_carried", "adaptive_form"
"""Arguments of a call: the names of those that are the provider's, and whether the answer has a form."""
TRACED = "ls_structured_output_format"
"""For LangChain's traces: it is taken out before a call is made."""

Ours = Callable[[Mapping[str, Any]], Runnable[Any, Any]]


@dataclass(frozen=True)
class Carried:
    """Arguments of a call, in the provider's format.

    form: whether the answer is a structured one, which may come as the call of a tool.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    form: bool = False

    @property
    def forced(self) -> bool:
        """Whether the model must call a tool."""
        choice = self.arguments.get("tool_choice")
        kind = choice.get("type") if isinstance(choice, Mapping) else choice
        return kind not in (None, False, "auto", "none")


def carrying(arguments: Mapping[str, Any], *, form: bool = False) -> dict[str, Any]:
    """The arguments, with what tells them from options of ours."""
    return {**arguments, NAMES: tuple(n for n in arguments if n != TRACED), **({FORM: True} if form else {})}


def carried_in(given: Mapping[str, Any]) -> tuple[Carried | None, dict[str, Any]]:
    """What a call carries, None where it is nothing, and the rest of its arguments."""
    names = given.get(NAMES, ())
    rest = {name: value for name, value in given.items() if name not in (*names, NAMES, FORM)}
    carried = Carried({name: given[name] for name in names if name in given}, given.get(FORM, False))
    return (carried if NAMES in given else None), rest


def goes_on(messages: Sequence[BaseMessage]) -> bool:
    """Whether tools were called before: what their results are for is one more call, not a solve."""
    return any(isinstance(m, ToolMessage) or (isinstance(m, AIMessage) and bool(m.tool_calls)) for m in messages)


def rebound(made: Runnable[Any, Any], chat: BaseChatModel, ours: Ours) -> Runnable[Any, Any]:
    """What a chat model made of itself and arguments, parsers around it, with `ours` in its place.

    Raises `NotImplementedError` where that is made in a way that hides the call.
    """
    found = _replaced(made, chat, ours)
    if found is made:
        kind = type(chat).__name__
        raise NotImplementedError(f"{kind} does not show what it binds: use it as it is, or the middleware.")
    return found


def _replaced(made: Runnable[Any, Any], chat: BaseChatModel, ours: Ours) -> Runnable[Any, Any]:
    if isinstance(made, RunnableBinding) and made.bound is chat:
        return ours(made.kwargs)
    if isinstance(made, RunnableSequence):
        steps = [_replaced(step, chat, ours) for step in made.steps]
        return made if steps == made.steps else RunnableSequence(*steps)
    if isinstance(made, RunnableParallel):
        branches = {name: _replaced(step, chat, ours) for name, step in made.steps__.items()}
        return made if branches == dict(made.steps__) else RunnableParallel(branches)
    return made
