"""An attempt at a rung of a chat model, whose thinking is hidden: effort, completion cap, follow-up turns.

Without access to token ids, the levers are the effort and the completion cap, which includes the thinking: a
rung's budget and its answer's room together. s1's "Wait" (arXiv 2501.19393, §3.1) becomes a turn of its own after
the visible answer: the model goes over it again. The provider's usage tells what was spent.

A call whose thinking used up the cap brought no answer: it starved. `adaptive.reason.starvation` then plans one
more call. If that starves too, or the limits leave no room for it, the attempt is `starved` and says what would
have sufficed. It is never an empty success.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from langchain_core.messages import AnyMessage, HumanMessage, messages_from_dict, messages_to_dict

from adaptive.answers.boxed import extract_boxed
from adaptive.answers.equality import same_answer
from adaptive.answers.extract import extract_final_answer
from adaptive.chat.errors import ChatError
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.errors import AdaptiveError
from adaptive.reason.budget import Style
from adaptive.reason.starvation import Recovery, measure_cap
from adaptive.types.attempt import Arm, Attempt, Finish, Round, RoundEnd, StarvedCall, Status
from adaptive.types.events import OnEvent, emit_event
from adaptive.types.ladder import Effort, Rung
from adaptive.types.usage import Usage
from adaptive.types.verdict import FREE


class CallableModel(Protocol):
    """What an attempt needs of a chat model; `ChatModel` is one."""

    @property
    def efforts(self) -> Sequence[Effort]:
        """The efforts that it takes, as far as is known."""
        ...

    async def ask(
        self, messages: Sequence[AnyMessage], request: ChatRequest, on_event: OnEvent | None = None
    ) -> ChatResponse:
        """Call the model, as `ChatModel.ask`."""
        ...


@dataclass(frozen=True)
class ChatChain:
    """A chain on a chat model: the turns after the question, ours and the model's, and their rounds."""

    turns: tuple[AnyMessage, ...] = ()
    rounds: tuple[Round, ...] = ()
    answer: str | None = None

    @classmethod
    def from_attempt(cls, attempt: Attempt) -> ChatChain:
        """Return the chain that an attempt left behind."""
        turns = cast(list[AnyMessage], messages_from_dict(attempt.turns))
        return cls(tuple(turns), attempt.rounds, attempt.answer)

    @property
    def charged(self) -> int:
        """Thinking tokens of the chain."""
        return sum(one.tokens for one in self.rounds)

    @property
    def waits(self) -> int:
        """How many follow-up turns there are."""
        return sum(turn.type == "human" for turn in self.turns)


NO_CHAT_CHAIN = ChatChain()


async def think_at_effort(
    model: CallableModel,
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
    """Make an attempt at a question at one rung.

    A chain goes on with the follow-up turns that the rung grants and it has not had yet, while its budget and the
    solve's limits have room and the answer changes.

    Args:
        model: The chat model.
        messages: The conversation, question last.
        rung: Its effort, budget, waits and answer's room are used.
        style: Its waits are used, and when to stop waiting.
        recovery: What may be done about a starved call.
        chain: The chain to continue.
        temperature: The sampling temperature; None for the model's own.
        seed: The sampling seed, for models that take one.
        index: The rung's place in the ladder.
        arm: Why the attempt is made.
        on_event: Hears the events of `adaptive.reason.token_stream`.

    Raises:
        AdaptiveError: The provider failed.
        InputError: The provider rejected the input.
    """
    emit_event(on_event, "start", rung=index, arm=arm, effort=rung.effort, budget=rung.budget, waits=rung.waits)
    run = _ChatRun(model, tuple(messages), rung, style, recovery, temperature, seed, on_event)
    chain, turn = await run.run(chain)
    status, finish = _derive_status(rung, chain, turn)
    return Attempt(
        rung=index,
        arm=arm,
        effort=run.effort,
        budget=rung.budget,
        waits=chain.waits,
        answer=chain.answer,
        text=turn.text,
        thinking=turn.thinking,
        status=status,
        finish=finish,
        rounds=chain.rounds,
        usage=run.usage,
        cap=run.cap,
        turns=tuple(messages_to_dict(chain.turns)),
        starved=tuple(run.starved),
        advice=run.advice,
    )


def is_turn_cut(turn: ChatResponse) -> bool:
    """Return whether the cap was reached before a whole answer; one in a box is whole."""
    return turn.finish == "length" and extract_boxed(turn.text) is None


def extract_turn_answer(turn: ChatResponse) -> str | None:
    """Return the answer that a turn marks as final, else all of its text; None if it was cut or refused."""
    if turn.finish == "refusal" or is_turn_cut(turn):
        return None
    if turn.finish == "length":
        return extract_boxed(turn.text)
    return extract_final_answer(turn.text) or turn.text.strip() or None


@dataclass
class _ChatRun:
    """An attempt in progress: what it spent so far, and the effort and cap of its last call."""

    model: CallableModel
    messages: tuple[AnyMessage, ...]
    rung: Rung
    style: Style
    recovery: Recovery
    temperature: float | None
    seed: int | None
    watcher: OnEvent | None
    usage: Usage = FREE
    effort: str = ""
    cap: int | None = None
    starved: list[StarvedCall] = field(default_factory=list)
    advice: str = ""

    async def run(self, chain: ChatChain) -> tuple[ChatChain, ChatResponse]:
        """Ask the first turn of a new chain, then follow-up turns; return the chain and its last turn."""
        chain, turn = await (self._follow_up(chain) if chain.turns else self._add_turn(chain, ()))
        while self._should_continue(chain, turn):
            try:
                chain, turn = await self._follow_up(chain)
            except AdaptiveError as error:
                self._keep_what_was_paid(error)
                break
        return chain, turn

    def _should_continue(self, chain: ChatChain, turn: ChatResponse) -> bool:
        """Return whether another follow-up turn is granted, has room, and may change anything."""
        # It reads at least what the last turn read.
        least = self.usage + Usage(prompt=max(1, turn.usage.prompt))
        return (
            turn.finish == "stop"
            and chain.waits < self.rung.waits
            and self.rung.budget - chain.charged >= self.style.useful_round
            and chain.rounds[-1].end == "natural"
            and self.recovery.has_room_for(least)
        )

    async def _follow_up(self, chain: ChatChain) -> tuple[ChatChain, ChatResponse]:
        """Add a "Wait" and the model's reply to the chain."""
        wait = self.style.waits[chain.waits % len(self.style.waits)]
        emit_event(self.watcher, "wait", text=wait, number=chain.waits + 1)
        return await self._add_turn(chain, (HumanMessage(wait),))

    async def _add_turn(self, chain: ChatChain, opening: tuple[AnyMessage, ...]) -> tuple[ChatChain, ChatResponse]:
        """Add `opening` and the model's reply to the chain, as a round if the rung thinks."""
        budget = max(0, self.rung.budget - chain.charged)
        cap = None if self.rung.is_plain else budget + self.rung.answer_room
        ask = ChatRequest(self.rung.effort, budget, cap, self.temperature, self.seed)
        turn = await self._ask_with_retry([*self.messages, *chain.turns, *opening], ask)
        answer = extract_turn_answer(turn)
        end: RoundEnd = "budget" if is_turn_cut(turn) else "natural"
        if chain.turns and end == "natural" and self.style.stop_on_repeat and same_answer(answer, chain.answer):
            end = "converged"
        rounds = chain.rounds
        if self.rung.thinks:
            rounds = (*rounds, Round(turn.usage.most_thinking, 0, end))
            at_most = {"at_most": True} if turn.usage.thinking is None else {}
            emit_event(self.watcher, "end", round=len(rounds), tokens=turn.usage.most_thinking, injected=0,
                 charged=sum(r.tokens for r in rounds), budget=self.rung.budget, end=end, **at_most)  # fmt: skip
        return ChatChain((*chain.turns, *opening, turn.message), rounds, answer), turn

    async def _ask_with_retry(self, messages: Sequence[AnyMessage], ask: ChatRequest) -> ChatResponse:
        """Ask the model, and once more if it starved and the limits have room."""
        turn = await self._call_model(messages, ask)
        if not is_turn_cut(turn):
            self.recovery.record(ask, turn)
            return turn
        self._note_starved(ask, turn)
        retry = self.recovery.plan_retry(ask, turn, self.usage, self.model.efforts)
        if not isinstance(retry, ChatRequest):
            self.advice = retry
            return turn
        emit_event(self.watcher, "recover", effort=retry.effort, cap=retry.cap, starved_effort=ask.effort,
             starved_cap=measure_cap(ask, turn), tokens=turn.thinking_tokens)  # fmt: skip
        starved = turn
        try:
            turn = await self._call_model(messages, retry)
        except AdaptiveError as error:
            self._keep_what_was_paid(error)
            self.advice = self.recovery.advise(ask, starved, self.model.efforts)
            return starved
        if is_turn_cut(turn):
            self._note_starved(retry, turn)
            self.advice = self.recovery.advise(retry, turn, self.model.efforts)
        else:
            self.recovery.record(retry, turn)
        return turn

    def _keep_what_was_paid(self, error: AdaptiveError) -> None:
        """Count and emit that a call failed after others of the attempt; raise its error if those are not kept."""
        if not self.recovery.keeps_paid:
            raise error
        self.usage += error.usage if isinstance(error, ChatError) else Usage()
        reason = str(error).rstrip(".")
        emit_event(self.watcher, "note", text=f"asking again failed ({reason}): what was there before is kept")

    async def _call_model(self, messages: Sequence[AnyMessage], ask: ChatRequest) -> ChatResponse:
        turn = await self.model.ask(messages, ask, self.watcher)
        self.usage += turn.usage
        self.effort, self.cap = ask.effort, ask.cap
        return turn

    def _note_starved(self, ask: ChatRequest, turn: ChatResponse) -> None:
        self.recovery = self.recovery.with_starved(ask, turn)
        self.starved.append(self.recovery.starved[-1])


def _derive_status(rung: Rung, chain: ChatChain, turn: ChatResponse) -> tuple[Status, Finish]:
    finish: Finish = "budget" if is_turn_cut(turn) else "natural" if rung.thinks else "none"
    if turn.finish == "refusal":
        return "refused", finish
    if is_turn_cut(turn):
        return "starved", finish
    return "answered" if chain.answer is not None else "refused", finish
