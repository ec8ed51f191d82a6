"""Early stops, one rule a test: what is looked at, what stops a chain, what that costs, and going on after it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.reason.budget import Style
from adaptive.reason.early_stop import ProbeResult, StopDecider
from adaptive.types.attempt import Attempt, Round
from adaptive.types.events import Event
from adaptive.types.stops import Stops, parse_stops
from tests.reason.buying import QUESTION, buy, rung, thinking_ids
from tests.support.scripted import END, STOP, Forever, ScriptedEngine, says

STYLE = Style(answer_prefix="\\boxed{", useful_round=1)
PUT = 1 + 2 + len("\\boxed{")  # the end marker, the hand-over and the prefix
LINES = "one.\ntwo.\nsix.\nten.\n"
SAID = (says(LINES, END),)
ALWAYS = Stops(loop=False, probe_every=5, confident=0.0)
TWICE = Stops(loop=False, probe_every=5, converged=2)
FOUR, FIVE = says("4}"), says("5}")


def engine(*answers: tuple[int, ...], thinking: Any = SAID, **more: Any) -> ScriptedEngine:
    return ScriptedEngine(thinking, answers, **more)


def stopped(playing: ScriptedEngine, stops: Stops, budget: int = 64, **more: Any) -> Attempt:
    return buy(playing, rung(budget, waits=more.pop("waits", 0)), more.pop("style", STYLE), stops=stops, **more)


def test_a_probe_that_ends_the_chain_is_the_answer() -> None:
    playing = engine(says("4} and more", STOP))
    attempt = stopped(playing, ALWAYS)
    assert len(playing.calls) == 2
    assert (attempt.answer, attempt.text, attempt.thinking) == ("4", "\\boxed{4}", "one.\n")
    assert (attempt.status, attempt.finish) == ("answered", "confident")
    assert attempt.rounds == (Round(5, 0, "confident", stopped=True),)
    assert not attempt.rounds[0].ended_by_model


def test_a_probe_that_was_taken_is_paid_for_as_an_answer() -> None:
    usage = stopped(engine(FOUR), ALWAYS).usage
    assert (usage.thinking, usage.answer, usage.probe, usage.injected) == (5, len(FOUR), 0, PUT)
    assert (usage.prompt, usage.cached) == (len(QUESTION.open), 0)


def test_a_probe_that_ends_nothing_is_paid_for_as_a_probe() -> None:
    usage = stopped(engine(FOUR, FIVE, FOUR), TWICE, budget=15).usage
    assert usage.probe == 2 * (PUT + 2)  # at the third boundary the budget is used up
    assert (usage.thinking, usage.answer, usage.injected) == (15, 2 + 1, PUT)
    assert usage.prompt == len(QUESTION.open)


def test_the_answer_that_repeats_is_taken_with_no_further_call() -> None:
    playing = engine(FIVE, FOUR, FOUR, FIVE)
    attempt = stopped(playing, TWICE)
    assert (attempt.finish, attempt.answer, attempt.thinking) == ("converged", "4", "one.\ntwo.\nsix.\n")
    assert attempt.rounds == (Round(15, 0, "converged", stopped=True),)
    assert (attempt.usage.probe, attempt.usage.answer) == (2 * (PUT + 2), 2)
    assert len(playing.calls) == 3 + 3


def test_answers_that_are_the_same_by_value_repeat() -> None:
    assert stopped(engine(says("0.50}"), says("1/2}")), TWICE).finish == "converged"


@pytest.mark.parametrize(
    ("text", "finish"),
    [
        ("one.\ntwo.\nsix.\n", "converged"),
        ("one.\nwait\n", "natural"),
        ("one.\nwait\ntwo.\n", "converged"),
        ("wait\ntwo.\nsix.\n", "converged"),  # a doubt before the first of the two is none in between
        ("one.\nHmm, no\n", "natural"),
        ("one.\nbuttons\n", "converged"),
    ],
)
def test_a_doubt_in_between_is_no_convergence(text: str, finish: str) -> None:
    assert stopped(engine(*[FOUR] * 4, thinking=(says(text, END),)), TWICE).finish == finish


def test_a_doubt_at_the_end_of_a_round_is_one_in_between() -> None:
    """What was thought after the last look of a round counts; a wait put there is no doubt of the model's."""
    said = (says("one.\nwait: ", END), says(" ok.\nso.\nso.\n", END))
    for wait in ("", "Now"):
        style = Style(waits=(wait,), answer_prefix="\\boxed{", useful_round=1)
        attempt = stopped(engine(*[FOUR] * 9, thinking=said), TWICE, waits=1, style=style)
        assert attempt.thinking == f"one.\nwait: {wait} ok.\nso.\nso.", "only the second look after the doubt"
    calm = (says("one.\n", END), says(" ok.\n", END))
    assert stopped(engine(*[FOUR] * 9, thinking=calm), TWICE, waits=1).finish == "converged", "the answer repeats"


def test_a_look_without_an_answer_breaks_the_row() -> None:
    assert stopped(engine(FOUR, says("no", STOP), FOUR, FIVE), TWICE).finish == "natural"


def test_so_many_in_a_row_are_needed() -> None:
    sight = StopDecider(Stops(probe_every=1, converged=3))
    assert [sight.decide(ProbeResult("4", None, "")) for _ in range(3)] == [None, None, "converged"]


def test_confidence_is_no_higher_than_that_of_the_thinking_before_the_look() -> None:
    sure = Stops(loop=False, probe_every=1, confident=0.9)
    answer = says("pp}")  # each of these has a log-probability of -0.05, or -0.35 for the brace
    calm, unsure = says("ppp.\n", END), says("ooo.\n", END)
    events: list[Event] = []
    for thinking in (calm, unsure):
        stopped(engine(answer, thinking=(thinking,)), sure, on_event=events.append)
    looks = [e["confidence"] for e in events if e["event"] == "probe"]
    assert looks[0] > looks[-1]


def test_without_log_probabilities_nothing_is_confident() -> None:
    assert stopped(engine(*[FOUR] * 9, gives_logprobs=False), ALWAYS).finish == "natural"


@pytest.mark.parametrize(
    ("stops", "style"),
    [
        (ALWAYS, Style(useful_round=1)),  # without a prefix an answer begins with prose
        (Stops(loop=False, probe_every=0, confident=0.0), STYLE),
        (Stops(loop=False, probe_every=5), STYLE),
    ],
)
def test_where_there_is_nothing_to_look_for_nothing_is_looked_at(stops: Stops, style: Style) -> None:
    playing = engine(says("\\boxed{4}", STOP))
    attempt = stopped(playing, stops, style=style)
    assert (attempt.finish, attempt.usage.probe, len(playing.calls)) == ("natural", 0, 2)


def test_a_look_has_its_own_room_and_ends_with_its_box() -> None:
    playing = engine(says("123456789}"), says("4} and more"), FOUR)
    stopped(playing, Stops(loop=False, probe_every=5, confident=0.0, probe_room=5))
    assert [c.max_tokens for c in playing.calls[1::2]] == [5, 5]
    assert [c.made.ids for c in playing.calls[1::2]] == [says("12345"), says("4}")]


def test_natural_ends_are_as_without_stops() -> None:
    on = Stops(loop=True, probe_every=50, converged=2, confident=0.0)
    plain, watched = engine(says("\\boxed{4}", STOP)), engine(says("\\boxed{4}", STOP))
    one, other = buy(plain, rung(64), STYLE), stopped(watched, on)
    assert (one.rounds, one.trace, one.text, one.finish) == (other.rounds, other.trace, other.text, other.finish)
    assert [c.ids for c in plain.calls] == [c.ids for c in watched.calls]


def test_a_chain_that_loops_is_stopped_there_and_answers() -> None:
    playing = engine(says("4}", STOP), thinking=(Forever("so it goes on. "),))
    events: list[Event] = []
    attempt = stopped(playing, Stops(), budget=500, on_event=events.append)
    assert attempt.thinking == ("so it goes on. " * 7)[:96], "to this codec every token is a letter"
    assert (attempt.finish, attempt.answer) == ("loop", "4")
    assert attempt.rounds == (Round(96, 0, "loop", stopped=True),)
    assert next(e for e in events if e["event"] == "end")["said"] == "15 tokens repeated 3 times"


def test_a_chain_that_loops_goes_on_where_it_is_let() -> None:
    playing = engine(says("4}", STOP), thinking=(Forever("so it goes on. "),))
    assert stopped(playing, Stops(loop=False), budget=100).rounds == (Round(100, 0, "budget"),)


def test_a_chain_that_was_stopped_goes_on_where_it_was() -> None:
    playing = engine(FOUR, says("4}", STOP))
    first = stopped(playing, ALWAYS)
    second = stopped(playing, Stops(loop=False), after=first)
    assert second.trace[: len(first.trace)] == first.trace
    assert (second.thinking, second.finish, second.waits) == (LINES, "natural", 0)
    assert second.rounds == (*first.rounds, Round(len(LINES) - 5 + 1, 0, "natural"))
    assert (second.usage.thinking, second.usage.prompt) == (len(LINES) - 5 + 1, len(QUESTION.open) + 5)
    assert thinking_ids(playing) == says(LINES)
    assert second.usage.cached >= len(QUESTION.open) + 5 - 1


def test_a_loop_that_was_let_go_on_is_not_found_again_in_what_was_before() -> None:
    playing = engine(says("4}", STOP), says("4}", STOP), thinking=(says("so it goes on. " * 7 + "So 4.", END),))
    first = stopped(playing, Stops(), budget=200)
    second = stopped(playing, Stops(), budget=200, after=first)
    assert (first.finish, second.finish) == ("loop", "natural")


def test_a_chain_stopped_at_its_budget_is_answered_as_it_stands() -> None:
    first = stopped(engine(FOUR), ALWAYS, budget=64)
    again = stopped(playing := engine(says("4}", STOP)), Stops(loop=False), budget=5, after=first)
    assert (again.trace, again.rounds, again.finish) == (first.trace, first.rounds, "confident")
    assert len(playing.calls) == 1


def test_attempts_that_were_stopped_survive_json() -> None:
    attempt = stopped(engine(FOUR), ALWAYS)
    again = Attempt.from_json(json.loads(json.dumps(attempt.to_json())))
    assert (again.rounds, again.finish, again.trace) == (attempt.rounds, attempt.finish, attempt.trace)


def test_only_what_is_named_stays_on() -> None:
    every = Stops(loop=True, probe_every=5, converged=2, confident=0.9, probe_room=7)
    assert every.restrict_to(()) == Stops(loop=False, probe_every=5, probe_room=7)
    assert every.restrict_to(["loop"]) == Stops(loop=True, probe_every=5, probe_room=7)
    assert every.restrict_to(["converged", "confident"]) == Stops(False, 5, 2, 0.9, 7)
    assert not every.restrict_to(["loop", "hopeless"]).probes_enabled
    assert Stops(loop=False).restrict_to(["loop", "converged"]) == Stops(loop=False), "what is off stays off"


@pytest.mark.parametrize(
    ("names", "parsed"),
    [
        ("none", ()),
        ("loop", ("loop",)),
        (" hopeless , loop,loop", ("loop", "hopeless")),
        ("confident,converged", ("converged", "confident")),
    ],
)
def test_names_of_stops(names: str, parsed: tuple[str, ...]) -> None:
    assert parse_stops(names) == parsed


@pytest.mark.parametrize(
    ("names", "said"),
    [("", "no stop is named"), (",", "no stop is named"), ("loop,lop", "'lop'"), ("none,loop", "'none'")],
)
def test_names_that_are_no_stops(names: str, said: str) -> None:
    with pytest.raises(InputError, match=said + ".*use some of loop, converged, confident, hopeless"):
        parse_stops(names)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"probe_every": -1}, "probe_every must be 0 or more, got -1"),
        ({"converged": -1}, "converged must be 0 or more, got -1"),
        ({"converged": 1}, "one probe cannot repeat itself"),
        ({"confident": 1.1}, "confident must be between 0 and 1, got 1.1"),
        ({"confident": float("nan")}, "confident must be between 0 and 1, got nan"),
        ({"probe_room": 0}, "probe_room must be 1 or more, got 0"),
    ],
)
def test_stops_that_cannot_be(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Stops(**bad)
