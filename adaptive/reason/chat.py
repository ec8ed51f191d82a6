"""Buying a rung of a chat model, whose thinking is hidden: effort, completion cap, follow-up turns.

Where ids are out of reach, the levers are the effort and the completion cap, thinking included: a rung's budget
and its answer's room together. s1's "Wait" (arXiv 2501.19393, §3.1) becomes a turn of its own after the visible
answer: the model goes over it again. What was bought is told by the provider's usage.

A call whose thinking took the whole cap brought no answer: it starved. One more call is made then, by
`adaptive.reason.starvation`; where that starves too, or the limits leave no room for it, the attempt is `starved`
and says what would have sufficed. It is never an empty success.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import AnyMessage, HumanMessage, messages_from_dict, messages_to_dict

from adaptive.answers.equality import same_answer
from adaptive.answers.extract import final_answer
from adaptive.chat.model import ChatModel
from adaptive.chat.request import Ask
from adaptive.chat.response import Turn
from adaptive.reason.budget import Style
from adaptive.reason.starvation import Recovery
from adaptive.types.attempt import Arm, Attempt, Finish, Round, RoundEnd, Starved, Status
from adaptive.types.events import OnEvent, tell
from adaptive.types.ladder import Rung
from adaptive.types.usage import Usage


@dataclass(frozen=True)
class Talk:
    """A chain on a chat model: the turns after the question, ours and the model's, and the rounds they took."""

    turns: tuple[AnyMessage, ...] = ()
    rounds: tuple[Round, ...] = ()
    answer: str | None = None

    @classmethod
    def of(cls, attempt: Attempt) -> Talk:
        """The chain that an attempt left behind."""
        return cls(_loaded(attempt.turns), attempt.rounds, attempt.answer)

    @property
    def charged(self) -> int:
        """Thinking tokens of the chain."""
        return sum(one.tokens for one in self.rounds)

    @property
    def waits(self) -> int:
        """Follow-up turns so far."""
        return sum(turn.type == "human" for turn in self.turns)


NO_TALK = Talk()


async def think(
    model: ChatModel,
    messages: Sequence[AnyMessage],
    rung: Rung,
    *,
    style: Style,
    recovery: Recovery,
    talk: Talk = NO_TALK,
    temperature: float | None = None,
    seed: int | None = None,
    index: int,
    arm: Arm,
    on_event: OnEvent | None = None,
) -> Attempt:
    """Buy `rung`, the ladder's `index`-th, for a question, going on from `talk`.

    A chain goes on with as many follow-up turns as the rung grants and it has not had, while its budget and the
    solve's limits have room and the answer changes. Raises `AdaptiveError` when the provider fails, `InputError`
    when it refuses the input.
    """
    tell(on_event, "start", rung=index, arm=arm, effort=rung.effort, budget=rung.budget, waits=rung.waits)
    buying = _Buying(model, tuple(messages), rung, style, recovery, temperature, seed, on_event)
    made = await buying.run(talk)
    return _attempt(rung, index, arm, made, buying)


@dataclass(frozen=True)
class _Made:
    """The chain as it is now, and its last turn."""

    talk: Talk
    turn: Turn


@dataclass
class _Buying:
    """One rung being bought, and what that took so far."""

    model: ChatModel
    messages: tuple[AnyMessage, ...]
    rung: Rung
    style: Style
    recovery: Recovery
    temperature: float | None
    seed: int | None
    watcher: OnEvent | None
    usage: Usage | None = None
    effort: str = ""
    cap: int = 0
    starved: list[Starved] = field(default_factory=list)
    advice: str = ""

    async def run(self, talk: Talk) -> _Made:
        """The first turn of a new chain, and follow-up turns."""
        made = await self._grow(talk, ()) if not talk.turns else await self._follow(talk)
        while self._goes_on(made):
            made = await self._follow(made.talk)
        return made

    def _goes_on(self, made: _Made) -> bool:
        """Whether another follow-up turn is granted, has room, within the solve's limits too, and may change
        anything."""
        talk, ended = made.talk, made.turn.finish == "stop"
        left = self.rung.budget - talk.charged
        # It reads at least what the last turn read.
        least = (self.usage or Usage()) + Usage(prompt=max(1, made.turn.usage.prompt))
        return (
            ended
            and talk.waits < self.rung.waits
            and left >= self.style.useful_round
            and talk.rounds[-1].end == "natural"
            and self.recovery.within(least)
        )

    async def _follow(self, talk: Talk) -> _Made:
        """The chain with a "Wait" and what the model says to that."""
        wait = self.style.waits[talk.waits % len(self.style.waits)]
        tell(self.watcher, "wait", text=wait, number=talk.waits + 1)
        return await self._grow(talk, (HumanMessage(wait),))

    async def _grow(self, talk: Talk, opening: tuple[AnyMessage, ...]) -> _Made:
        """The chain with one turn of the model more."""
        budget = max(0, self.rung.budget - talk.charged)
        ask = Ask(self.rung.effort, budget, budget + self.rung.answer_room, self.temperature, self.seed)
        turn = await self._answered([*self.messages, *talk.turns, *opening], ask)
        answer = answer_of(turn)
        talk = self._grown(talk, (*opening, turn.message), turn, answer)
        return _Made(talk, turn)

    async def _answered(self, messages: Sequence[AnyMessage], ask: Ask) -> Turn:
        """What the model says, and where it starved, what it says to the one retry."""
        turn = await self._call(messages, ask)
        if not cut(turn):
            self.recovery.seen(ask, turn)
            return turn
        self._note_starved(ask, turn)
        retry = self.recovery.retry(ask, turn, self.usage or Usage(), self.model.efforts)
        if not isinstance(retry, Ask):
            self.advice = retry
            return turn
        tell(self.watcher, "recover", effort=retry.effort, cap=retry.cap, starved_effort=ask.effort,
             starved_cap=ask.cap, tokens=turn.usage.thinking)  # fmt: skip
        turn = await self._call(messages, retry)
        if cut(turn):
            self._note_starved(retry, turn)
            self.advice = self.recovery.advice(retry, turn, self.model.efforts)
        else:
            self.recovery.seen(retry, turn)
        return turn

    async def _call(self, messages: Sequence[AnyMessage], ask: Ask) -> Turn:
        turn = await self.model.ask(messages, ask, self.watcher)
        self.usage = turn.usage if self.usage is None else self.usage + turn.usage
        self.effort, self.cap = ask.effort, ask.cap
        return turn

    def _note_starved(self, ask: Ask, turn: Turn) -> None:
        self.starved.append(Starved(ask.effort, ask.cap, turn.usage.thinking, turn.usage.answer))

    def _grown(self, talk: Talk, turns: tuple[AnyMessage, ...], turn: Turn, answer: str | None) -> Talk:
        """The chain with these turns; no round where the rung does not think."""
        end: RoundEnd = "budget" if cut(turn) else "natural"
        if talk.turns and end == "natural" and self.style.stop_on_repeat and same_answer(answer, talk.answer):
            end = "converged"
        rounds = talk.rounds
        if self.rung.thinks:
            rounds = (*rounds, Round(turn.usage.thinking, 0, end))
            tell(self.watcher, "end", round=len(rounds), tokens=turn.usage.thinking, injected=0,
                 charged=sum(r.tokens for r in rounds), budget=self.rung.budget, end=end)  # fmt: skip
        return Talk((*talk.turns, *turns), rounds, answer)


def cut(turn: Turn) -> bool:
    """Whether the cap was reached before there was a whole answer; one in a box is whole."""
    return turn.finish == "length" and final_answer(turn.text) is None


def answer_of(turn: Turn) -> str | None:
    r"""The answer in a turn: the last `\boxed{...}`, else all of its text; None where it was cut or refused."""
    if turn.finish == "refusal" or cut(turn):
        return None
    return final_answer(turn.text) or turn.text.strip() or None


def _attempt(rung: Rung, index: int, arm: Arm, made: _Made, buying: _Buying) -> Attempt:
    return Attempt(
        rung=index,
        arm=arm,
        effort=buying.effort,
        budget=rung.budget,
        waits=made.talk.waits,
        answer=made.talk.answer,
        text=made.turn.text,
        thinking=made.turn.thinking,
        status=_status(made),
        finish=_finish(rung, made),
        rounds=made.talk.rounds,
        usage=buying.usage or Usage(),
        cap=buying.cap,
        turns=_dumped(made.talk),
        starved=tuple(buying.starved),
        advice=buying.advice,
    )


def _loaded(turns: Sequence[dict[str, Any]]) -> tuple[AnyMessage, ...]:
    return tuple(cast(list[AnyMessage], messages_from_dict(turns)))


def _dumped(talk: Talk) -> tuple[dict[str, Any], ...]:
    return tuple(messages_to_dict(talk.turns))


def _status(made: _Made) -> Status:
    if made.turn.finish == "refusal":
        return "refused"
    return "starved" if cut(made.turn) else "answered" if made.talk.answer is not None else "refused"


def _finish(rung: Rung, made: _Made) -> Finish:
    if cut(made.turn):
        return "budget"
    return "natural" if rung.thinks else "none"
