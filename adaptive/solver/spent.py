"""What the events of a solve say was spent: all that is known of a call that was cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adaptive.types.usage import Usage

Told = Callable[[dict[str, Any]], None]
GUESSED = ("answer", "cached", "injected", "probe", "prompt", "thinking")


@dataclass
class Tally:
    """What the events seen so far say was spent; a solve cut short has no usage of its own."""

    attempts: int = 0
    thinking: int = 0
    probe: int = 0
    answer: int = 0
    # By attempt, for samples of a vote come side by side.
    _rounds: dict[int, int] = field(default_factory=dict)  # told of rounds that are not over: injected tokens are
    _looks: dict[int, int] = field(default_factory=dict)  # only told at their end; and the probes told last
    _parts: list[Tally] = field(default_factory=list)

    def part(self) -> Tally:
        """A tally of its own for one of several solves at once, counted here too."""
        self._parts.append(Tally())
        return self._parts[-1]

    def heard(self, write: Told) -> Told:
        """`write`, with each event counted."""

        def told(event: dict[str, Any]) -> None:
            self.see(event)
            write(event)

        return told

    def see(self, event: dict[str, Any]) -> None:
        """Count one event."""
        kind, of = event["event"], event.get("attempt", 0)
        look = self._looks.pop(of, 0)
        if kind == "start":
            self.attempts += 1
        elif kind == "thinking":
            self._rounds[of] = self._rounds.get(of, 0) + event["tokens"]
        elif kind == "recover":  # what the starved call took; it had no end of its own
            self.thinking += event["tokens"]
        elif kind == "end":
            self.thinking += event["tokens"]
            self._rounds.pop(of, None)
        elif kind == "probe":
            self.probe += event["tokens"]
            self._looks[of] = event["tokens"]
        elif kind == "answer":
            self.answer += event["tokens"]
            self.probe -= look  # told right after it: the probe is the answer

    def spent(self) -> tuple[int, int, int, int]:
        """Attempts, thinking tokens, probes' tokens and answer tokens, those of the parts too."""
        parts = [
            (self.attempts, self.thinking + sum(self._rounds.values()), self.probe, self.answer),
            *(part.spent() for part in self._parts),
        ]
        attempts, thinking, probe, answer = map(sum, zip(*parts, strict=True))
        return attempts, thinking, probe, answer

    def __str__(self) -> str:
        attempts, thinking, probe, answer = self.spent()
        tries = f"{attempts} attempt{'' if attempts == 1 else 's'}"
        thought = f"{thinking} thinking, {probe} probe" if probe else f"{thinking} thinking"
        return f"{thought} and {answer} answer tokens spent in {tries}"

    def usage(self, seconds: float) -> Usage:
        """The same as usage: what was read, and what it cost, is told of no call before its end."""
        _, thinking, probe, answer = self.spent()
        return Usage(thinking=thinking, probe=probe, answer=answer, seconds=seconds, estimated=GUESSED)
