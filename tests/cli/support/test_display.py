"""What stderr shows, on a terminal and elsewhere."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from adaptive.cli.support.display import Display
from tests.cli.stub import ALL_LINES, EVENTS, PROBE

THINKING = ("47+38=85", "Wait85-12=73")


END = {"event": "end", "attempt": 0, "round": 1, "tokens": 7, "injected": 0, "charged": 7, "budget": 64}
VOTE = {"event": "vote", "attempt": 2, "accepted": True, "reason": "2 of 3 agree"}
ROUND = "round 1: 7 tokens, 7 of the budget of 64, "


class Terminal:
    def isatty(self) -> bool:
        return True


def shown(capsys: pytest.CaptureFixture[str], **how: bool) -> str:
    display = Display(**{"lines": True, "thinking": True, "colour": False, **how})
    for event in [*EVENTS, {"event": "done", "result": {}}]:
        display.show(event)
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys) == ALL_LINES


def test_hidden_thinking_leaves_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in ALL_LINES.splitlines() if line not in THINKING]
    assert shown(capsys, thinking=False).splitlines() == lines


def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, lines=False, thinking=False) == ""


def test_colours_change_nothing_but_colours(capsys: pytest.CaptureFixture[str]) -> None:
    import click

    coloured = shown(capsys, colour=True)
    assert "\x1b[2m47+38=85\x1b[0m" in coloured
    assert click.unstyle(coloured) == ALL_LINES


def test_the_model_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(lines=True, thinking=True, colour=False)
    display.show({"event": "thinking", "text": "\x1b]0;title\x07", "tokens": 1})
    display.show({**EVENTS[-1], "answer": "7\x1b[2J\n3", "reason": "one\r\nline\x1b[2J"})
    display.show({"event": "note", "text": "no\r\nte\x1b[2J"})
    assert capsys.readouterr().err == (
        "�]0;title�\naccepted 7�[2J 3 (rules, score 0.97): one line�[2J\nNote: no te�[2J.\n"
    )


def test_without_a_trained_model_the_difficulty_has_no_figures(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(lines=True, thinking=True, colour=False)
    display.show({**EVENTS[0], "level": "unknown", "p_solved": []})
    assert capsys.readouterr().err == "difficulty unknown, starts on rung 1: why this rung\n"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (PROBE, "probe: 73 (confidence 0.91)"),
        ({**PROBE, "answer": None, "confidence": None}, "probe: no answer"),
        ({**END, "end": "confident"}, f"{ROUND}stopped, sure of the answer"),
        ({**END, "end": "converged"}, f"{ROUND}stopped, the answer repeats"),
        ({**END, "end": "loop", "said": "a line 3 times"}, f"{ROUND}stopped in a loop: a line 3 times"),
        ({**END, "end": "context"}, f"{ROUND}cut off at the context window"),
        (VOTE, "vote, led by attempt 3, accepted: 2 of 3 agree"),
        ({**VOTE, "accepted": False}, "vote, led by attempt 3, not accepted: 2 of 3 agree"),
        ({**EVENTS[-1], "answer": None}, "accepted no answer (rules, score 0.97): sure"),
        ({**EVENTS[-1], "answer": "7" * 99}, f"accepted {'7' * 59}… (rules, score 0.97): sure"),
    ],
)
def test_a_line_each(capsys: pytest.CaptureFixture[str], event: dict[str, Any], line: str) -> None:
    Display(lines=True, thinking=True, colour=False).show(event)
    assert capsys.readouterr().err == f"{line}\n"
    Display(lines=False, thinking=False, colour=False).show(event)
    assert capsys.readouterr().err == ""


def test_a_probe_is_dim(capsys: pytest.CaptureFixture[str]) -> None:
    Display(lines=True, thinking=True, colour=True).show(PROBE)
    assert capsys.readouterr().err == "\x1b[2mprobe: 73 (confidence 0.91)\x1b[0m\n"


@pytest.mark.parametrize("lines", [True, False])
def test_a_note_is_always_told_and_once(capsys: pytest.CaptureFixture[str], lines: bool) -> None:
    display = Display(lines=lines, thinking=lines, colour=False)
    for text in ("effort low is not known: medium is used", "another", "another"):
        display.show(EVENTS[2])  # in the middle of a line of thinking, where there is one
        display.show({"event": "note", "text": text})
    thought = "47+38=85\n" if lines else ""
    first, second = "Note: effort low is not known: medium is used.\n", "Note: another.\n"
    display.break_line()
    assert capsys.readouterr().err == f"{thought}{first}{thought}{second}{thought}"


def test_of_samples_only_the_verdicts_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(lines=True, thinking=True, colour=False)
    for event in EVENTS[1:6]:
        for number in (1, 2):
            display.show({**event, "attempt": number, "sample": number})
    for number in (1, 2):
        display.show({**EVENTS[-1], "attempt": number})
    display.show(EVENTS[0])  # another question: its attempts are no samples
    display.show(EVENTS[-1])
    assert capsys.readouterr().err.splitlines() == [
        "sample 2: accepted 73 (rules, score 0.97): sure",
        "sample 3: accepted 73 (rules, score 0.97): sure",
        *ALL_LINES.splitlines()[:1],
        *ALL_LINES.splitlines()[-1:],
    ]


def test_a_line_is_broken_once(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(lines=True, thinking=True, colour=False)
    for text in ("a", "b\n", "c"):
        display.show({"event": "thinking", "text": text, "tokens": 1})
    display.break_line()
    display.break_line()
    assert capsys.readouterr().err == "ab\nc\n"


@pytest.mark.parametrize(
    ("terminal", "hide", "many", "lines", "thinking"),
    [
        (True, None, False, True, True),
        (True, True, False, True, False),
        (True, False, False, True, True),
        (True, None, True, False, False),
        (True, False, True, True, True),
        (False, None, False, False, False),
        (False, True, False, False, False),
        (False, False, False, True, True),
    ],
)
def test_what_is_shown_where(
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    hide: bool | None,
    many: bool,
    lines: bool,
    thinking: bool,
) -> None:
    if terminal:
        monkeypatch.setattr(sys, "stderr", Terminal())
    display = Display.for_stderr(hide, many=many)
    assert (display.lines, display.thinking) == (lines, thinking)


@pytest.mark.parametrize(
    ("variables", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colour: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Display.for_stderr(None).colour is colour


def test_a_closed_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert not Display.for_stderr(None).lines
