"""Without a profile a question is one plain call, unless it starved, was rejected or more was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent

from adaptive import Options, build_solver
from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive, adaptive_tool
from adaptive.verify.check import parse_check
from adaptive.verify.check_function import Function
from tests.hosted.brains import always, starving
from tests.hosted.clients import NAMES, client
from tests.hosted.script import Asked, Spoken
from tests.hosted.server import Hosted

pytestmark = pytest.mark.crossed

QUESTIONS = (
    "hi",
    "ok",
    "2+2",
    "Are there infinitely many primes of the form 4k+3?",
    "Prove Fermat's last theorem.",
)
LEVERS = ("reasoning_effort", "reasoning", "thinking", "thinkingConfig", "output_config", "max_completion_tokens")
"""What a call must not name, in the body or in Gemini's `generationConfig`."""
each_client = pytest.mark.parametrize("name", NAMES)


def sent(asked: Asked) -> dict[str, Any]:
    """What of a call's body is a lever."""
    body = {**asked.body, **(asked.body.get("generationConfig") or {})}
    return {key: body[key] for key in LEVERS if body.get(key) is not None}


@each_client
@pytest.mark.parametrize("question", QUESTIONS)
async def test_one_plain_call_a_question(name: str, question: str) -> None:
    with Hosted(always(Spoken("It is so.", thought=30))) as hosted:
        chat = client(name, hosted)
        result = (await build_solver(chat).ainvoke({"messages": [("user", question)]}))["adaptive_result"]
        await chat.ainvoke(question)
        ours, theirs = hosted.asked
    assert (len(result["attempts"]), result["accepted"], result["answer"]) == (1, None, "It is so.")
    assert result["stopped"] == "not verified: no profile, no check"
    assert sent(ours) == sent(theirs) == {}
    assert (ours.effort, ours.budget, ours.cap) == (theirs.effort, theirs.budget, theirs.cap)
    assert ours.messages == theirs.messages


@each_client
async def test_middleware_chat_model_and_tool_make_one_plain_call_too(name: str) -> None:
    with Hosted(always(Spoken("It is so.", thought=30))) as hosted:
        chat = client(name, hosted)
        agent = create_agent(chat, [], middleware=[AdaptiveThinkingMiddleware()])
        message = (await agent.ainvoke({"messages": [("user", "2+2")]}))["messages"][-1]
        said = await ChatAdaptive(solver=build_solver(chat)).ainvoke("2+2")
        used = await adaptive_tool(chat).ainvoke({"question": "2+2"})
        asked = hosted.asked
    assert len(asked) == 3
    assert all(sent(one) == {} for one in asked)
    report = message.response_metadata["adaptive"]
    assert (report["effort"], report["cap"], report["accepted"], report["attempts"]) == ("default", None, None, 1)
    assert len([note for note in report["notes"] if "guess" in note]) == 1
    assert said.response_metadata["adaptive"]["accepted"] is None
    assert used == "It is so.\n\nThis answer is not verified: no profile, no check."


@each_client
async def test_what_is_asked_for_is_sent(name: str) -> None:
    with Hosted(always(Spoken("It is so.", thought=30))) as hosted:
        solver = build_solver(client(name, hosted), options=Options(effort="low"))
        result = (await solver.ainvoke({"messages": [("user", "2+2")]}))["adaptive_result"]
        (asked,) = hosted.asked
    assert asked.effort == "low" or asked.budget
    assert (result["attempts"][0]["effort"], result["accepted"]) == ("low", None)


@each_client
async def test_a_starved_call_of_the_models_own_is_made_once_more(name: str) -> None:
    """At its own cap, here of 50 tokens, thinking leaves no answer. The retry has a larger cap or less effort."""
    brain = starving(3, 1.0, 60)
    caps = {"anthropic": "max_tokens", "google_genai": "max_output_tokens"}
    with Hosted(brain) as hosted:
        thinks = {"thinking": {"type": "adaptive"}} if name == "anthropic" else {}  # else Claude does not think
        chat = client(name, hosted, **{caps.get(name, "max_tokens"): 50}, **thinks)
        result = (await build_solver(chat).ainvoke({"messages": [("user", "2+2")]}))["adaptive_result"]
        first, again = hosted.asked
    assert first.cap == 50
    assert (again.cap or 0) > 50 or again.effort not in (None, first.effort)
    assert (result["status"], result["answer"], len(result["attempts"])) == ("answered", "42", 1)
    assert result["attempts"][0]["starved"][0]["cap"] == 50


@each_client
async def test_a_rejected_answer_goes_on_above_what_a_default_is_believed_to_be(name: str) -> None:
    with Hosted(always(Spoken("It is so and not otherwise, whatever is said.", thought=30))) as hosted:
        solver = build_solver(client(name, hosted), check=parse_check("re:never", 30))
        result = (await solver.ainvoke({"messages": [("user", "2+2")]}))["adaptive_result"]
        asked = hosted.asked
    arms = [(a["arm"], a["effort"]) for a in result["attempts"]]
    assert arms[0] == ("first", "default")
    assert arms[1:] in ([("effort", "high")], [])  # free text has no vote
    assert len(asked) == len(arms)
    assert result["accepted"] is False


@each_client
async def test_guessing_is_opted_in_to(name: str) -> None:
    with Hosted(always(Spoken("It is so.", thought=30))) as hosted:
        agent = create_agent(client(name, hosted), [], middleware=[AdaptiveThinkingMiddleware(efforts="guess")])
        message = (await agent.ainvoke({"messages": [("user", "Prove Fermat's last theorem.")]}))["messages"][-1]
        (asked,) = hosted.asked
    assert sent(asked) != {} or asked.budget
    assert "average model" in message.response_metadata["adaptive"]["reason"]


@each_client
async def test_a_check_that_cannot_tell_costs_no_second_call(name: str) -> None:
    def broken(question: str, answer: str) -> bool:
        raise RuntimeError("no")

    with Hosted(always(Spoken("It is so.", thought=30))) as hosted:
        solver = build_solver(client(name, hosted), check=Function(broken))
        result = (await solver.ainvoke({"messages": [("user", "2+2")]}))["adaptive_result"]
        assert len(hosted.asked) == 1
    assert result["accepted"] is None
