"""A steered request on a server: how it is asked for, how its parts are read, and a server that cannot steer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.dialects.vllm import VllmCall
from adaptive.engines.generation import GenerationRequest, GrowingGeneration
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Sampling
from adaptive.engines.steering import RequestSteering, find_steering
from adaptive.engines.vllm import PROCESSOR, add_processor
from tests.engines.serving import Faulty, serving

URL = "http://127.0.0.1:1/v1"


@pytest.fixture
def server(engine: OnnxEngine) -> Iterator[Faulty]:
    with serving(Faulty(engine, root=str(find_artifact("abacus") / "hf"))) as faulty:
        yield faulty


def steered(heard: list[Any], *, may_wait: bool = True) -> VllmCall:
    request = GenerationRequest((1, 2), 20, frozenset({9}), Sampling(), 100, RequestSteering('{"a": 1}', may_wait))
    return VllmCall(URL, "m", GrowingGeneration(request, on_part=lambda *part: heard.append(part)), 1)


def part(ids: list[int], logprobs: list[float], tops: list[dict[str, float]] | None) -> dict[str, Any]:
    return {"choices": [{"token_ids": ids, "logprobs": {"token_logprobs": logprobs, "top_logprobs": tops}}]}


def test_a_processor_that_the_user_names_is_not_loaded_twice() -> None:
    """Of two, the second would put its Wait in the place of the first one's, which is then the model's own."""
    named = type("SteeringProcessor", (), {"__module__": "adaptive.in_vllm.processor"})
    assert add_processor(None) == [PROCESSOR]
    assert add_processor(["a:B"]) == ["a:B", PROCESSOR]
    for ours in (PROCESSOR, named):
        assert add_processor(["a:B", ours]) == ["a:B", ours]


async def test_a_server_that_ignores_the_argument_does_not_steer(server: Faulty, engine: OnnxEngine) -> None:
    client = CompletionsEngine(server.url)
    (asked,) = server.asked
    assert asked["vllm_xargs"] == {"adaptive": '{"echo": 3}'}
    assert not client.steers
    assert find_steering(client) is None
    assert client.facts["forcing inside a request"] == "no"
    await client.close()


def test_an_engine_without_steering_has_none(engine: OnnxEngine) -> None:
    assert find_steering(engine) is None


@pytest.mark.parametrize("may_wait", [True, False])
def test_a_request_has_the_plan_and_asks_for_the_most_probable_token(may_wait: bool) -> None:
    body = steered([], may_wait=may_wait).request()
    assert body is not None
    assert body["vllm_xargs"] == {"adaptive": '{"a": 1}'}
    assert body["logprobs"] == may_wait
    assert body["return_tokens_as_token_ids"]


def test_a_token_that_is_not_the_most_probable_one_shows() -> None:
    heard: list[Any] = []
    call = steered(heard)
    call.request()
    tops = [{"token_id:5": -0.1}, {"token_id:6": -3.0, "token_id:8": -0.2}]
    call.take(part([5, 6], [-0.1, -3.0], tops))
    call.take(part([7, 9], [-0.4, -0.5], None))
    assert heard == [([5, 6], [-0.1, -3.0], [True, False]), ([7], [-0.4], [True])]
    assert call.growing.finish(0).stop_id == 9


def test_a_steered_request_that_breaks_off_is_left_to_its_caller() -> None:
    call = steered([])
    assert call.request() is not None
    assert call.request() is not None, "no token came: it is asked again"
    call.take(part([5], [-0.1], None))
    assert call.request() is None
    assert call.growing.finish(0).end == "context"
