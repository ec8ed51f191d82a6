"""A guided answer: the thinking before it is free, and budget-forced as ever."""

from __future__ import annotations

from typing import Any

import pytest

from adaptive.engines.protocol import Sampling
from adaptive.reason.budget import Style
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops
from tests.reason.buying import PLAIN, QUESTION
from tests.support.scripted import END, STOP, Forever, ScriptedEngine, run, says

SCHEMA = '{"type": "object"}'
BOXING = Style(closing=" Now!", answer_prefix="\\boxed{", direct_prefix="\\boxed{")


def guided(engine: ScriptedEngine, rung: Rung, style: Style = PLAIN, **more: Any) -> Attempt:
    return run(
        think_within_budget(
            engine, QUESTION, rung, style=style, sampling=Sampling(), session="s", index=0, arm="first",
            schema=SCHEMA, **more,
        )
    )  # fmt: skip


def test_only_the_answer_is_guided() -> None:
    engine = ScriptedEngine([Forever("so ")], [says('{"a": 4}', STOP)])
    attempt = guided(engine, Rung("medium", 12, answer_room=30), BOXING)
    thinking, answer = engine.calls
    assert (thinking.schema, answer.schema) == ("", SCHEMA)
    assert answer.ids == (*QUESTION.open, *says("so so s Now!"), END, *says("\n\n")), "no prefix heads the JSON"
    assert (attempt.text, attempt.answer, attempt.status) == ('{"a": 4}', '{"a": 4}', "answered")
    assert attempt.usage.thinking == 7


def test_waits_put_off_the_end_as_ever() -> None:
    engine = ScriptedEngine([says("one", END), says("two", END)], [says("{}", STOP)])
    attempt = guided(engine, Rung("medium", 64, waits=1, answer_room=30))
    assert attempt.thinking == "oneWaittwo"
    assert [call.schema for call in engine.calls] == ["", "", SCHEMA]


def test_without_thinking_the_answer_is_guided_at_once() -> None:
    engine = ScriptedEngine([], [says("[]", STOP)])
    attempt = guided(engine, Rung("none", 0, answer_room=30), BOXING)
    (answer,) = engine.calls
    assert (answer.ids, answer.schema, attempt.answer) == (QUESTION.closed, SCHEMA, "[]")


def test_nothing_is_probed() -> None:
    """A probe's answer is a box, which must not become the answer."""
    engine = ScriptedEngine([Forever("so. ")], [says("{}", STOP)])
    stops = Stops(confident=0.0, probe_every=4)
    attempt = guided(engine, Rung("medium", 40, answer_room=30), BOXING, stops=stops)
    assert (attempt.probes, attempt.answer) == ((), "{}")


@pytest.mark.parametrize(
    ("answer", "status", "kept"),
    [
        (says('{"a": "\\boxed{4}"}', STOP), "answered", '{"a": "\\boxed{4}"}'),
        (says('{"a": "<think>"}', STOP), "answered", '{"a": "<think>"}'),
        (says('{"a": 4}xx'), "starved", None),
        (says('{"a": ', STOP), "starved", None),
        (says("", STOP), "refused", None),
    ],
)
def test_the_answer_is_the_json_and_nothing_else(answer: tuple[int, ...], status: str, kept: str | None) -> None:
    engine = ScriptedEngine([says("so", END)], [answer])
    attempt = guided(engine, Rung("medium", 20, answer_room=20 if STOP in answer else 10))
    assert (attempt.status, attempt.answer) == (status, kept)
