"""The middleware in real agents: efforts, recovery, escalation, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from adaptive.agents import AdaptiveThinkingMiddleware, read_spending
from adaptive.agents.step.start import choose_start
from adaptive.errors import InputError
from adaptive.learn.fit.domain import fit_domain
from adaptive.policy.allocate import choose_first_rung
from adaptive.profile.domain import UNLIKE
from adaptive.profile.profile import Profile
from adaptive.solver.conversation import find_question
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.policy import Evidence, FollowUp, Policy
from adaptive.types.routine import Routine
from adaptive.verify.check_function import Function
from tests.agents.asking import (
    CALL,
    LARGER,
    LOW,
    WAYS,
    accepts,
    agent,
    ask,
    efforts,
    events,
    last,
    look_up,
    report,
    scored,
)
from tests.agents.toy import toy
from tests.support.questions import make_essays, make_sums
from tests.support.solving import Fixed

HARD = (
    "Let $P$ be the set of primes $p$ for which integers $a, b$ have $a^2 + b^2 \\equiv 0 \\pmod{p^3}$ and"
    " $\\gcd(a, b) = 1$. Find the remainder when the number of elements of $P$ below $10^6$ is divided by $1000$."
)
EASY = "Tom has 3 apples and buys 4 more. How many apples does he have?"
LADDER = Ladder(
    (
        Rung("none", 0),
        Rung("low", 1000),
        Rung("medium", 4000, answer_room=100),
        Rung("high", 16000, answer_room=100),
    )
)


WORTH = 10_000.0
"""Tokens that a right answer is worth: a rung that is a little likelier for 12,000 more is not taken."""


def measured(*p_solved: float) -> Profile:
    return Profile(
        "measured",
        "toy",
        Ladder(LADDER.rungs[: len(p_solved)]),
        policy=Policy(worth=WORTH),
        difficulty_model=lambda: Fixed(p_solved),
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_harder_question_begins_with_more_effort(way: str) -> None:
    easy, hard = toy(), toy()
    ask(agent(easy, efforts="guess"), way, EASY)
    ask(agent(hard, efforts="guess"), way, HARD)
    assert efforts(easy) == ["low"]
    assert efforts(hard) in (["medium"], ["high"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("question", [EASY, HARD])
def test_without_a_profile_a_model_keeps_its_own_effort_and_cap(way: str, question: str) -> None:
    model = toy()
    done = ask(agent(model, efforts=None), way, question)
    assert [(c["effort"], c["cap"]) for c in model.calls] == [("low", 100_000)]  # the toy's own
    assert (report(done)["effort"], report(done)["cap"], report(done)["accepted"]) == ("default", None, None)
    assert [note for note in report(done)["notes"] if "no profile" in note] == report(done)["notes"]
    assert len(report(done)["notes"]) == 1


def test_a_models_own_effort_goes_on_above_medium_after_a_rejection() -> None:
    model = toy()
    done = ask(agent(model, efforts=None, check=accepts("high")))
    assert efforts(model) == ["low", "high"]
    assert (last(done).text, report(done)["accepted"]) == ("high", True)


def test_a_models_own_call_that_starves_is_made_once_more() -> None:
    high_only = {"reasoning_effort_levels": ["high"]}  # so there is no lower effort to try
    model = toy(thinks={"low": 100_000, "medium": 400, "high": 1600}, profile=high_only)
    done = ask(agent(model, efforts=None))
    assert len(model.calls) == 2
    assert model.calls[1]["cap"] > 100_000
    assert report(done)["status"] == "answered"


def test_out_of_tokens_the_cheapest_effort_is_set() -> None:
    model = toy(tool=CALL)
    ask(agent(model, efforts=None, max_tokens=50))
    assert [c["cap"] for c in model.calls] == [100_000, LOW]


def test_a_profile_says_which_rung_solves_it_and_its_budget_and_room_are_the_cap() -> None:
    model = toy()
    done = ask(agent(model, profile=measured(0.1, 0.3, 0.9, 0.95)))
    assert [(c["effort"], c["cap"]) for c in model.calls] == [("medium", 4100)]
    assert report(done)["effort"] == "medium"
    assert report(done)["cap"] == 4100


def test_of_a_ladder_over_several_models_a_call_uses_its_own_models_rungs() -> None:
    own, other = measured(0.1, 0.3, 0.9, 0.95), replace(LADDER[1], model="openai:other")
    ladder = Ladder((LADDER[0], other, *LADDER.rungs[1:]))
    profile = replace(own, ladder=ladder, difficulty_model=lambda: Fixed((0.1, 0.99, 0.3, 0.9, 0.95)))
    model = toy()
    ask(agent(model, profile=profile))
    assert [(c["effort"], c["cap"]) for c in model.calls] == [("medium", 4100)]


def test_on_a_question_unlike_the_measured_ones_the_model_keeps_its_own_effort() -> None:
    sums = make_sums(100)
    domain = fit_domain(sums, sums).domain
    profile = replace(measured(0.1, 0.3, 0.9, 0.95), domain_model=lambda: domain)
    inside, outside = toy(), toy()
    ask(agent(inside, profile=profile), question=sums[0])
    done = ask(agent(outside, profile=profile), question=make_essays(1)[0])
    assert [(c["effort"], c["cap"]) for c in inside.calls] == [("medium", 4100)]
    assert [(c["effort"], c["cap"]) for c in outside.calls] == [("low", 100_000)]  # the toy's own
    assert report(done)["notes"][0] == f"{UNLIKE}: the model keeps its own effort"


def test_only_the_efforts_named_are_used() -> None:
    model = toy()
    ask(agent(model, efforts=["high", "medium"], check=accepts("none")), question=EASY)
    assert efforts(model) == ["medium", "high"]


@pytest.mark.parametrize("way", WAYS)
def test_tool_calls_are_never_asked_again_and_reach_their_tool_as_they_are(way: str) -> None:
    model = toy(tool=CALL)
    done = ask(agent(model, check=accepts("high")), way)
    kinds = [m.type for m in done["messages"]]
    assert kinds == ["human", "ai", "tool", "ai"]
    assert done["messages"][1].tool_calls == [CALL]
    assert done["messages"][2].text == "sum: four"
    assert efforts(model) == ["low", "low", "medium", "high"]
    assert last(done).text == "high"


def test_a_step_after_a_tool_that_failed_begins_one_rung_up() -> None:
    human, call = HumanMessage(EASY), AIMessage("", tool_calls=[CALL])
    results = [ToolMessage("no", tool_call_id="call-1", status=s) for s in ("error", "success")]
    profile, places = measured(0.1, 0.9, 0.95, 0.95), [0, 1, 2, 3]
    failed, worked = (choose_start([human, call, r], LADDER, places, profile, False).index for r in results)
    assert (failed, worked) == (2, 1)
    assert (
        choose_start(
            [human, call, results[0]], Ladder(LADDER.rungs[:2]), places[:2], measured(0.1, 0.9), False
        ).index
        == 1
    )


@pytest.mark.parametrize(
    ("places", "always", "index"), [([0, 1, 2, 3], 2, 2), ([1, 2, 3], 2, 1), ([0, 1, 3], 2, 2), ([0, 1], 2, 1)]
)
def test_a_constant_is_the_rung_of_its_place(places: list[int], always: int, index: int) -> None:
    profile = measured(0.9, 0.9, 0.9, 0.9)
    routine = Routine(profile.ladder[always], samples=4)
    profile = replace(profile, policy=replace(profile.policy, always=routine))
    ladder = Ladder(tuple(LADDER[place] for place in places))
    assert choose_start([HumanMessage(EASY)], ladder, places, profile).index == index


def test_what_may_follow_in_a_solve_does_not_count_in_a_step() -> None:
    """By the policy the direct answer would come first, for its verdict would tell when to think."""
    profile = measured(0.3, 0.9, 0.95, 0.95)
    think = FollowUp("budget", 0, 1, right=0.3, bias=0.0, slope=1.0, breaks=0.0, cost=1.0)
    policy = replace(profile.policy, follow_ups=(think,), evidence=(Evidence(0, (6.0,), (-6.0,)),))
    asked = [HumanMessage(EASY)]
    assert choose_first_rung(LADDER, policy, profile.forecast([EASY])[0], Options()).index == 0
    assert choose_start(asked, LADDER, [0, 1, 2, 3], replace(profile, policy=policy)).index == 1


def test_the_question_is_the_last_human_message_whatever_tools_said() -> None:
    assert (
        find_question(
            [HumanMessage("one"), HumanMessage("two"), AIMessage("x"), ToolMessage("3", tool_call_id="c")]
        )
        == "two"
    )
    assert find_question([AIMessage("x")]) == ""


@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_starves_is_made_once_more_with_a_larger_cap(way: str) -> None:
    model = toy(thinks={"low": 14_000, "medium": 30_000, "high": 60_000})
    done = ask(agent(model), way)
    assert [c["cap"] for c in model.calls] == [LOW, LARGER]
    assert last(done).text == "low"
    assert (report(done)["status"], report(done)["cap"]) == ("answered", LARGER)
    assert (read_spending(done)["run"]["starved"], read_spending(done)["run"]["calls"]) == (1, 2)


def test_a_call_that_starves_is_made_once_more_with_less_effort_where_that_is_cheaper() -> None:
    model = toy(thinks={"low": 100, "medium": 9_000, "high": 60_000})
    done = ask(agent(model, profile=measured(0.1, 0.3, 0.9, 0.95)))
    assert [(c["effort"], c["cap"]) for c in model.calls] == [("medium", 4100), ("low", 4100)]
    assert last(done).text == "low"


def test_one_that_starves_twice_says_what_would_do() -> None:
    model = toy(thinks={"low": 90_000, "medium": 90_000, "high": 90_000})
    done = ask(agent(model, check=accepts("low")))
    assert len(model.calls) == 2
    assert report(done)["status"] == "starved"
    assert "cap of" in report(done)["advice"]
    assert read_spending(done)["run"]["starved"] == 2


def test_a_tool_call_is_recovered_too() -> None:
    model = toy(tool=CALL, thinks={"low": 14_000, "medium": 30_000, "high": 60_000})
    done = ask(agent(model))
    assert done["messages"][1].tool_calls == [CALL]
    assert [m.type for m in done["messages"]] == ["human", "ai", "tool", "ai"]


@pytest.mark.parametrize("way", WAYS)
def test_a_rejected_answer_is_asked_for_at_a_higher_effort_until_it_is_accepted(way: str) -> None:
    model = toy()
    done = ask(agent(model, check=accepts("medium")), way)
    assert efforts(model) == ["low", "medium"]
    assert last(done).text == "medium"
    assert (report(done)["accepted"], report(done)["attempts"]) == (True, 2)
    assert read_spending(done)["run"]["escalations"] == 1


def test_a_worse_answer_never_takes_the_place_of_a_better_one() -> None:
    model = toy()
    done = ask(agent(model, check=scored({"low": 0.4, "medium": 0.1, "high": 0.3})))
    assert efforts(model) == ["low", "medium", "high"]
    assert last(done).text == "low"
    assert report(done)["accepted"] is False


def test_a_starved_escalation_leaves_the_rejected_answer() -> None:
    model = toy(thinks={"low": 100, "medium": 90_000, "high": 90_000})
    done = ask(agent(model, check=accepts("none")))
    assert last(done).text == "low"
    assert report(done)["status"] == "answered"


def test_a_check_that_cannot_tell_is_no_reason_to_ask_again() -> None:
    def broken(question: str, answer: str) -> bool:
        raise OSError("no connection")

    model = toy()
    done = ask(agent(model, check=Function(broken)))
    assert efforts(model) == ["low"]
    assert report(done)["verdict"]["decided"] is False


def test_the_judge_is_asked_where_the_check_cannot_tell() -> None:
    def broken(question: str, answer: str) -> bool:
        raise OSError("no connection")

    model = toy()
    ask(agent(model, check=Function(broken), judge=accepts("medium")))
    assert efforts(model) == ["low", "medium"]


def test_a_question_reaches_the_check_with_the_answer() -> None:
    seen: list[tuple[str, str]] = []
    ask(agent(toy(tool=CALL), check=Function(lambda q, a: not seen.append((q, a)))), question="What is a sum?")
    assert seen == [("What is a sum?", "low")]


@pytest.mark.parametrize("most", [0, 1])
def test_escalations_are_limited(most: int) -> None:
    model = toy()
    ask(agent(model, check=accepts("none"), max_escalations=most))
    assert len(model.calls) == 1 + most


def test_a_run_out_of_tokens_asks_nothing_again_and_takes_the_cheapest_effort() -> None:
    model = toy(tool=CALL)
    sure = measured(0.1, 0.3, 0.9, 0.95)
    ask(agent(model, profile=sure, check=accepts("none"), efforts=["low", "medium", "high"], max_tokens=400))
    assert efforts(model) == ["medium", "low"]


def test_a_whole_answer_that_nothing_checks_is_not_verified() -> None:
    done = ask(agent(toy()))
    assert report(done)["accepted"] is None
    assert report(done)["verdict"]["reason"] == "not verified: no profile, no check"
    assert report(ask(agent(toy(), profile=measured(0.1, 0.9, 0.95, 0.95))))["accepted"] is None


def test_a_model_without_levers_is_left_as_it_is_and_a_note_says_so() -> None:
    model = FakeListChatModel(responses=["one", "two"])
    done = ask(agent(model, tools=(), check=accepts("two")))
    assert last(done).text == "one"
    assert "neither effort nor thinking budget" in report(done)["notes"][0]
    assert read_spending(done)["run"]["calls"] == 1
    assert "prompt" in read_spending(done)["run"]["usage"]["estimated"]


def test_events_tell_attempts_apart() -> None:
    said = events(agent(toy(tool=CALL), check=accepts("medium")))
    told = [(e["step"], e["attempt"], e["event"]) for e in said]
    first = [(1, 1, "start"), (1, 1, "kept")]
    assert told == [*first, (2, 1, "start"), (2, 1, "verdict"), (2, 1, "escalate"), (2, 2, "start"),
                    (2, 2, "verdict"), (2, 2, "kept")]  # fmt: skip


def test_a_recovery_is_told_with_what_starved() -> None:
    said = events(
        agent(toy(thinks={"low": 14_000, "medium": 1, "high": 1})), want=lambda e: e["event"] == "recover"
    )
    assert [(e["starved_effort"], e["starved_cap"], e["effort"], e["cap"]) for e in said] == [
        ("low", LOW, "low", LARGER)
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"max_escalations": -1}, "max_escalations must be a whole number of 0 or more, got -1"),
        ({"max_escalations": True}, "max_escalations"),
        ({"max_tokens": 0}, "max_tokens must be 1 or more, got 0"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_cost": 0}, "max_cost must be"),
        ({"max_thread_tokens": 0}, "'max_tokens' in the limits of a thread must be 1 or more, got 0"),
        ({"efforts": ["low", "lots"]}, "effort 'lots' is not known"),
        ({"efforts": "low"}, "efforts must be a list"),
        ({"efforts": []}, "efforts must be a list"),
        ({"check": lambda q, a: True}, "check must be a verifier"),
        ({"judge": "openai:o4-mini"}, "judge must be a verifier"),
        ({"profile": "/nowhere/at/all"}, "cannot be read"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        AdaptiveThinkingMiddleware(**wrong)


def test_a_tool_of_the_agent_can_read_what_was_spent() -> None:
    done = ask(agent(toy(tool=CALL), tools=(look_up,)))
    upto = {"messages": done["messages"][:2]}
    assert read_spending(upto)["run"]["calls"] == 1
    assert read_spending({"messages": []})["run"]["calls"] == 0
