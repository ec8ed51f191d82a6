"""Rungs on chat models: caps, follow-up turns, starvation and what is counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.reason.chat import think_at_effort
from adaptive.reason.starvation import Recovery
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Rung
from tests.reason.talking import STYLE, Player, buy
from tests.support.scripted import run

MEDIUM = Rung("medium", 1000, answer_room=200)


def caps(player: Player) -> list[tuple[str, int]]:
    return [(ask.effort, ask.cap) for ask, _ in player.asked]


def test_the_cap_is_the_budget_and_the_answers_room() -> None:
    player = Player()
    attempt = buy(player, MEDIUM)
    assert caps(player) == [("medium", 1200)]
    assert (attempt.status, attempt.answer, attempt.finish) == ("answered", "4", "natural")
    assert (attempt.usage.thinking, attempt.usage.answer, attempt.chain_tokens) == (400, 10, 400)


def test_without_a_box_all_of_the_text_is_the_answer() -> None:
    assert buy(Player(answers=("  First the Louvre.  ",)), MEDIUM).answer == "First the Louvre."


def test_a_rung_that_does_not_think_has_no_round() -> None:
    player = Player()
    attempt = buy(player, Rung("none", 0, answer_room=50))
    assert (caps(player), attempt.finish, attempt.rounds) == ([("none", 50)], "none", ())


def test_a_refusal_has_no_answer_and_says_so() -> None:
    attempt = buy(Player(refuses=True, answers=("I cannot help with that.",)), MEDIUM)
    assert (attempt.status, attempt.answer, attempt.text) == ("refused", None, "I cannot help with that.")


def test_a_wait_is_a_turn_of_its_own_after_the_answer() -> None:
    player = Player(answers=(r"\boxed{3}", r"\boxed{4}"))
    first = buy(player, MEDIUM)
    second = buy(player, Rung("medium", 2000, 1, 200), first)
    ask, messages = player.asked[1]
    assert [(m.type, m.text) for m in messages] == [("ai", r"\boxed{3}"), ("human", "Wait.")]
    assert ask.cap == 2000 - 400 + 200  # the chain's thinking is charged to the budget
    assert (second.answer, second.waits, len(second.rounds), second.chain_tokens) == ("4", 1, 2, 800)


def test_waits_end_where_the_answer_repeats() -> None:
    player = Player(answers=(r"\boxed{4}",))
    attempt = buy(player, Rung("low", 5000, 4, 200))
    assert (attempt.waits, [r.end for r in attempt.rounds]) == (1, ["natural", "converged"])


def test_waits_end_where_the_budget_does() -> None:
    player = Player(answers=("1", "2", "3", "4"))
    attempt = buy(player, Rung("medium", 1000, 9, 200))
    assert [r.tokens for r in attempt.rounds] == [400, 400, 100, 100]  # the third starved, and was asked for less
    assert attempt.chain_tokens == 1000


def test_a_starved_call_is_made_once_more_with_less_effort() -> None:
    player = Player()
    attempt = buy(player, Rung("high", 300, answer_room=100))
    assert caps(player) == [("high", 400), ("low", 400)]
    assert attempt.starved[0].effort == "high"


def test_what_starved_is_counted() -> None:
    player = Player(thinking={"low": 50, "medium": 100, "high": 1600})
    attempt = buy(player, Rung("high", 300, answer_room=100))
    assert attempt.status == "answered"
    assert (attempt.effort, attempt.cap) == ("low", 400)
    assert attempt.usage.thinking == 400 + 50
    assert [(s.effort, s.cap, s.thinking, s.answer) for s in attempt.starved] == [("high", 400, 400, 0)]


def test_an_effort_that_was_asked_for_gets_a_larger_cap_instead() -> None:
    player = Player(thinking={"high": 500})
    attempt = buy(player, Rung("high", 300, answer_room=100), recovery=Recovery(pinned=True))
    assert caps(player) == [("high", 400), ("high", 1600)]
    assert (attempt.status, attempt.cap) == ("answered", 1600)


def test_starved_twice_is_starved_and_says_what_would_do() -> None:
    player = Player(thinking={"low": 9000, "medium": 9000, "high": 9000})
    attempt = buy(player, Rung("high", 300, answer_room=100))
    assert len(player.asked) == 2
    assert (attempt.status, attempt.answer, attempt.finish) == ("starved", None, "budget")
    assert "with a cap of" in attempt.advice


def test_where_the_limits_have_no_room_there_is_no_retry() -> None:
    player = Player()
    attempt = buy(player, Rung("high", 300, answer_room=100), recovery=Recovery(left=420))
    assert len(player.asked) == 1
    assert (attempt.status, bool(attempt.advice)) == ("starved", True)


def test_a_partial_answer_is_no_answer() -> None:
    player = Player(thinking={"low": 395}, efforts=("low",), largest_cap=400)
    attempt = buy(player, Rung("low", 300, answer_room=100), recovery=Recovery(largest=400))
    assert (attempt.status, attempt.answer, attempt.text) == ("starved", None, r"\boxe")


@given(
    low=st.integers(0, 3000),
    high=st.integers(0, 3000),
    budget=st.integers(1, 2000),
    room=st.integers(1, 300),
    waits=st.integers(0, 3),
    answers=st.lists(st.sampled_from([r"\boxed{1}", r"\boxed{2}", "", "words"]), min_size=1, max_size=4),
    left=st.none() | st.integers(0, 5000),
    pinned=st.booleans(),
)
def test_no_empty_success_and_everything_counted(
    low: int, high: int, budget: int, room: int, waits: int, answers: list[str], left: int | None, pinned: bool
) -> None:
    player = Player(thinking={"low": low, "high": high}, efforts=("low", "high"), answers=answers)
    told: list[dict[str, Any]] = []
    rung = Rung("high", budget, waits, room)
    attempt: Attempt = run(
        think_at_effort(
            player,  # type: ignore[arg-type]
            [],
            rung,
            style=STYLE,
            recovery=Recovery(left=left, pinned=pinned),
            index=0,
            arm="first",
            on_event=told.append,
        )
    )
    assert (attempt.answer is not None) == (attempt.status == "answered")
    assert attempt.waits <= waits
    spent = sum(min(player.thinking.get(ask.effort, 0), ask.cap) for ask, _ in player.asked)
    assert attempt.usage.thinking == spent
    assert attempt.status != "starved" or attempt.starved
    assert len(player.asked) <= 2 * (attempt.waits + 1)
    assert Attempt.from_json(attempt.to_json()) == attempt
    assert told[0]["event"] == "start"


@pytest.mark.parametrize("effort", ["low", "medium"])
def test_every_round_is_told(effort: Any) -> None:
    told: list[dict[str, Any]] = []
    run(
        think_at_effort(
            Player(answers=("1", "2")),  # type: ignore[arg-type]
            [],
            Rung(effort, 5000, 1, 100),
            style=STYLE,
            recovery=Recovery(),
            index=2,
            arm="first",
            on_event=told.append,
        )
    )
    assert [e["event"] for e in told] == ["start", "end", "wait", "end"]
    assert [e["round"] for e in told if e["event"] == "end"] == [1, 2]
