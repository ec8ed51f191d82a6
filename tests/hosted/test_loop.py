"""The whole loop on each provider's real client: solves, follow-up turns, starvation, votes, a better model."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel

from adaptive import build_solver
from adaptive.types.options import Options
from adaptive.verify.check import parse_check
from tests.hosted.brains import always, in_order, starving
from tests.hosted.clients import NAMES, client
from tests.hosted.script import Asked, Fault, Reply, Spoken
from tests.hosted.server import Hosted

pytestmark = pytest.mark.crossed

ASK: dict[str, Any] = {"messages": [("user", "What is 6 times 7?")]}
WRONG, RIGHT = Spoken("It is 41.", thought=30), Spoken("It is 42.", thought=60)
CHECK = "re:.*42.*"


def model(name: str, hosted: Hosted, streams: bool) -> BaseChatModel:
    return client(name, hosted, disable_streaming=not streams)


async def solved(chat: BaseChatModel, awaited: bool = True, asked: Any = None, **how: Any) -> dict[str, Any]:
    """The result; with `check`, answers must match it."""
    check = parse_check(how.pop("check"), 30) if "check" in how else None
    solver = build_solver(chat, options=Options(**how), check=check)
    state = await solver.ainvoke(asked or ASK) if awaited else solver.invoke(asked or ASK)
    result: dict[str, Any] = state["adaptive_result"]
    return result


NO_USAGE = {f"{name}_tokens": None for name in ("prompt", "completion", "total")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reported", [True, False], ids=["usage", "no usage"])
@pytest.mark.parametrize("limits", [{}, {"effort": "low"}, {"samples": 5}, {"max_attempts": 9}], ids=str)
async def test_starving_every_time_costs_one_call_more_and_no_advice_has_just_starved(
    name: str, reported: bool, limits: dict[str, Any]
) -> None:
    if name == "anthropic":  # this Claude thinks if it is asked to
        limits = {"effort": "low", **limits}
    usage: dict[str, Any] = {} if reported or name not in ("openai", "azure_openai") else NO_USAGE
    cap = "max_output_tokens" if name == "google_genai" else "max_tokens"
    with Hosted(always(Spoken("4", thought=10**9, usage=usage))) as hosted:
        result = await solved(client(name, hosted, **{cap: 4096}), check=CHECK, **limits)
        asked = hosted.asked
    (attempt,) = result["attempts"]
    assert (result["status"], len(asked), len(attempt["starved"])) == ("starved", 2, 2)
    assert result["stopped"].startswith("thinking used up every cap that was tried"), result["stopped"]
    for call in attempt["starved"]:
        assert f"effort {call['effort']} with a cap of {call['cap']} tokens" not in attempt["advice"]


@pytest.mark.parametrize("name", NAMES)
async def test_an_attempt_that_fails_loses_no_answer_that_was_paid(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptive.chat.retried_call.choose_wait", lambda state: 0.0)
    with Hosted(in_order(WRONG, Fault("error"))) as hosted:
        result = await solved(client(name, hosted), check=CHECK, effort="low", waits=0, samples=3)
        first = hosted.asked[0]
    assert (result["status"], result["answer"], result["accepted"]) == ("answered", "It is 41.", False)
    assert result["stopped"].startswith("asking again failed (")
    assert result["usage"]["total"] >= first.prompt + 33


@pytest.mark.parametrize("streams", [True, False], ids=["streaming", "whole"])
@pytest.mark.parametrize("awaited", [True, False], ids=["async", "sync"])
@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_and_what_it_took(name: str, awaited: bool, streams: bool) -> None:
    with Hosted(always(RIGHT)) as hosted:
        result = await solved(model(name, hosted, streams), awaited, check=CHECK, effort="low")
        asked = hosted.asked
    assert (result["status"], result["answer"], result["accepted"]) == ("answered", "It is 42.", True)
    assert len(asked) == len(result["attempts"]) == 1
    assert asked[0].stream is streams
    assert result["usage"]["prompt"] == asked[0].prompt
    assert result["usage"]["thinking"] + result["usage"]["answer"] == 63
    if name != "anthropic":  # tells the thinking's tokens only where it shows them
        assert result["usage"]["thinking"] == 60


@pytest.mark.parametrize("streams", [True, False], ids=["streaming", "whole"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_rejected_answer_is_looked_at_again_in_a_turn_of_its_own(name: str, streams: bool) -> None:
    with Hosted(in_order(WRONG, RIGHT)) as hosted:
        result = await solved(model(name, hosted, streams), check=CHECK, waits=1)
        asked = hosted.asked
    assert [a["arm"] for a in result["attempts"]] == ["first", "wait"]
    assert (result["answer"], result["accepted"], result["kept"]) == ("It is 42.", True, 1)
    roles = [role for role, _ in asked[1].messages if role != "system"]
    assert roles == ["user", "assistant", "user"]
    assert asked[1].messages[-1][1].startswith("Wait")
    assert any("41" in text for role, text in asked[1].messages if role == "assistant")


def stubborn(asked: Asked) -> Reply:
    """Only high effort does, or more."""
    return RIGHT if asked.effort == "high" or (asked.budget or 0) > 20_000 else WRONG


@pytest.mark.parametrize("name", NAMES)
async def test_a_higher_effort_after_an_answer_that_was_rejected(name: str) -> None:
    with Hosted(stubborn) as hosted:
        result = await solved(client(name, hosted), check=CHECK, samples=0)
    assert [a["arm"] for a in result["attempts"]][-1] == "effort"
    assert (result["answer"], result["accepted"]) == ("It is 42.", True)
    assert result["attempts"][-1]["effort"] in ("high", "max")  # the model's highest


@pytest.mark.parametrize("streams", [True, False], ids=["streaming", "whole"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_starved_call_is_made_once_more(name: str, streams: bool) -> None:
    brain = starving(1, 1.0, 1500 + 8192)
    with Hosted(brain) as hosted:
        result = await solved(model(name, hosted, streams), effort="high", budget=1500, max_attempts=1)
        asked = hosted.asked
    attempt = result["attempts"][0]
    if not attempt["starved"]:  # where a thinking budget is taken, it leaves room for the answer
        assert all(a.budget is not None for a in asked)
        return
    assert (result["status"], result["answer"]) == ("answered", "42")
    assert len(asked) == 2
    assert (asked[1].cap or 0) > (asked[0].cap or 0)
    assert result["usage"]["total"] == sum(a.prompt for a in asked) + sum(
        min(brain.need(a.question, a.effort), a.cap or 0) + (a is asked[1]) for a in asked
    )


async def test_samples_of_a_vote_are_calls_side_by_side() -> None:
    wrong = [Spoken(rf"\boxed{{{n}}}", thought=9) for n in (41, 41)]
    right = Spoken(r"\boxed{42}", thought=9)
    with Hosted(in_order(*wrong, right)) as hosted:
        chat = client("openai", hosted)
        result = await solved(chat, verify="rules,agreement", samples=5, waits=1, max_attempts=4, effort="low")
        asked = hosted.asked
    assert [a["arm"] for a in result["attempts"]].count("vote") >= 2
    assert (result["answer"], result["accepted"]) == ("42", True)
    assert {a.effort for a in asked} == {"low"}


async def test_a_bigger_model_is_turned_to() -> None:
    def brain(asked: Asked) -> Reply:
        return RIGHT if asked.model == "gpt-5" else WRONG

    with Hosted(brain) as hosted:
        small, big = client("openai", hosted, model="gpt-5-mini"), client("openai", hosted)
        solver = build_solver(
            small, stronger=big, check=parse_check(CHECK, 30), options=Options(effort="low", samples=0, waits=0)
        )
        result = (await solver.ainvoke(ASK))["adaptive_result"]
    assert [a["arm"] for a in result["attempts"]] == ["first", "model"]
    assert (result["answer"], result["attempts"][1]["model"]) == ("It is 42.", "openai:gpt-5")


async def test_images_go_with_the_question() -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
    ]
    for name in NAMES:
        with Hosted(always(RIGHT)) as hosted:
            await solved(client(name, hosted), asked={"messages": [("user", content)]})
            assert [a.images for a in hosted.asked] == [1]


@pytest.mark.parametrize(("effort", "budget"), [("low", 4096), ("high", 24576)])
async def test_a_model_with_budgets_and_no_efforts_thinks_within_them(effort: str, budget: int) -> None:
    with Hosted(always(RIGHT)) as hosted:
        result = await solved(client("google_genai", hosted, model="gemini-2.5-flash"), effort=effort)
        asked = hosted.asked
    assert [a.budget for a in asked] == [budget]  # its largest, for the budget of high effort
    assert result["answer"] == "It is 42."
