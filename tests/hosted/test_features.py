"""What is read of each provider's replies and sent to it is what the table says (`tests.hosted.feature_table`)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableParallel, RunnableSequence
from pydantic import BaseModel

from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.prices import Prices
from tests.agents.asking import look_up
from tests.hosted.feature_table import ANSWER, COLUMNS, FEATURES, THINKING, FeatureRow
from tests.hosted.lever_table import CLIENTS
from tests.hosted.recorder import Recorder

REQUEST = ChatRequest("high", 2000, 3000)
IMAGE = [
    {"type": "text", "text": "What is this?"},
    {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
]


class Sum(BaseModel):
    """A sum."""

    addend: int


def open_model(row: FeatureRow, url: str) -> ChatModel:
    one = CLIENTS[row.client]
    kind = getattr(pytest.importorskip(one.package), one.cls)
    return ChatModel(kind(model=row.model, **one.locate(url)))


async def ask(row: FeatureRow, cut: bool) -> tuple[ChatResponse, list[str], ChatModel]:
    """The response, and what was sent: with an image, with a tool and with a form."""
    with Recorder({row.path: row.reply(cut)}) as recorder:
        model = open_model(row, recorder.url)
        try:
            content = IMAGE if model.takes_images else "What is this?"
            response = await model.ask([HumanMessage(content)], REQUEST)  # type: ignore[arg-type]
            for bound in (model.chat.bind_tools([look_up]), model.chat.with_structured_output(Sum)):
                await model.call([HumanMessage("What is 2 + 2?")], find_arguments(bound, model.chat))
        finally:
            if close := getattr(model.chat, "aclose", None):
                await close()
        return response, [json.dumps(body) for body in recorder.requests], model


def find_arguments(runnable: Runnable[Any, Any], chat: BaseChatModel) -> dict[str, Any]:
    """What is bound to the model in a runnable."""
    if isinstance(runnable, RunnableBinding) and runnable.bound is chat:
        return {name: value for name, value in runnable.kwargs.items() if not name.startswith("ls_")}
    steps: list[Any] = []
    if isinstance(runnable, RunnableSequence):
        steps = runnable.steps
    if isinstance(runnable, RunnableParallel):
        steps = list(runnable.steps__.values())
    return next(filter(None, (find_arguments(step, chat) for step in steps)), {})


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("row", FEATURES, ids=lambda row: f"{row.client}-{row.model}")
def test_what_is_read_and_sent(row: FeatureRow) -> None:
    whole, sent, model = asyncio.run(ask(row, False))
    cut = asyncio.run(ask(row, True))[0]
    usage, kind = whole.usage, type(model.chat)
    has = {
        "thinking shown": whole.thinking == THINKING,
        "thinking counted": usage.thinking == 40,
        "cached counted": usage.cached == 1500,
        "cost": bool(Prices().compute_cost(row.price, usage)),
        "starvation": cut.starved and not whole.starved,
        "images": "aGk=" in sent[0],
        "tools": "look_up" in sent[1],
        "structured output": "addend" in sent[2],
        "streaming": kind._stream is not BaseChatModel._stream,
    }
    assert (whole.text, usage.prompt, usage.generated) == (ANSWER, 2000, 50)
    assert {name: "yes" if one else "no" for name, one in has.items()} == dict(
        zip(COLUMNS, row.has.split(), strict=True)
    )


CHATS = [row for row in FEATURES if row.path == r"/chat/completions"]
"""Those whose streams the recorder plays; `tests.hosted.test_faults` and others stream those of the five wires."""


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("row", CHATS, ids=lambda row: f"{row.client}-{row.model}")
def test_a_stream_is_emitted_as_it_comes(row: FeatureRow) -> None:
    async def stream() -> tuple[str, list[str]]:
        texts: list[str] = []
        with Recorder() as recorder:
            model = open_model(row, recorder.url)
            try:
                for _ in range(2):  # the first tells that its replies do not begin inside the thinking
                    texts.clear()
                    response = await model.ask(
                        [HumanMessage("What is 2 + 2?")], REQUEST, lambda event: texts.append(event["text"])
                    )
            finally:
                if close := getattr(model.chat, "aclose", None):
                    await close()
            assert [body.get("stream") for body in recorder.requests] == [True, True]
        return response.text, texts

    text, texts = asyncio.run(stream())
    assert text == "".join(texts) == "It is four."
    assert len(texts) == 3


def test_each_client_has_a_row() -> None:
    assert {row.client for row in FEATURES} == CLIENTS.keys()
