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
from adaptive.answers.extract import extract_final_answer
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.reason.budget import Style
from adaptive.reason.starvation import Recovery
from adaptive.types.attempt import Arm, Attempt, Finish, Round, RoundEnd, StarvedCall, Status
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.ladder import Rung
from adaptive.types.usage import Usage


@dataclass(frozen=True)
class ChatChain:
    """A chain on a chat model: the turns after the question, ours and the model's, and the rounds they took."""

    turns: tuple[AnyMessage, ...] = ()
    rounds: tuple[Round, ...] = ()
    answer: str | None = None

    @classmethod
    def from_attempt(cls, attempt: Attempt) -> ChatChain:
        """The chain that an attempt left behind."""
        return cls(_load_turns(attempt.turns), attempt.rounds, attempt.answer)

    @property
    def charged(self) -> int:
        """Thinking tokens of the chain."""
        return sum(one.tokens for one in self.rounds)

    @property
    def waits(self) -> int:
        """Follow-up turns so far."""
        return sum(turn.type == "human" for turn in self.turns)


NO_CHAT_CHAIN = ChatChain()


async def think_at_effort(
    model: ChatModel,
    messages: Sequence[AnyMessage],
    rung: Rung,
    *,
    style: Style,
    recovery: Recovery,
    chain: ChatChain = NO_CHAT_CHAIN,
    temperature: float | None = None,
    seed: int | None = None,
    index: int,
    arm: Arm,
    on_event: OnEvent | None = None,
) -> Attempt:
    """Buy `rung`, the ladder's `index`-th, for a question, going on from `chain`.

    A chain goes on with as many follow-up turns as the rung grants and it has not had, while its budget and the
    solve's limits have room and the answer changes. Raises `AdaptiveError` when the provider fails, `InputError`
    when it refuses the input.
    """
    emit_event(on_event, "start", rung=index, arm=arm, effort=rung.effort, budget=rung.budget, waits=rung.waits)
    buying = _ChatRun(model, tuple(messages), rung, style, recovery, temperature, seed, on_event)
    made = await buying.run(chain)
    return _build_attempt(rung, index, arm, made, buying)


@dataclass(frozen=True)
class _ChatOutcome:
    """The chain as it is now, and its last turn."""

    chain: ChatChain
    turn: ChatResponse


@dataclass
class _ChatRun:
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
    starved: list[StarvedCall] = field(default_factory=list)
    advice: str = ""

    async def run(self, chain: ChatChain) -> _ChatOutcome:
        """The first turn of a new chain, and follow-up turns."""
        made = await self._add_turn(chain, ()) if not chain.turns else await self._follow_up(chain)
        while self._should_continue(made):
            made = await self._follow_up(made.chain)
        return made

    def _should_continue(self, outcome: _ChatOutcome) -> bool:
        """Whether another follow-up turn is granted, has room, within the solve's limits too, and may change
        anything."""
        talk, ended = outcome.chain, outcome.turn.finish == "stop"
        left = self.rung.budget - talk.charged
        # It reads at least what the last turn read.
        least = (self.usage or Usage()) + Usage(prompt=max(1, outcome.turn.usage.prompt))
        return (
            ended
            and talk.waits < self.rung.waits
            and left >= self.style.useful_round
            and talk.rounds[-1].end == "natural"
            and self.recovery.has_room_for(least)
        )

    async def _follow_up(self, chain: ChatChain) -> _ChatOutcome:
        """The chain with a "Wait" and what the model says to that."""
        wait = self.style.waits[chain.waits % len(self.style.waits)]
        emit_event(self.watcher, "wait", text=wait, number=chain.waits + 1)
        return await self._add_turn(chain, (HumanMessage(wait),))

    async def _add_turn(self, chain: ChatChain, opening: tuple[AnyMessage, ...]) -> _ChatOutcome:
        """The chain with one turn of the model more."""
        budget = max(0, self.rung.budget - chain.charged)
        ask = ChatRequest(self.rung.effort, budget, budget + self.rung.answer_room, self.temperature, self.seed)
        turn = await self._ask_with_retry([*self.messages, *chain.turns, *opening], ask)
        answer = extract_turn_answer(turn)
        chain = self._extend_chain(chain, (*opening, turn.message), turn, answer)
        return _ChatOutcome(chain, turn)

    async def _ask_with_retry(self, messages: Sequence[AnyMessage], ask: ChatRequest) -> ChatResponse:
        """What the model says, and where it starved, what it says to the one retry."""
        turn = await self._call_model(messages, ask)
        if not is_turn_cut(turn):
            self.recovery.record(ask, turn)
            return turn
        self._note_starved(ask, turn)
        retry = self.recovery.plan_retry(ask, turn, self.usage or Usage(), self.model.efforts)
        if not isinstance(retry, ChatRequest):
            self.advice = retry
            return turn
        emit_event(self.watcher, "recover", effort=retry.effort, cap=retry.cap, starved_effort=ask.effort,
             starved_cap=ask.cap, tokens=turn.usage.thinking)  # fmt: skip
        turn = await self._call_model(messages, retry)
        if is_turn_cut(turn):
            self._note_starved(retry, turn)
            self.advice = self.recovery.advise(retry, turn, self.model.efforts)
        else:
            self.recovery.record(retry, turn)
        return turn

    async def _call_model(self, messages: Sequence[AnyMessage], ask: ChatRequest) -> ChatResponse:
        turn = await self.model.ask(messages, ask, self.watcher)
        self.usage = turn.usage if self.usage is None else self.usage + turn.usage
        self.effort, self.cap = ask.effort, ask.cap
        return turn

    def _note_starved(self, ask: ChatRequest, turn: ChatResponse) -> None:
        self.starved.append(StarvedCall(ask.effort, ask.cap, turn.usage.thinking, turn.usage.answer))

    def _extend_chain(
        self, chain: ChatChain, turns: tuple[AnyMessage, ...], turn: ChatResponse, answer: str | None
    ) -> ChatChain:
        """The chain with these turns; no round where the rung does not think."""
        end: RoundEnd = "budget" if is_turn_cut(turn) else "natural"
        if chain.turns and end == "natural" and self.style.stop_on_repeat and same_answer(answer, chain.answer):
            end = "converged"
        rounds = chain.rounds
        if self.rung.thinks:
            rounds = (*rounds, Round(turn.usage.thinking, 0, end))
            emit_event(self.watcher, "end", round=len(rounds), tokens=turn.usage.thinking, injected=0,
                 charged=sum(r.tokens for r in rounds), budget=self.rung.budget, end=end)  # fmt: skip
        return ChatChain((*chain.turns, *turns), rounds, answer)


def is_turn_cut(turn: ChatResponse) -> bool:
    """Whether the cap was reached before there was a whole answer; one in a box is whole."""
    return turn.finish == "length" and extract_final_answer(turn.text) is None


def extract_turn_answer(turn: ChatResponse) -> str | None:
    r"""The answer in a turn: the last `\boxed{...}`, else all of its text; None where it was cut or refused."""
    if turn.finish == "refusal" or is_turn_cut(turn):
        return None
    return extract_final_answer(turn.text) or turn.text.strip() or None


def _build_attempt(rung: Rung, index: int, arm: Arm, outcome: _ChatOutcome, run: _ChatRun) -> Attempt:
    return Attempt(
        rung=index,
        arm=arm,
        effort=run.effort,
        budget=rung.budget,
        waits=outcome.chain.waits,
        answer=outcome.chain.answer,
        text=outcome.turn.text,
        thinking=outcome.turn.thinking,
        status=_derive_status(outcome),
        finish=_derive_finish(rung, outcome),
        rounds=outcome.chain.rounds,
        usage=run.usage or Usage(),
        cap=run.cap,
        turns=_dump_turns(outcome.chain),
        starved=tuple(run.starved),
        advice=run.advice,
    )


def _load_turns(turns: Sequence[dict[str, Any]]) -> tuple[AnyMessage, ...]:
    return tuple(cast(list[AnyMessage], messages_from_dict(turns)))


def _dump_turns(chain: ChatChain) -> tuple[dict[str, Any], ...]:
    return tuple(messages_to_dict(chain.turns))


def _derive_status(outcome: _ChatOutcome) -> Status:
    if outcome.turn.finish == "refusal":
        return "refused"
    return (
        "starved" if is_turn_cut(outcome.turn) else "answered" if outcome.chain.answer is not None else "refused"
    )


def _derive_finish(rung: Rung, outcome: _ChatOutcome) -> Finish:
    if is_turn_cut(outcome.turn):
        return "budget"
    return "natural" if rung.thinks else "none"
