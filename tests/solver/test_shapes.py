"""What was measured counts on the shapes of conversations that it was measured on, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AnyMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from adaptive import build_solver
from adaptive.profile.profile import Profile
from adaptive.solver.chat_model import build_chat_solver_model
from adaptive.solver.conversation import read_shape
from adaptive.solver.model import open_model
from adaptive.types.attempt import Attempt
from adaptive.types.conversation import ALONE, ConversationShape
from adaptive.types.logistic import Logistic
from adaptive.types.options import Options
from adaptive.types.stops import Stops
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify import Agreement, All, Confidence, Rules
from adaptive.verify.check_function import Function
from adaptive.verify.combine import hold_back_measured
from tests.support.solving import SHAPES, THREAD, PureEngine, profile

SURE_OF_ALL = Logistic({}, 9.0, 0.5)
NOTE = "nothing but a check or a judge can accept here"


def conversation(shape: ConversationShape) -> Any:
    """The input of a solver, whose question is 2+2?."""
    messages: list[AnyMessage] = [HumanMessage("2+2?")]
    if shape.history:
        messages = [HumanMessage("1+1?"), AIMessage("2"), *messages]
    if shape.system:
        messages.insert(0, SystemMessage("Be brief."))
    if shape.tools:
        messages += [
            AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": "1"}]),
            ToolMessage("4", tool_call_id="1"),
        ]
    return {"messages": messages}


def attempt(trace: tuple[int, ...]) -> Attempt:
    """A sure attempt, whose chain is `trace`."""
    return Attempt(rung=0, arm="first", effort="none", budget=0, waits=0, answer="5", text="5", thinking="",
                   status="answered", finish="natural", usage=Usage(), trace=trace, confidence=0.99)  # fmt: skip


def accepting(learned: bool = True, shapes: Any = (ALONE,)) -> Profile:
    """A profile that accepts every answer, by a learned verifier or by its confidence."""
    own = profile(accept={"none": 0.0}, agreement=0.0)
    return replace(own, verifier=SURE_OF_ALL if learned else None, shapes=tuple(shapes))


@pytest.mark.parametrize("verify", [None, "rules,confidence", "confidence,agreement"])
@pytest.mark.parametrize("shape", SHAPES, ids=[s.name for s in SHAPES])
def test_only_measured_shapes_are_accepted(shape: ConversationShape, verify: str | None) -> None:
    solver = build_solver(PureEngine(), profile=accepting(learned=not verify), options=Options(verify=verify))
    result = solver.invoke(conversation(shape))["adaptive_result"]
    (one,) = result["attempts"]
    why = f"the profile was measured on single questions, not on {shape.describe()}"
    if shape == ALONE:
        assert result["accepted"] is True
        assert not any("measured" in note for note in result["notes"])
        return
    assert result["accepted"] is None
    assert one["verdict"]["reason"] == result["stopped"] == f"not verified: {why}"
    assert f"{why}: {NOTE}" in result["notes"]
    assert one["reason"].startswith(f"{why}: the model thinks as long as it likes")
    assert (one["budget"], one["finish"]) == (PureEngine().context_window, "natural")


@given(st.sets(st.sampled_from(SHAPES), min_size=1), st.sampled_from(SHAPES))
def test_a_shape_counts_if_the_profile_names_it(
    measured: set[ConversationShape], shape: ConversationShape
) -> None:
    own = accepting(shapes=sorted(measured))
    model = open_model(PureEngine(), Options(), profile=own)
    fitted = model.for_conversation(conversation(shape)["messages"])
    assert (fitted is model) == (fitted.profile is own) == (shape in measured) == (fitted.unmeasured == "")
    assert fitted.profile.policy.measured == (shape in measured)
    assert all(one.describe() in fitted.unmeasured for one in measured) or shape in measured


def test_events_say_it_too() -> None:
    solver = build_solver(PureEngine(), profile=accepting())
    events = list(solver.stream(conversation(ConversationShape(history=True)), stream_mode="custom"))
    (verdict,) = (e for e in events if e["event"] == "verdict")
    assert verdict["accepted"] is None
    assert "not on questions with earlier turns" in verdict["reason"]
    assert any(NOTE in e["text"] for e in events if e["event"] == "note")


@pytest.mark.parametrize("shape", SHAPES, ids=[s.name for s in SHAPES])
@pytest.mark.parametrize("right", [True, False])
def test_a_check_decides_on_every_shape(shape: ConversationShape, right: bool) -> None:
    check = Function(lambda question, answer: right and question == "2+2?")
    result = build_solver(PureEngine(), profile=accepting(), check=check).invoke(conversation(shape))
    assert result["adaptive_result"]["accepted"] is right
    assert result["adaptive_result"]["attempts"][0]["verdict"]["verifier"] == "check"


@pytest.mark.parametrize("shape", SHAPES[1:], ids=[s.name for s in SHAPES[1:]])
def test_an_effort_or_a_budget_is_kept_as_asked_for(shape: ConversationShape) -> None:
    solver = build_solver(PureEngine(), profile=accepting(), options=Options(budget=24))
    (one,) = solver.invoke(conversation(shape))["adaptive_result"]["attempts"]
    assert one["budget"] == 24
    assert one["reason"].startswith("a budget of 24 tokens was asked for")


def test_nothing_that_was_measured_is_left() -> None:
    own = replace(accepting(), stops=Stops(probe_every=8, confident=0.5))
    model = open_model(PureEngine(), Options(), profile=own).for_conversation(
        conversation(ConversationShape(tools=True))["messages"]
    )
    left = model.profile
    assert (left.verifier, left.probe, left.placement, left.stops) == (None, None, None, Stops())
    assert left.predict_difficulty("2+2?")["p_solved"] == []
    assert (left.style, left.ladder, left.name) == (own.style, own.ladder, own.name)


def test_samples_that_agree_prove_nothing() -> None:
    options = Options(samples=3, verify="rules,agreement", max_attempts=4)
    solver = build_solver(PureEngine(), profile=accepting(learned=False), options=options)
    alone = solver.invoke(conversation(ALONE))["adaptive_result"]
    history = solver.invoke(conversation(ConversationShape(history=True)))["adaptive_result"]
    assert (alone["accepted"], history["accepted"]) == (True, None)


@pytest.mark.parametrize("verifier", [Agreement(), Confidence({"none": 0.0}), All((Rules(), Agreement()))])
async def test_agreement_and_confidence_are_held_back(verifier: Any) -> None:
    one, other = attempt((1,)), attempt((2,))
    assert (await verifier.verify("2+2?", one, [other])).accepted is True
    held = await hold_back_measured(verifier, "so it is").verify("2+2?", one, [other])
    assert (held.accepted, "so it is" in held.reason) == (None, True)


async def test_evidence_rejects_on_every_shape() -> None:
    starved = replace(attempt((1,)), status="starved", answer=None)
    held = await hold_back_measured(Confidence({"none": 0.0}), "so it is").verify("2+2?", starved, [])
    assert held.accepted is False


class _Judge:
    name = "judge"

    async def verify(self, question: str, one: Any, others: Any) -> Verdict:
        return Verdict(True, 0.9, self.name, f"{question} is answered")


def test_a_judge_accepts_on_every_shape() -> None:
    solver = build_solver(PureEngine(), profile=accepting(), judge=_Judge())
    result = solver.invoke(conversation(ConversationShape(True, True, True)))["adaptive_result"]
    assert (result["accepted"], result["attempts"][0]["verdict"]["reason"]) == (True, "2+2? is answered")


def test_a_second_question_of_a_thread_has_a_history() -> None:
    solver = build_solver(PureEngine(), profile=accepting(), checkpointer=InMemorySaver())
    first, second = (solver.invoke(conversation(ALONE), THREAD)["adaptive_result"]["accepted"] for _ in range(2))
    assert (first, second) == (True, None)


HANDED_OFF = [
    HumanMessage("2+2?"),
    AIMessage("", tool_calls=[{"name": "transfer_to_maths", "args": {}, "id": "1"}]),
    ToolMessage("Successfully transferred to maths", tool_call_id="1"),
]


def test_a_hand_off_is_no_other_shape_for_a_token_engine() -> None:
    engine, other = PureEngine(), PureEngine()
    handed = build_solver(engine, profile=accepting()).invoke({"messages": HANDED_OFF})["adaptive_result"]
    alone = build_solver(other, profile=accepting()).invoke(conversation(ALONE))["adaptive_result"]
    assert handed["accepted"] is alone["accepted"] is True
    assert [call.ids for call in engine.calls] == [call.ids for call in other.calls]


def test_a_chat_model_reads_hand_offs_as_they_are() -> None:
    model = build_chat_solver_model(
        open_model(FakeListChatModel(responses=["4"]), Options()).model,  # type: ignore[attr-defined]
        accepting(),
        Options(),
    )
    assert model.for_conversation([HumanMessage("2+2?")]) is model
    assert "questions with tool results" in model.for_conversation(HANDED_OFF).unmeasured
    assert model.for_conversation([ChatMessage("Hm.", role="teacher"), HumanMessage("2+2?")]) is not model
    assert model.for_conversation(HANDED_OFF).memory is model.memory


def test_a_model_without_a_profile_has_nothing_to_lose() -> None:
    model = open_model(PureEngine(), Options(), profile="none")
    for shape in SHAPES:
        messages = conversation(shape)["messages"]
        assert read_shape(messages) == shape
        assert model.for_conversation(messages) is model
