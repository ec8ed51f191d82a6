"""What a provider refuses in a request, and calls that are left, with the real clients."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.exceptions import (
    ModelConnectionError,
    ModelInvalidRequestError,
)
from langchain_core.messages import HumanMessage

from tests.hosted.brains import always
from tests.hosted.clients import MODELS, NAMES, client
from tests.hosted.script import Fault, Spoken
from tests.hosted.server import Hosted, Takes
from tests.hosted.ways import WAYS, ask

pytestmark = pytest.mark.crossed

LIMIT = 30  # seconds that a test waits for what must come

each_way = pytest.mark.parametrize("way", WAYS)
each_client = pytest.mark.parametrize("name", NAMES)


UNSUPPORTED = {
    "openai": "'reasoning_effort' does not support 'high' with this model. Supported values are: 'none', 'low'",
    "openai_responses": "'gpt-5' model. Supported values are: 'none', 'low', and 'medium'",
    "azure_openai": "'reasoning_effort' does not support 'high' with this model.",
    "anthropic": "Input should be 'none', 'low' or 'medium'",
    "google_genai": "Thinking level HIGH is not supported",
}


@each_way
@each_client
async def test_an_effort_that_the_model_does_not_take(name: str, way: str) -> None:
    takes = {MODELS[name]: Takes(efforts=("none", "low", "medium"))}
    with Hosted(always(Spoken("yes")), models=takes) as hosted:
        chat = client(name, hosted)
        with pytest.raises(ModelInvalidRequestError) as caught:
            await ask(chat, way, "What?", reasoning_effort="high")
        assert UNSUPPORTED[name] in str(caught.value)
        assert (await ask(chat, way, "What?", reasoning_effort="low")).text == "yes"


@each_client
async def test_a_model_without_the_lever_takes_no_effort(name: str) -> None:
    hosted = Hosted(always(Spoken("yes")), models={MODELS[name]: Takes(efforts=())})
    with hosted, pytest.raises(ModelInvalidRequestError, match="support"):
        await ask(client(name, hosted), "invoke", "What?", reasoning_effort="low")


@each_client
async def test_an_image_for_a_text_model(name: str) -> None:
    image = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
    with Hosted(always(Spoken("yes")), models={MODELS[name]: Takes(images=False)}) as hosted:
        chat = client(name, hosted)
        with pytest.raises(ModelInvalidRequestError, match=r"[Ii]mage"):
            await ask(chat, "ainvoke", [HumanMessage([{"type": "text", "text": "How many?"}, image])])
        assert (await ask(chat, "ainvoke", "How many?")).text == "yes"


@pytest.mark.parametrize("name", ["anthropic", "google_genai"])
async def test_a_temperature_for_a_model_that_takes_none(name: str) -> None:
    hosted = Hosted(always(Spoken("yes")), models={MODELS[name]: Takes(temperature=False)})
    with hosted, pytest.raises(ModelInvalidRequestError, match="temperature"):
        await ask(client(name, hosted, temperature=0.5), "ainvoke", "What?")


@each_way
@pytest.mark.parametrize(("budget", "cap", "text"), [
    (1023, 4096, "greater than or equal to 1024"),
    (1024, 1024, "`max_tokens` must be greater than `thinking.budget_tokens`"),
])  # fmt: skip
async def test_anthropic_takes_a_budget_from_1024_and_within_the_cap(
    budget: int, cap: int, text: str, way: str
) -> None:
    with Hosted(always(Spoken("yes"))) as hosted:
        chat = client("anthropic", hosted, max_tokens=cap)
        with pytest.raises(ModelInvalidRequestError, match=text):
            await ask(chat, way, "What?", thinking={"type": "enabled", "budget_tokens": budget})
        enough = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1025}
        assert (await ask(chat, way, "What?", **enough)).text == "yes"


async def test_openai_takes_the_cap_by_its_newer_name_alone() -> None:
    with Hosted(always(Spoken("yes"))) as hosted:
        chat = client("azure_openai", hosted)
        with pytest.raises(ModelInvalidRequestError, match="Use 'max_completion_tokens' instead"):
            await chat.ainvoke("What?", max_tokens=50)  # Azure's class sends the older name
        await chat.ainvoke("What?", max_completion_tokens=50)
    assert hosted.asked[-1].cap == 50


async def test_anthropic_takes_no_effort_of_others() -> None:
    allowed = "'low', 'medium', 'high', 'xhigh' or 'max'"
    with Hosted(always(Spoken("yes"))) as hosted, pytest.raises(ModelInvalidRequestError, match=allowed):
        await client("anthropic", hosted).ainvoke("What?", reasoning_effort="minimal")


async def test_anthropic_takes_no_temperature_with_thinking() -> None:
    with Hosted(always(Spoken("yes"))) as hosted:
        chat = client("anthropic", hosted, thinking={"type": "adaptive"}, temperature=0)
        with pytest.raises(ModelInvalidRequestError, match="temperature"):
            await chat.ainvoke("What?")


async def test_newer_claude_models_take_no_budget() -> None:
    with Hosted(always(Spoken("yes")), models={MODELS["anthropic"]: Takes(budgets=False)}) as hosted:
        chat = client("anthropic", hosted, thinking={"type": "enabled", "budget_tokens": 1024})
        with pytest.raises(ModelInvalidRequestError, match=r"thinking\.type\.adaptive"):
            await chat.ainvoke("What?")


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
@each_client
async def test_a_call_that_is_cancelled_leaves_the_server(name: str, way: str) -> None:
    with Hosted(always(Fault("hang"))) as hosted:
        task = asyncio.create_task(ask(client(name, hosted), way, "What?"))
        assert await asyncio.to_thread(hosted.hanging.acquire, timeout=LIMIT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(hosted.left.acquire, timeout=LIMIT)


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
@each_client
async def test_a_call_that_hangs_is_answered_when_it_is_released(name: str, way: str) -> None:
    with Hosted(always(Fault("hang", spoken=Spoken("at last")))) as hosted:
        task = asyncio.create_task(ask(client(name, hosted), way, "What?"))
        assert await asyncio.to_thread(hosted.hanging.acquire, timeout=LIMIT)
        hosted.release()
        assert (await task).text == "at last"


async def test_what_a_brain_raises_is_raised_in_the_test() -> None:
    def confused(_: Any) -> Spoken:
        raise KeyError("no such question")

    hosted = Hosted(confused)
    with pytest.raises(KeyError, match="no such question"):
        await _ask_and_lose(hosted)


async def _ask_and_lose(hosted: Hosted) -> None:
    with hosted, suppress(ModelConnectionError):
        await client("openai", hosted).ainvoke("What?")
