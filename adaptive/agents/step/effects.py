"""What a step of an agent asks for, calls of the model and verdicts, and the loops that carry it out.

A step is a generator: it yields `ModelCall` and `VerdictRequest`, and is sent what came of them. So one
implementation serves agents that are invoked, agents that are awaited, and `ChatAdaptive`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.agents.step.counts import Counts
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse, read_response
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import Verdict


@dataclass(frozen=True)
class ModelCall:
    """Asks for a call of the model with these settings; None leaves the request as it is."""

    settings: dict[str, Any] | None


@dataclass(frozen=True)
class VerdictRequest:
    """Asks for a verdict on an attempt; `others` came before it."""

    question: str
    attempt: Attempt
    others: tuple[Attempt, ...]


@dataclass(frozen=True)
class ModelReply:
    """What came of a call.

    Attributes:
        message: The model's message; also beside an error, if a structured answer could not be parsed.
        error: The error of a call that failed.
        seconds: What the call took.
        structured: The structured answer, if there is one.
        agent_response: What LangChain's agent returned for the call.
        chat_response: The message as a response, if it was read already.
    """

    message: AIMessage | None
    error: Exception | None
    seconds: float
    structured: Any = None
    agent_response: Any = None
    chat_response: ChatResponse | None = None

    def read_response(self) -> ChatResponse:
        """Return the message as a response; an empty one if there is no message."""
        return self.chat_response or read_response(self.message or AIMessage(""), self.seconds)


StepWork = Generator[ModelCall | VerdictRequest, Any, "StepResult"]


@dataclass(frozen=True)
class StepResult:
    """A finished step.

    Attributes:
        reply: The reply that is kept.
        attempt: It as an attempt; None for a step that was left as it is.
        request: Its settings; None for a step that was left as it is.
        attempts: Number of attempts.
        counts: What the whole step took.
        advice: Settings that would have sufficed, in words, if the attempt starved.
    """

    reply: ModelReply
    attempt: Attempt | None
    request: ChatRequest | None
    attempts: int
    counts: Counts
    advice: str = ""


def count_call(reply: ModelReply, prompt: int) -> Counts:
    """Return one call and its usage; `prompt` tokens if the provider does not report them."""
    if reply.message is None:
        return Counts(calls=1)
    usage = reply.read_response().usage
    return Counts(calls=1, usage=replace(usage, prompt=prompt) if "prompt" in usage.estimated else usage)


def pass_through(prompt: int) -> StepWork:
    """Make one call that is left as it is."""
    reply: ModelReply = yield ModelCall(None)
    if reply.error is not None:
        raise reply.error
    return StepResult(reply, None, None, 1, Counts(steps=1) + count_call(reply, prompt))


def run_step(
    work: StepWork,
    call_model: Callable[[ModelCall], ModelReply],
    judge_answer: Callable[[VerdictRequest], Verdict],
) -> StepResult:
    """Run a step to its end.

    Args:
        work: The step.
        call_model: Makes its calls.
        judge_answer: Makes its verdicts.

    Returns:
        What the step returns. Raises what it raises.
    """
    outcome: ModelReply | Verdict | None = None
    while True:
        try:
            effect = work.send(outcome)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        outcome = call_model(effect) if isinstance(effect, ModelCall) else judge_answer(effect)


async def run_step_async(
    work: StepWork,
    call_model: Callable[[ModelCall], Awaitable[ModelReply]],
    judge_answer: Callable[[VerdictRequest], Awaitable[Verdict]],
) -> StepResult:
    """Run a step to its end, as `run_step`, with calls and verdicts that are awaited."""
    outcome: ModelReply | Verdict | None = None
    while True:
        try:
            effect = work.send(outcome)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        outcome = await (call_model(effect) if isinstance(effect, ModelCall) else judge_answer(effect))
