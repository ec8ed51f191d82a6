"""A cell of a comparison: what one call is asked for, what it bought, and how that ended. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Effort
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

CellStatus = Literal["answered", "starved", "cut off", "refused", "failed"]


class CellSetting(NamedTuple):
    """Where the levers stand. cap: the most tokens that may be made, thinking included."""

    model: str
    effort: Effort
    cap: int


@dataclass(frozen=True)
class Cell:
    """One call at one setting; `repeat` counts calls at the same one, from 0."""

    setting: CellSetting
    repeat: int = 0


@dataclass(frozen=True)
class CellResult:
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
    def from_json(cls, data: dict[str, Any]) -> CellResult:
        """What `to_json` wrote."""
        return cls(Attempt.from_json(data["attempt"]), data["finish"], tuple(data["notes"]))


@dataclass(frozen=True)
class ComparisonRow:
    """A cell and how it ended: what it bought, judged, or else the sentence of its error.

    cached: whether it was paid for in an earlier run.
    """

    cell: Cell
    result: CellResult | None = None
    verdict: Verdict | None = None
    error: str = ""
    cached: bool = False

    @property
    def status(self) -> CellStatus:
        """How it ended. Starved is without any text, cut off with some that is no whole answer."""
        if self.result is None:
            return "failed"
        status = self.result.attempt.status
        return "cut off" if status == "starved" and self.result.attempt.text.strip() else status

    @property
    def accepted(self) -> bool:
        """Whether it answered, and the verdict on that is good."""
        return self.status == "answered" and self.verdict is not None and self.verdict.accepted

    @property
    def answer(self) -> str | None:
        """The answer of a cell that has one."""
        return self.result.attempt.answer if self.result else None

    @property
    def usage(self) -> Usage:
        """What it spent; nothing where it failed."""
        return self.result.attempt.usage if self.result else Usage()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        model, effort, cap = self.cell.setting
        attempt = self.result.attempt if self.result else None
        return {
            "model": model, "effort": effort, "cap": cap, "repeat": self.cell.repeat, "ended": self.status,
            "finish": self.result.finish if self.result else None, "accepted": self.accepted,
            "answer": self.answer, "text": attempt.text if attempt else None,
            "verdict": self.verdict.to_json() if self.verdict else None,
            "usage": self.usage.to_json() if self.result else None, "error": self.error or None,
            "cached": self.cached, "notes": list(self.result.notes) if self.result else [],
        }  # fmt: skip


def count_generated_tokens(usage: Usage) -> int:
    """The tokens of a usage beside the prompt: what a cap limits."""
    return usage.total - usage.prompt
