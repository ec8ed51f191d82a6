"""Middleware for LangChain's agents: each step thinks as much as it needs, and no step ends without an answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from langchain.agents.middleware.types import (
    AgentMiddleware,
    ContextT,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    ResponseT,
)
from langgraph.errors import GraphBubbleUp

from adaptive._util.aio import run_blocking
from adaptive.agents.step.effects import (
    ModelCall,
    ModelReply,
    VerdictRequest,
    build_error_reply,
    build_reply,
    run_step,
    run_step_async,
)
from adaptive.agents.step.middleware_step import AdaptiveState, MiddlewareSettings, MiddlewareStep
from adaptive.agents.step.verdict import build_answer_verifier
from adaptive.errors import InputError
from adaptive.profile.profile import Profile
from adaptive.types.ladder import EFFORTS, Effort, parse_effort
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier

ModelHandler = Callable[[ModelRequest[ContextT]], ModelResponse[ResponseT]]
AsyncModelHandler = Callable[[ModelRequest[ContextT]], Awaitable[ModelResponse[ResponseT]]]


class AdaptiveThinkingMiddleware(AgentMiddleware[AdaptiveState[ResponseT], ContextT, ResponseT]):
    """Gives each step of an agent the effort that it needs, and asks again where that brought no good answer.

    profile: a profile of the agent's model, or its folder. Without one the general difficulty model says how hard
    the last human message is; no call is made for that. check, judge: verifiers (`adaptive.verify`) of final
    answers; where there is none, a whole answer is accepted. efforts: the efforts to use, all that the model takes
    by default. max_escalations: how often a final answer that was rejected is asked for again, each time one
    effort higher. max_tokens: when a run has spent so many tokens, prompts and verifiers included, nothing is
    asked again, and what steps are still needed take the cheapest effort; ending the run is up to LangChain's
    `ModelCallLimitMiddleware`.

    Effort, thinking budget and completion cap are set by the arguments of the model's provider, for the model of
    each request: other middleware may change it before. They replace what is set on the model itself. What
    `model_settings` of the request set is kept: a cap bounds ours, and with an effort or a thinking budget of the
    user's own nothing is adapted. A model that takes neither is left as it is, and a note says so: `ChatAdaptive`
    is one, whose solver adapts already.

    A call that used its whole cap without a whole answer or a tool call is made once more, by
    `adaptive.reason.starvation`. Tool calls are never asked for again: they are not verified. The best answer is
    kept: one that was accepted before one that was not, a whole one before one that is not, a higher score before
    a lower, and the earlier.

    The message that is kept has `response_metadata["adaptive"]`: `status`, `effort`, `cap`, `accepted` (None where
    nothing was verified), `verdict`, `attempts`, `reason`, `advice` (what would have sufficed where it starved),
    `notes`, and what the `step`, its `run` and its `thread` took (`adaptive.agents.step.counts`). Tokens of attempts
    that were rejected are in the agent's stream: `adaptive.agents.step.step` has the events that tell them apart.

    A failing call is not tried again here: put `ModelRetryMiddleware` after this one in the list, and each of our
    calls is. What a run counts begins again when it is resumed after an interrupt. Raises `InputError` for values
    that cannot be.
    """

    state_schema = AdaptiveState  # type: ignore[assignment]  # of any response: as in LangChain's own

    def __init__(
        self,
        *,
        profile: Profile | str | Path | None = None,
        check: Verifier | None = None,
        judge: Verifier | None = None,
        efforts: Sequence[str] | None = None,
        max_escalations: int = 2,
        max_tokens: int | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (("max_escalations", max_escalations, 0), ("max_tokens", max_tokens, 1)):
            _check_number(name, value, least, optional=name == "max_tokens")
        for name, verifier in (("check", check), ("judge", judge)):
            _check_verifier(name, verifier)
        known = profile if isinstance(profile, Profile) or profile is None else Profile.load(profile)
        self.setup = MiddlewareSettings(known, _parse_efforts(efforts), max_escalations, max_tokens)
        self.verifier = build_answer_verifier(check, judge)

    def wrap_model_call(
        self, request: ModelRequest[ContextT], handler: ModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """The step's kept response, and its counts."""
        step = MiddlewareStep(request, self.setup)

        def call(job: ModelCall) -> ModelReply:
            begun = time.perf_counter()
            try:
                return build_reply(handler(step.build_request(job)), time.perf_counter() - begun)
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; raised again if nothing mends it
                return build_error_reply(error, time.perf_counter() - begun)

        return step.finish(run_step(step.work, call, lambda job: run_blocking(self._judge_answer(job))))

    async def awrap_model_call(
        self, request: ModelRequest[ContextT], handler: AsyncModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """The step's kept response, and its counts."""
        step = MiddlewareStep(request, self.setup)

        async def call(job: ModelCall) -> ModelReply:
            begun = time.perf_counter()
            try:
                return build_reply(await handler(step.build_request(job)), time.perf_counter() - begun)
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; raised again if nothing mends it
                return build_error_reply(error, time.perf_counter() - begun)

        return step.finish(await run_step_async(step.work, call, self._judge_answer))

    async def _judge_answer(self, job: VerdictRequest) -> Verdict:
        return await self.verifier.verify(job.question, job.attempt, job.others)


def _check_number(name: str, value: Any, least: int, *, optional: bool) -> None:
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} must be a whole number of {least} or more, got {value!r}.")


def _check_verifier(name: str, value: Any) -> None:
    if value is not None and not callable(getattr(value, "verify", None)):
        how = "wrap a function in adaptive.verify.check.Function"
        raise InputError(f"{name} must be a verifier, got {value!r}: {how}.")


def _parse_efforts(efforts: Sequence[str] | None) -> tuple[Effort, ...] | None:
    """The efforts, cheapest first; None where none were given."""
    if efforts is None:
        return None
    if isinstance(efforts, str) or not efforts:
        raise InputError(f"efforts must be a list of some of {', '.join(EFFORTS)}, got {efforts!r}.")
    known = {parse_effort(effort) for effort in efforts}
    return tuple(effort for effort in EFFORTS if effort in known)
