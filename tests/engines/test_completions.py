"""The engine on a server, against what servers do wrong: the embedded engine behind a socket that misbehaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive._util.server_keys import find_server_key
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.registry import open_engine
from adaptive.errors import AdaptiveError, InputError
from adaptive.solver.build import build_solver
from tests.engines.serving import Faulty, serving
from tests.support.clock import LIMIT, LeapingClock

HF = find_artifact("abacus") / "hf"
QUESTION = "What is 47 + 38 - 12?"


@pytest.fixture
def server(engine: OnnxEngine) -> Iterator[Faulty]:
    with serving(Faulty(engine, root=str(HF))) as faulty:
        yield faulty


def connected(server: Faulty, **options: Any) -> CompletionsEngine:
    """The engine, connected; what it asked until then is forgotten."""
    faults, server.faults = server.faults, []
    engine = CompletionsEngine(server.url, **options)
    server.faults = faults
    server.asked.clear()
    return engine


async def ask(engine: Any, tokens: int = 12, session: str = "a") -> Generation:
    prompt = engine.codec.render([("user", QUESTION)], "medium").open
    stops = engine.codec.markers.thinking_stops
    return await engine.generate(prompt, max_tokens=tokens, stop_ids=stops, sampling=Sampling(), session=session)


async def test_the_same_tokens_as_the_engine_behind_it(server: Faulty, engine: OnnxEngine) -> None:
    told: list[int] = []
    client = connected(server)
    prompt = client.codec.render([("user", QUESTION)], "medium").open
    stops = client.codec.markers.thinking_stops
    made = await client.generate(
        prompt, max_tokens=99, stop_ids=stops, sampling=Sampling(), session="a", on_token=told.append
    )
    await client.close()
    own = await ask(engine, 99, "own")
    assert (made.ids, made.end, made.stop_id) == (own.ids, own.end, own.stop_id)
    assert made.logprobs == pytest.approx(own.logprobs, abs=1e-4)
    assert told == list(made.ids)


@pytest.mark.parametrize("fault", [429, 500, 503, "cut"])
async def test_what_is_over_in_a_moment_is_survived(
    server: Faulty, engine: OnnxEngine, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults = [fault, fault]
    client = connected(server)
    with caplog.at_level(logging.WARNING, "adaptive"):
        made = await ask(client)
    await client.close()
    assert made.ids == (await ask(engine, session="own")).ids
    assert len(server.asked) == 3
    assert "asked again" in caplog.text


async def test_after_a_cut_only_what_is_missing_is_asked_for(server: Faulty) -> None:
    server.faults = ["cut"]
    client = connected(server)
    made = await ask(client)
    await client.close()
    first, second = server.asked
    assert made.prefilled >= 0
    assert made.prefilled + made.cached == len(first["prompt"])
    assert second["prompt"][: len(first["prompt"])] == first["prompt"]
    assert len(second["prompt"]) == len(first["prompt"]) + 3
    assert second["max_tokens"] == first["max_tokens"] - 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (400, "refuses the request (400: fault 400)"),
        (404, "refuses the request (404: fault 404)"),
        ("garbage", "answered what is no JSON: '<html>'"),
        ("error", "failed (the model fell over)"),
        ("no ids", "gives no token ids"),
    ],
)
async def test_what_is_not_over_is_one_sentence(server: Faulty, fault: Any, said: str) -> None:
    server.faults = [fault]
    client = connected(server)
    with pytest.raises(AdaptiveError) as caught:
        await ask(client)
    await client.close()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.asked) == 1, "asked again in vain"


async def test_a_server_that_fails_for_good_is_one_sentence(server: Faulty) -> None:
    server.faults = [500] * 9
    client = connected(server, retries=2)
    with pytest.raises(AdaptiveError, match=r"does not answer \(status 500, asked 3 times\): is it running\?"):
        await ask(client)
    await client.close()
    assert len(server.asked) == 3


async def test_a_slow_server_is_not_waited_for_longer_than_asked(server: Faulty, clock: LeapingClock) -> None:
    server.faults, server.on_hang = ["slow"], clock.leap
    client = connected(server, timeout=LIMIT)
    with pytest.raises(AdaptiveError, match=f"did not finish within {LIMIT} s"):
        await ask(client)
    await client.close()


async def test_a_cancelled_call_ends_at_once(server: Faulty) -> None:
    server.faults = ["slow"]
    client = connected(server)
    task = asyncio.create_task(ask(client))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.faults = []
    assert len((await ask(client)).ids) == 12
    await client.close()


def test_no_server_is_one_sentence() -> None:
    with pytest.raises(AdaptiveError, match=r"does not answer .*: is it running"):
        CompletionsEngine("http://127.0.0.1:9/v1", retries=0)


def test_the_key_comes_from_the_environment_and_is_never_told(
    server: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "secret-one"
    monkeypatch.setenv("ADAPTIVE_API_KEY", "wrong-key")
    with pytest.raises(AdaptiveError, match="refuses the key") as caught:
        CompletionsEngine(server.url)
    assert "wrong-key" not in str(caught.value)
    monkeypatch.setenv("ADAPTIVE_API_KEY", "secret-one")
    asyncio.run(CompletionsEngine(server.url).close())


def test_a_key_of_one_server_is_sent_to_no_other(server: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    server.key = "key-of-the-port"
    keys = {"": "general", "_127_0_0_1": "of-the-host", f"_127_0_0_1_{server.port}": server.key, "_OTHER": "other"}
    for suffix, key in keys.items():
        monkeypatch.setenv(f"ADAPTIVE_API_KEY{suffix}", key)
    asyncio.run(CompletionsEngine(server.url).close())
    assert find_server_key("http://127.0.0.1:1/v1") == "of-the-host"
    assert find_server_key("https://OTHER/v1") == "other"
    assert find_server_key("https://another/v1") == "general"
    monkeypatch.delenv("ADAPTIVE_API_KEY")
    assert find_server_key("https://another/v1") is None


@pytest.mark.parametrize(
    "address", ["http://x:99999/v1", "http://[::1/v1", "http://u:pass word@/v1", "http://x:y"]
)
def test_what_is_no_address_is_one_sentence(address: str) -> None:
    with pytest.raises(InputError, match="is not valid: write it as http://host:port/v1") as caught:
        CompletionsEngine(address)
    assert "pass" not in str(caught.value)


def test_one_of_several_models_is_named(server: Faulty) -> None:
    server.names = ("one", "two")
    with pytest.raises(InputError, match="serves 2 models: name one of one, two"):
        CompletionsEngine(server.url)
    with pytest.raises(InputError, match="serves no model 'three': it serves one, two"):
        CompletionsEngine(server.url, served_model="three")
    asyncio.run(connected(server, served_model="two").close())


def test_a_tokenizer_that_is_not_here_is_asked_for(server: Faulty, tmp_path: Path) -> None:
    server.root = str(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="-o tokenizer="):
        CompletionsEngine(server.url)
    asyncio.run(CompletionsEngine(server.url, tokenizer=str(HF)).close())


def test_a_solve_over_the_wire(server: Faulty) -> None:
    client = open_engine(server.url)
    solver = build_solver(client, profile=find_artifact("abacus") / "profile")
    over = solver.invoke({"messages": [("user", QUESTION)]})["adaptive_result"]
    asyncio.run(client.close())
    own = build_solver("embedded").invoke({"messages": [("user", QUESTION)]})["adaptive_result"]
    assert over["answer"] == own["answer"]
    assert [a["usage"]["thinking"] for a in over["attempts"]] == [a["usage"]["thinking"] for a in own["attempts"]]
