"""Attempts on a ladder of four rungs."""

from __future__ import annotations

from typing import Any

from adaptive.reason.chain import Thought
from adaptive.types.attempt import Attempt, RoundEnd
from adaptive.types.ladder import Ladder, Rung

LADDER = Ladder((Rung("none", 0), Rung("low", 64), Rung("medium", 160), Rung("high", 512, 1)))
P = (0.1, 0.6, 0.7, 0.9)
TOKENS = (40, 100, 200, 500)
"""Expected of each rung, its prompt included."""


def attempt(rung: int, *ends: RoundEnd, tokens: int = 20, **more: Any) -> Attempt:
    """Return a rejected attempt on a rung of `LADDER` whose rounds ended by `ends`."""
    thought = Thought()
    for end in ends:
        thought = thought.with_round((), tuple(range(tokens)), end)
    own = LADDER[rung]
    finish = "natural" if thought.ended else ends[-1] if ends else "none"
    fields: dict[str, Any] = {"rung": rung, "arm": "first", "effort": own.effort, "budget": own.budget}
    fields |= {"waits": thought.waits, "answer": "4", "text": "4", "thinking": "", "status": "answered"}
    fields |= {"finish": finish, "rounds": thought.rounds, "trace": thought.ids}
    return Attempt(**{**fields, **more})
