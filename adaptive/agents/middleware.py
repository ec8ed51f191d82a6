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
    AdaptiveState,
    MiddlewareSettings,
    MiddlewareStep,
    build_error_reply,
    build_reply,
)
from adaptive.errors import InputError
from adaptive.profile.profile import Profile
from adaptive.types.ladder import EFFORTS, Effort, parse_effort
from adaptive.types.verdict import Verdict
from adaptive.verify import Verifier
from adaptive.verify.combine import build_evidence_verifier

ModelHandler = Callable[[ModelRequest[ContextT]], ModelResponse[ResponseT]]
AsyncModelHandler = Callable[[ModelRequest[ContextT]], Awaitable[ModelResponse[ResponseT]]]


class AdaptiveThinkingMiddleware(AgentMiddleware[AdaptiveState[ResponseT], ContextT, ResponseT]):
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

    Raises:
        InputError: A value is out of range or of the wrong type.
    """

    state_schema = AdaptiveState  # type: ignore[assignment]  # of any response: as in LangChain's own

    def __init__(
        self,
        *,
        profile: Profile | str | Path | None = None,
        check: Verifier | None = None,
        judge: Verifier | None = None,
        efforts: Sequence[str] | Literal["guess"] | None = None,
        max_escalations: int = 2,
        max_tokens: int | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (("max_escalations", max_escalations, 0), ("max_tokens", max_tokens, 1)):
            _check_number(name, value, least, optional=name == "max_tokens")
        for name, verifier in (("check", check), ("judge", judge)):
            _check_verifier(name, verifier)
        loaded = profile if isinstance(profile, Profile) or profile is None else Profile.load(profile)
        guess = efforts == "guess"
        named = None if guess else _parse_efforts(efforts)
        self._settings = MiddlewareSettings(loaded, named, max_escalations, max_tokens, guess)
        self._verifier = build_evidence_verifier(check, judge, "no check" if loaded else "no profile, no check")

    def wrap_model_call(
        self, request: ModelRequest[ContextT], handler: ModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """Return the step's kept response, and its counts."""
        step = MiddlewareStep(request, self._settings)

        def call_model(call: ModelCall) -> ModelReply:
            started_at = time.perf_counter()
            try:
                return build_reply(handler(step.build_request(call)), time.perf_counter() - started_at)
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; the step may raise it
                return build_error_reply(error, time.perf_counter() - started_at)

        return step.finish(
            run_step(step.work, call_model, lambda request: run_blocking(self._judge_answer(request)))
        )

    async def awrap_model_call(
        self, request: ModelRequest[ContextT], handler: AsyncModelHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """Return the step's kept response, and its counts."""
        step = MiddlewareStep(request, self._settings)

        async def call_model(call: ModelCall) -> ModelReply:
            started_at = time.perf_counter()
            try:
                return build_reply(await handler(step.build_request(call)), time.perf_counter() - started_at)
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; the step may raise it
                return build_error_reply(error, time.perf_counter() - started_at)

        return step.finish(await run_step_async(step.work, call_model, self._judge_answer))

    async def _judge_answer(self, request: VerdictRequest) -> Verdict:
        return await self._verifier.verify(request.question, request.attempt, request.others)


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
    """Return the efforts, cheapest first; None for None."""
    if efforts is None:
        return None
    if isinstance(efforts, str) or not efforts:
        raise InputError(f'efforts must be a list of some of {", ".join(EFFORTS)}, or "guess", got {efforts!r}.')
    chosen = {parse_effort(effort) for effort in efforts}
    return tuple(effort for effort in EFFORTS if effort in chosen)
