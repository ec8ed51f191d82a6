"""Asking the providers' own clients, over the wire formats of the providers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from adaptive.chat.errors import ChatError
from adaptive.chat.images import build_image_block
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.errors import InputError
from tests.hosted.brains import always, in_order
from tests.hosted.clients import MODELS, NAMES, client
from tests.hosted.script import Asked, Fault, Reply, Spoken
from tests.hosted.server import Hosted, Takes

pytestmark = pytest.mark.crossed

QUESTION = [HumanMessage("What is 47 + 26?")]
SPOKEN = Spoken("It is 73.", thinking="first the tens then the ones", thought=40)
SHOWS = ("anthropic", "google_genai")  # the others hide their thinking, or sum it up where that is asked for


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    with Hosted(always(SPOKEN)) as server:
        yield server


class Asking:
    """One provider's model, and how long it was waited for."""

    turn: ChatResponse

    def __init__(self, hosted: Hosted, provider: str, **more: Any) -> None:
        self.hosted, self.waits, self.events = hosted, list[float](), list[dict[str, Any]]()
        once = {"max_retries": 1} if provider == "google_genai" else {}
        self.model = ChatModel(client(provider, hosted, **{**once, **more}), sleep=self._wait)

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def ask(
        self, ask: ChatRequest | None = None, stream: bool = False, messages: Any = QUESTION
    ) -> ChatResponse:
        ask = ask or ChatRequest("low", 2048, 4096)
        return await self.model.ask(messages, ask, self.events.append if stream else None)

    def told(self, kind: str) -> str:
        return "".join(e["text"] for e in self.events if e["event"] == kind)


@pytest.fixture(params=NAMES)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_an_answer(hosted: Hosted, provider: str, stream: bool) -> None:
    asking = Asking(hosted, provider)
    turn = await asking.ask(stream=stream)
    assert (turn.text, turn.finish, turn.starved) == ("It is 73.", "stop", False)
    used = turn.usage
    assert (used.prompt, used.thinking, used.answer, used.estimated) == (5, 40, 3, ())
    assert used.seconds > 0
    assert used.cost is None
    if provider in SHOWS:
        assert turn.thinking == SPOKEN.thinking
    if stream:
        assert (asking.told("thinking"), asking.told("answer")) == (turn.thinking, turn.text)
    (asked,) = hosted.asked
    assert (asked.cap, asked.stream, asked.temperature) == (4096, stream, None)
    assert asking.model.notes() == []


async def test_the_levers_arrive(hosted: Hosted, provider: str) -> None:
    await Asking(hosted, provider).ask(ChatRequest("high", 2000, 3000))
    (asked,) = hosted.asked
    assert asked.effort == "high"
    assert asked.budget == (2000 if provider == "anthropic" else None)


async def test_no_thinking(hosted: Hosted, provider: str) -> None:
    asking = Asking(hosted, provider)
    turn = await asking.ask(ChatRequest("none", 0, 100))
    (asked,) = hosted.asked
    if provider == "anthropic":
        assert (asked.thinks, turn.usage.thinking, turn.usage.estimated) == (False, 0, ())
    else:
        assert asked.effort == "minimal"
        assert asking.model.notes() == [
            f"{asking.model.name}: effort none is not one that it takes: minimal is used"
        ]


async def test_starved(hosted: Hosted, provider: str, stream: bool) -> None:
    hosted.brain = always(replace(SPOKEN, thought=5000))
    turn = await Asking(hosted, provider).ask(ChatRequest("low", 1024, 1100), stream)
    assert (turn.starved, turn.finish, turn.text) == (True, "length", "")
    assert (turn.usage.thinking, turn.usage.answer, turn.usage.estimated) == (1100, 0, ())


async def test_cut_in_the_answer_is_not_starved(hosted: Hosted, provider: str, stream: bool) -> None:
    hosted.brain = always(replace(SPOKEN, thought=1098))
    turn = await Asking(hosted, provider).ask(ChatRequest("low", 1024, 1100), stream)
    assert (turn.starved, turn.finish, turn.text) == (False, "length", "It is")


async def test_a_turn_can_be_sent_back(hosted: Hosted, provider: str, stream: bool) -> None:
    asking = Asking(hosted, provider)
    turn = await asking.ask(stream=stream)
    again = await asking.ask(stream=stream, messages=[*QUESTION, turn.message, HumanMessage("Wait, look again.")])
    assert again.text == turn.text
    assert hosted.asked[-1].turns == 2
    assert ("assistant", "It is 73.") in hosted.asked[-1].messages


async def test_a_long_completion_is_streamed_where_the_client_wants_it(hosted: Hosted) -> None:
    asking = Asking(hosted, "anthropic")
    assert (await asking.ask(ChatRequest("high", 40_000, 50_000))).text == "It is 73."
    assert hosted.asked[0].stream


async def test_tokens_are_counted_in_a_graph_that_streams(hosted: Hosted, provider: str) -> None:
    asking = Asking(hosted, provider, **({"stream_usage": None} if "openai" in provider else {}))

    async def node(state: MessagesState) -> dict[str, Any]:
        asking.turn = await asking.ask(messages=state["messages"])
        return {"messages": [asking.turn.message]}

    graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    parts = [part async for part in graph.astream({"messages": QUESTION}, stream_mode="messages")]
    assert len(parts) > 1
    assert (asking.turn.usage.thinking, asking.turn.usage.estimated) == (40, ())


async def test_refused(hosted: Hosted, provider: str, stream: bool) -> None:
    hosted.brain = always(Spoken(refusal="I cannot help with that."))
    turn = await Asking(hosted, provider).ask(stream=stream)
    assert (turn.finish, turn.starved) == ("refusal", False)


@pytest.mark.parametrize("allowed", [("low", "high"), ("medium",), ()])
async def test_an_effort_that_is_refused_is_learnt(
    hosted: Hosted, provider: str, stream: bool, allowed: tuple[Any, ...]
) -> None:
    hosted.models = {MODELS[provider]: Takes(efforts=allowed)}
    asking = Asking(hosted, provider)
    asked = ChatRequest("medium" if "medium" not in allowed else "high", 2048, 4096)
    turn = await asking.ask(asked, stream)
    assert turn.text == "It is 73."
    assert hosted.asked[-1].effort == (allowed[0] if allowed else None)
    if provider == "google_genai":  # does not list what it takes
        assert asked.effort not in asking.model.efforts
    else:
        assert [e for e in asking.model.efforts if e != "none"] == list(allowed)
    assert len(hosted.asked) == 2
    assert any("does not take effort" in note for note in asking.model.notes())
    await asking.ask(asked, stream)
    assert len(hosted.asked) == 3  # known by now
    assert Asking(hosted, provider).model.efforts == asking.model.efforts  # by any handle of that name


async def test_a_parameter_that_an_interface_does_not_have_is_left_out(hosted: Hosted, stream: bool) -> None:
    asking = Asking(hosted, "openai_responses")
    assert (await asking.ask(ChatRequest("low", 2048, 4096, seed=7), stream)).text == "It is 73."
    assert asking.model.notes() == ["openai:gpt-5: it does not take a seed of 7: it is left out"]


FITS = [
    "This model's maximum context length is 4096 tokens. However, you requested 8292 tokens (100 in the messages, "
    "8192 in the completion). Please reduce the length of the messages or completion.",
    "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 4096 "
    "tokens and your request has 100 input tokens (8192 > 4096 - 100).",
    "input length and `max_tokens` exceed context limit: 100 + 8192 > 4096, decrease input length or `max_tokens`",
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 100 `inputs` tokens and 8192 `max_new_tokens`",
]


@pytest.mark.parametrize("says", FITS)
async def test_a_context_window_that_is_too_small_is_learned(hosted: Hosted, stream: bool, says: str) -> None:
    """As vLLM, Anthropic and Together say it: a server with 4,096 tokens was asked for 8,292."""
    too_long = Fault("page", status=400, body={"error": {"message": says, "type": "invalid_request_error"}})
    hosted.brain = lambda asked: too_long if (asked.cap or 0) > 3996 else Spoken("It is 73.", thought=20)
    asking = Asking(hosted, "openai")
    assert (await asking.ask(ChatRequest("low", 100, 8292), stream)).text == "It is 73."
    assert [asked.cap for asked in hosted.asked] == [8292, 3996]
    assert asking.model.largest_cap == 4096
    await asking.ask(ChatRequest("low", 100, 3000), stream)
    assert [asked.cap for asked in hosted.asked[2:]] == [3000]


async def test_one_long_prompt_does_not_shrink_the_caps_of_later_calls(hosted: Hosted, stream: bool) -> None:
    def brain(asked: Asked) -> Reply:
        says = f"must be <= 4096. Given: {asked.prompt} `inputs` tokens and {asked.cap} `max_new_tokens`"
        fits = asked.prompt + (asked.cap or 0) <= 4096
        return Spoken("It is 73.") if fits else Fault("page", status=400, body={"error": {"message": says}})

    hosted.brain = brain
    asking, request = Asking(hosted, "openai"), ChatRequest("low", 2000, 8292)
    long = [HumanMessage("word " * 3900)]
    await asking.ask(request, stream, long)
    await asking.ask(request, stream)
    await asking.ask(request, stream, long)
    rooms = [asked.cap for asked in hosted.asked if asked.prompt + (asked.cap or 0) <= 4096]
    exact, short = 4096 - hosted.asked[0].prompt, rooms[1] or 0
    assert rooms == [exact, short, exact]
    assert 4000 < short < 4096
    assert len(hosted.asked) == 5  # one refusal for each of the long ones
    assert asking.model.notes() == [
        "openai:gpt-5: its context window has 4096 tokens: completions are fitted to it",
        "openai:gpt-5: a completion of 8292 tokens is more than it gives: 4096 are asked for",
    ]


async def test_a_window_without_room_for_the_least_thinking_budget(hosted: Hosted, stream: bool) -> None:
    says = "input length and `max_tokens` exceed context limit: 3900 + 1025 > 4096, decrease input length"
    too_long = Fault("page", status=400, body={"error": {"message": says, "type": "invalid_request_error"}})
    hosted.brain = lambda asked: too_long if (asked.cap or 0) > 196 else Spoken("It is 73.")
    asking = Asking(hosted, "anthropic", model="claude-haiku-4-5")
    assert (await asking.ask(ChatRequest("low", 2000, 3000), stream)).text == "It is 73."
    assert [(asked.cap, asked.budget) for asked in hosted.asked] == [(3000, 2000), (196, None)]


async def test_a_prompt_that_alone_is_too_long_teaches_nothing(hosted: Hosted, stream: bool) -> None:
    says = "This model's maximum context length is 4096 tokens. However, you requested 9000 (5000 in the messages"
    hosted.brain = always(Fault("page", status=400, body={"error": {"message": says}}))
    with pytest.raises(InputError, match="do not fit its context"):
        await Asking(hosted, "openai").ask(ChatRequest("low", 100, 4000), stream)
    assert len(hosted.asked) == 1


REFUSALS_OF_A_NAME = [
    {"detail": [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Extra inputs"}]},
    {"error": {"message": "Unrecognized request argument supplied: max_completion_tokens"}},
    {"object": "error", "message": "max_completion_tokens: property not supported", "code": 400},
]


@pytest.mark.parametrize("body", REFUSALS_OF_A_NAME)
async def test_a_server_that_takes_the_cap_by_its_older_name(hosted: Hosted, stream: bool, body: Any) -> None:
    def brain(asked: Asked) -> Reply:
        refused = "max_completion_tokens" in asked.body
        return Fault("page", status=422, body=body) if refused else Spoken("It is 73.", thought=20)

    hosted.brain = brain
    asking = Asking(hosted, "openai", model="mistral-small")
    assert (await asking.ask(ChatRequest("low", 100, 1000), stream)).text == "It is 73."
    assert [asked.body.get("max_tokens") for asked in hosted.asked] == [None, 1000]
    await asking.ask(ChatRequest("low", 100, 1000), stream)
    assert len(hosted.asked) == 3  # known by now


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body", "reasoning_effort"], "msg": "Input should be 'low' or 'high'"}]},
        {"detail": "reasoning_effort should be one of low, high"},
        {"error": "reasoning_effort: supported values are low, high"},
    ],
)
async def test_a_refusal_of_any_shape_teaches(hosted: Hosted, stream: bool, body: Any) -> None:
    """As Mistral and vLLM send them."""
    refusal = Fault("page", status=422, body=body)
    hosted.brain = lambda asked: refusal if asked.effort == "medium" else Spoken("It is 73.", thought=20)
    asking = Asking(hosted, "openai")
    assert (await asking.ask(ChatRequest("medium", 100, 1000), stream)).text == "It is 73."
    assert asking.model.efforts == ("low", "high")


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-fable-5"])
async def test_thinking_that_cannot_be_off(hosted: Hosted, model: str, stream: bool) -> None:
    turn = await Asking(hosted, "anthropic", model=model).ask(ChatRequest("none", 0, 100), stream)
    assert turn.text == "It is 73."


async def test_thinking_that_the_provider_does_not_switch_off(hosted: Hosted, stream: bool) -> None:
    def brain(asked: Asked) -> Reply:
        off = (asked.body.get("thinking") or {}).get("type") == "disabled"
        return Fault("budget", '"thinking.type.disabled" is not supported for this model.') if off else SPOKEN

    hosted.brain = brain
    asking = Asking(hosted, "anthropic", model="claude-opus-5")
    assert (await asking.ask(ChatRequest("none", 0, 100), stream)).text == "It is 73."
    assert hosted.asked[-1].effort == "low"
    assert "none" not in asking.model.efforts


async def test_a_temperature_that_is_refused_is_left_out(hosted: Hosted, stream: bool) -> None:
    hosted.models = {"o4-mini": Takes(temperature=False)}
    asking = Asking(hosted, "openai", model="o4-mini", profile={"reasoning_output": True})
    assert (await asking.ask(ChatRequest("low", 100, 200, temperature=0.5), stream)).text == "It is 73."
    assert [a.temperature for a in hosted.asked] == [0.5, None]
    assert asking.model.notes() == ["openai:o4-mini: it does not take a temperature of 0.5: it is left out"]


async def test_what_one_server_refuses_is_not_learned_of_another(hosted: Hosted, stream: bool) -> None:
    hosted.models = {"o4-mini": Takes(temperature=False)}
    request, own = ChatRequest("low", 100, 200, temperature=0.5), {"profile": {"reasoning_output": True}}
    await Asking(hosted, "openai", model="o4-mini", **own).ask(request, stream)
    with Hosted(always(SPOKEN)) as other:
        await Asking(other, "openai", model="o4-mini", **own).ask(request, stream)
    assert [asked.temperature for asked in hosted.asked] == [0.5, None]
    assert [asked.temperature for asked in other.asked] == [0.5]


async def test_a_budget_that_is_refused_is_left_out(hosted: Hosted, stream: bool) -> None:
    hosted.models = {"claude-haiku-4-5": Takes(budgets=False)}
    asking = Asking(hosted, "anthropic", model="claude-haiku-4-5")
    await asking.ask(stream=stream)
    assert [a.budget for a in hosted.asked] == [2048, None]
    assert any("does not take a thinking budget" in note for note in asking.model.notes())


@pytest.mark.parametrize(
    ("model", "ask", "budget", "cap", "noted"),
    [
        ("claude-haiku-4-5", ChatRequest("low", 1024, 1100), 1024, 1100, ""),
        (
            "claude-haiku-4-5",
            ChatRequest("low", 100, 148),
            1024,
            1072,
            "a thinking budget of 100 is too small: 1024",
        ),
        ("claude-haiku-4-5", ChatRequest("low", 2048, 2048), 2048, 2049, ""),
        ("gemini-2.5-pro", ChatRequest("low", 64, 112), 128, 176, "it takes no thinking budget of 64: 128"),
        ("gemini-2.5-pro", ChatRequest("none", 0, 48), 128, 176, "it takes no thinking budget of 0: 128"),
        ("gemini-2.5-flash", ChatRequest("none", 0, 48), 0, 48, ""),
        (
            "gemini-2.5-flash",
            ChatRequest("high", 40_000, 41_000),
            24576,
            41_000,
            "no thinking budget of 40000: 24576",
        ),
    ],
)
async def test_budgets(hosted: Hosted, model: str, ask: ChatRequest, budget: int, cap: int, noted: str) -> None:
    asking = Asking(hosted, "anthropic" if "claude" in model else "google_genai", model=model)
    await asking.ask(ask)
    (asked,) = hosted.asked
    assert (asked.budget, asked.cap) == (budget, cap)
    assert noted in "; ".join(asking.model.notes())
    assert bool(noted) == bool(asking.model.notes())


async def test_a_second_try_is_told(hosted: Hosted) -> None:
    hosted.brain = in_order(Fault("rate", after="7"), SPOKEN)
    asking = Asking(hosted, "openai")
    await asking.ask(stream=True)
    (note,) = (e["text"] for e in asking.events if e["event"] == "note")
    assert note == "openai:gpt-5 is over its rate limit (429): it is asked again in 7 s"


async def test_nobody_there(provider: str, hosted: Hosted) -> None:
    asking = Asking(hosted, provider)
    with Hosted(always(SPOKEN)) as gone:
        asking = Asking(gone, provider)
    with pytest.raises(ChatError, match="cannot be reached, or the connection broke"):
        await asking.ask()
    assert len(asking.waits) == 3


async def test_an_image(hosted: Hosted, provider: str, stream: bool, tmp_path: Any) -> None:
    asking = Asking(hosted, provider)
    assert asking.model.takes_images
    await asking.ask(stream=stream, messages=[with_image(tmp_path)])
    assert hosted.asked[0].images == 1


async def test_an_image_to_a_model_that_takes_none(
    hosted: Hosted, provider: str, stream: bool, tmp_path: Any
) -> None:
    hosted.models = {MODELS[provider]: Takes(images=False)}
    asking = Asking(hosted, provider)
    for _ in range(2):
        with pytest.raises(InputError, match=r"takes no images: leave the image out or use another model\."):
            await asking.ask(stream=stream, messages=[with_image(tmp_path)])
        assert not asking.model.takes_images
    assert len(hosted.asked) == 1


def with_image(folder: Any) -> HumanMessage:
    path = folder / "picture"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 16)
    return HumanMessage([{"type": "text", "text": "What is this?"}, build_image_block(str(path))])
