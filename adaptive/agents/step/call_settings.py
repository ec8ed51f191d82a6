"""The settings of a call of an agent's model: our effort, thinking budget and cap, unless the user set them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adaptive.agents.step.effects import ModelCall
from adaptive.chat.adapter import CAP_ARGUMENTS, find_cap
from adaptive.chat.capabilities import fit_effort
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.policy.ladder import map_efforts
from adaptive.profile.untrained import THINKING_ARGUMENTS, takes_budget
from adaptive.types.ladder import Effort, Ladder, Rung


@dataclass(frozen=True)
class CallSettings:
    """The settings of one step.

    Attributes:
        model: The model of the step.
        set_by_user: The request's `model_settings`, which are never replaced.
        forces_tool: Whether the request forces the model to call a tool.
        resumes_bare: Whether the conversation goes on with the results of a tool call that came without thinking.
        temperature: Of all calls; None leaves it to the model.
        seed: Of all calls; None leaves it to the model.
        prompt: Tokens of the conversation, estimated.
        notes: Which of our settings gave way, in words; a dict so that each is there once, in order.
    """

    model: ChatModel
    set_by_user: Mapping[str, Any]
    forces_tool: bool = False
    resumes_bare: bool = False
    temperature: float | None = None
    seed: int | None = None
    prompt: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def skip_reason(self) -> str:
        """Why nothing can be set, in words; "" if something can."""
        if names := sorted(filter(self._sets_thinking, THINKING_ARGUMENTS & self.set_by_user.keys())):
            return f"model_settings set {', '.join(names)}: they are kept, and nothing is adapted"
        if not self.model.efforts and not takes_budget(self.model):
            return f"{self.model.name} takes neither effort nor thinking budget: its calls are left as they are"
        return ""

    @property
    def largest_cap(self) -> int | None:
        """The largest completion cap that may be set, in tokens; None if unknown."""
        limits = (self._user_cap, self.model.find_largest_cap(self.prompt))
        caps = [cap for cap in limits if cap is not None]
        return min(caps, default=None)

    @property
    def _user_cap(self) -> int | None:
        return find_cap(self.set_by_user)

    def build_request(self, rung: Rung, least: int = 0) -> ChatRequest:
        """Return the request of a rung, with a cap of at least `least` tokens and at most the largest.

        The model's own way has no cap of ours.
        """
        request = ChatRequest(
            rung.effort,
            rung.budget,
            None,
            self.temperature,
            self.seed,
            forces_tool=self.forces_tool,
            resumes_bare=self.resumes_bare,
        )
        if rung.is_plain:
            return request
        cap, limit = max(rung.budget + rung.answer_room, least), self.largest_cap
        request = replace(request, cap=cap)
        if limit is None or cap <= limit:
            return request
        if self._user_cap == limit:
            self.notes[f"model_settings set a cap of {limit} tokens: it is kept"] = None
        answer_room = min(rung.answer_room, max(1, limit // 4))
        return replace(request, budget=min(request.budget, limit - answer_room), cap=limit)

    def clamp_request(self, request: ChatRequest) -> ChatRequest:
        """Return the request within what the model takes, as far as is known by now."""
        request = replace(request, effort=fit_effort(request.effort, self.model.efforts))
        if request.cap is None:
            return request
        cap = min(request.cap, self.largest_cap or request.cap, request.room or request.cap)
        return replace(request, budget=min(request.budget, cap), cap=cap)

    def build_call(self, request: ChatRequest) -> ModelCall:
        """Return the call with all settings: ours, overridden by the user's."""
        call, own = self.model.build_call(request), self.model.own_cap
        ours = dict(call.arguments)
        if own is not None and self._user_cap is None and own < (request.cap or 0):
            self.notes[f"the model's own cap of {own} tokens is raised to {request.cap}"] = None
        if CAP_ARGUMENTS & self.set_by_user.keys():
            ours = {name: value for name, value in ours.items() if name not in CAP_ARGUMENTS}
        if why := self._explain_no_budget(ours.get("thinking")):
            ours["thinking"] = {"type": "disabled"}  # the model's own would have no room either
            self.notes[f"{why}: no thinking budget is set"] = None
        return ModelCall(self._merge_reasoning(ours, call.sent), request, call.sent)

    def _sets_thinking(self, name: str) -> bool:
        """Whether a setting of the user's says how much to think.

        A `reasoning` may be for summaries alone, and an `output_config` for the form of a structured answer.
        """
        value = self.set_by_user[name]
        limits = {"effort", "max_tokens", "enabled"}
        mixed = name in ("reasoning", "output_config") and isinstance(value, Mapping)
        return not mixed or bool(limits & value.keys())

    def _merge_reasoning(self, ours: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings, our effort as a part of the user's `reasoning`: both are not taken together."""
        settings, own = {**ours, **self.set_by_user}, self.set_by_user.get("reasoning")
        if not isinstance(own, Mapping) or "effort" not in sent:
            return settings
        nested = ours.get("reasoning")
        level = nested["effort"] if isinstance(nested, Mapping) else ours.get("reasoning_effort", sent["effort"])
        others = {name: value for name, value in settings.items() if name != "reasoning_effort"}
        return {**others, "reasoning": {**own, "effort": level}}

    def list_notes(self) -> list[str]:
        """Return what gave way and what was mapped to the nearest value that the model takes, in words."""
        return [*self.notes, *self.model.notes()]

    def _explain_no_budget(self, thinking: Any) -> str:
        """Return why Anthropic's thinking budget cannot be set; "" if it can or there is none."""
        if not isinstance(thinking, Mapping) or thinking.get("type") != "enabled":
            return ""
        if self._user_cap is not None and thinking["budget_tokens"] >= self._user_cap:
            return f"a cap of {self._user_cap} tokens has no room for it"
        return ""


def select_rungs(
    model: ChatModel, full_ladder: Ladder, efforts: Sequence[Effort] | None = None
) -> tuple[Ladder, list[int]]:
    """Select the rungs to use, one for each effort.

    Each rung's effort becomes the nearest of `efforts`, and then the nearest that the model takes. If several
    rungs then have the same effort, the one with the most room is used. Of a ladder over several models the own
    rungs of the profile's model are used: a step is one call of this model.

    Args:
        model: The model of the step.
        full_ladder: The profile's ladder.
        efforts: Efforts to use; None for all.

    Returns:
        The rungs to use, and their indices on `full_ladder`.
    """
    ladder = map_efforts(full_ladder, efforts)[0] if efforts else full_ladder
    ladder = map_efforts(ladder, model.efforts)[0]
    own = full_ladder.list_rungs_of("") or range(len(full_ladder))
    last = {ladder[index].effort if ladder[index].thinks else "none": index for index in own}
    if efforts and "none" not in efforts and len(last) > 1:
        last.pop("none", None)
    places = sorted(last.values())
    return Ladder(tuple(ladder[index] for index in places)), places
