"""Runs a cell: one call of a chat model at exactly its effort and cap, or one attempt on a token engine.

Nothing is recovered, verified or extended, so that a comparison shows what effort and cap themselves do. On a
token engine the cap is thinking budget and answer room together, without early stops.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import AnyMessage

from adaptive.answers.boxed import BOX, extract_boxed
from adaptive.answers.extract import extract_final_answer, is_refusal
from adaptive.compare.cell import Cell, CellResult, CellSetting
from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.policy.arms import Plan
from adaptive.policy.ladder import map_efforts
from adaptive.profile.profile import Profile
from adaptive.solver.protocol import AttemptContext
from adaptive.solver.token_model import TokenSolverModel
from adaptive.types.attempt import Attempt, Status
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from adaptive.verify import Rules

if TYPE_CHECKING:
    from adaptive.chat.model import ChatModel
    from adaptive.chat.request import ChatRequest
    from adaptive.chat.response import ChatResponse

ANSWER_TOKENS = 1024
"""Tokens of a cap left to the answer if a provider takes a thinking budget; at most a quarter of the cap."""


@dataclass(frozen=True)
class MappedRequest:
    """What a model is asked for at a setting, each value mapped to the nearest that it supports.

    Attributes:
        key: The same for settings of a model at which it is asked for the same.
        notes: What was mapped.
    """

    key: str
    notes: tuple[str, ...]


class ComparisonBackend(Protocol):
    """Runs the cells of one model."""

    def map_request(self, setting: CellSetting) -> MappedRequest:
        """Return the request of a setting, as far as is known before the call."""
        ...

    async def ask(self, cell: Cell) -> CellResult:
        """Run a cell and return its result. Raise `AdaptiveError` if it fails."""
        ...

    async def close(self) -> None:
        """Release the model."""
        ...


@dataclass(frozen=True)
class ChatBackend:
    """Runs cells on a chat model.

    Attributes:
        model: The chat model.
        messages: The prompt.
        temperature: The sampling temperature; None for the model's own.
    """

    model: ChatModel
    messages: Sequence[AnyMessage]
    temperature: float | None = None

    def map_request(self, setting: CellSetting) -> MappedRequest:
        """Return the arguments of a setting's call."""
        model = self._copy_model()
        arguments = model.build_arguments(self._make_request(setting))
        return MappedRequest(json.dumps(arguments, sort_keys=True, default=repr), _list_notes(model, setting))

    async def ask(self, cell: Cell) -> CellResult:
        """Make one call. It is retried only if it brings nothing."""
        model = self._copy_model()
        response = await model.ask(self.messages, self._make_request(cell.setting))
        return CellResult(_to_attempt(response, cell), response.finish, _list_notes(model, cell.setting))

    async def close(self) -> None:
        """Do nothing: the client closes with the process."""

    def _copy_model(self) -> ChatModel:
        """Return the model as a new one, whose notes are of one call alone."""
        from adaptive.chat.model import ChatModel

        return ChatModel(self.model.chat, self.model.name)

    def _make_request(self, setting: CellSetting) -> ChatRequest:
        from adaptive.chat.request import ChatRequest

        _, effort, cap = setting
        return ChatRequest(effort, cap - min(ANSWER_TOKENS, cap // 4), cap, self.temperature)


@dataclass(frozen=True)
class EngineBackend:
    """Runs cells on a token engine. Each repeat has its own seed.

    Attributes:
        engine: The token engine.
        profile: The model's profile, for its answer room.
        messages: The prompt.
        temperature: The sampling temperature; None for greedy decoding.
    """

    engine: TokenEngine
    profile: Profile
    messages: Sequence[AnyMessage]
    temperature: float | None = None

    def map_request(self, setting: CellSetting) -> MappedRequest:
        """Return the rung of a setting, without an effort that the model's chat template does not know."""
        rung, notes = self._map_rung(setting)
        effort = rung.effort if self.engine.codec.efforts else str(rung.effort == "none")
        return MappedRequest(json.dumps([effort, rung.budget, rung.answer_room]), notes)

    async def ask(self, cell: Cell) -> CellResult:
        """Make one attempt with a forced thinking budget."""
        rung, notes = self._map_rung(cell.setting)
        options = Options(stop="none", temperature=self.temperature or 0.0, seed=cell.repeat)
        session = uuid.uuid4().hex
        model = TokenSolverModel(self.engine, replace(self.profile, ladder=Ladder((rung,))), Rules())
        context = AttemptContext(
            options, Sampling(options.temperature, seed=options.seed), session, _ignore_event, 0, session
        )
        try:
            attempt = await model.make_attempt(self.messages, Plan(0, rung, "first", ""), (), context)
        finally:
            await self.engine.release(session)
        return CellResult(attempt, attempt.finish, notes)

    def _map_rung(self, setting: CellSetting) -> tuple[Rung, tuple[str, ...]]:
        """Return the rung of a setting at an effort that the model knows, and notes."""
        ladder, notes = map_efforts(Ladder((self._make_rung(setting),)), self.engine.codec.efforts)
        if not self.engine.codec.efforts and setting.effort != "none":
            notes.append("its chat template tells no efforts apart")
        return ladder[0], tuple(f"{setting.model}: {note}" for note in notes)

    def _make_rung(self, setting: CellSetting) -> Rung:
        """Return the rung of a setting: the profile's answer room, at most half of the cap, and thinking."""
        _, effort, cap = setting
        room = min(max(1, cap // 2), self.profile.ladder[self.profile.ladder.top].answer_room)
        return Rung(effort, 0, 0, cap) if effort == "none" else Rung(effort, cap - room, 0, room)

    async def close(self) -> None:
        """Close the engine."""
        await self.engine.close()


def _list_notes(model: ChatModel, setting: CellSetting) -> tuple[str, ...]:
    """Return what was mapped in the one call that a model was copied for."""
    blind = not model.efforts and setting.effort != "none"
    return (*model.notes(), *([f"{model.name}: it tells no efforts apart"] if blind else []))


def _to_attempt(response: ChatResponse, cell: Cell) -> Attempt:
    """Return a response as an attempt, so that verifiers can judge it."""
    _, effort, cap = cell.setting
    whole = response.finish == "stop"
    answer = _extract_answer(response.text, whole) if response.finish != "refusal" else None
    status: Status = "answered" if whole and response.text.strip() else "refused"
    if response.finish == "length":
        status = "starved" if answer is None else "answered"
    return Attempt(
        rung=0, arm="first", effort=effort, budget=cap, waits=0, answer=answer, text=response.text,
        thinking=response.thinking, status=status, finish="budget" if response.finish == "length" else "natural",
        usage=response.usage,
    )  # fmt: skip


def _extract_answer(text: str, whole: bool) -> str | None:
    """Return the final answer of a text, or all of it if it is no refusal; of a cut one only a box counts."""
    if not whole:
        return extract_boxed(text)
    final = extract_final_answer(text)
    if final is not None or is_refusal(text) or BOX in text:
        return final
    return text.strip() or None


def _ignore_event(_: dict[str, Any]) -> None:
    """Show no event, because cells run side by side."""
