"""A server that sends too much, or what cannot be read: one sentence that names it, and nothing else on stderr."""

from __future__ import annotations

import asyncio
import gzip
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from adaptive._util.files import find_artifact
from adaptive.cli import cli
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.protocol import Sampling
from adaptive.engines.reply_fields import as_logprob
from adaptive.errors import AdaptiveError
from tests.support.hostile import DEEP, EVENTS, JSON, MEGABYTE, HostileServer, endless, serving

HF = str(find_artifact("abacus") / "hf")
LISTED = {"id": "abacus", "owned_by": "vllm", "root": HF, "max_model_len": 1024}
MODELS = {"data": [LISTED]}


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with serving() as server:
        server.say("/v1/models", MODELS)
        server.stream({"choices": [{"token_ids": [7], "logprobs": {"token_logprobs": [-0.1]}}]})
        yield server


@pytest.fixture(autouse=True)
def _no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The event loop complains of nothing: without a handler, that would stand on stderr."""
    yield
    assert [r.message for r in caplog.get_records("call") if r.name == "asyncio"] == []


def connect(hostile: HostileServer, **options: Any) -> CompletionsEngine:
    return CompletionsEngine(hostile.url, retries=0, **options)


def generate(engine: CompletionsEngine, most: int = 8) -> Any:
    async def ask() -> Any:
        try:
            heard: list[int] = []
            made = await engine.generate(
                [5, 6], max_tokens=most, stop_ids=[], sampling=Sampling(), session="s", on_token=heard.append
            )
            await asyncio.sleep(0)
            return made
        finally:
            await engine.close()

    return asyncio.run(ask())


def check_sentence(error: BaseException, hostile: HostileServer, captured: Any, *words: str) -> None:
    """One line, with the server and these words, and neither a traceback nor the name of an exception anywhere."""
    text = str(error)
    assert text.startswith(f"the server {hostile.url} "), text
    assert "\n" not in text
    assert not re.search(r"[A-Z]\w+(Error|Exception)\b", text), text
    for word in words:
        assert word in text
    assert "Traceback" not in captured.err
    assert "^^^" not in captured.err


VLLM = {
    "choices": ["x", {"a": 1}, [1], [None]],
    "token_ids": ["7", ["7"], [-1], [2**40], [1.5], [True], [None], {"a": 1}],
    "logprobs": ["x", [1], 3],
    "token_logprobs": ["x", 3, {"a": 1}],
    "usage": ["x", [1], 3],
    "prompt_tokens_details": ["x", [1], 3],
}
CASES = [(field, value) for field, values in VLLM.items() for value in values]


def build_part(field: str, value: Any) -> dict[str, Any]:
    """A part of a stream with one wrong field."""
    if field in ("choices", "usage"):
        return {field: value}
    if field == "prompt_tokens_details":
        return {"usage": {field: value}}
    choice = {"token_ids": [7], "logprobs": {"token_logprobs": [-0.1]}}
    return {
        "choices": [{**choice, **({"logprobs": {field: value}} if field == "token_logprobs" else {field: value})}]
    }


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_field_that_cannot_be_read(
    hostile: HostileServer, capfd: pytest.CaptureFixture[str], field: str, value: Any
) -> None:
    engine = connect(hostile)
    hostile.stream(build_part(field, value))
    with pytest.raises(AdaptiveError) as caught:
        generate(engine)
    check_sentence(caught.value, hostile, capfd.readouterr(), repr(field))


LISTS = [
    DEEP, b"", b"\xff\xfe", b"null", [], {"data": {}}, {"data": [1]}, {"data": [{}]}, {"data": [{"id": 3}]},
    {"data": []}, {"error": {"message": ["a\nb"]}},
    *({"data": [{**LISTED, "root": root}]} for root in (3, ["a"])),
    *({"data": [{**LISTED, "max_model_len": window}]} for window in (1, -5, "many", 10**30)),
]  # fmt: skip


@pytest.mark.parametrize("body", LISTS)
def test_a_list_of_models_that_cannot_be_read(
    hostile: HostileServer, capfd: pytest.CaptureFixture[str], body: Any
) -> None:
    hostile.say("/v1/models", body)
    with pytest.raises(AdaptiveError) as caught:
        connect(hostile)
    check_sentence(caught.value, hostile, capfd.readouterr())


def test_the_name_of_a_model_controls_no_terminal(hostile: HostileServer) -> None:
    hostile.say("/v1/models", {"data": [{**LISTED, "id": "a\x1b[2J\r\x85b"}]})
    made = CliRunner().invoke(cli, ["models", "-m", hostile.url], prog_name="adaptive")
    assert made.exit_code == 0
    assert "served model: a" in made.stdout
    assert all(line.isprintable() for line in made.stdout.splitlines())


@pytest.mark.parametrize(
    ("dialect", "path", "fields"),
    [
        ("llama.cpp", "/props", {"default_generation_settings": [1]}),
        ("llama.cpp", "/props", {"default_generation_settings": {"n_ctx": 99}, "model_path": 3}),
        ("sglang", "/get_model_info", {"tokenizer_path": {"a": 1}}),
    ],
)
def test_what_a_server_says_of_itself(
    hostile: HostileServer, capfd: pytest.CaptureFixture[str], dialect: str, path: str, fields: Any
) -> None:
    hostile.say(path, fields)
    with pytest.raises(AdaptiveError) as caught:
        connect(hostile, dialect=dialect)
    check_sentence(caught.value, hostile, capfd.readouterr(), repr(list(fields)[-1]))


@pytest.mark.parametrize(
    ("dialect", "part", "field"),
    [
        ("llama.cpp", {"tokens": "x"}, "tokens"),
        ("llama.cpp", {"tokens": [1], "completion_probabilities": [3]}, "completion_probabilities"),
        ("llama.cpp", {"tokens": [1], "timings": [3]}, "timings"),
        ("llama.cpp", {"tokens": [1], "tokens_predicted": -1}, "tokens_predicted"),
        ("llama.cpp", {"tokens": [1], "tokens_predicted": 10**30}, "tokens_predicted"),
        ("sglang", {"output_ids": {}, "meta_info": 3}, "meta_info"),
        ("sglang", {"output_ids": [-1]}, "output_ids"),
        ("sglang", {"output_ids": [1], "meta_info": {"finish_reason": "stop"}}, "finish_reason"),
        ("sglang", {"output_ids": [1], "meta_info": {"completion_tokens": "x"}}, "completion_tokens"),
        ("sglang", {"output_ids": [1], "meta_info": {"output_token_logprobs": {}}}, "output_token_logprobs"),
        ("ollama", {"response": 3}, "response"),
        ("ollama", {"response": "x", "done": True, "done_reason": []}, "done_reason"),
    ],
)
def test_a_field_of_another_dialect(
    hostile: HostileServer, capfd: pytest.CaptureFixture[str], dialect: str, part: Any, field: str
) -> None:
    hostile.say("/props", {"default_generation_settings": {"n_ctx": 99}, "model_path": HF})
    hostile.say("/get_model_info", {"model_path": HF})
    path = {"llama.cpp": "/completion", "sglang": "/generate", "ollama": "/api/generate"}[dialect]
    hostile.stream({"tokens": [7], "output_ids": [7], "response": "7"}, path=path)
    engine = connect(hostile, dialect=dialect, tokenizer=HF)
    hostile.stream(part, path=path)
    with pytest.raises(AdaptiveError) as caught:
        generate(engine)
    check_sentence(caught.value, hostile, capfd.readouterr(), repr(field))


@pytest.mark.parametrize("cached", [-4, 10**30, "x", 1.5])
def test_a_count_of_the_cache_that_cannot_be_is_unknown(hostile: HostileServer, cached: Any) -> None:
    engine = connect(hostile)
    usage = {"prompt_tokens_details": {"cached_tokens": cached}}
    hostile.stream({"choices": [{"token_ids": [7]}]}, {"choices": [], "usage": usage})
    made = generate(engine, 1)
    assert (made.ids, made.cached, made.prefilled, made.counted) == ((7,), 0, 2, False)


@pytest.mark.parametrize("logprob", [5, 1e300, 10**400, "x", None, True, [1]])
def test_a_log_probability_that_cannot_be_is_none(hostile: HostileServer, logprob: Any) -> None:
    engine = connect(hostile)
    hostile.stream({"choices": [{"token_ids": [7], "logprobs": {"token_logprobs": [logprob]}}]})
    assert generate(engine, 1).logprobs == ()


@pytest.mark.parametrize("path", ["/v1/models", "/v1/completions"])
@pytest.mark.parametrize("kind", [JSON, EVENTS])
@pytest.mark.parametrize("part", [MEGABYTE, b"data: {}\n\n" * 9_000, b": ping\n\n" * 9_000, b"data: 1\n" * 9_000])
def test_a_reply_without_an_end_is_left(
    hostile: HostileServer, capfd: pytest.CaptureFixture[str], path: str, kind: str, part: bytes
) -> None:
    engine = None if path == "/v1/models" else connect(hostile, max_reply=0.5)
    hostile.replies[path] = endless(kind, part)
    with pytest.raises(AdaptiveError) as caught:
        generate(engine) if engine else connect(hostile, max_reply=0.5)
    check_sentence(caught.value, hostile, capfd.readouterr(), "sent more than 0.5 MB without an answer: raise")
    assert hostile.sent < 50_000_000  # some is under way, and in the buffers of both sockets


@pytest.mark.parametrize("path", ["/v1/models", "/v1/completions"])
def test_what_is_compressed_unasked_is_not_unpacked(
    hostile: HostileServer, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    engine = None if path == "/v1/models" else connect(hostile)
    hostile.say(path, gzip.compress(MEGABYTE * 50), content_encoding="gzip")
    with pytest.raises(AdaptiveError) as caught:
        generate(engine) if engine else connect(hostile)
    check_sentence(
        caught.value, hostile, capfd.readouterr(), "compresses its reply (gzip), which was not asked for"
    )


def test_a_long_stream_that_brings_tokens_is_read(hostile: HostileServer) -> None:
    engine = connect(hostile, max_reply=0.3)
    part = {"choices": [{"token_ids": [7]}], "more": "x" * 50_000}
    hostile.stream(*[part] * 20)
    assert len(generate(engine, 20).ids) == 20


@pytest.mark.parametrize("wrong", [0, -1, "many", float("nan"), float("inf")])
def test_a_limit_that_is_none(hostile: HostileServer, wrong: Any) -> None:
    with pytest.raises(AdaptiveError, match="max_reply must be a number of megabytes above 0, got"):
        connect(hostile, max_reply=wrong)


@pytest.mark.parametrize(
    ("told", "read"),
    [(-0.5, -0.5), (5e-4, 0.0), (0.5, None), (-9999, -9999.0), (-1e300, None), (-math.inf, None), (math.nan, None),
     (10**400, None), (True, None), ("-1", None), (None, None)],
)  # fmt: skip
def test_log_probabilities_that_can_be_ones(told: object, read: float | None) -> None:
    assert as_logprob(told) == read
