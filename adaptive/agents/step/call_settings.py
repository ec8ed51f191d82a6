"""What a call of an agent's model is given: our effort, thinking budget and cap, where the user set none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adaptive.chat.adapter import CAP_ARGUMENTS, find_cap
from adaptive.chat.capabilities import fit_effort
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.policy.ladder import map_efforts
from adaptive.profile.untrained import THINKING_ARGUMENTS, takes_budget
from adaptive.types.ladder import Effort, Ladder, Rung


@dataclass(frozen=True)
class CallSettings:
    """The levers of one step.

    set_by_user: the request's `model_settings`, which are never replaced. forced: whether the request forces the
    model to call a tool. temperature, seed: of all calls; None leaves them to the model. notes: what of ours gave
    way, in words.
    """

    model: ChatModel
    set_by_user: Mapping[str, Any]
    forces_tool: bool = False
    temperature: float | None = None
    seed: int | None = None
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def skip_reason(self) -> str:
        """Why nothing can be set here, in words; "" where something can."""
        if named := sorted(THINKING_ARGUMENTS & self.set_by_user.keys()):
            return f"model_settings set {', '.join(named)}: they are kept, and nothing is adapted"
        if not self.model.efforts and not takes_budget(self.model):
            return f"{self.model.name} takes neither effort nor thinking budget: its calls are left as they are"
        return ""

    @property
    def largest_cap(self) -> int | None:
        """The largest completion cap that may be asked for; None where that is not known."""
        known = [cap for cap in (self._user_cap, self.model.largest_cap) if cap is not None]
        return min(known, default=None)

    @property
    def _user_cap(self) -> int | None:
        return find_cap(self.set_by_user)

    def build_request(self, rung: Rung, least: int = 0) -> ChatRequest:
        """What a rung asks for, with a cap of at least `least`, within the largest."""
        cap = max(rung.budget + rung.answer_room, least)
        ask = ChatRequest(rung.effort, rung.budget, cap, self.temperature, self.seed)
        return (
            ask
            if self.largest_cap is None or cap <= self.largest_cap
            else self._limit_request(ask, rung, self.largest_cap)
        )

    def _limit_request(self, request: ChatRequest, rung: Rung, cap: int) -> ChatRequest:
        if self._user_cap == cap:
            self.notes[f"model_settings set a cap of {cap} tokens: it is kept"] = None
        return replace(request, budget=min(request.budget, cap - min(rung.answer_room, max(1, cap // 4))), cap=cap)

    def clamp_request(self, request: ChatRequest) -> ChatRequest:
        """What of it the model takes, as far as is known by now."""
        cap = request.cap if self.largest_cap is None else min(request.cap, self.largest_cap)
        return replace(
            request,
            effort=fit_effort(request.effort, self.model.efforts),
            budget=min(request.budget, cap),
            cap=cap,
        )

    def build_arguments(self, request: ChatRequest) -> dict[str, Any]:
        """All settings of a call: ours, and the user's over them."""
        ours = self.model.build_arguments(request)
        if CAP_ARGUMENTS & self.set_by_user.keys():
            ours = {name: value for name, value in ours.items() if name not in CAP_ARGUMENTS}
        if why := self._explain_no_budget(ours.get("thinking")):
            del ours["thinking"]
            self.notes[f"{why}: no thinking budget is set"] = None
        return {**ours, **self.set_by_user}

    def list_notes(self) -> list[str]:
        """What gave way and what was mapped to the nearest thing that the model can, in words."""
        return [*self.notes, *self.model.notes()]

    def _explain_no_budget(self, thinking: Any) -> str:
        """Why Anthropic's thinking budget cannot be set, in words; "" where it can or there is none."""
        if not isinstance(thinking, Mapping) or thinking.get("type") != "enabled":
            return ""
        if self._user_cap is not None and thinking["budget_tokens"] >= self._user_cap:
            return f"a cap of {self._user_cap} tokens has no room for it"
        return "a tool call is forced, which goes without" if self.forces_tool else ""


def select_rungs(
    model: ChatModel, full_ladder: Ladder, efforts: Sequence[Effort] | None = None
) -> tuple[Ladder, list[int]]:
    """The rungs to use, one for each effort, and where they are on the ladder that is known.

    efforts: those to use, None for all. Each rung's effort is the nearest of them, and then the nearest that the
    model takes; of several with one effort the one with the most room is used.
    """
    ladder = map_efforts(full_ladder, efforts)[0] if efforts else full_ladder
    ladder = map_efforts(ladder, model.efforts)[0]
    last = {rung.effort if rung.thinks else "none": index for index, rung in enumerate(ladder)}
    if efforts and "none" not in efforts and len(last) > 1:
        last.pop("none", None)
    places = sorted(last.values())
    return Ladder(tuple(ladder[index] for index in places)), places
