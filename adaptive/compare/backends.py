"""A cell asked: one call of a chat model at exactly its effort and cap, or one attempt on a token engine.

Nothing is recovered, verified or thought on about: a comparison shows what the levers themselves bring. On a token
engine the cap is thinking budget and answer room together, without early stops.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import AnyMessage

from adaptive.answers.extract import BOX, extract_final_answer, is_refusal
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
"""Tokens of a cap that are left to the answer where a provider takes a thinking budget, or a quarter of less."""


class ComparisonBackend(Protocol):
    """A model whose cells can be asked."""

    async def ask(self, cell: Cell) -> CellResult:
        """What a cell buys; raises `AdaptiveError` where it fails."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True)
class ChatBackend:
    """A chat model. temperature: None for its own."""

    model: ChatModel
    messages: Sequence[AnyMessage]
    temperature: float | None = None

    async def ask(self, cell: Cell) -> CellResult:
        """One call, tried again only where nothing came of it."""
        from adaptive.chat.model import ChatModel
        from adaptive.chat.request import ChatRequest

        _, effort, cap = cell.setting
        one = ChatModel(self.model.chat, self.model.name)  # its notes are of this cell alone
        turn = await one.ask(
            self.messages, ChatRequest(effort, cap - min(ANSWER_TOKENS, cap // 4), cap, self.temperature)
        )
        blind = [] if one.efforts or effort == "none" else [f"{one.name}: it tells no efforts apart"]
        return CellResult(_to_attempt(turn, cell), turn.finish, (*one.notes(), *blind))

    async def close(self) -> None:
        """Nothing to do: its client closes with the process."""


@dataclass(frozen=True)
class EngineBackend:
    """A model on a token engine. temperature: None for greedy; repeats have a seed each."""

    engine: TokenEngine
    profile: Profile
    messages: Sequence[AnyMessage]
    temperature: float | None = None

    async def ask(self, cell: Cell) -> CellResult:
        """One attempt with the effort's budget forced."""
        ladder, notes = map_efforts(Ladder((self.make_rung(cell),)), self.engine.codec.efforts)
        options = Options(stop="none", temperature=self.temperature or 0.0, seed=cell.repeat)
        session = uuid.uuid4().hex
        bound = TokenSolverModel(self.engine, replace(self.profile, ladder=ladder), Rules())
        context = AttemptContext(
            options, Sampling(options.temperature, seed=options.seed), session, _ignore_event, 0, session
        )
        try:
            attempt = await bound.make_attempt(self.messages, Plan(0, ladder[0], "first", ""), (), context)
        finally:
            await self.engine.release(session)
        if not self.engine.codec.efforts and cell.setting.effort != "none":
            notes.append("its chat template tells no efforts apart")
        return CellResult(attempt, attempt.finish, tuple(f"{cell.setting.model}: {note}" for note in notes))

    def make_rung(self, cell: Cell) -> Rung:
        """The rung of a cell: the profile's answer room, at most half of the cap, and the rest for thinking."""
        _, effort, cap = cell.setting
        room = min(max(1, cap // 2), self.profile.ladder[self.profile.ladder.top].answer_room)
        return Rung(effort, 0, 0, cap) if effort == "none" else Rung(effort, cap - room, 0, room)

    async def close(self) -> None:
        """Close the engine."""
        await self.engine.close()


def _to_attempt(turn: ChatResponse, cell: Cell) -> Attempt:
    """A turn as an attempt, so that verifiers can judge it."""
    _, effort, cap = cell.setting
    whole = turn.finish == "stop"
    answer = _extract_answer(turn.text, whole) if turn.finish != "refusal" else None
    status: Status = "answered" if whole and turn.text.strip() else "refused"
    if turn.finish == "length":
        status = "starved" if answer is None else "answered"
    return Attempt(
        rung=0, arm="first", effort=effort, budget=cap, waits=0, answer=answer, text=turn.text,
        thinking=turn.thinking, status=status, finish="budget" if turn.finish == "length" else "natural",
        usage=turn.usage,
    )  # fmt: skip


def _extract_answer(text: str, whole: bool) -> str | None:
    """The final answer: what is boxed, or all of a text without a box that was ended and is no refusal."""
    boxed = extract_final_answer(text)
    if boxed is not None or not whole or is_refusal(text) or BOX in text:
        return boxed
    return text.strip() or None


def _ignore_event(_: dict[str, Any]) -> None:
    """Events are not shown: cells run side by side."""
