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

from adaptive.agents.step.call_settings import Levers, ladder_of
from adaptive.agents.step.counts import Counts
from adaptive.agents.step.effects import Call, Done, Work, passed
from adaptive.agents.step.report import marked, report
from adaptive.agents.step.start import question_of, start
from adaptive.agents.step.step import Step
from adaptive.chat.model import ChatModel
from adaptive.chat.response import estimated_tokens
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import untrained_chat
from adaptive.reason.starvation import Memory, Recovery
from adaptive.types.ladder import Effort


class AdaptiveState(AgentState[ResponseT]):
    """An agent's state with our counts. Neither key is part of its input or output; `spent` reads them off its
    messages."""

    adaptive_run: NotRequired[Annotated[dict[str, Any], UntrackedValue, PrivateStateAttr]]
    adaptive_thread: NotRequired[Annotated[dict[str, Any], PrivateStateAttr]]


@dataclass(frozen=True)
class Setup:
    """What a middleware was made with; `memories` is what calls of each model spent on thinking, by its name."""

    profile: Profile | None
    efforts: tuple[Effort, ...] | None
    max_escalations: int
    max_tokens: int | None
    memories: dict[str, Memory] = field(default_factory=dict)


class Begun:
    """A step of one request: the `work` to be done, and what its end writes."""

    def __init__(self, request: ModelRequest[Any], setup: Setup) -> None:
        self._request, self._setup = request, setup
        state: Any = request.state
        self._run = Counts.from_json(state.get("adaptive_run"))
        self._thread = Counts.from_json(state.get("adaptive_thread"))
        self._levers: Levers | None = None
        self._notes: list[str] = []
        self._reason = ""
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
            ours = marked(message, {**report(done, self._reason, self._all_notes()), **totals})
            response = replace(response, result=[ours if m is message else m for m in response.result])
        update = {f"adaptive_{name}": one for name, one in totals.items()}
        return ExtendedModelResponse(response, Command(update=update))

    def _begin(self) -> Work:
        request = self._request
        prompt = estimated_tokens("".join(str(m.text) for m in request.messages))
        if not isinstance(request.model, BaseChatModel):
            self._notes.append(
                f"a {type(request.model).__name__} is no chat model: its calls are left as they are"
            )
            return passed(prompt)
        model = ChatModel(request.model)
        levers = Levers(model, request.model_settings, _forces_tool(request))
        if levers.taken:
            self._notes.append(levers.taken)
            return passed(prompt)
        self._levers = levers
        return self._step(levers, prompt).work()

    def _step(self, levers: Levers, prompt: int) -> Step:
        setup, request = self._setup, self._request
        profile = setup.profile or untrained_chat(levers.model)
        ladder, places = ladder_of(levers.model, profile.ladder, setup.efforts)
        left = None if setup.max_tokens is None else setup.max_tokens - self._run.tokens
        begin = start(request.messages, ladder, places, profile, left is not None and left <= 0)
        self._reason = begin.reason
        self._notes += begin.notes
        return Step(
            levers,
            ladder,
            begin.index,
            begin.reason,
            question_of(request.messages),
            setup.max_escalations,
            lambda usage: left is not None and usage.total >= left,
            Recovery(setup.memories.setdefault(levers.model.name, Memory()), levers.largest, left),
            prompt,
            self._tell,
        )

    def _tell(self, event: dict[str, Any]) -> None:
        self._request.runtime.stream_writer({**event, "step": self._run.steps + 1})

    def _all_notes(self) -> list[str]:
        """What was mapped, and what gave way, in words."""
        return [*self._notes, *(self._levers.said() if self._levers else ())]


def _forces_tool(request: ModelRequest[Any]) -> bool:
    """Whether the model must call a tool: a structured answer may come as one."""
    form = request.response_format
    return request.tool_choice not in (None, "auto", "none") or isinstance(form, (ToolStrategy, AutoStrategy))
