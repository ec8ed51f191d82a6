"""What a step of an agent asks for, calls of the model and verdicts, and the loops that carry it out.

A step is a generator: it yields `ModelCall` and `VerdictRequest`, and is sent what came of them. So one
implementation serves agents that are invoked, agents that are awaited, and `ChatAdaptive`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.agents.step.counts import Counts
from adaptive.agents.step.prompt_cache import CachePrices, PromptCache
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse, read_response
from adaptive.prices import Prices, add_cost
from adaptive.types.attempt import Attempt
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

MOST_RETRIES = 4
"""How often a call is repeated because the refusal of a setting taught which settings the model takes."""


@dataclass(frozen=True)
class ModelCall:
    """Asks for a call of the model.

    Attributes:
        settings: All settings of the call; None leaves the request as it is.
        request: What they were made from, for a model that is called in place of this one.
        sent: The part of the request that they hold.
    """

    settings: dict[str, Any] | None
    request: ChatRequest | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VerdictRequest:
    """Asks for a verdict on an attempt; `others` came before it."""

    question: str
    attempt: Attempt
    others: tuple[Attempt, ...]


@dataclass(frozen=True)
class Fallback:
    """A model that middleware called in place of the step's.

    Attributes:
        model: The model.
        sent: What of ours its settings held.
    """

    model: ChatModel
    sent: Mapping[str, Any] = field(default_factory=dict)


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
        fallback: The model that was called in place of the step's, if any.
        lost_usage: What the failed tries of a call without a message have spent.
    """

    message: AIMessage | None
    error: Exception | None
    seconds: float
    structured: Any = None
    agent_response: Any = None
    chat_response: ChatResponse | None = None
    fallback: Fallback | None = None
    lost_usage: Usage | None = None

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
        cache: What is cached of the prompt after its last call; None for a step that was left as it is.
    """

    reply: ModelReply
    attempt: Attempt | None
    request: ChatRequest | None
    attempts: int
    counts: Counts
    advice: str = ""
    cache: PromptCache | None = None


@dataclass(frozen=True)
class CallCounter:
    """Counts the calls of a step, and what they cost.

    Attributes:
        model: The name of the step's model.
        prices: What its tokens cost.
        prompt: Estimated tokens of the messages, used if the provider does not report them.
    """

    model: str
    prices: Prices
    prompt: int

    def count(self, reply: ModelReply) -> Counts:
        """Return one call and its usage."""
        usage = reply.lost_usage if reply.message is None else reply.read_response().usage
        if usage is None:
            return Counts(calls=1)
        if "prompt" in usage.estimated and not usage.prompt:
            usage = replace(usage, prompt=self.prompt)
        model = reply.fallback.model.name if reply.fallback else self.model
        return Counts(calls=1, usage=add_cost(usage, model, self.prices))

    @property
    def cache_prices(self) -> CachePrices:
        """What the tokens of the step's model cost."""
        return CachePrices(self.model, self.prices)

    def estimate_cut_call(self) -> Usage:
        """Return the usage of a call that was cancelled, as far as it is known: its prompt."""
        return add_cost(Usage(prompt=self.prompt, estimated=("answer", "prompt")), self.model, self.prices)


def pass_through(counter: CallCounter) -> StepWork:
    """Make a call that is left as it is.

    It is made again if a model in its place refused a setting of ours and taught which it takes, and once if the
    provider failed in the middle of its answer.
    """
    counts, unfinished = Counts(steps=1), 0
    for _ in range(MOST_RETRIES):
        reply: ModelReply = yield ModelCall(None)
        counts += counter.count(reply)
        if reply.error is None:
            unfinished += reply.read_response().finish == "failed"
            if reply.read_response().finish != "failed" or unfinished > 1:
                break
        elif reply.fallback is None or not reply.fallback.model.learn_from_error(reply.error, reply.fallback.sent):
            break
    if reply.error is not None:
        raise reply.error
    return StepResult(reply, None, None, 1, counts)


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
