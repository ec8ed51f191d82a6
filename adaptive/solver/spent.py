"""Counts what a solve spent by its events: all that is known of a call that was cut off."""

from __future__ import annotations

from dataclasses import dataclass, field

from adaptive.types.events import Event, OnEvent
from adaptive.types.usage import Usage

ESTIMATED_FIELDS = ("answer", "cached", "injected", "probe", "prompt", "thinking")


@dataclass
class SpentTokens:
    """What the events so far say was spent; a solve that was cut off has no usage of its own."""

    attempts: int = 0
    thinking: int = 0
    probe: int = 0
    answer: int = 0
    # By attempt, because samples of a vote run side by side. Rounds that have not ended: their injected tokens are
    # known only at the end. And the last probes: an answer right after one is that probe.
    _open_rounds: dict[int, int] = field(default_factory=dict)
    _open_probes: dict[int, int] = field(default_factory=dict)
    _parts: list[SpentTokens] = field(default_factory=list)

    def add_part(self) -> SpentTokens:
        """Return a counter for one of several solves at once; this one includes it."""
        self._parts.append(SpentTokens())
        return self._parts[-1]

    def wrap_listener(self, on_event: OnEvent) -> OnEvent:
        """Return a listener that counts each event and passes it on."""

        def count_and_pass(event: Event) -> None:
            self.count_event(event)
            on_event(event)

        return count_and_pass

    def count_event(self, event: Event) -> None:
        """Count one event."""
        kind, of = event["event"], event.get("attempt", 0)
        probe = self._open_probes.pop(of, 0)
        if kind == "start":
            self.attempts += 1
        elif kind == "thinking":
            self._open_rounds[of] = self._open_rounds.get(of, 0) + event["tokens"]
        elif kind == "recover":  # what the starved call spent; it has no "end" event
            self.thinking += event["tokens"]
        elif kind == "end":
            self.thinking += event["tokens"]
            self._open_rounds.pop(of, None)
        elif kind == "probe":
            self.probe += event["tokens"]
            self._open_probes[of] = event["tokens"]
        elif kind == "answer":
            self.answer += event["tokens"]
            self.probe -= probe  # the probe became the answer

    def sum_totals(self) -> tuple[int, int, int, int]:
        """Return attempts and tokens of thinking, probes and answers, with those of the parts."""
        parts = [
            (self.attempts, self.thinking + sum(self._open_rounds.values()), self.probe, self.answer),
            *(part.sum_totals() for part in self._parts),
        ]
        attempts, thinking, probe, answer = map(sum, zip(*parts, strict=True))
        return attempts, thinking, probe, answer

    def __str__(self) -> str:
        attempts, thinking, probe, answer = self.sum_totals()
        tries = f"{attempts} attempt{'' if attempts == 1 else 's'}"
        thought = f"{thinking} thinking, {probe} probe" if probe else f"{thinking} thinking"
        return f"{thought} and {answer} answer tokens spent in {tries}"

    def to_usage(self, seconds: float) -> Usage:
        """Return the same as usage; the prompt and the cost of a call are not known before its end."""
        _, thinking, probe, answer = self.sum_totals()
        return Usage(thinking=thinking, probe=probe, answer=answer, seconds=seconds, estimated=ESTIMATED_FIELDS)
