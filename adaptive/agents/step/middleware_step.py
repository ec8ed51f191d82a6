"""A step of an agent under the middleware: from its request and state to the response and the new counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, NotRequired

from langchain.agents.middleware.types import (
    AgentState,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    PrivateStateAttr,
    ResponseT,
)
from langchain.agents.structured_output import AutoStrategy, StructuredOutputError, ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.channels.untracked_value import UntrackedValue
from langgraph.types import Command

from adaptive.agents.step.adapted_request import AdaptedRequest
from adaptive.agents.step.call_settings import CallSettings, select_rungs
from adaptive.agents.step.counts import Counts, sum_conversation
from adaptive.agents.step.effects import (
    CallCounter,
    Fallback,
    ModelCall,
    ModelReply,
    StepResult,
    StepWork,
    pass_through,
)
from adaptive.agents.step.prompt_cache import PromptCache
from adaptive.agents.step.report import attach_report, build_step_report
from adaptive.agents.step.spending_limits import Scope, SpendingLimits
from adaptive.agents.step.start import DEFAULT_OPTIONS, choose_start
from adaptive.agents.step.step import Step
from adaptive.agents.step.tenant_limits import TenantLimits
from adaptive.chat.model import ChatModel
from adaptive.chat.openai_compat import recover_cut_message
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import estimate_prompt, mend_message, resumes_bare
from adaptive.prices import Prices, add_cost
from adaptive.profile.domain import UNLIKE
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import build_untrained_chat_profile, without_measurements
from adaptive.reason.starvation import Recovery, ThinkingMemory
from adaptive.solver.conversation import find_question
from adaptive.types.events import Event
from adaptive.types.ladder import Effort
from adaptive.types.usage import Usage

OWN_EFFORT_NOTE = (
    "no profile: the model keeps its own effort; 'adaptive compare' measures what its efforts bring, and "
    'efforts="guess" lets the general difficulty model choose'
)


class MiddlewareState(AgentState[ResponseT]):
    """An agent's state with our counts.

    Neither key is part of the agent's input or output; `read_spending` reads the counts from its messages.
    """

    adaptive_run: NotRequired[Annotated[dict[str, Any], UntrackedValue, PrivateStateAttr]]
    adaptive_thread: NotRequired[Annotated[dict[str, Any], PrivateStateAttr]]


@dataclass(frozen=True)
class MiddlewareSettings:
    """The arguments of a middleware.

    limits: of the run and its thread. tenants: of each tenant, if any. guess: whether the general difficulty model
    chooses the effort of a model without a profile. memories: what calls spent on thinking, by the model's name.
    """

    profile: Profile | None
    efforts: tuple[Effort, ...] | None
    max_escalations: int
    limits: SpendingLimits = field(default_factory=SpendingLimits)
    prices: Prices = field(default_factory=Prices)
    guess: bool = False
    memories: dict[str, ThinkingMemory] = field(default_factory=dict)
    tenants: TenantLimits | None = None


class MiddlewareStep:
    """A step of one request: its `work`, the requests of its calls, and its response at the end."""

    def __init__(
        self, request: ModelRequest[Any], settings: MiddlewareSettings, tenant: Scope | None = None
    ) -> None:
        self._request, self._settings = request, settings
        state: Any = request.state
        self._run = Counts.from_json(state.get("adaptive_run"))
        self._thread = Counts.from_json(state.get("adaptive_thread"))
        # What our tool spent is in its messages alone.
        by_tools = sum_conversation([m for m in request.messages if not isinstance(m, AIMessage)])
        self._limits = settings.limits.after(
            *(count.spent + tools for count, tools in zip((self._run, self._thread), by_tools, strict=True))
        ).within(tenant)
        self._call_settings: CallSettings | None = None
        self._step: Step | None = None
        self._counts = Counts()
        self._notes: list[str] = []
        self._reason = ""
        self.fallback: Fallback | None = None
        self.work = self._start_work()

    @property
    def spent(self) -> Usage:
        """What the step has spent so far, also if it failed."""
        return (self._step.counts if self._step else self._counts).spent

    def build_request(self, call: ModelCall) -> ModelRequest[Any]:
        """Return the request of a call; its model reports usage in streams too."""
        self.fallback = None
        if call.settings is None or call.request is None or self._call_settings is None:
            return AdaptedRequest.of(self._request, (), partial(self._follow_model, None))
        request = self._request.override(model=self._call_settings.model.chat, model_settings=call.settings)
        ours = call.settings.keys() - self._request.model_settings.keys()
        return AdaptedRequest.of(request, ours, partial(self._follow_model, call.request))

    def _follow_model(self, asked: ChatRequest | None, request: ModelRequest[Any]) -> ModelRequest[Any]:
        """Return a request that middleware gave another model, with the settings of that one.

        Args:
            asked: What the step's model was asked for; None if its calls are left as they are.
            request: The request, with the other model.
        """
        if not isinstance(request.model, BaseChatModel):
            return request
        model = ChatModel(request.model, has_tools=_has_tools(request))
        self.fallback = Fallback(model)
        self._add_notes(f"{model.name} was called in place of the model")
        settings = _read_settings(model, request)
        if settings.skip_reason:
            self._add_notes(settings.skip_reason)
            return request
        asked = asked or self._choose_named_effort(settings)
        if asked is not None:
            call = settings.build_call(settings.clamp_request(asked))
            self.fallback = Fallback(model, call.sent)
            request = request.override(model=model.chat, model_settings=call.settings or {})
        self._add_notes(*settings.list_notes())
        return request

    def _choose_named_effort(self, settings: CallSettings) -> ChatRequest | None:
        """Return the request of the cheapest effort that the user named; None if the model keeps its own."""
        if self._settings.efforts is None:
            return None
        ladder = build_untrained_chat_profile(settings.model).ladder
        return settings.build_request(select_rungs(settings.model, ladder, self._settings.efforts)[0][0])

    def _add_notes(self, *notes: str) -> None:
        self._notes += [note for note in notes if note not in self._notes]

    def finish(self, result: StepResult) -> ExtendedModelResponse[Any]:
        """Return the kept response with the report in its message, and the new counts of run and thread."""
        self._counts = result.counts
        counts = {"run": self._run + result.counts, "thread": self._thread + result.counts}
        totals = {name: one.to_json() for name, one in counts.items()}
        response = result.reply.agent_response
        if response is None:  # a step raises if no call returned one
            raise RuntimeError("a step ended without a response")
        message = result.reply.message
        if message is not None:
            notes = [*self._notes, *(self._call_settings.list_notes() if self._call_settings else ())]
            reported = attach_report(message, {**build_step_report(result, self._reason, notes), **totals})
            response = replace(response, result=[reported if m is message else m for m in response.result])
        update = {f"adaptive_{name}": one for name, one in totals.items()}
        return ExtendedModelResponse(response, Command(update=update))

    def _start_work(self) -> StepWork:
        request = self._request
        prompt = estimate_prompt(request.messages)
        if not isinstance(request.model, BaseChatModel):
            self._notes.append(
                f"a {type(request.model).__name__} is no chat model: its calls are left as they are"
            )
            return pass_through(CallCounter(type(request.model).__name__, self._settings.prices, prompt))
        model = ChatModel(request.model, has_tools=_has_tools(request))
        counter = CallCounter(model.name, self._settings.prices, prompt)
        self._limits.require_price(model.name, counter.prices)
        settings = _read_settings(model, request)
        if settings.skip_reason:
            self._notes.append(settings.skip_reason)
            return pass_through(counter)
        self._call_settings = settings
        self._step = self._build_step(settings, counter)
        return self._step.run()

    def _build_step(self, call_settings: CallSettings, counter: CallCounter) -> Step:
        settings, request, limits = self._settings, self._request, self._limits
        profile = self._choose_profile(call_settings)
        reached = limits.find_reached()
        full_ladder = profile.ladder
        if not (settings.guess or settings.efforts or reached):
            full_ladder = profile.get_ladder(DEFAULT_OPTIONS)
        if full_ladder[0].is_plain and settings.profile is None:
            self._notes.append(OWN_EFFORT_NOTE)
        ladder, places = select_rungs(call_settings.model, full_ladder, settings.efforts)
        memory = settings.memories.setdefault(call_settings.model.name, ThinkingMemory())
        start = choose_start(request.messages, ladder, places, profile, reached, guess=settings.guess)
        cache, requests = (
            PromptCache.read(request.messages, counter.model),
            map(call_settings.build_request, ladder),
        )
        start, cache = cache.weigh(start, ladder, list(requests), counter.cache_prices)
        self._reason = start.reason
        return Step(
            call_settings,
            ladder,
            start.index,
            start.reason,
            question=find_question(request.messages),
            max_escalations=settings.max_escalations,
            is_over_limit=lambda usage: bool(limits.find_reached(usage)),
            recovery=Recovery(
                memory,
                call_settings.largest_cap,
                limits.tokens,
                affordable=lambda usage: not limits.find_reached(add_cost(usage, counter.model, counter.prices)),
            ),
            counter=counter,
            on_event=self._write_event,
            cache=cache,
        )

    def _choose_profile(self, call_settings: CallSettings) -> Profile:
        """Return the profile; without its measurements if the question is unlike those that were measured."""
        profile, untrained = self._settings.profile, build_untrained_chat_profile(call_settings.model)
        if profile is None:
            return untrained
        question = find_question(self._request.messages)
        if not profile.policy.measured or not profile.is_outside(question):
            return profile
        self._notes.append(f"{UNLIKE}: the model keeps its own effort")
        return without_measurements(profile, untrained.own_ladder, question)

    def _write_event(self, event: Event) -> None:
        self._request.runtime.stream_writer({**event, "step": self._run.steps + 1})


def _read_settings(model: ChatModel, request: ModelRequest[Any]) -> CallSettings:
    return CallSettings(
        model,
        request.model_settings,
        _must_call_tool(request),
        resumes_bare(request.messages),
        prompt=estimate_prompt(request.messages),
    )


def _has_tools(request: ModelRequest[Any]) -> bool:
    """Whether the model may call a tool."""
    return bool(request.tools) or _answers_by_tool(request)


def _must_call_tool(request: ModelRequest[Any]) -> bool:
    """Whether the model must call a tool: a structured answer may come as one."""
    return request.tool_choice not in (None, "auto", "none") or _answers_by_tool(request)


def _answers_by_tool(request: ModelRequest[Any]) -> bool:
    """Whether a structured answer comes as the call of a tool, not in a format of the provider's."""
    strategy = request.response_format
    if isinstance(strategy, AutoStrategy):
        return not (request.model.profile or {}).get("structured_output")
    return isinstance(strategy, ToolStrategy)


def build_reply(response: ModelResponse[Any], seconds: float, fallback: Fallback | None) -> ModelReply:
    """Return the reply of a call, with texts that can be stored: the agent's checkpointer may not take others."""
    mended = [mend_message(m) if isinstance(m, AIMessage) else m for m in response.result]
    response = replace(response, result=mended)
    message = next((m for m in response.result if isinstance(m, AIMessage)), None)
    return ModelReply(message, None, seconds, response.structured_response, response, fallback=fallback)


def build_error_reply(error: Exception, seconds: float, fallback: Fallback | None) -> ModelReply:
    """Return the reply of a failed call; with its message, if a structured answer was cut or not parsed."""
    message = error.ai_message if isinstance(error, StructuredOutputError) else recover_cut_message(error)
    return ModelReply(message, error, seconds, fallback=fallback)
