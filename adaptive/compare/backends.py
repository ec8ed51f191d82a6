"""Runs a cell: one call of a chat model at exactly its effort and cap, or one attempt on a token engine.

Nothing is recovered, verified or extended, so that a comparison shows what effort and cap themselves do. On a
token engine the cap is thinking budget and answer room together, without early stops.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import AnyMessage

from adaptive.answers.boxed import BOX, extract_boxed
from adaptive.answers.extract import extract_final_answer, is_refusal
from adaptive.compare.cell import Cell, CellResult
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
    from adaptive.chat.response import ChatResponse

ANSWER_TOKENS = 1024
"""Tokens of a cap left to the answer if a provider takes a thinking budget; at most a quarter of the cap."""


class ComparisonBackend(Protocol):
    """Runs the cells of one model."""

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

    async def ask(self, cell: Cell) -> CellResult:
        """Make one call. It is retried only if it brings nothing."""
        from adaptive.chat.model import ChatModel
        from adaptive.chat.request import ChatRequest

        _, effort, cap = cell.setting
        model = ChatModel(self.model.chat, self.model.name)  # a new one, whose notes are of this cell alone
        request = ChatRequest(effort, cap - min(ANSWER_TOKENS, cap // 4), cap, self.temperature)
        response = await model.ask(self.messages, request)
        notes = [*model.notes()]
        if not model.efforts and effort != "none":
            notes.append(f"{model.name}: it tells no efforts apart")
        return CellResult(_to_attempt(response, cell), response.finish, tuple(notes))

    async def close(self) -> None:
        """Do nothing: the client closes with the process."""


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

    async def ask(self, cell: Cell) -> CellResult:
        """Make one attempt with a forced thinking budget."""
        ladder, notes = map_efforts(Ladder((self.make_rung(cell),)), self.engine.codec.efforts)
        options = Options(stop="none", temperature=self.temperature or 0.0, seed=cell.repeat)
        session = uuid.uuid4().hex
        model = TokenSolverModel(self.engine, replace(self.profile, ladder=ladder), Rules())
        context = AttemptContext(
            options, Sampling(options.temperature, seed=options.seed), session, _ignore_event, 0, session
        )
        try:
            attempt = await model.make_attempt(self.messages, Plan(0, ladder[0], "first", ""), (), context)
        finally:
            await self.engine.release(session)
        if not self.engine.codec.efforts and cell.setting.effort != "none":
            notes.append("its chat template tells no efforts apart")
        return CellResult(attempt, attempt.finish, tuple(f"{cell.setting.model}: {note}" for note in notes))

    def make_rung(self, cell: Cell) -> Rung:
        """Return the rung of a cell: the profile's answer room, up to half of the cap; thinking has the rest."""
        _, effort, cap = cell.setting
        room = min(max(1, cap // 2), self.profile.ladder[self.profile.ladder.top].answer_room)
        return Rung(effort, 0, 0, cap) if effort == "none" else Rung(effort, cap - room, 0, room)

    async def close(self) -> None:
        """Close the engine."""
        await self.engine.close()


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
