"""What the real clients make of what the server says, whichever way they are called."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from tests.hosted.brains import always
from tests.hosted.clients import CAP, MODELS, NAMES, client, clients
from tests.hosted.script import IMAGE, Spoken, Tool
from tests.hosted.server import Hosted
from tests.hosted.ways import WAYS, ask

ANSWER = Spoken("It is four.", thinking="two and two", thought=9, cached=2)
CHATS = ("openai", "azure_openai")
SHOWN: dict[str, dict[str, Any]] = {
    "openai_responses": {"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]},
    "anthropic": {"thinking": {"type": "adaptive"}},
    "google_genai": {"include_thoughts": True},
}
"""The settings with which each provider shows its thinking; Chat Completions never does."""

pytestmark = [pytest.mark.crossed, pytest.mark.parametrize("way", WAYS)]
each_client = pytest.mark.parametrize("name", NAMES)


def finish(message: AIMessage) -> str:
    """Where each integration puts it."""
    told = message.response_metadata
    if told.get("incomplete_details"):
        return str(told["incomplete_details"]["reason"])
    return str(told.get("finish_reason") or told.get("stop_reason") or told.get("status"))


def thinking(message: AIMessage) -> str:
    return "".join(b.get("reasoning", "") for b in message.content_blocks if b["type"] == "reasoning")


async def asked(spoken: Spoken, name: str, way: str, **settings: Any) -> AIMessage:
    """The message for a question of five words."""
    with Hosted(always(spoken)) as hosted:
        chat = client(name, hosted, **{**SHOWN.get(name, {}), **settings})
        return await ask(chat, way, "What is two and two?")


@each_client
async def test_text_finish_and_every_count_come_through(name: str, way: str) -> None:
    message = await asked(ANSWER, name, way)
    assert message.text == "It is four."
    assert finish(message) in ("stop", "completed", "end_turn", "STOP")
    assert message.usage_metadata is not None
    counts = {key: message.usage_metadata[key] for key in ("input_tokens", "output_tokens", "total_tokens")}
    assert counts == {"input_tokens": 5, "output_tokens": 9 + 3, "total_tokens": 17}
    assert message.usage_metadata["output_token_details"]["reasoning"] == 9
    assert message.usage_metadata["input_token_details"]["cache_read"] == 2


@each_client
async def test_thinking_is_shown_where_a_provider_shows_it(name: str, way: str) -> None:
    message = await asked(ANSWER, name, way)
    assert thinking(message) == ("" if name in CHATS else "two and two")


@pytest.mark.parametrize("name", ["openai_responses", "anthropic", "google_genai"])
async def test_thinking_that_is_not_asked_for_is_counted_and_not_shown(name: str, way: str) -> None:
    hidden = {"reasoning": {"effort": "low"}, "thinking": {"type": "adaptive", "display": "omitted"}}
    settings = {**SHOWN[name], "include_thoughts": False, **hidden}
    message = await asked(ANSWER, name, way, **{key: settings[key] for key in SHOWN[name]})
    assert thinking(message) == ""
    assert message.usage_metadata["output_token_details"]["reasoning"] == 9


@each_client
async def test_starved_the_thinking_takes_the_cap_and_no_answer_comes(name: str, way: str) -> None:
    message = await asked(Spoken("It is four.", thinking="two and two", thought=99), name, way, max_tokens=50)
    assert message.text == ""
    assert finish(message) in ("length", "max_output_tokens", "max_tokens", "MAX_TOKENS")
    assert message.usage_metadata["output_tokens"] == 50
    assert message.usage_metadata["output_token_details"]["reasoning"] == 50


@each_client
async def test_an_answer_past_the_cap_is_cut(name: str, way: str) -> None:
    message = await asked(Spoken("It is four.", thought=48), name, way, max_tokens=50)
    assert message.text == "It is"
    assert finish(message) in ("length", "max_output_tokens", "max_tokens", "MAX_TOKENS")
    assert message.usage_metadata["output_token_details"]["reasoning"] == 48


@each_client
async def test_an_answer_that_just_fits_is_whole(name: str, way: str) -> None:
    message = await asked(Spoken("It is four.", thought=47), name, way, max_tokens=50)
    assert (message.text, finish(message)) == ("It is four.", finish(await asked(ANSWER, name, way)))


@each_client
async def test_a_refusal_is_a_refusal_block_except_in_streamed_chat_completions(name: str, way: str) -> None:
    message = await asked(Spoken(refusal="I cannot help."), name, way)
    refused = [block["refusal"] for block in message.content_blocks if block["type"] == "refusal"]
    lost = name in CHATS and way.endswith("stream")  # the integration drops `delta.refusal`: an empty "stop"
    text = "" if name == "google_genai" else "I cannot help."
    assert (message.text, refused) == ("", [] if lost else [text])


@each_client
async def test_a_filter_ends_an_answer_and_says_so(name: str, way: str) -> None:
    if name == "azure_openai" and way.endswith("invoke"):
        with pytest.raises(ValueError, match="content filter"):  # the integration raises no class of its own
            await asked(Spoken("It is", filtered=True), name, way)
        return
    message = await asked(Spoken("It is", filtered=True), name, way)
    assert finish(message) in ("content_filter", "refusal", "SAFETY")
    assert message.text == ("" if name in ("anthropic", "google_genai") else "It is")


@each_client
async def test_tool_calls_come_through(name: str, way: str) -> None:
    message = await asked(Spoken(thought=3, tools=(Tool("add", {"a": 1, "b": 2}),)), name, way)
    ((called, args),) = [(call["name"], call["args"]) for call in message.tool_calls]
    assert (called, args) == ("add", {"a": 1, "b": 2})


@each_client
async def test_every_request_is_recorded_with_its_levers_and_headers(name: str, way: str) -> None:
    image = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
    said = [SystemMessage("Be brief."), HumanMessage([{"type": "text", "text": "How many?"}, image])]
    with Hosted(always(Spoken("one"))) as hosted:
        message = await ask(client(name, hosted), way, said, reasoning_effort="low", **{CAP[name]: 5000})
    (request,) = hosted.asked
    assert (request.provider, request.model) == (name, MODELS[name])
    assert (request.effort, request.cap, request.images) == ("low", 5000, 1)
    assert request.messages == (("system", "Be brief."), ("user", "How many?"))
    assert request.stream == way.endswith("stream")
    assert any(hosted.key in value for value in request.headers.values())
    assert message.usage_metadata["input_tokens"] == 4 + IMAGE


@pytest.mark.parametrize(("name", "setting"), [
    ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
    ("google_genai", {"thinking_budget": 1024}),
])  # fmt: skip
async def test_a_thinking_budget_reaches_the_brain(name: str, setting: dict[str, Any], way: str) -> None:
    with Hosted(always(ANSWER)) as hosted:
        await ask(client(name, hosted), way, "What?", **setting)
    assert hosted.asked[0].budget == 1024


@each_client
async def test_a_follow_up_turn_carries_what_was_said_before(name: str, way: str) -> None:
    with Hosted(always(ANSWER)) as hosted:
        chat = client(name, hosted, **SHOWN.get(name, {}))
        first = await ask(chat, way, "What is two and two?")
        await ask(chat, way, [HumanMessage("What is two and two?"), first, HumanMessage("Wait")])
    request = hosted.asked[1]
    assert request.messages == (("user", "What is two and two?"), ("assistant", "It is four."), ("user", "Wait"))
    assert (request.question, request.turns) == ("What is two and two?", 2)


async def test_all_clients_at_once(way: str) -> None:
    with Hosted(lambda asked: Spoken(asked.provider)) as hosted:
        said = {name: (await ask(chat, way, "Who?")).text for name, chat in clients(hosted).items()}
    assert said == {name: name for name in NAMES}
