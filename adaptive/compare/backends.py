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

from adaptive.answers.extract import BOX, final_answer, refuses
from adaptive.compare.cell import Bought, Cell
from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.policy.arms import Plan
from adaptive.policy.ladder import fitted
from adaptive.profile.profile import Profile
from adaptive.solver.model import Context
from adaptive.solver.token_model import TokenBound
from adaptive.types.attempt import Attempt, Status
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from adaptive.verify import Rules

if TYPE_CHECKING:
    from adaptive.chat.model import ChatModel
    from adaptive.chat.response import Turn


ROOM = 1024
"""Tokens of a cap that are left to the answer where a provider takes a thinking budget, or a quarter of less."""


class Model(Protocol):
    """A model whose cells can be asked."""

    async def ask(self, cell: Cell) -> Bought:
        """What a cell buys; raises `AdaptiveError` where it fails."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True)
class Hosted:
    """A chat model. temperature: None for its own."""

    model: ChatModel
    messages: Sequence[AnyMessage]
    temperature: float | None = None

    async def ask(self, cell: Cell) -> Bought:
        """One call, tried again only where nothing came of it."""
        from adaptive.chat.model import ChatModel
        from adaptive.chat.request import Ask

        _, effort, cap = cell.setting
        one = ChatModel(self.model.chat, self.model.name)  # its notes are of this cell alone
        turn = await one.ask(self.messages, Ask(effort, cap - min(ROOM, cap // 4), cap, self.temperature))
        blind = [] if one.efforts or effort == "none" else [f"{one.name}: it tells no efforts apart"]
        return Bought(_attempt(turn, cell), turn.finish, (*one.notes(), *blind))

    async def close(self) -> None:
        """Nothing to do: its client closes with the process."""


@dataclass(frozen=True)
class Local:
    """A model on a token engine. temperature: None for greedy; repeats have a seed each."""

    engine: TokenEngine
    profile: Profile
    messages: Sequence[AnyMessage]
    temperature: float | None = None

    async def ask(self, cell: Cell) -> Bought:
        """One attempt with the effort's budget forced."""
        ladder, notes = fitted(Ladder((self.rung(cell),)), self.engine.codec.efforts)
        options = Options(stop="none", temperature=self.temperature or 0.0, seed=cell.repeat)
        session = uuid.uuid4().hex
        bound = TokenBound(self.engine, replace(self.profile, ladder=ladder), Rules())
        context = Context(options, Sampling(options.temperature, seed=options.seed), session, _unseen, 0, session)
        try:
            attempt = await bound.buy(self.messages, Plan(0, ladder[0], "first", ""), (), context)
        finally:
            await self.engine.release(session)
        if not self.engine.codec.efforts and cell.setting.effort != "none":
            notes.append("its chat template tells no efforts apart")
        return Bought(attempt, attempt.finish, tuple(f"{cell.setting.model}: {note}" for note in notes))

    def rung(self, cell: Cell) -> Rung:
        """The rung of a cell: the profile's answer room, at most half of the cap, and the rest for thinking."""
        _, effort, cap = cell.setting
        room = min(max(1, cap // 2), self.profile.ladder[self.profile.ladder.top].answer_room)
        return Rung(effort, 0, 0, cap) if effort == "none" else Rung(effort, cap - room, 0, room)

    async def close(self) -> None:
        """Close the engine."""
        await self.engine.close()


def _attempt(turn: Turn, cell: Cell) -> Attempt:
    """A turn as an attempt, so that verifiers can judge it."""
    _, effort, cap = cell.setting
    whole = turn.finish == "stop"
    answer = _answer(turn.text, whole) if turn.finish != "refusal" else None
    status: Status = "answered" if whole and turn.text.strip() else "refused"
    if turn.finish == "length":
        status = "starved" if answer is None else "answered"
    return Attempt(
        rung=0, arm="first", effort=effort, budget=cap, waits=0, answer=answer, text=turn.text,
        thinking=turn.thinking, status=status, finish="budget" if turn.finish == "length" else "natural",
        usage=turn.usage,
    )  # fmt: skip


def _answer(text: str, whole: bool) -> str | None:
    """The final answer: what is boxed, or all of a text without a box that was ended and is no refusal."""
    boxed = final_answer(text)
    if boxed is not None or not whole or refuses(text) or BOX in text:
        return boxed
    return text.strip() or None


def _unseen(_: dict[str, Any]) -> None:
    """Events are not shown: cells run side by side."""
