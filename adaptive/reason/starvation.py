"""Starvation: thinking used up the cap and no answer came. What to try once more, and what would have sufficed.

There are two remedies: a lower effort at the same cap, or the same effort with a larger cap. The one that is
expected to take fewer tokens is chosen. How much thinking an effort takes is learned from earlier calls of this
model. Without any, it is scaled from the starved call by the efforts' usual shares of a cap (as OpenRouter maps
efforts to budgets: 10, 20, 50, 80 and 95 % for minimal to xhigh; openrouter.ai, "Reasoning tokens"), and all of it
for max.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.types.attempt import StarvedCall
from adaptive.types.ladder import BELIEVED_DEFAULT, EFFORTS, Effort, parse_attempt_effort, rank_effort
from adaptive.types.usage import Usage

SHARES: dict[Effort, float] = dict(zip(EFFORTS, (0.0, 0.1, 0.2, 0.5, 0.8, 0.95, 1.0), strict=True))
SHARES["default"] = SHARES[BELIEVED_DEFAULT]
REMEMBERED = 32
"""How many calls are remembered for each effort."""
CAP_GROWTH = 4.0
"""A starved cap grows at least by this factor: only the used part of a cap is paid for."""
UNMET_THINKING = 1.5
"""How much thinking that filled a cap is assumed to have needed, as a multiple of it."""
SPARE_ROOM = 1.25
"""Margin over what earlier calls spent. A cap that grows by less than this factor is not worth a call."""


def measure_cap(ask: ChatRequest, turn: ChatResponse) -> int:
    """Return the cap of a starved call: the one that was sent, else what the call took of the model's own."""
    return ask.cap if ask.cap is not None else max(1, turn.usage.generated)


@dataclass(frozen=True)
class ThinkingMemory:
    """Thinking tokens of the last calls of a model, by effort."""

    spent: dict[Effort, deque[int]] = field(default_factory=dict)

    def add(self, effort: Effort, thinking: int) -> None:
        """Record a call that ended by itself after so many thinking tokens."""
        self.spent.setdefault(effort, deque(maxlen=REMEMBERED)).append(thinking)

    def max_spent(self, effort: Effort) -> int | None:
        """Return the most thinking tokens of a call at this effort; None if there was no call."""
        spent = self.spent.get(effort)
        return max(spent) if spent else None


@dataclass(frozen=True)
class RetrySetting:
    """An effort and a cap, and how many tokens the call is expected to take."""

    effort: Effort
    cap: int
    expected: int

    def __str__(self) -> str:
        return f"effort {self.effort} with a cap of {self.cap} tokens"


@dataclass(frozen=True)
class Recovery:
    """What a solve may do about a starved call.

    Attributes:
        memory: What earlier calls of the model spent.
        largest: The largest completion cap that the model takes; None if unknown.
        left: Tokens that the solve may still spend; None without a limit.
        affordable: Whether the solve's money limit has room for an attempt with this usage.
        pinned: The user set the effort, so a larger cap comes before a lower effort.
        starved: Calls of the solve that starved: no setting is tried or advised that asks for at least as much
            thinking within at most the same cap.
        keeps_paid: Whether an attempt keeps what its calls brought if a later one of them fails.
    """

    memory: ThinkingMemory = field(default_factory=ThinkingMemory)
    largest: int | None = None
    left: int | None = None
    affordable: Callable[[Usage], bool] = lambda usage: True
    pinned: bool = False
    starved: tuple[StarvedCall, ...] = ()
    keeps_paid: bool = False

    def with_starved(self, ask: ChatRequest, turn: ChatResponse) -> Recovery:
        """Return the recovery after one more call that starved."""
        call = StarvedCall(ask.effort, measure_cap(ask, turn), turn.usage.thinking, turn.usage.answer)
        return replace(self, starved=(*self.starved, call))

    def record(self, ask: ChatRequest, turn: ChatResponse) -> None:
        """Record a call that ended by itself."""
        self.memory.add(ask.effort, turn.thinking_tokens)

    def plan_retry(
        self, ask: ChatRequest, turn: ChatResponse, spent: Usage, efforts: Sequence[Effort]
    ) -> ChatRequest | str:
        """Return the one retry; or, if the limits have no room for it, the settings that would do, in words.

        Args:
            ask: The starved call.
            turn: Its response.
            spent: The attempt's usage so far, the starved call included.
            efforts: The efforts that the model takes.
        """
        settings = list(self._list_settings(ask, turn, efforts))
        # The retry reads the same messages again.
        possible = [
            s for s in settings if self.has_room_for(spent + Usage(prompt=turn.usage.prompt, answer=s.expected))
        ]
        if not possible:
            return self.advise(ask, turn, efforts)
        best = possible[0] if self.pinned else min(possible, key=lambda s: s.expected)
        budget = ask.budget if ask.cap is None else ask.budget + best.cap - ask.cap
        return replace(ask, effort=best.effort, cap=best.cap, budget=min(budget, best.cap))

    def advise(self, ask: ChatRequest, turn: ChatResponse, efforts: Sequence[Effort] = ()) -> str:
        """Return the settings that would do after the starved call `ask` without the solve's limits, in words."""
        return ", or ".join(str(s) for s in replace(self, left=None)._list_settings(ask, turn, efforts))

    def _list_settings(
        self, ask: ChatRequest, turn: ChatResponse, efforts: Sequence[Effort]
    ) -> Iterator[RetrySetting]:
        """Yield a larger cap, if the model takes one, and the next lower effort that should fit this cap."""
        return (one for one in self._estimate_settings(ask, turn, efforts) if not self._has_starved(one))

    def _has_starved(self, setting: RetrySetting) -> bool:
        rank = rank_effort(setting.effort)
        return any(
            rank >= rank_effort(parse_attempt_effort(call.effort)) and setting.cap <= call.cap
            for call in self.starved
        )

    def _estimate_settings(
        self, ask: ChatRequest, turn: ChatResponse, efforts: Sequence[Effort]
    ) -> Iterator[RetrySetting]:
        used = measure_cap(ask, turn)
        by_itself = ask.budget if ask.cap is None else 0  # what it is believed to think at its own effort
        room = used - ask.budget if ask.budget and ask.cap is not None else used // 4
        answer = max(room, 2 * turn.answer_tokens, 1)
        most_spent = self.memory.max_spent(ask.effort) or 0
        needed = int(max(CAP_GROWTH * used, SPARE_ROOM * most_spent + answer, by_itself + answer))
        cap = min([needed, *(most for most in (self.largest, self.left) if most is not None)])
        if cap >= SPARE_ROOM * used:
            thinking = max(int(turn.thinking_tokens * UNMET_THINKING), most_spent)
            yield RetrySetting(ask.effort, cap, thinking + answer)
        lower = [e for e in EFFORTS[: rank_effort(ask.effort)] if e in efforts]
        for effort in reversed(lower):
            # A partial answer needs at least twice its length; without one a part of the cap has to do.
            expected = self._expect_thinking(effort, ask, turn)
            expected += 2 * turn.answer_tokens or min(answer, used // 4)
            if expected <= used:
                yield RetrySetting(effort, used, expected)
                return

    def _expect_thinking(self, effort: Effort, ask: ChatRequest, turn: ChatResponse) -> int:
        """Return how many thinking tokens to expect at a lower effort."""
        spent = self.memory.max_spent(effort)
        scaled = UNMET_THINKING * turn.thinking_tokens * SHARES[effort] / SHARES[ask.effort]
        return int(scaled) if spent is None else spent

    def has_room_for(self, usage: Usage) -> bool:
        """Return whether the solve's limits have room for an attempt with this usage."""
        return (self.left is None or usage.total <= self.left) and self.affordable(usage)
