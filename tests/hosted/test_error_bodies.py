"""An error that comes with status 200, which the providers' clients take for an answer: its sentence is shown."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from adaptive.chat.errors import ChatError
from adaptive.chat.registry import open_chat_model
from adaptive.chat.request import ChatRequest
from adaptive.errors import AdaptiveError, InputError
from tests.hosted.brains import always, in_order
from tests.hosted.clients import NAMES, PROVIDERS
from tests.hosted.script import Fault, Reply, Spoken
from tests.hosted.server import Hosted

OURS = {"error": {"message": "We are closed today.", "type": "server_error", "code": 503}}
ANTHROPICS = {"type": "error", "error": {"type": "overloaded_error", "message": "We are closed today."}}
GOOGLES = {"error": {"code": 429, "message": "You have asked enough.", "status": "RESOURCE_EXHAUSTED"}}
INVALID = {"type": "error", "error": {"type": "invalid_request_error", "message": "We do not like it."}}

each_way = pytest.mark.parametrize("streams", [False, True])
each_provider = pytest.mark.parametrize("provider", NAMES)


async def ask(provider: str, brain: Any, streams: bool) -> AdaptiveError | str:
    """The answer of a model that is opened by its spec, or its error."""
    one = PROVIDERS[provider]
    deployment = {"azure_deployment": one.model} if provider == "azure_openai" else {}
    with Hosted(brain) as hosted:
        options = {"api_key": hosted.key, **deployment, **one.locate(hosted.url)}
        model = open_chat_model(one.spec, retries=0, **options)
        try:
            request = ChatRequest("default", 0, None)
            response = await model.ask([HumanMessage("What?")], request, (lambda _: None) if streams else None)
        except AdaptiveError as error:
            return error
    return response.text


@each_way
@each_provider
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (OURS, "has a failure of its own (We are closed today): try again later."),
        (ANTHROPICS, "has a failure of its own (We are closed today): try again later."),
        ({"detail": "We are closed."}, "has a failure of its own (We are closed): try again later."),
        (GOOGLES, "is over its rate limit (429): try again later."),
        ({"anything": 1}, "sent a reply that cannot be read: check the address, or try again later."),
    ],
)
async def test_its_sentence_is_shown(provider: str, streams: bool, body: Any, says: str) -> None:
    error = await ask(provider, always(Fault("page", body=body)), streams)
    assert isinstance(error, ChatError)
    ended = f"{PROVIDERS[provider].spec}: the stream ended before the answer was complete: try again."
    may_be_cut = provider == "google_genai" and streams and "anything" in body
    assert str(error) == (ended if may_be_cut else f"{PROVIDERS[provider].spec} {says}")


@each_way
@each_provider
async def test_a_refusal_is_the_callers_to_mend(provider: str, streams: bool) -> None:
    error = await ask(provider, always(Fault("page", body=INVALID)), streams)
    assert isinstance(error, InputError)
    assert str(error) == f"{PROVIDERS[provider].spec} does not take the request: We do not like it."


@each_provider
async def test_an_answer_that_follows_is_read(provider: str) -> None:
    replies: list[Reply] = [Fault("page", body=OURS), Spoken("It is 42.")]
    brain = in_order(*replies)
    assert isinstance(await ask(provider, brain, False), ChatError)
    assert await ask(provider, brain, False) == "It is 42."
