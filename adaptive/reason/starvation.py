"""Starvation: thinking took the whole cap, no answer came. What to try once more, and what would have sufficed.

Two settings can mend it, and the one that is expected to take fewer tokens is chosen: a lower effort at the same
cap, or the same effort with a larger one. How much thinking an effort takes is learned from what calls of this
model spent; before there are any it is scaled from the starved call by the efforts' usual shares of a cap (as
OpenRouter maps efforts to budgets: 10, 20, 50, 80 and 95 % for minimal to xhigh; openrouter.ai, "Reasoning
tokens").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.types.ladder import EFFORTS, Effort
from adaptive.types.usage import Usage

SHARES: dict[Effort, float] = dict(zip(EFFORTS, (0.0, 0.1, 0.2, 0.5, 0.8, 0.95), strict=True))
REMEMBERED = 32
"""Calls an effort that are remembered."""
CAP_GROWTH = 4.0
"""A starved cap is at least multiplied by this: only what is used of a cap is paid for."""
UNMET_THINKING = 1.5
"""Thinking that filled a cap is taken to have wanted so much of it: that it wanted more is all that is known."""
SPARE_ROOM = 1.25
"""Room over what was seen to be spent; a cap that grows by less than this is not worth a call."""


@dataclass(frozen=True)
class ThinkingMemory:
    """What calls of a model spent on thinking, by effort; the last few of them."""

    spent: dict[Effort, deque[int]] = field(default_factory=dict)

    def add(self, effort: Effort, thinking: int) -> None:
        """A call at this effort came to its end after so many thinking tokens."""
        self.spent.setdefault(effort, deque(maxlen=REMEMBERED)).append(thinking)

    def max_spent(self, effort: Effort) -> int | None:
        """The most that one of them took; None where there was none."""
        seen = self.spent.get(effort)
        return max(seen) if seen else None


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

    largest: the largest completion cap that the model takes, None where that is not known. left: tokens that the
    solve may still spend, None without a limit. affordable: whether the solve's limit of money has room for an
    attempt that takes so much. pinned: the effort was asked for, so a larger cap comes before a lower effort.
    """

    memory: ThinkingMemory = field(default_factory=ThinkingMemory)
    largest: int | None = None
    left: int | None = None
    affordable: Callable[[Usage], bool] = lambda usage: True
    pinned: bool = False

    def record(self, ask: ChatRequest, turn: ChatResponse) -> None:
        """A call came to its end."""
        self.memory.add(ask.effort, turn.usage.thinking)

    def plan_retry(
        self, ask: ChatRequest, turn: ChatResponse, spent: Usage, efforts: Sequence[Effort]
    ) -> ChatRequest | str:
        """The one call more; or, where the limits have no room for it, the settings that would do, in words.

        spent: what the solve's attempt has taken so far, the starved call included.
        """
        settings = list(self._list_settings(ask, turn, efforts))
        possible = [s for s in settings if self.has_room_for(spent + _expect_usage(s, turn))]
        if not possible:
            return self.advise(ask, turn, efforts)
        chosen = possible[0] if self.pinned else min(possible, key=lambda s: s.expected)
        return replace(ask, effort=chosen.effort, cap=chosen.cap, budget=ask.budget + chosen.cap - ask.cap)

    def advise(self, ask: ChatRequest, turn: ChatResponse, efforts: Sequence[Effort] = ()) -> str:
        """After the last call, `ask`: the settings that would do without the solve's limits, in words."""
        return ", or ".join(str(s) for s in replace(self, left=None)._list_settings(ask, turn, efforts))

    def _list_settings(
        self, ask: ChatRequest, turn: ChatResponse, efforts: Sequence[Effort]
    ) -> Iterator[RetrySetting]:
        """A larger cap, where the model takes one, and the next lower effort that is expected to fit this one."""
        answer = max((ask.cap - ask.budget) if ask.budget else ask.cap // 4, 2 * turn.usage.answer, 1)
        known = self.memory.max_spent(ask.effort) or 0
        needed = int(max(CAP_GROWTH * ask.cap, SPARE_ROOM * known + answer))
        cap = min([needed, *(most for most in (self.largest, self.left) if most is not None)])
        if cap >= SPARE_ROOM * ask.cap:
            yield RetrySetting(ask.effort, cap, max(int(turn.usage.thinking * UNMET_THINKING), known) + answer)
        lower = [e for e in EFFORTS[: EFFORTS.index(ask.effort)] if e in efforts]
        for effort in reversed(lower):
            # Of an answer that was begun it is known that it is longer, else a part of the cap has to do.
            expected = self._expect_thinking(effort, ask, turn) + (
                2 * turn.usage.answer or min(answer, ask.cap // 4)
            )
            if expected <= ask.cap:
                yield RetrySetting(effort, ask.cap, expected)
                return

    def _expect_thinking(self, effort: Effort, ask: ChatRequest, turn: ChatResponse) -> int:
        """Thinking tokens to expect at a lower effort."""
        seen = self.memory.max_spent(effort)
        scaled = UNMET_THINKING * turn.usage.thinking * SHARES[effort] / SHARES[ask.effort]
        return int(scaled) if seen is None else seen

    def has_room_for(self, usage: Usage) -> bool:
        """Whether the solve's limits have room for an attempt that takes so much."""
        return (self.left is None or usage.total <= self.left) and self.affordable(usage)


def _expect_usage(setting: RetrySetting, turn: ChatResponse) -> Usage:
    """What a call is expected to take after `turn`, whose messages it is given again."""
    return Usage(prompt=turn.usage.prompt, answer=setting.expected)
