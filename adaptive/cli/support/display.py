"""What stderr shows while a solve runs: thinking as it comes, dim, and a line for each round and verdict."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from adaptive.cli.support.report import one_line, printable

Event = dict[str, Any]

ENDED = {
    "natural": "ended by itself",
    "budget": "cut off at the budget",
    "context": "cut off at the context window",
    "loop": "stopped in a loop",
    "converged": "stopped, the answer repeats",
    "confident": "stopped, sure of the answer",
}


def stderr_is_terminal() -> bool:
    """Whether somebody is watching; stderr is None when it was closed."""
    return sys.stderr is not None and sys.stderr.isatty()


class Display:
    """Shows events on stderr: `lines` for rounds and verdicts, `thinking` for the text itself.

    Of the samples of a vote, which come side by side, only the verdicts are shown. A note is always shown, once.
    """

    def __init__(self, *, lines: bool, thinking: bool, colour: bool) -> None:
        self.lines = lines
        self.thinking = thinking
        self.colour = colour
        self._midline = False
        self._noted: set[str] = set()
        self._samples: set[int] = set()
        self._shown: dict[str, Callable[[Event], None]] = {
            "note": self._note,
            "difficulty": self._difficulty,
            "start": self._start,
            "thinking": lambda event: self._stream(event["text"], dim=True),
            "wait": lambda event: self._stream(event["text"], fg="yellow"),
            "end": self._end,
            "recover": self._recover,
            "probe": self._probe,
            "verdict": self._verdict,
            "vote": self._vote,
            "escalate": self._escalate,
        }

    @classmethod
    def for_stderr(cls, hide_thinking: bool | None, *, many: bool = False) -> Display:
        """All for one question on a terminal, else nothing unless asked; colours only on a terminal."""
        terminal = stderr_is_terminal()
        asked = hide_thinking is False
        lines = asked or (terminal and not many)
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(lines=lines, thinking=lines and not hide_thinking, colour=colour)

    def show(self, event: Event) -> None:
        """Show one event of the workflow's custom stream; events not known here are for others."""
        if "sample" in event and event["event"] != "verdict":
            self._samples.add(event["attempt"])
        elif shown := self._shown.get(event["event"]):
            shown(event)

    def break_line(self) -> None:
        """End the line that thinking stopped in, so that what follows has its own."""
        if self._midline:
            click.echo(err=True)
            self._midline = False

    def _stream(self, text: str, **style: Any) -> None:
        if self.thinking and text:
            self._write(printable(text), newline=False, **style)
            self._midline = not text.endswith("\n")

    def _line(self, text: str, **style: Any) -> None:
        if self.lines:
            self.break_line()
            self._write(one_line(text), newline=True, **style)

    def _write(self, text: str, *, newline: bool, **style: Any) -> None:
        styled = click.style(text, **style) if self.colour else text
        click.echo(styled, err=True, nl=newline, color=self.colour)

    def _note(self, event: Event) -> None:
        if event["text"] not in self._noted:
            self._noted.add(event["text"])
            self.break_line()
            self._write(one_line(f"Note: {event['text']}."), newline=True, fg="yellow")

    def _difficulty(self, event: Event) -> None:
        self._samples.clear()  # of the question before
        chances = ", ".join(f"{p:.2f}" for p in event["p_solved"])  # empty where nothing was trained
        judged = f"difficulty {event['level']}{f' (solved by rung: {chances})' if chances else ''}"
        self._line(f"{judged}, starts on rung {event['rung']}: {event['reason']}", fg="cyan")

    def _start(self, event: Event) -> None:
        what = f"attempt {event['attempt'] + 1} ({event['arm']}): rung {event['rung']}"
        self._line(f"{what}, effort {event['effort']}, budget {event['budget']}", fg="cyan")

    def _end(self, event: Event) -> None:
        spent = f"{event['tokens']} tokens, {event['charged']} of the budget of {event['budget']}"
        injected = f" ({event['injected']} injected)" if event["injected"] else ""
        ended = ENDED.get(event["end"], event["end"])
        said = f": {event['said']}" if event.get("said") else ""
        self._line(f"round {event['round']}: {spent}{injected}, {ended}{said}", fg="cyan")

    def _recover(self, event: Event) -> None:
        starved = f"starved at effort {event['starved_effort']} with a cap of {event['starved_cap']} tokens"
        self._line(f"{starved}: once more at effort {event['effort']} with {event['cap']}", fg="yellow")

    def _probe(self, event: Event) -> None:
        sure = "" if event["confidence"] is None else f" (confidence {event['confidence']:.2f})"
        self._line(f"probe: {_answer(event)}{sure}", dim=True)

    def _verdict(self, event: Event) -> None:
        word, colour = ("accepted", "green") if event["accepted"] else ("rejected", "yellow")
        sample = f"sample {event['attempt'] + 1}: " if event["attempt"] in self._samples else ""
        judged = f"{sample}{word} {_answer(event)} ({event['verifier']}, score {event['score']:.2f})"
        self._line(f"{judged}: {event['reason']}", fg=colour)

    def _vote(self, event: Event) -> None:
        word, colour = ("accepted", "green") if event["accepted"] else ("not accepted", "yellow")
        self._line(f"vote, led by attempt {event['attempt'] + 1}, {word}: {event['reason']}", fg=colour)

    def _escalate(self, event: Event) -> None:
        self._line(f"thinks on: {event['arm']}, rung {event['rung']}: {event['reason']}", fg="cyan")


def _answer(event: Event) -> str:
    return one_line(event["answer"] or "", 60) or "no answer"
