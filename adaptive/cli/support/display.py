"""What stderr shows while a solve runs: thinking as it streams, dim, and a line for each round and verdict."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from adaptive.cli.support.event_lines import describe_event
from adaptive.cli.support.report import to_one_line, to_printable
from adaptive.types.events import Event

COLOURS = {True: "green", False: "yellow", None: "yellow"}
"""The colour of each verdict."""
STREAMED: dict[str, dict[str, Any]] = {"thinking": {"dim": True}, "wait": {"fg": "yellow"}}
"""The style of text that is shown as it streams."""


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
        kind = event["event"]
        if "sample" in event and kind != "verdict":
            self._samples.add(event["attempt"])
        elif kind == "note":
            self._show_note(event)
        elif kind in STREAMED:
            self._stream_text(event["text"], **STREAMED[kind])
        elif line := describe_event(event):
            self._show_line(event, line)

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
            self._write_text(text, newline=True, **style)

    def _write_text(self, text: str, *, newline: bool, **style: Any) -> None:
        styled = click.style(text, **style) if self.colour else text
        click.echo(styled, err=True, nl=newline, color=self.colour)

    def _show_note(self, event: Event) -> None:
        if event["text"] not in self._noted:
            self._noted.add(event["text"])
            self.break_line()
            self._write_text(to_one_line(f"Note: {event['text']}."), newline=True, fg="yellow")

    def _show_line(self, event: Event, line: str) -> None:
        if event["event"] == "difficulty":
            self._samples.clear()  # of the question before
        elif event["event"] == "verdict" and event["attempt"] in self._samples:
            line = f"sample {event['attempt'] + 1}: {line}"
        self._write_line(line, **_choose_style(event))


def _choose_style(event: Event) -> dict[str, Any]:
    """Return the style of an event's line."""
    if "accepted" in event:
        return {"fg": COLOURS[event["accepted"]]}
    return (
        {"dim": True} if event["event"] == "probe" else {"fg": "yellow" if event["event"] == "recover" else "cyan"}
    )
