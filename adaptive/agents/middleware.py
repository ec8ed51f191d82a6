"""Middleware for LangChain's agents: each step thinks as much as it needs, and no step ends without an answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NotRequired

from langchain.agents.middleware.types import (
    AgentMiddleware,
    AgentState,
    ContextT,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    PrivateStateAttr,
    ResponseT,
)
from langchain.agents.structured_output import AutoStrategy, ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.channels.untracked_value import UntrackedValue
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command

from adaptive.agents.difficulty import question_of, start
from adaptive.agents.judging import verifier_of
from adaptive.agents.levers import Levers, ladder_of, profile_of
from adaptive.agents.spent import KEY, Counts
from adaptive.agents.step import Call, Done, Judge, Reply, Step, Work, adriven, driven, passed
from adaptive.attempt import Verdict
from adaptive.blocking import run_blocking
from adaptive.chat.model import ChatModel
from adaptive.chat.turn import estimated_tokens
from adaptive.errors import InputError
from adaptive.ladder import EFFORTS, Effort, parse_effort
from adaptive.profile import Profile
from adaptive.reason.starving import Memory, Recovery
from adaptive.verify import Verifier

Handler = Callable[[ModelRequest[ContextT]], ModelResponse[ResponseT]]
AsyncHandler = Callable[[ModelRequest[ContextT]], Awaitable[ModelResponse[ResponseT]]]


class AdaptiveState(AgentState[ResponseT]):
    """An agent's state with our counts. Neither key is part of its input or output; `spent` reads them off its
    messages."""

    adaptive_run: NotRequired[Annotated[dict[str, Any], UntrackedValue, PrivateStateAttr]]
    adaptive_thread: NotRequired[Annotated[dict[str, Any], PrivateStateAttr]]


class AdaptiveThinkingMiddleware(AgentMiddleware[AdaptiveState[ResponseT], ContextT, ResponseT]):
    """Gives each step of an agent the effort that it needs, and asks again where that brought no good answer.

    profile: a profile of the agent's model, or its folder. Without one how hard a question is is told by the general
    difficulty model, from the last human message; no call is made for that. check, judge: verifiers
    (`adaptive.verify`) of final answers; where there is none, a whole answer is accepted. efforts: the efforts to
    use, all that the model takes by default. max_escalations: how often a final answer that was rejected is asked
    for again, each time one effort higher. max_tokens: when a run has spent so many tokens, prompts and verifiers
    included, nothing is asked again, and what steps are still needed take the cheapest effort; ending the run is
    up to LangChain's `ModelCallLimitMiddleware`.

    Effort, thinking budget and completion cap are set by the arguments of the model's provider, for the model of
    each request: other middleware may change it before. They replace what is set on the model itself. What
    `model_settings` of the request set is kept: a cap bounds ours, and with an effort or a thinking budget of the
    user's own nothing is adapted. A model that takes neither is left as it is, and a note says so: `ChatAdaptive`
    is one, whose solver adapts already.

    A call that used its whole cap without an answer or a tool call is made once more, by `adaptive.reason.starving`.
    Tool calls are never asked for again: they are not verified. The best answer is kept: one that was accepted
    before one that was not, a whole one before one that is not, a higher score before a lower, and the earlier.

    The message that is kept has `response_metadata["adaptive"]`: `status`, `effort`, `cap`, `accepted` (None where
    nothing was verified), `verdict`, `attempts`, `reason`, `advice` (what would have sufficed where it starved),
    `notes`, and what the `step`, its `run` and its `thread` took (`adaptive.agents.spent`). Tokens of attempts that
    were rejected are in the agent's stream: `adaptive.agents.step` has the events that tell them apart.

    A failing call is not tried again here: put `ModelRetryMiddleware` after this one in the list, and each of our
    calls is. What a run counts begins again when it is resumed after an interrupt. Raises `InputError` for values
    that cannot be.
    """

    state_schema = AdaptiveState

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
        self.profile = profile if isinstance(profile, Profile) or profile is None else Profile.load(profile)
        self.efforts = _parse_efforts(efforts)
        self.max_escalations, self.max_tokens = max_escalations, max_tokens
        self.verifier = verifier_of(check, judge)
        self._memories: dict[str, Memory] = {}

    def wrap_model_call(
        self, request: ModelRequest[ContextT], handler: Handler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """The step's kept response, and its counts."""
        step = _Begun(self, request)

        def call(job: Call) -> Reply:
            begun = time.perf_counter()
            try:
                return Reply(handler(step.request(job)), None, time.perf_counter() - begun)
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; raised again if nothing mends it
                return Reply(None, error, time.perf_counter() - begun)

        return step.over(driven(step.work, call, lambda job: run_blocking(self._judge(job))))

    async def awrap_model_call(
        self, request: ModelRequest[ContextT], handler: AsyncHandler[ContextT, ResponseT]
    ) -> ExtendedModelResponse[ResponseT]:
        """The step's kept response, and its counts."""
        step = _Begun(self, request)

        async def call(job: Call) -> Reply:
            begun = time.perf_counter()
            try:
                return Reply(await handler(step.request(job)), None, time.perf_counter() - begun)
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 -- each provider has its own; raised again if nothing mends it
                return Reply(None, error, time.perf_counter() - begun)

        return step.over(await adriven(step.work, call, self._judge))

    async def _judge(self, job: Judge) -> Verdict:
        return await self.verifier.verify(job.question, job.attempt, job.others)

    def memory(self, model: ChatModel) -> Memory:
        """What calls of a model spent on thinking while this middleware lives."""
        return self._memories.setdefault(model.name, Memory())


class _Begun:
    """A step of one request: what is to be done, and what its end writes."""

    def __init__(self, ours: AdaptiveThinkingMiddleware[Any, Any], request: ModelRequest[Any]) -> None:
        self._ours, self._request = ours, request
        state: Any = request.state
        self._run = Counts.from_json(state.get("adaptive_run"))
        self._thread = Counts.from_json(state.get("adaptive_thread"))
        self._levers: Levers | None = None
        self._notes: list[str] = []
        self.reason = ""
        self.work = self._begin()

    def request(self, job: Call) -> ModelRequest[Any]:
        """The request of a call; the model is the same, but reports its usage in streams too."""
        if job.settings is None or self._levers is None:
            return self._request
        return self._request.override(model=self._levers.model.chat, model_settings=job.settings)

    def over(self, done: Done) -> ExtendedModelResponse[Any]:
        """The kept response, its message marked with what the step took, and the new counts of run and thread."""
        counts = {"run": self._run + done.counts, "thread": self._thread + done.counts}
        totals = {name: one.to_json() for name, one in counts.items()}
        response = done.reply.response
        if response is None:  # a step raises where there is none
            raise RuntimeError("a step ended without a response")
        message = done.reply.message
        if message is not None:
            marked = _marked(message, {**self._report(done), "step": done.counts.to_json(), **totals})
            response = replace(response, result=[marked if m is message else m for m in response.result])
        update = {f"adaptive_{name}": one for name, one in totals.items()}
        return ExtendedModelResponse(response, Command(update=update))

    def _begin(self) -> Work:
        request = self._request
        prompt = estimated_tokens("".join(str(m.text) for m in request.messages))
        if not isinstance(request.model, BaseChatModel):
            self._notes.append(f"a {type(request.model).__name__} has no settings that are known: it is left as it is")
            return passed(prompt)
        model = ChatModel(request.model)
        levers = Levers(model, request.model_settings, _forces_tool(request))
        if levers.taken:
            self._notes.append(levers.taken)
            return passed(prompt)
        self._levers = levers
        return self._step(levers, prompt).work()

    def _step(self, levers: Levers, prompt: int) -> Step:
        ours, request = self._ours, self._request
        profile = ours.profile or profile_of(levers.model)
        ladder, places = ladder_of(levers.model, profile, ours.efforts)
        left = None if ours.max_tokens is None else ours.max_tokens - self._run.tokens
        begin = start(request.messages, ladder, places, profile, left is not None and left <= 0)
        self.reason = begin.reason
        return Step(
            levers,
            ladder,
            begin.index,
            begin.reason,
            question_of(request.messages),
            ours.max_escalations,
            left,
            Recovery(ours.memory(levers.model), levers.largest, left),
            prompt,
            self._tell,
        )

    def _tell(self, event: dict[str, Any]) -> None:
        self._request.runtime.stream_writer({**event, "step": self._run.steps + 1})

    def _report(self, done: Done) -> dict[str, Any]:
        """What is said of the kept attempt."""
        levers = self._levers
        notes = [*self._notes, *(levers.notes if levers else ()), *(levers.model.notes() if levers else ())]
        attempt, ask = done.attempt, done.ask
        verdict = attempt.verdict if attempt else None
        return {
            "status": attempt.status if attempt else None,
            "effort": ask.effort if ask else None,
            "cap": ask.cap if ask else None,
            "accepted": verdict.accepted if verdict else None,
            "verdict": verdict.to_json() if verdict else None,
            "attempts": done.attempts,
            "reason": self.reason,
            "advice": done.advice,
            "notes": notes,
        }


def _marked(message: AIMessage, data: dict[str, Any]) -> AIMessage:
    """A copy of the message with our data beside the provider's."""
    return message.model_copy(update={"response_metadata": {**message.response_metadata, KEY: data}})


def _forces_tool(request: ModelRequest[Any]) -> bool:
    """Whether the model must call a tool: a structured answer may come as one."""
    form = request.response_format
    return request.tool_choice not in (None, "auto", "none") or isinstance(form, (ToolStrategy, AutoStrategy))


def _check_number(name: str, value: Any, least: int, *, optional: bool) -> None:
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} must be a whole number of {least} or more, got {value!r}.")


def _check_verifier(name: str, value: Any) -> None:
    if value is not None and not callable(getattr(value, "verify", None)):
        raise InputError(f"{name} must be a verifier, got {value!r}: wrap a function in adaptive.verify.check.Function.")


def _parse_efforts(efforts: Sequence[str] | None) -> tuple[Effort, ...] | None:
    """The efforts, cheapest first; None where none were given."""
    if efforts is None:
        return None
    if isinstance(efforts, str) or not efforts:
        raise InputError(f"efforts must be a list of some of {', '.join(EFFORTS)}, got {efforts!r}.")
    known = {parse_effort(effort) for effort in efforts}
    return tuple(effort for effort in EFFORTS if effort in known)
