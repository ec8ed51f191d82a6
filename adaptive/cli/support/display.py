"""What stderr shows while a solve runs: thinking as it streams, dim, and a line for each round and verdict."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from adaptive.cli.support.report import to_one_line, to_printable
from adaptive.types.events import Event, OnEvent

ENDED = {
    "natural": "ended by itself",
    "budget": "cut off at the budget",
    "context": "cut off at the context window",
    "loop": "stopped in a loop",
    "converged": "stopped, the answer repeats",
    "confident": "stopped, sure of the answer",
}


VERDICTS = {True: ("accepted", "green"), False: ("rejected", "yellow"), None: ("not verified", "yellow")}
"""The word and the colour of each verdict."""


def stderr_is_terminal() -> bool:
    """Return whether stderr is a terminal; it is None if it was closed."""
    return sys.stderr is not None and sys.stderr.isatty()


def is_interactive() -> bool:
    """Return whether somebody can be asked: stdin and stderr are a terminal."""
    return stderr_is_terminal() and sys.stdin is not None and sys.stdin.isatty()


class Display:
    """Shows events on stderr: `lines` for rounds and verdicts, `thinking` for the text itself.

    The samples of a vote run at the same time: only their verdicts are shown. A note is always shown, once.
    """

    def __init__(self, *, lines: bool, thinking: bool, colour: bool) -> None:
        self.lines = lines
        self.thinking = thinking
        self.colour = colour
        self._midline = False
        self._noted: set[str] = set()
        self._samples: set[int] = set()
        self._shown: dict[str, OnEvent] = {
            "note": self._show_note,
            "difficulty": self._show_difficulty,
            "start": self._show_start,
            "thinking": lambda event: self._stream_text(event["text"], dim=True),
            "wait": lambda event: self._stream_text(event["text"], fg="yellow"),
            "end": self._show_end,
            "recover": self._show_recovery,
            "probe": self._show_probe,
            "verdict": self._show_verdict,
            "vote": self._show_vote,
            "escalate": self._show_escalation,
        }

    @classmethod
    def for_stderr(cls, hide_thinking: bool | None, *, many: bool = False) -> Display:
        """Return a display: all for one question on a terminal, else nothing unless `hide_thinking` is False.

        Colours are for terminals only.
        """
        terminal = stderr_is_terminal()
        lines = hide_thinking is False or (terminal and not many)
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(lines=lines, thinking=lines and not hide_thinking, colour=colour)

    def show(self, event: Event) -> None:
        """Show one event of the graph's custom stream; unknown events are for others."""
        if "sample" in event and event["event"] != "verdict":
            self._samples.add(event["attempt"])
        elif shown := self._shown.get(event["event"]):
            shown(event)

    def break_line(self) -> None:
        """End an unfinished line of thinking, so that the next text starts a line."""
        if self._midline:
            click.echo(err=True)
            self._midline = False

    def _stream_text(self, text: str, **style: Any) -> None:
        if self.thinking and text:
            self._write_text(to_printable(text), newline=False, **style)
            self._midline = not text.endswith("\n")

    def _write_line(self, text: str, **style: Any) -> None:
        if self.lines:
            self.break_line()
            self._write_text(to_one_line(text), newline=True, **style)

    def _write_text(self, text: str, *, newline: bool, **style: Any) -> None:
        styled = click.style(text, **style) if self.colour else text
        click.echo(styled, err=True, nl=newline, color=self.colour)

    def _show_note(self, event: Event) -> None:
        if event["text"] not in self._noted:
            self._noted.add(event["text"])
            self.break_line()
            self._write_text(to_one_line(f"Note: {event['text']}."), newline=True, fg="yellow")

    def _show_difficulty(self, event: Event) -> None:
        self._samples.clear()  # of the question before
        chances = ", ".join(f"{p:.2f}" for p in event["p_solved"])  # empty without a trained model
        judged = f"difficulty {event['level']}{f' (solved by rung: {chances})' if chances else ''}"
        self._write_line(f"{judged}, starts on rung {event['rung']}: {event['reason']}", fg="cyan")

    def _show_start(self, event: Event) -> None:
        what = f"attempt {event['attempt'] + 1} ({event['arm']}): rung {event['rung']}"
        self._write_line(f"{what}, effort {event['effort']}, budget {event['budget']}", fg="cyan")

    def _show_end(self, event: Event) -> None:
        spent = f"{event['tokens']} tokens, {event['charged']} of the budget of {event['budget']}"
        injected = f" ({event['injected']} injected)" if event["injected"] else ""
        ended = ENDED.get(event["end"], event["end"])
        reason = f": {event['said']}" if event.get("said") else ""
        self._write_line(f"round {event['round']}: {spent}{injected}, {ended}{reason}", fg="cyan")

    def _show_recovery(self, event: Event) -> None:
        starved = f"starved at effort {event['starved_effort']} with a cap of {event['starved_cap']} tokens"
        self._write_line(f"{starved}: once more at effort {event['effort']} with {event['cap']}", fg="yellow")

    def _show_probe(self, event: Event) -> None:
        sure = "" if event["confidence"] is None else f" (confidence {event['confidence']:.2f})"
        self._write_line(f"probe: {_format_event_answer(event)}{sure}", dim=True)

    def _show_verdict(self, event: Event) -> None:
        word, colour = VERDICTS[event["accepted"]]
        sample = f"sample {event['attempt'] + 1}: " if event["attempt"] in self._samples else ""
        judged = f"{sample}{word} {_format_event_answer(event)} ({event['verifier']}, score {event['score']:.2f})"
        reason = event["reason"].removeprefix("not verified: ") if event["accepted"] is None else event["reason"]
        self._write_line(f"{judged}: {reason}", fg=colour)

    def _show_vote(self, event: Event) -> None:
        word, colour = ("accepted", "green") if event["accepted"] else ("not accepted", "yellow")
        self._write_line(f"vote, led by attempt {event['attempt'] + 1}, {word}: {event['reason']}", fg=colour)

    def _show_escalation(self, event: Event) -> None:
        self._write_line(f"thinks on: {event['arm']}, rung {event['rung']}: {event['reason']}", fg="cyan")


def _format_event_answer(event: Event) -> str:
    return to_one_line(event["answer"] or "", 60) or "no answer"
