"""A step that an agent asks for: begun from its request and state, and what it leaves in them when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NotRequired

from langchain.agents.middleware.types import (
    AgentState,
    ExtendedModelResponse,
    ModelRequest,
    PrivateStateAttr,
    ResponseT,
)
from langchain.agents.structured_output import AutoStrategy, ToolStrategy
from langchain_core.language_models import BaseChatModel
from langgraph.channels.untracked_value import UntrackedValue
from langgraph.types import Command

from adaptive.agents.step.call_settings import CallSettings, select_rungs
from adaptive.agents.step.counts import Counts
from adaptive.agents.step.effects import ModelCall, StepResult, StepWork, pass_through
from adaptive.agents.step.report import attach_report, build_step_report
from adaptive.agents.step.start import choose_start, find_question
from adaptive.agents.step.step import Step
from adaptive.chat.model import ChatModel
from adaptive.chat.response import estimate_tokens
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import build_untrained_chat_profile
from adaptive.reason.starvation import Recovery, ThinkingMemory
from adaptive.types.ladder import Effort


class AdaptiveState(AgentState[ResponseT]):
    """An agent's state with our counts. Neither key is part of its input or output; `spent` reads them off its
    messages."""

    adaptive_run: NotRequired[Annotated[dict[str, Any], UntrackedValue, PrivateStateAttr]]
    adaptive_thread: NotRequired[Annotated[dict[str, Any], PrivateStateAttr]]


@dataclass(frozen=True)
class MiddlewareSettings:
    """What a middleware was made with; `memories` is what calls of each model spent on thinking, by its name."""

    profile: Profile | None
    efforts: tuple[Effort, ...] | None
    max_escalations: int
    max_tokens: int | None
    memories: dict[str, ThinkingMemory] = field(default_factory=dict)


class MiddlewareStep:
    """A step of one request: the `work` to be done, and what its end writes."""

    def __init__(self, request: ModelRequest[Any], settings: MiddlewareSettings) -> None:
        self._request, self._settings = request, settings
        state: Any = request.state
        self._run = Counts.from_json(state.get("adaptive_run"))
        self._thread = Counts.from_json(state.get("adaptive_thread"))
        self._call_settings: CallSettings | None = None
        self._notes: list[str] = []
        self._reason = ""
        self.work = self._start_work()

    def build_request(self, job: ModelCall) -> ModelRequest[Any]:
        """The request of a call; the model is the same, but reports its usage in streams too."""
        if job.settings is None or self._call_settings is None:
            return self._request
        return self._request.override(model=self._call_settings.model.chat, model_settings=job.settings)

    def finish(self, result: StepResult) -> ExtendedModelResponse[Any]:
        """The kept response, its message marked with what the step took, and the new counts of run and thread."""
        counts = {"run": self._run + result.counts, "thread": self._thread + result.counts}
        totals = {name: one.to_json() for name, one in counts.items()}
        response = result.reply.agent_response
        if response is None:  # a step raises where there is none
            raise RuntimeError("a step ended without a response")
        message = result.reply.message
        if message is not None:
            ours = attach_report(
                message, {**build_step_report(result, self._reason, self._collect_notes()), **totals}
            )
            response = replace(response, result=[ours if m is message else m for m in response.result])
        update = {f"adaptive_{name}": one for name, one in totals.items()}
        return ExtendedModelResponse(response, Command(update=update))

    def _start_work(self) -> StepWork:
        request = self._request
        prompt = estimate_tokens("".join(str(m.text) for m in request.messages))
        if not isinstance(request.model, BaseChatModel):
            self._notes.append(
                f"a {type(request.model).__name__} is no chat model: its calls are left as they are"
            )
            return pass_through(prompt)
        model = ChatModel(request.model)
        levers = CallSettings(model, request.model_settings, _must_call_tool(request))
        if levers.skip_reason:
            self._notes.append(levers.skip_reason)
            return pass_through(prompt)
        self._call_settings = levers
        return self._build_step(levers, prompt).run()

    def _build_step(self, call_settings: CallSettings, prompt: int) -> Step:
        setup, request = self._settings, self._request
        profile = setup.profile or build_untrained_chat_profile(call_settings.model)
        ladder, places = select_rungs(call_settings.model, profile.ladder, setup.efforts)
        left = None if setup.max_tokens is None else setup.max_tokens - self._run.tokens
        begin = choose_start(request.messages, ladder, places, profile, left is not None and left <= 0)
        self._reason = begin.reason
        return Step(
            call_settings,
            ladder,
            begin.index,
            begin.reason,
            find_question(request.messages),
            setup.max_escalations,
            lambda usage: left is not None and usage.total >= left,
            Recovery(
                setup.memories.setdefault(call_settings.model.name, ThinkingMemory()),
                call_settings.largest_cap,
                left,
            ),
            prompt,
            self._emit_event,
        )

    def _emit_event(self, event: dict[str, Any]) -> None:
        self._request.runtime.stream_writer({**event, "step": self._run.steps + 1})

    def _collect_notes(self) -> list[str]:
        """What was mapped, and what gave way, in words."""
        return [*self._notes, *(self._call_settings.list_notes() if self._call_settings else ())]


def _must_call_tool(request: ModelRequest[Any]) -> bool:
    """Whether the model must call a tool: a structured answer may come as one."""
    form = request.response_format
    return request.tool_choice not in (None, "auto", "none") or isinstance(form, (ToolStrategy, AutoStrategy))
