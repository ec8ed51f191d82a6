"""A cell of a comparison: what one call is asked for, what it bought, and how that ended. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Effort
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

Ended = Literal["answered", "starved", "cut off", "refused", "failed"]


class Setting(NamedTuple):
    """Where the levers stand. cap: the most tokens that may be made, thinking included."""

    model: str
    effort: Effort
    cap: int


@dataclass(frozen=True)
class Cell:
    """One call at one setting; `repeat` counts calls at the same one, from 0."""

    setting: Setting
    repeat: int = 0


@dataclass(frozen=True)
class Bought:
    """What a call brought.

    finish: how it ended in the words of whoever ended it: of a chat model `stop`, `length`, `refusal` or `tools`,
    of a token engine how its thinking ended. notes: what was mapped to the nearest thing that the model can.
    """

    attempt: Attempt
    finish: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, without token ids."""
        attempt = replace(self.attempt, trace=()).to_json()
        return {"attempt": attempt, "finish": self.finish, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Bought:
        """What `to_json` wrote."""
        return cls(Attempt.from_json(data["attempt"]), data["finish"], tuple(data["notes"]))


@dataclass(frozen=True)
class Row:
    """A cell and how it ended: what it bought, judged, or else the sentence of its error.

    cached: whether it was paid for in an earlier run.
    """

    cell: Cell
    bought: Bought | None = None
    verdict: Verdict | None = None
    error: str = ""
    cached: bool = False

    @property
    def ended(self) -> Ended:
        """How it ended. Starved is without any text, cut off with some that is no whole answer."""
        if self.bought is None:
            return "failed"
        status = self.bought.attempt.status
        return "cut off" if status == "starved" and self.bought.attempt.text.strip() else status

    @property
    def accepted(self) -> bool:
        """Whether it answered, and the verdict on that is good."""
        return self.ended == "answered" and self.verdict is not None and self.verdict.accepted

    @property
    def answer(self) -> str | None:
        """The answer of a cell that has one."""
        return self.bought.attempt.answer if self.bought else None

    @property
    def usage(self) -> Usage:
        """What it spent; nothing where it failed."""
        return self.bought.attempt.usage if self.bought else Usage()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        model, effort, cap = self.cell.setting
        attempt = self.bought.attempt if self.bought else None
        return {
            "model": model, "effort": effort, "cap": cap, "repeat": self.cell.repeat, "ended": self.ended,
            "finish": self.bought.finish if self.bought else None, "accepted": self.accepted,
            "answer": self.answer, "text": attempt.text if attempt else None,
            "verdict": self.verdict.to_json() if self.verdict else None,
            "usage": self.usage.to_json() if self.bought else None, "error": self.error or None,
            "cached": self.cached, "notes": list(self.bought.notes) if self.bought else [],
        }  # fmt: skip


def made(usage: Usage) -> int:
    """The tokens of a usage beside the prompt: what a cap limits."""
    return usage.total - usage.prompt
