"""A cell of a comparison: the setting of one call, its result and how it ended. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Effort
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

CellStatus = Literal["answered", "starved", "cut off", "refused", "failed"]
Grade = Literal["right", "wrong", "unknown"]
GRADES: Mapping[bool | None, Grade] = {True: "right", False: "wrong", None: "unknown"}
"""Grades by what a verdict accepts."""


class CellSetting(NamedTuple):
    """A model, its effort, and the cap: the most tokens that it may generate, thinking included."""

    model: str
    effort: Effort
    cap: int


@dataclass(frozen=True)
class Cell:
    """One call at one setting. `repeat` counts the calls at the same setting from 0."""

    setting: CellSetting
    repeat: int = 0


@dataclass(frozen=True)
class CellResult:
    """The result of a call.

    Attributes:
        attempt: The reply, as an attempt.
        finish: How it ended: for a chat model `stop`, `length`, `refusal` or `tools`, for a token engine how its
            thinking ended.
        notes: What was mapped to the nearest value that the model supports.
    """

    attempt: Attempt
    finish: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, without token ids."""
        attempt = replace(self.attempt, trace=()).to_json()
        return {"attempt": attempt, "finish": self.finish, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CellResult:
        """Return the result written by `to_json`."""
        return cls(Attempt.from_json(data["attempt"]), data["finish"], tuple(data["notes"]))


@dataclass(frozen=True)
class ComparisonRow:
    """A cell and how it ended: its result with a verdict, or else the sentence of its error.

    Attributes:
        cell: The cell.
        result: The result of its call; None if it failed.
        verdict: The verdict on the result.
        error: The sentence of the error, "" without one.
        cached: Whether nothing was paid for the result in this run: it is of an earlier run, or of an identical
            request.
    """

    cell: Cell
    result: CellResult | None = None
    verdict: Verdict | None = None
    error: str = ""
    cached: bool = False

    @property
    def status(self) -> CellStatus:
        """How it ended. Starved means without any text, cut off with some text that is no whole answer."""
        if self.result is None:
            return "failed"
        status = self.result.attempt.status
        return "cut off" if status == "starved" and self.result.attempt.text.strip() else status

    @property
    def accepted(self) -> bool:
        """Whether it answered, and the verdict accepts the answer."""
        return self.grade == "right"

    @property
    def grade(self) -> Grade | None:
        """What the verdict says of the answer, unknown if it could not be told; None without an answer."""
        if self.status != "answered" or self.verdict is None:
            return None
        return GRADES[self.verdict.accepted]

    @property
    def answer(self) -> str | None:
        """The answer; None if there is none."""
        return self.result.attempt.answer if self.result else None

    @property
    def usage(self) -> Usage:
        """What it spent; nothing if it failed."""
        return self.result.attempt.usage if self.result else Usage()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
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
    """Return the tokens of a usage without the prompt: what a cap limits."""
    return usage.total - usage.prompt
