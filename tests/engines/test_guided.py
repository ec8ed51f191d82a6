"""Guided decoding: which engines have it is asked, and a text follows its schema from the first token on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Generation, Sampling
from adaptive.errors import AdaptiveError
from tests.engines.guided import find_schema
from tests.engines.serving import Faulty, serving
from tests.engines.wires import EOG

HF = str(find_artifact("abacus") / "hf")
SCHEMA = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
TEXT = '{"sum": 7}'
GUIDED = Sampling(schema=json.dumps(SCHEMA))
GUIDING = ["vllm", "llama.cpp"]


@pytest.fixture(params=GUIDING)
def server(request: pytest.FixtureRequest, engine: OnnxEngine) -> Iterator[Faulty]:
    with serving(Faulty(engine, root=HF, dialect=request.param)) as faulty:
        yield faulty


@pytest.fixture
def client(server: Faulty) -> Iterator[CompletionsEngine]:
    client = CompletionsEngine(server.url, retries=1, pause=0)
    server.asked.clear()
    yield client
    asyncio.run(client.close())


async def write(client: CompletionsEngine, most: int = 40, stops: tuple[int, ...] = EOG) -> Generation:
    prompt = client.codec.render([("user", "What is 3 + 4?")], "medium").closed
    return await client.generate(prompt, max_tokens=most, stop_ids=stops, sampling=GUIDED, session="a")


async def test_it_is_asked_once_and_not_guessed(client: CompletionsEngine, server: Faulty) -> None:
    assert await client.can_guide()
    assert await client.can_guide()
    assert [find_schema(body) for body in server.asked] == [{"enum": ["guided"]}]
    assert client.facts["guided decoding"] == "yes"


async def test_a_server_that_ignores_the_field_cannot(client: CompletionsEngine, server: Faulty) -> None:
    server.guides = False
    assert not await client.can_guide()


async def test_a_server_that_refuses_the_field_cannot(client: CompletionsEngine, server: Faulty) -> None:
    server.faults = [400]
    assert not await client.can_guide()


async def test_what_a_busy_server_says_is_no_answer(client: CompletionsEngine, server: Faulty) -> None:
    server.faults = [503] * 2
    with pytest.raises(AdaptiveError, match="does not answer"):
        await client.can_guide()
    server.faults = []
    assert await client.can_guide()


async def test_the_text_follows_the_schema(client: CompletionsEngine, server: Faulty) -> None:
    made = await write(client)
    assert (client.codec.decode(made.ids), made.end) == (TEXT, "stop")
    assert len(made.logprobs) == len(made.ids)
    (body,) = server.asked
    assert find_schema(body) == SCHEMA
    assert body["stream"] is False
    assert "stream_options" not in body


@pytest.mark.parametrize("fault", [429, 503])
async def test_after_a_fault_it_is_asked_for_from_its_start(
    client: CompletionsEngine, server: Faulty, fault: Any
) -> None:
    server.faults = [fault]
    assert client.codec.decode((await write(client)).ids) == TEXT
    assert server.asked[0] == server.asked[1]


async def test_an_end_that_is_no_stop_id_ends_it(client: CompletionsEngine, server: Faulty) -> None:
    """A grammar is over at any of the model's ends, and nothing may follow."""
    made = await write(client, stops=(1,))
    assert (client.codec.decode(made.ids), made.end) == (TEXT, "stop")
    assert len(server.asked) == 1


async def test_a_text_that_has_no_room_is_cut(client: CompletionsEngine) -> None:
    made = await write(client, most=3)
    assert (len(made.ids), made.end) == (3, "length")


async def test_other_engines_have_none(engine: OnnxEngine) -> None:
    assert not await engine.can_guide()
    with pytest.raises(ValueError, match="embedded has no guided decoding"):
        await engine.generate((1,), max_tokens=1, stop_ids=(), sampling=GUIDED, session="a")


async def test_a_dialect_without_a_field_is_not_asked(engine: OnnxEngine) -> None:
    with serving(Faulty(engine, root=HF, dialect="sglang")) as server:
        client = CompletionsEngine(server.url)
        server.asked.clear()
        assert not await client.can_guide()
        with pytest.raises(ValueError, match="has no guided decoding"):
            await write(client)
        await client.close()
    assert not server.asked
