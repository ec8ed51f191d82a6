"""What the real clients raise for each fault, whichever way they are called."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from langchain_core.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.messages import HumanMessage

from tests.hosted.brains import always, in_order
from tests.hosted.clients import MODELS, NAMES, client
from tests.hosted.script import Fault, Spoken
from tests.hosted.server import Hosted, Takes
from tests.hosted.ways import WAYS, ask

pytestmark = pytest.mark.crossed

LIMIT = 30  # seconds that a test waits for what must come

each_way = pytest.mark.parametrize("way", WAYS)
each_client = pytest.mark.parametrize("name", NAMES)


def raised_by_google(kind: type[Exception], name: str) -> tuple[type[Exception], ...]:
    """Google's integration leaves errors of its transport as they are: httpx's, httpx2's since google-genai 3."""
    left_alone: dict[type[Exception], tuple[type[Exception], ...]] = {
        ModelConnectionError: (httpx.RemoteProtocolError, httpx2.RemoteProtocolError),
        ModelTimeoutError: (httpx.TimeoutException, httpx2.TimeoutException),
    }
    return left_alone[kind] if name == "google_genai" else (kind,)


@pytest.mark.parametrize("way", ["invoke", "astream"])
@each_client
@pytest.mark.parametrize(("kind", "error", "retryable"), [
    ("model", ModelNotFoundError, False),
    ("rate", ModelRateLimitError, True),
    ("error", ModelAPIError, True),
    ("overloaded", ModelAPIError, True),
    ("unavailable", ModelAPIError, True),
])  # fmt: skip
async def test_a_fault_of_the_provider_has_its_class(
    kind: Any, error: type[ModelError], retryable: bool, name: str, way: str
) -> None:
    with Hosted(always(Fault(kind))) as hosted, pytest.raises(error) as caught:
        await ask(client(name, hosted), way, "What?")
    assert caught.value.is_retryable == retryable
    assert len(hosted.asked) == 1


@each_way
@each_client
async def test_a_wrong_key_is_refused(name: str, way: str) -> None:
    with Hosted(always(Spoken("never"))) as hosted:
        chat = client(name, hosted)
        hosted.key = "sk-another-key"
        with pytest.raises(ModelInvalidRequestError if name == "google_genai" else ModelAuthenticationError):
            await ask(chat, way, "What?")


@each_way
@each_client
async def test_an_unknown_model_is_refused(name: str, way: str) -> None:
    hosted = Hosted(always(Spoken("never")), models={"another": Takes()})
    with hosted, pytest.raises(ModelNotFoundError):
        await ask(client(name, hosted), way, "What?")


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


@each_way
@each_client
async def test_when_to_come_back_is_told(name: str, way: str) -> None:
    with Hosted(in_order(Fault("rate", after="7"), Spoken("now"))) as hosted:
        chat = client(name, hosted)
        with pytest.raises(ModelRateLimitError) as caught:
            await ask(chat, way, "What?")
        assert (await ask(chat, way, "What?")).text == "now"
    if name == "google_genai":  # in the body, and only on the error's cause
        cause: Any = caught.value.__cause__
        assert cause.details["error"]["details"][0]["retryDelay"] == "7s"
    else:
        assert caught.value.response.headers["retry-after"] == "7"  # type: ignore[attr-defined]


@each_way
@each_client
async def test_a_cut_connection(name: str, way: str) -> None:
    error = raised_by_google(ModelConnectionError, name)
    if name == "anthropic" and way.endswith("stream"):
        error = (httpx2.RemoteProtocolError,)  # once the stream has begun, its errors are left alone
    with Hosted(always(Fault("cut"))) as hosted, pytest.raises(error):
        await ask(client(name, hosted), way, "What?")


@pytest.mark.parametrize("way", ["stream", "astream"])
@each_client
async def test_a_stream_that_ends_early_and_well_formed_is_a_message_without_a_finish(name: str, way: str) -> None:
    with Hosted(always(Fault("ended"))) as hosted:
        message = await ask(client(name, hosted), way, "What?")
    assert message.text.startswith("one")
    assert message.text != "one two three four"
    assert not {"finish_reason", "stop_reason", "status"} & set(message.response_metadata)


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize(("name", "error"), [
    ("openai", openai.APIError),
    ("azure_openai", openai.APIError),
    ("openai_responses", ValueError),
    ("anthropic", anthropic.APIStatusError),
    ("google_genai", ModelAPIError),
])  # fmt: skip
async def test_an_error_in_the_middle_of_a_stream_is_classified_by_google_alone(
    name: str, error: type[Exception], way: str
) -> None:
    with (
        Hosted(always(Fault("overloaded", midway=True))) as hosted,
        pytest.raises(error, match="verloaded") as caught,
    ):
        await ask(client(name, hosted), way, "What?")
    assert isinstance(caught.value, ModelError) == (name == "google_genai")


@each_way
@each_client
async def test_a_call_that_hangs_times_out(name: str, way: str) -> None:
    error = raised_by_google(ModelTimeoutError, name)
    with Hosted(always(Fault("hang"))) as hosted, pytest.raises(error):
        await ask(client(name, hosted, timeout=0.1), way, "What?")


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
