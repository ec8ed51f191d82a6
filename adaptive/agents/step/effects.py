"""What a step of an agent wants done: calls of the model and verdicts.

A step says what is to be done (`Call`, `Judge`) and is told what came of it, so that agents that are invoked,
agents that are awaited and `ChatAdaptive` go the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain.agents.middleware.types import ModelResponse
from langchain.agents.structured_output import StructuredOutputError
from langchain_core.messages import AIMessage

from adaptive.agents.step.counts import Counts
from adaptive.chat.openai_compat import cut_form
from adaptive.chat.request import Ask
from adaptive.chat.response import Turn, read_turn
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import Verdict


@dataclass(frozen=True)
class Call:
    """To be done: a call of the model with these settings; None leaves the request as it is."""

    settings: dict[str, Any] | None


@dataclass(frozen=True)
class Judge:
    """To be done: a verdict on an attempt; `others` came before it."""

    question: str
    attempt: Attempt
    others: tuple[Attempt, ...]


@dataclass(frozen=True)
class Reply:
    """What came of a call after so many seconds: a message, or the error in its place.

    message: the model's, also beside an error where its structured answer could not be read. structured: the
    structured answer, where there is one. response: what LangChain's agent made of the call. read: the call as a
    turn, where it was read already.
    """

    message: AIMessage | None
    error: Exception | None
    seconds: float
    structured: Any = None
    response: Any = None
    read: Turn | None = None

    def turn(self) -> Turn:
        """The call as a turn; one that brought no message of a model is empty."""
        return self.read or read_turn(self.message or AIMessage(""), self.seconds)


Work = Generator[Call | Judge, Any, "Done"]


@dataclass(frozen=True)
class Done:
    """A step that is over: what is kept, how good it is, and what all of it took."""

    reply: Reply
    attempt: Attempt | None
    ask: Ask | None
    attempts: int
    counts: Counts
    advice: str = ""


def counted(reply: Reply, prompt: int) -> Counts:
    """One call, and its tokens as far as they are known."""
    if reply.message is None:
        return Counts(calls=1)
    usage = reply.turn().usage
    return Counts(calls=1, usage=replace(usage, prompt=prompt) if "prompt" in usage.estimated else usage)


def passed(prompt: int) -> Work:
    """A step that is left as it is."""
    reply: Reply = yield Call(None)
    if reply.error is not None:
        raise reply.error
    return Done(reply, None, None, 1, Counts(steps=1) + counted(reply, prompt))


def driven(work: Work, call: Callable[[Call], Reply], judge: Callable[[Judge], Verdict]) -> Done:
    """The end of a step, its calls and verdicts made by these."""
    given: Reply | Verdict | None = None
    while True:
        try:
            job = work.send(given)
        except StopIteration as over:
            return over.value  # type: ignore[no-any-return]
        given = call(job) if isinstance(job, Call) else judge(job)


async def adriven(
    work: Work, call: Callable[[Call], Awaitable[Reply]], judge: Callable[[Judge], Awaitable[Verdict]]
) -> Done:
    """The same, awaited."""
    given: Reply | Verdict | None = None
    while True:
        try:
            job = work.send(given)
        except StopIteration as over:
            return over.value  # type: ignore[no-any-return]
        given = await (call(job) if isinstance(job, Call) else judge(job))


def replied(response: ModelResponse[Any], seconds: float) -> Reply:
    """The reply in a response."""
    return Reply(_message(response.result), None, seconds, response.structured_response, response)


def failed(error: Exception, seconds: float) -> Reply:
    """The reply of a call that failed; a structured answer that could not be read, or was cut, has its message."""
    message = error.ai_message if isinstance(error, StructuredOutputError) else cut_form(error)
    return Reply(message, error, seconds)


def _message(messages: Sequence[Any]) -> AIMessage | None:
    """The model's message among those that a call brought; None where there is none."""
    return next((m for m in messages if isinstance(m, AIMessage)), None)
