"""Steered attempts on vLLM in this process and on its server: equal to rounds, budgets exact."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.engines.steering import find_steering
from adaptive.engines.tokenizer import FolderCodec
from adaptive.engines.vllm import PROCESSOR
from adaptive.types.ladder import Rung
from tests.engines.backends import HF, vllm_server
from tests.in_vllm.steering import InRounds, attempt

# vLLM and torch warn of their own doings, which no test here is about.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]

QUESTIONS = [f"What is {a} + {b} - {c}?" for a, b, c in ((47, 38, 12), (12, 90, 3), (64, 25, 31))]
RUNGS = [Rung("medium", 256, 2, 64), Rung("medium", 30, 1, 32), Rung("medium", 5, 0, 32)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if find_spec("vllm") is None:
        pytest.skip("vllm is not installed: .ci/run runs this where it is")
    with vllm_server("--enforce-eager", "--logits-processors", PROCESSOR) as address:
        yield address
    gc.collect()  # what is left open closes its sockets here, where warnings of it are let pass


@pytest.fixture
def codec() -> FolderCodec:
    return FolderCodec(Path(HF))


async def check(engine: TokenEngine) -> None:
    assert find_steering(engine) is not None
    waits = 0
    for question in QUESTIONS:
        for rung in RUNGS:
            steered = await attempt(engine, question, rung)
            assert steered == await attempt(InRounds(engine), question, rung)
            assert sum(one.tokens for one in steered.rounds) <= rung.budget
            waits += steered.waits
    assert waits > 0


async def test_attempts_in_this_process_are_those_of_rounds(vllm_engine: TokenEngine) -> None:
    await check(vllm_engine)


async def test_sampled_chains_keep_their_budget_too(vllm_engine: TokenEngine) -> None:
    for rung in RUNGS:
        made = await attempt(vllm_engine, QUESTIONS[0], rung, temperature=1.2)
        assert sum(one.tokens for one in made.rounds) <= rung.budget
        assert made.waits <= rung.waits


async def test_attempts_on_a_server_are_those_of_rounds(url: str) -> None:
    engine = open_engine(url)
    await check(engine)
    assert engine.facts["forcing inside a request"] == "yes"  # type: ignore[attr-defined]
    await engine.close()


def complete(url: str, plan: Any, **more: Any) -> httpx.Response:
    """What any client may send: a chat request with our argument."""
    body = {"model": HF, "messages": [{"role": "user", "content": QUESTIONS[0]}], "temperature": 0}
    return httpx.post(
        f"{url}/chat/completions",
        json={**body, "max_tokens": 400, "return_token_ids": True, "vllm_xargs": {"adaptive": plan}, **more},
        timeout=120,
    )


def test_a_plain_client_sets_a_budget(url: str, codec: FolderCodec) -> None:
    end = codec.markers.think_end
    for budget in (1, 7, 12):
        reply = complete(url, f'{{"budget": {budget}, "answer_prefix": "\\\\boxed{{"}}')
        ids = reply.json()["choices"][0]["token_ids"]
        opened = ids[0] == codec.markers.think_start
        assert ids.index(end) == budget + opened
        prefix = codec.encode("\\boxed{")
        assert prefix == tuple(ids[ids.index(end) + 1 + len(codec.markers.hand_over) :][: len(prefix)])


def test_a_plain_client_grants_waits(url: str, codec: FolderCodec) -> None:
    end, wait = codec.markers.think_end, codec.encode("Hmm")
    plain, waited = (
        complete(url, plan).json()["choices"][0]["token_ids"]
        for plan in ('{"budget": 300}', '{"budget": 300, "waits": 1, "wait": "Hmm"}')
    )
    first = plain.index(end)
    assert waited[:first] == plain[:first]
    assert tuple(waited[first : first + len(wait)]) == wait
    assert waited.index(end) > first


@pytest.mark.parametrize(
    ("plan", "more", "says"),
    [
        ("{", {}, "no JSON"),
        ("{}", {}, "lacks budget"),
        ('{"budget": 5, "waits": 1}', {"temperature": 0.6}, "temperature 0"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_sentence(url: str, plan: str, more: Any, says: str) -> None:
    reply = complete(url, plan, **more)
    assert reply.status_code == 400
    assert says in reply.text
