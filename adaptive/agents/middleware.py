"""Middleware for LangChain's agents: each step thinks as much as it needs, and no step ends without an answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

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
from adaptive.agents.step.effects import ModelCall, ModelReply, VerdictRequest, run_step, run_step_async
from adaptive.agents.step.middleware_step import (
    MiddlewareSettings,
    MiddlewareState,
    MiddlewareStep,
    build_error_reply,
    build_reply,
)
from adaptive.agents.step.spending_limits import SpendingLimits
from adaptive.agents.step.tenant_limits import TenantLimits, aopen_call, open_call
from adaptive.errors import InputError
from adaptive.prices import Prices
from adaptive.profile.profile import Profile
from adaptive.solver.tracing import claim_current_run
from adaptive.types.ladder import EFFORTS, Effort, parse_effort
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier
from adaptive.verify.base import require_verifier
from adaptive.verify.combine import build_evidence_verifier

ModelHandler = Callable[[ModelRequest[ContextT]], ModelResponse[ResponseT]]
AsyncModelHandler = Callable[[ModelRequest[ContextT]], Awaitable[ModelResponse[ResponseT]]]


class AdaptiveThinkingMiddleware(AgentMiddleware[MiddlewareState[ResponseT], ContextT, ResponseT]):
    """Gives each step of an agent the effort that it needs, and asks again if that brought no good answer.

    Effort, thinking budget and completion cap are set by the arguments of the model's provider, for the model of
    each request: other middleware may change it before. They replace what is set on the model itself, but not the
    `model_settings` of the request: a cap there bounds ours, and with an effort or a thinking budget there nothing
    is adapted. A model that takes neither is left as it is, and a note says so: `ChatAdaptive` is one, since its
    solver adapts already.

    A call that used its whole cap without a complete answer or a tool call is made once more, by
    `adaptive.reason.starvation`. Tool calls are not verified and never repeated. The kept answer is the best:
    accepted first, then not verified, then the higher score, then the earlier.

    The kept message has `response_metadata["adaptive"]`: `status`, `effort`, `cap`, `accepted` (None if nothing
    was verified), `verdict`, `attempts`, `reason`, `advice` (what would have sufficed if it starved), `notes`, and
    what the `step`, its `run` and its `thread` took (`adaptive.agents.step.counts`). Tokens of rejected attempts
    are in the agent's stream: `adaptive.agents.step.step` has the events that tell them apart.

    A failing call is not tried again here: put `ModelRetryMiddleware` after this one in the list, and each of our
    calls is. The counts of a run start again when it is resumed after an interrupt.

    Args:
        profile: A profile of the agent's model, or its folder. Without one the model keeps its own effort.
        check: A verifier (`adaptive.verify`) of final answers. Without check and judge, a complete answer is not
            verified.
        judge: A verifier for the answers that `check` cannot decide.
        efforts: The efforts to use; by default all that the model takes. Without a profile a step begins with the
            cheapest of them. "guess": the general difficulty model chooses, which knows only an average model; it
            predicts how hard the last human message is, without a call.
        max_escalations: How often a rejected answer is asked for again, each time one effort higher.
        max_tokens: When a run has spent so many tokens, prompts and verifiers included, nothing is asked again and
            further steps take the cheapest effort. `ModelCallLimitMiddleware` of LangChain can end the run.
        max_cost: The same in dollars.
        max_thread_tokens: As `max_tokens`, for all runs of a thread together.
        max_thread_cost: As `max_cost`, for all runs of a thread together.
        tenants: Limits of each tenant, whom the run's context names. A step raises `LimitReached` if one was
            reached before it, and asks nothing again once one is.
        prices: The prices of models; list prices by default.

    Raises:
        InputError: A value is out of range or of the wrong type. A step raises it if a limit of money cannot be
            kept, because the price of its model is unknown, or if its run names no tenant or has no store.
    """

    state_schema = MiddlewareState  # type: ignore[assignment]  # of any response: as in LangChain's own

    def __init__(
        self,
        *,
        profile: Profile | str | Path | None = None,
        check: Verifier | None = None,
        judge: Verifier | None = None,
        efforts: Sequence[str] | Literal["guess"] | None = None,
        max_escalations: int = 2,
        max_tokens: int | None = None,
        max_cost: float | None = None,
        max_thread_tokens: int | None = None,
        max_thread_cost: float | None = None,
        tenants: TenantLimits | None = None,
        prices: Prices | None = None,
    ) -> None:
        super().__init__()
        _check_number("max_escalations", max_escalations, 0)
        limits = SpendingLimits.create(max_tokens, max_cost, max_thread_tokens, max_thread_cost)
        require_verifier("check", check)
        require_verifier("judge", judge)
        loaded = profile if isinstance(profile, Profile) or profile is None else Profile.load(profile)
        guess = efforts == "guess"
        named = None if guess else _parse_efforts(efforts)
        self._settings = MiddlewareSettings(
            loaded, named, max_escalations, limits, prices or Prices(), guess, tenants=tenants
        )
        self._verifier = build_evidence_verifier(check, judge, "no check" if loaded else "no profile, no check")

    def wrap_model_call(
        self, request: ModelRequest[ContextT], handler: ModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """Return the step's kept response, and its counts."""
        claim_current_run("step")
        with open_call(self._settings.tenants, request.runtime) as call:
            step = MiddlewareStep(request, self._settings, call.scope)
            try:
                return self._run(step, handler)
            finally:
                call.spent = step.spent

    def _run(
        self, step: MiddlewareStep, handler: ModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        def call_model(call: ModelCall) -> ModelReply:
            started_at = time.perf_counter()
            try:
                response = handler(step.build_request(call))
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; the step may raise it
                return build_error_reply(error, time.perf_counter() - started_at, step.fallback)
            return build_reply(response, time.perf_counter() - started_at, step.fallback)

        return step.finish(
            run_step(step.work, call_model, lambda request: run_blocking(self._judge_answer(request)))
        )

    async def awrap_model_call(
        self, request: ModelRequest[ContextT], handler: AsyncModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """Return the step's kept response, and its counts."""
        claim_current_run("step")
        async with aopen_call(self._settings.tenants, request.runtime) as call:
            step = MiddlewareStep(request, self._settings, call.scope)
            try:
                return await self._arun(step, handler)
            finally:
                call.spent = step.spent

    async def _arun(
        self, step: MiddlewareStep, handler: AsyncModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        async def call_model(call: ModelCall) -> ModelReply:
            started_at = time.perf_counter()
            try:
                response = await handler(step.build_request(call))
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; the step may raise it
                return build_error_reply(error, time.perf_counter() - started_at, step.fallback)
            return build_reply(response, time.perf_counter() - started_at, step.fallback)

        return step.finish(await run_step_async(step.work, call_model, self._judge_answer))

    async def _judge_answer(self, request: VerdictRequest) -> Verdict:
        return await self._verifier.verify(request.question, request.attempt, request.others)


def _check_number(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} must be a whole number of {least} or more, got {value!r}.")


def _parse_efforts(efforts: Sequence[str] | None) -> tuple[Effort, ...] | None:
    """Return the efforts, cheapest first; None for None."""
    if efforts is None:
        return None
    if isinstance(efforts, str) or not efforts:
        raise InputError(f'efforts must be a list of some of {", ".join(EFFORTS)}, or "guess", got {efforts!r}.')
    chosen = {parse_effort(effort) for effort in efforts}
    return tuple(effort for effort in EFFORTS if effort in chosen)
