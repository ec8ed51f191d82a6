"""The turns of a prompt, and the shape of a conversation: the question stands last, and no text is lost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from adaptive.solver.conversation import find_question, get_last_question, read_shape, to_chat_turns
from adaptive.types.conversation import ALONE, ConversationShape

Q = "What is 47 + 38 - 12?"
ASKED = HumanMessage(Q)
BACK = {"__is_handoff_back": True}


def call(name: str, text: str = "", id: str = "1", **args: Any) -> AIMessage:
    return AIMessage(text, tool_calls=[{"name": name, "args": args, "id": id}])


def result(text: str, name: str | None = None, id: str = "1", **rest: Any) -> ToolMessage:
    return ToolMessage(text, name=name, tool_call_id=id, **rest)


# As langgraph-supervisor and langgraph-swarm write them (handoff.py of both).
TO_MATHS = [
    call("transfer_to_maths"),
    result(
        "Successfully transferred to Maths",
        "transfer_to_maths",
        response_metadata={"__handoff_destination": "Maths"},
    ),
]
SWARM = [call("transfer_to_the_maths"), result("Successfully transferred to the  Maths", "transfer_to_the_maths")]
DELEGATED = [
    call("delegate_to_maths"),
    result(
        "Successfully transferred to maths",
        "delegate_to_maths",
        response_metadata={"__handoff_destination": "maths"},
    ),
]
HANDED_BACK = [
    AIMessage(
        "Transferring back to supervisor",
        tool_calls=[{"name": "transfer_back_to_supervisor", "args": {}, "id": "2"}],
        name="maths",
        response_metadata=BACK,
    ),
    result(
        "Successfully transferred back to supervisor", "transfer_back_to_supervisor", "2", response_metadata=BACK
    ),
]
NAMELESS = [call("transfer_to_maths"), result("Successfully transferred to maths")]
UNANSWERED = [call("transfer_to_maths")]
ALL_PURE = {
    "supervisor": TO_MATHS,
    "swarm": SWARM,
    "prefix": DELEGATED,
    "back": HANDED_BACK,
    "nameless": NAMELESS,
    "unanswered": UNANSWERED,
    "both": [*TO_MATHS, *HANDED_BACK],
}


@pytest.mark.parametrize("handoff", ALL_PURE.values(), ids=ALL_PURE)
def test_a_pure_handoff_leaves_the_question_alone(handoff: list[AnyMessage]) -> None:
    assert to_chat_turns([ASKED, *handoff]) == [("user", Q)]
    assert read_shape([ASKED, *handoff]) == ALONE
    assert read_shape([ASKED, *handoff], keeps_handoffs=True) != ALONE


PAID = "Sent 500 EUR; 120 are left"
NOT_PURE = [
    ([call("transfer_to_account"), result(PAID, "transfer_to_account")], PAID),
    ([call("transfer_to_account"), result(PAID, "transfer_to_account")], "Called transfer_to_account({})"),
    ([call("transfer_to_maths", task="Compute 3 * 4"), result("Successfully transferred to maths")], "3 * 4"),
    (
        [call("transfer_to_maths", "Ask maths, as 5 fails."), result("Successfully transferred to maths")],
        "as 5 fails",
    ),
    ([call("transfer_to_maths"), result("Successfully transferred to maths. Use 17.")], "Use 17."),
    ([call("transfer_to_maths"), result("Successfully transferred to physics 9")], "physics 9"),
    (
        [call("transfer_to_maths"), result("Successfully transferred to maths", status="error")],
        "transferred to maths",
    ),
    ([call("pay"), result("Successfully transferred to savings", "pay")], "savings"),
    ([call("transfer_to_x", "Transferring to 73"), result("Successfully transferred to x")], "Transferring to 73"),
]


@pytest.mark.parametrize(("messages", "kept"), NOT_PURE)
def test_what_is_no_pure_handoff_is_kept(messages: list[AnyMessage], kept: str) -> None:
    turns = to_chat_turns([ASKED, *messages])
    assert turns[-1][1].endswith(f"\n\n{Q}")
    assert "\n".join(text for _, text in turns).count(kept) == 1
    assert read_shape([ASKED, *messages]) != ALONE


SAID = AIMessage("4")
FIRST = HumanMessage("2+2?")
RULE = SystemMessage("Be brief.")
ADDED = [call("add", x=2), result("85", "add")]
SHAPES = [
    ([ASKED], "alone"),
    ([RULE, ASKED], "system"),
    ([FIRST, SAID, ASKED], "history"),
    ([FIRST, ASKED], "history"),
    ([ASKED, SAID], "history"),
    ([AIMessage(""), ASKED], "history"),
    ([ASKED, *ADDED], "tools"),
    ([ASKED, ADDED[1]], "tools"),
    ([ASKED, call("add", x=2)], "tools"),
    ([ASKED, call("add", "Let me see.", x=2), ADDED[1]], "history+tools"),
    ([RULE, FIRST, *ADDED, SAID, ASKED], "system+history+tools"),
    ([RULE, ASKED, *TO_MATHS], "system"),
    ([FIRST, *TO_MATHS, SAID, *HANDED_BACK, ASKED], "history"),
]


@pytest.mark.parametrize(("messages", "name"), SHAPES)
def test_the_shape_of_a_conversation(messages: list[AnyMessage], name: str) -> None:
    assert read_shape(messages).name == name
    assert ConversationShape.parse(name) == read_shape(messages)


TURNS = [
    ([ASKED], [("user", Q)]),
    ([RULE, FIRST, SAID, ASKED], [("system", "Be brief."), ("user", "2+2?"), ("assistant", "4"), ("user", Q)]),
    ([ASKED, *ADDED], [("user", f'Called add({{"x": 2}})\n\nResult of add:\n85\n\n{Q}')]),
    ([ASKED, SAID, *HANDED_BACK], [("user", f"Reply so far:\n4\n\n{Q}")]),
    ([FIRST, *TO_MATHS, SAID, *HANDED_BACK, AIMessage("It is 4."), ASKED],
     [("user", "2+2?"), ("assistant", "4\n\nIt is 4."), ("user", Q)]),
    ([FIRST, *ADDED, SAID, ASKED],
     [("user", "2+2?"), ("assistant", 'Called add({"x": 2})'), ("user", "Result of add:\n85"), ("assistant", "4"),
      ("user", Q)]),
    ([ASKED, RULE, SAID], [("system", "Be brief."), ("user", f"Reply so far:\n4\n\n{Q}")]),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "turns"), TURNS)
def test_the_turns_of_a_conversation(messages: list[AnyMessage], turns: list[tuple[str, str]]) -> None:
    assert to_chat_turns(messages) == turns


KINDS = ("user", "assistant", "system", "tool", "both", "handoff", "back", "swarm")


def build(kinds: list[str]) -> tuple[list[AnyMessage], list[str]]:
    """Messages of these kinds, and the texts that a prompt must have, in their order."""
    messages: list[AnyMessage] = []
    texts: list[str] = []
    for number, kind in enumerate(kinds):
        text, id = f"<{kind} {number}>", f"call {number}"
        if kind in ("user", "system", "assistant"):
            make = {"user": HumanMessage, "system": SystemMessage, "assistant": AIMessage}[kind]
            messages.append(make(text))
        elif kind == "tool":
            messages += [call("look_up", "", id), result(text, "look_up", id)]
        elif kind == "both":
            calls = [{"name": n, "args": {}, "id": f"{id} {n}"} for n in ("transfer_to_x", "look_up")]
            moved = result("Successfully transferred to x", None, calls[0]["id"])
            messages += [AIMessage("", tool_calls=calls), moved, result(text, None, calls[1]["id"])]
        else:
            messages += {"handoff": TO_MATHS, "back": HANDED_BACK, "swarm": SWARM}[kind]
            continue
        texts.append(text)
    return messages, texts


@given(st.lists(st.sampled_from(KINDS), max_size=12), st.lists(st.sampled_from(KINDS[1:]), max_size=6))
def test_every_text_stands_once_in_order_and_the_question_last(before: list[str], after: list[str]) -> None:
    messages, texts = build([*before, "user", *after])
    question = find_question(messages)
    assert get_last_question(messages) == question == f"<user {len(before)}>"
    turns = to_chat_turns(messages)
    prompt = "\n".join(text for _, text in turns)
    assert turns[-1][0] == "user"
    assert turns[-1][1].endswith(question)
    assert [prompt.count(text) for text in texts] == [1] * len(texts)
    for kind in ("user", "assistant", "system", "tool", "both"):
        own = [text for text in texts if text.startswith(f"<{kind} ")]
        assert own == sorted(own, key=prompt.index)
    assert "ransferr" not in prompt
    assert all(text for _, text in turns)
    roles = [role for role, _ in turns if role != "system"]
    if "system" not in (*before, *after):
        assert all(a != b for a, b in pairwise(roles)), "many templates demand it"


@given(st.lists(st.sampled_from(KINDS), max_size=8))
def test_a_conversation_alone_is_the_question_and_nothing_else(kinds: list[str]) -> None:
    messages, texts = build([*kinds, "user"])
    alone = read_shape(messages) == ALONE
    assert alone == (len(texts) == 1) == (to_chat_turns(messages) == [("user", find_question(messages))])


@given(st.booleans(), st.booleans(), st.booleans())
def test_a_shape_is_read_from_its_name(system: bool, history: bool, tools: bool) -> None:
    shape = ConversationShape(system, history, tools)
    assert ConversationShape.parse(shape.name) == shape
    assert shape.describe().count("with") == (shape != ALONE)


def test_without_history_the_question_system_messages_and_evidence_are_left() -> None:
    told = [
        SystemMessage("Be brief."),
        HumanMessage("1+1?"),
        AIMessage("2"),
        ASKED,
        call("look"),
        result("It rains.", "look"),
    ]
    assert to_chat_turns(told, history=False) == [
        ("system", "Be brief."),
        ("user", f"Called look({{}})\n\nResult of look:\nIt rains.\n\n{Q}"),
    ]
    assert to_chat_turns(told[1:4], history=False) == to_chat_turns([ASKED])
