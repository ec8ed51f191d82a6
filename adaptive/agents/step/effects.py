"""What a step of an agent wants done: calls of the model and verdicts.

A step says what is to be done (`ModelCall`, `VerdictRequest`) and is told what came of it, so that agents that are invoked,
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
from adaptive.chat.openai_compat import recover_cut_message
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse, read_response
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import Verdict


@dataclass(frozen=True)
class ModelCall:
    """To be done: a call of the model with these settings; None leaves the request as it is."""

    settings: dict[str, Any] | None


@dataclass(frozen=True)
class VerdictRequest:
    """To be done: a verdict on an attempt; `others` came before it."""

    question: str
    attempt: Attempt
    others: tuple[Attempt, ...]


@dataclass(frozen=True)
class ModelReply:
    """What came of a call after so many seconds: a message, or the error in its place.

    message: the model's, also beside an error where its structured answer could not be read. structured: the
    structured answer, where there is one. response: what LangChain's agent made of the call. read: the call as a
    turn, where it was read already.
    """

    message: AIMessage | None
    error: Exception | None
    seconds: float
    structured: Any = None
    agent_response: Any = None
    chat_response: ChatResponse | None = None

    def read_response(self) -> ChatResponse:
        """The call as a turn; one that brought no message of a model is empty."""
        return self.chat_response or read_response(self.message or AIMessage(""), self.seconds)


StepWork = Generator[ModelCall | VerdictRequest, Any, "StepResult"]


@dataclass(frozen=True)
class StepResult:
    """A step that is over: what is kept, how good it is, and what all of it took."""

    reply: ModelReply
    attempt: Attempt | None
    request: ChatRequest | None
    attempts: int
    counts: Counts
    advice: str = ""


def count_call(reply: ModelReply, prompt: int) -> Counts:
    """One call, and its tokens as far as they are known."""
    if reply.message is None:
        return Counts(calls=1)
    usage = reply.read_response().usage
    return Counts(calls=1, usage=replace(usage, prompt=prompt) if "prompt" in usage.estimated else usage)


def pass_through(prompt: int) -> StepWork:
    """A step that is left as it is."""
    reply: ModelReply = yield ModelCall(None)
    if reply.error is not None:
        raise reply.error
    return StepResult(reply, None, None, 1, Counts(steps=1) + count_call(reply, prompt))


def run_step(
    work: StepWork,
    call_model: Callable[[ModelCall], ModelReply],
    judge_answer: Callable[[VerdictRequest], Verdict],
) -> StepResult:
    """The end of a step, its calls and verdicts made by these."""
    given: ModelReply | Verdict | None = None
    while True:
        try:
            job = work.send(given)
        except StopIteration as over:
            return over.value  # type: ignore[no-any-return]
        given = call_model(job) if isinstance(job, ModelCall) else judge_answer(job)


async def run_step_async(
    work: StepWork,
    call_model: Callable[[ModelCall], Awaitable[ModelReply]],
    judge_answer: Callable[[VerdictRequest], Awaitable[Verdict]],
) -> StepResult:
    """The same, awaited."""
    given: ModelReply | Verdict | None = None
    while True:
        try:
            job = work.send(given)
        except StopIteration as over:
            return over.value  # type: ignore[no-any-return]
        given = await (call_model(job) if isinstance(job, ModelCall) else judge_answer(job))


def build_reply(response: ModelResponse[Any], seconds: float) -> ModelReply:
    """The reply in a response."""
    return ModelReply(_find_message(response.result), None, seconds, response.structured_response, response)


def build_error_reply(error: Exception, seconds: float) -> ModelReply:
    """The reply of a call that failed; a structured answer that could not be read, or was cut, has its message."""
    message = error.ai_message if isinstance(error, StructuredOutputError) else recover_cut_message(error)
    return ModelReply(message, error, seconds)


def _find_message(messages: Sequence[Any]) -> AIMessage | None:
    """The model's message among those that a call brought; None where there is none."""
    return next((m for m in messages if isinstance(m, AIMessage)), None)
