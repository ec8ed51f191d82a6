"""Calls side by side in a batch: each is what it is alone, to the last bit, whatever the others do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptive.engines import onnx_graph
from adaptive.engines.chain_engine import ChainEngine
from adaptive.engines.chain_runners import BatchRunner, ThreadRunner
from adaptive.engines.chains import Chain, ChainPool
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.onnx_config import OnnxConfig
from adaptive.engines.onnx_genai import open_generator_runner
from adaptive.engines.onnx_graph import GraphBatch, open_graph
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.tokenizer import FolderCodec
from adaptive.errors import AdaptiveError
from tests.engines.asking import GREEDY

PROMPT = tuple(range(100, 130))
HOT = Sampling(temperature=1.5, seed=3)


async def generate(
    engine: ChainEngine, ids: Sequence[int], tokens: int, session: str, sampling: Sampling = GREEDY, **more: Any
) -> Generation:
    return await engine.generate(
        ids, max_tokens=tokens, stop_ids=(), sampling=sampling, session=session, **more
    )  # fmt: skip


@pytest.fixture(scope="module")
def config(model_folder: Path) -> OnnxConfig:
    return OnnxConfig.read(model_folder)


@pytest.fixture(scope="module")
def alone(model_folder: Path, config: OnnxConfig) -> Iterator[ChainEngine]:
    """The same graph on ONNX Runtime GenAI, a chain at a time."""
    engine = ChainEngine(
        name="alone", codec=FolderCodec(model_folder), runner=open_generator_runner(config, None),
        window=config.window, vocabulary=config.vocabulary,
    )  # fmt: skip
    yield engine
    asyncio.run(engine.close())


CALLS = st.tuples(
    st.integers(0, 4),  # the session
    st.integers(0, 40),  # ids that are cut off from the end of its sequence
    st.lists(st.integers(5, 1500), max_size=70),  # ids that are added
    st.integers(1, 8),  # tokens
    st.sampled_from([GREEDY, HOT]),
)


@given(st.lists(st.lists(CALLS, min_size=1, max_size=5, unique_by=lambda call: call[0]), min_size=1, max_size=4))
@settings(
    derandomize=True, max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_calls_in_a_batch_are_to_the_last_bit_what_they_are_alone(
    engine: OnnxEngine,
    alone: ChainEngine,
    session: str,
    waves: list[list[tuple[int, int, list[int], int, Sampling]]],
) -> None:
    async def play() -> None:
        held = dict.fromkeys(range(5), PROMPT)
        for name in held:
            await engine.release(f"{session} {name}")
            await alone.release(f"{session} {name}")
        for wave in waves:
            asked = []
            for name, cut, more, tokens, sampling in wave:
                ids = (held[name][: max(1, len(held[name]) - cut)] + tuple(more))[:500]
                asked.append((name, ids, tokens, f"{session} {name}", sampling))
            together = await asyncio.gather(*(generate(engine, *call) for _, *call in asked))
            assert together == [await generate(alone, *call) for _, *call in asked]
            for (name, ids, *_), made in zip(asked, together, strict=True):
                held[name] = ids + made.ids

    asyncio.run(play())


async def test_a_cancelled_call_leaves_the_others_alone(
    engine: OnnxEngine, alone: ChainEngine, session: str
) -> None:
    begun = asyncio.Event()
    tokens: list[int] = []

    def hear(token: int) -> None:
        tokens.append(token)
        begun.set()

    others = [asyncio.create_task(generate(engine, PROMPT[i:], 40, f"{session} {i}", HOT)) for i in range(3)]
    doomed = asyncio.create_task(generate(engine, PROMPT, 900, f"{session} doomed", on_token=hear))
    await begun.wait()
    doomed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doomed
    assert len(tokens) < 400
    made = await asyncio.gather(*others)
    assert made == [await generate(alone, PROMPT[i:], 40, f"{session} {i}", HOT) for i in range(3)]


async def test_a_call_whose_halt_fails_fails_alone(engine: OnnxEngine, alone: ChainEngine, session: str) -> None:
    def halt(token: int) -> bool:
        raise ZeroDivisionError

    one = asyncio.create_task(generate(engine, PROMPT, 20, f"{session} 1"))
    with pytest.raises(ZeroDivisionError):
        await generate(engine, PROMPT, 20, f"{session} 2", halt=halt)
    assert await one == await generate(alone, PROMPT, 20, f"{session} 1")


async def test_the_loop_runs_while_a_batch_is_computed(engine: OnnxEngine, session: str) -> None:
    """A call made of one long prompt is one that an engine in the loop's own thread would block."""
    threads = {threading.get_ident()}

    def halt(token: int) -> bool:
        threads.add(threading.get_ident())
        return False

    await generate(engine, PROMPT, 2, session, halt=halt)
    assert len(threads) == 2


def open_batches(config: OnnxConfig, rows: int, **pool: Any) -> tuple[ChainEngine, GraphBatch, ChainPool]:
    graph = open_graph(config)
    assert graph is not None
    batch = GraphBatch(graph, config.window)
    chains = ChainPool(batch.new_chain, **{"size": 100, **pool})
    runner = BatchRunner(chains, batch, rows)
    codec = FolderCodec(config.folder)
    return ChainEngine(name="x", codec=codec, runner=runner, window=config.window, vocabulary=2048), batch, chains


async def generate_side_by_side(engine: ChainEngine, tokens: Sequence[int]) -> list[Generation]:
    calls = (generate(engine, PROMPT[i:], count, str(i), HOT) for i, count in enumerate(tokens))
    return list(await asyncio.gather(*calls))


async def test_more_calls_than_rows_wait_for_their_turn(config: OnnxConfig, alone: ChainEngine) -> None:
    engine, batch, _ = open_batches(config, rows=2)
    most = 0
    append = batch.append

    def count(chains: Sequence[Chain], tokens: Sequence[int]) -> None:
        nonlocal most
        most = max(most, len(chains))
        append(chains, tokens)

    batch.append = count  # type: ignore[method-assign]
    made = await generate_side_by_side(engine, (5, 9, 2, 7))
    assert most == 2
    assert made == await generate_side_by_side(alone, (5, 9, 2, 7))
    await engine.close()


async def test_chains_that_do_not_fit_in_the_batch_are_computed_alone(
    config: OnnxConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, batch, _ = open_batches(config, rows=8)
    longest = (PROMPT * 5)[:140]
    prompts = [PROMPT, PROMPT[3:], longest, PROMPT[5:]]

    async def run() -> list[Generation]:
        for i in range(4):
            await engine.release(str(i))
        return list(await asyncio.gather(*(generate(engine, ids, 6, str(i)) for i, ids in enumerate(prompts))))

    free = await run()
    limit = 4 * onnx_graph.FEWEST_IDS * config.bytes_per_id
    monkeypatch.setattr(onnx_graph, "_BATCH_BYTES", limit)
    assert await run() == free  # the cache that is there already is used
    batch._cache = onnx_graph.KeyValues(batch.graph, 0, 0)
    batch._holders.clear()
    assert await run() == free
    assert 0 < batch._cache.nbytes <= limit
    await engine.close()


async def test_idle_chains_take_no_more_than_their_memory(config: OnnxConfig) -> None:
    one = onnx_graph.FEWEST_IDS * config.bytes_per_id
    engine, _, pool = open_batches(config, rows=8, memory=3 * one)
    cached = [(await generate(engine, PROMPT, 2, str(i))).cached for i in (0, 1, 2, 3, 1, 2, 3, 0)]
    assert cached == [0, 0, 0, 0, 30, 30, 30, 0]
    assert len(pool) == 3
    await engine.close()


async def test_a_graph_that_fails_ends_its_calls_and_no_later_one(
    config: OnnxConfig, alone: ChainEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, batch, pool = open_batches(config, rows=8)
    run, failing = batch.graph.run, True

    def fail(binding: Any) -> None:
        if failing:
            raise RuntimeError("out of\nmemory")
        run(binding)

    monkeypatch.setattr(batch.graph, "run", fail)
    made = await asyncio.gather(*(generate(engine, PROMPT, 3, str(i)) for i in range(3)), return_exceptions=True)
    assert [str(error) for error in made] == ["model 'x' failed while generating (out of memory)."] * 3
    assert all(isinstance(error, AdaptiveError) for error in made)
    assert len(pool) == 0
    failing = False
    assert await generate(engine, PROMPT, 3, "0") == await generate(alone, PROMPT, 3, "graph fails")
    await engine.close()


def test_a_graph_of_another_form_is_left_to_the_other_runtime(
    folder: Path, config: OnnxConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (folder / "genai_config.json").read_text()
    for old, new in (
        ('"past_present_share_buffer": true', '"past_present_share_buffer": false'),
        ('"provider_options": []', '"provider_options": [{"cuda": {}}]'),
        ('"type": "llama"', '"type": "phi3"'),
        ('"num_hidden_layers": 4', '"num_hidden_layers": 3'),
    ):
        assert old in text
        (folder / "genai_config.json").write_text(text.replace(old, new))
        assert open_graph(OnnxConfig.read(folder)) is None
    (folder / "genai_config.json").write_text(text.replace('"type": "llama"', '"type": "phi3"'))
    engine = OnnxEngine(folder, name="x")
    assert isinstance(engine._runner, ThreadRunner)
    asyncio.run(engine.close())
