"""A plain client of a vLLM server with our processor: budgets exact, ends put off, wrong arguments refused."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from adaptive.engines.tokenizer import FolderCodec
from tests.engines.backends import HF, vllm_server

# vLLM and torch warn of their own doings, which no test here is about.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]

QUESTION = "What is 47 + 38 - 12?"


@pytest.fixture
def codec() -> FolderCodec:
    return FolderCodec(Path(HF))


def complete(vllm_url: str, plan: Any, **more: Any) -> httpx.Response:
    """What any client may send: a chat request with our argument."""
    body = {"model": HF, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    return httpx.post(
        f"{vllm_url}/chat/completions",
        json={**body, "max_tokens": 400, "return_token_ids": True, "vllm_xargs": {"adaptive": plan}, **more},
        timeout=120,
    )


def test_a_plain_client_sets_a_budget(vllm_url: str, codec: FolderCodec) -> None:
    end = codec.markers.think_end
    for budget in (1, 7, 12):
        reply = complete(vllm_url, f'{{"budget": {budget}, "answer_prefix": "\\\\boxed{{"}}')
        ids = reply.json()["choices"][0]["token_ids"]
        opened = ids[0] == codec.markers.think_start
        assert ids.index(end) == budget + opened
        prefix = codec.encode("\\boxed{")
        assert prefix == tuple(ids[ids.index(end) + 1 + len(codec.markers.hand_over) :][: len(prefix)])


@pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed: .ci/run runs this where it is")
def test_a_budget_is_that_of_vllms_own(codec: FolderCodec) -> None:
    """vLLM's `thinking_token_budget` counts what the prompt has after the opener too, ours what is generated."""
    markers = {"reasoning_start_str": "<think>", "reasoning_end_str": "</think>"}
    options = ("--reasoning-parser", "qwen3", "--reasoning-config", json.dumps(markers))
    opener, end = codec.markers.think_start, codec.markers.think_end
    prompt = codec.render([("user", QUESTION)], "medium").open
    after_opener = prompt[::-1].index(opener)
    with vllm_server("--enforce-eager", "--no-async-scheduling", *options) as address:
        for budget in (1, 7, 12):
            ours = complete(address, json.dumps({"budget": budget}))
            theirs = complete(address, "", vllm_xargs=None, thinking_token_budget=budget + after_opener)
            thoughts = [
                (ids := reply.json()["choices"][0]["token_ids"])[: ids.index(end) + 1] for reply in (ours, theirs)
            ]
            assert thoughts[0] == thoughts[1]
            assert len(thoughts[0]) == budget + 1


def test_a_request_that_may_generate_little_has_an_answer(vllm_url: str, codec: FolderCodec) -> None:
    reply = complete(vllm_url, '{"budget": 300, "waits": 9}', max_tokens=60)
    ids = reply.json()["choices"][0]["token_ids"]
    end = ids.index(codec.markers.think_end)
    assert end < 60 - 15
    assert len(ids) > end + 1 + len(codec.markers.hand_over)


def test_a_plain_client_grants_waits(vllm_url: str, codec: FolderCodec) -> None:
    end, wait = codec.markers.think_end, codec.encode("Hmm")
    plain, waited = (
        complete(vllm_url, plan).json()["choices"][0]["token_ids"]
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
def test_a_wrong_argument_is_refused_in_a_sentence(vllm_url: str, plan: str, more: Any, says: str) -> None:
    reply = complete(vllm_url, plan, **more)
    assert reply.status_code == 400
    assert says in reply.text
