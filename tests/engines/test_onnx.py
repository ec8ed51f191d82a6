from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.onnx_config import OnnxConfig
from adaptive.engines.onnx_genai import load_generator_model
from adaptive.engines.protocol import Generation, Sampling
from adaptive.errors import AdaptiveError, InputError
from tests.engines.asking import GREEDY, QUESTION, Asker

QUESTIONS = (
    QUESTION,
    "Ann has 3 bags of 4 apples. How many apples?",
    "hello",
    "gcd of 12 and 18?",
)


LONG = 900
"""Tokens of a call that is cancelled, which would take seconds."""


class OnnxAsker(Asker):
    """Asks the embedded engine, which tells what it held and counts what it computed."""

    engine: OnnxEngine

    async def fresh(self, ids: tuple[int, ...], tokens: int = 12, **kind: Sampling) -> Generation:
        """The same in a session that holds nothing."""
        await self.engine.release(f"{self.session} fresh")
        made = await self(ids, tokens, session="fresh", **kind)
        assert (made.prefilled, made.cached) == (len(ids), 0)
        return made


@pytest.fixture
def ask(engine: OnnxEngine, session: str) -> OnnxAsker:
    return OnnxAsker(engine, session)


def same(one: Generation, other: Generation) -> bool:
    """Same tokens with the same log-probabilities, however much of it was cached."""
    close = np.allclose(one.logprobs, other.logprobs, atol=1e-3)
    return (one.ids, one.end, one.stop_id) == (other.ids, other.end, other.stop_id) and close


async def test_continuing_a_chain_computes_only_what_is_new(ask: OnnxAsker) -> None:
    prompt, wait = ask.prompt(), ask.engine.codec.encode("Wait")
    before = ask.engine.prefilled_total
    first = await ask(prompt, 20)
    second = await ask(prompt + first.ids + wait, 20)
    third = await ask(prompt + first.ids + wait + second.ids, 20)
    counts = [(one.prefilled, one.cached) for one in (first, second, third)]
    grown = len(prompt) + 20
    assert counts == [(len(prompt), 0), (len(wait), grown), (0, grown + len(wait) + 20)]
    assert ask.engine.prefilled_total - before == len(prompt) + len(wait)


async def test_going_back_to_where_a_call_began_or_ended_computes_nothing(ask: OnnxAsker) -> None:
    prompt = ask.prompt()
    first = await ask(prompt, 10)
    closing = ask.engine.codec.encode("\nThe answer is ")
    await ask(prompt + first.ids + closing, 10)
    for ids in (prompt + first.ids, prompt):
        again = await ask(ids, 5)
        assert again.prefilled == 0
        assert same(again, await ask.fresh(ids, 5))


async def test_going_back_anywhere_else_computes_one_id(ask: OnnxAsker) -> None:
    prompt = ask.prompt()
    first = await ask(prompt, 10)
    again = await ask(prompt + first.ids[:4], 6)
    assert (again.prefilled, again.cached) == (1, len(prompt) + 3)
    assert again.ids == first.ids[4:]


async def test_a_fork_leaves_what_is_shared(ask: OnnxAsker) -> None:
    prompt = ask.prompt()
    first = await ask(prompt, 10)
    for text in ("Wait", " so 5", "\n"):
        ids = prompt + first.ids + ask.engine.codec.encode(text)
        forked = await ask(ids, 10)
        assert forked.cached == len(prompt) + 10
        assert same(forked, await ask.fresh(ids, 10))


MOVES = st.lists(
    st.tuples(st.integers(0, 60), st.lists(st.integers(5, 1500), max_size=70)), min_size=1, max_size=6
)


@given(MOVES)
@settings(derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_was_asked_before_the_result_is_that_of_a_fresh_session(
    ask: OnnxAsker, moves: list[tuple[int, list[int]]]
) -> None:
    async def play() -> None:
        await ask.engine.release(f"{ask.session} ")
        ids = ask.prompt()
        for cut, more in moves:
            ids = (ids[: max(1, len(ids) - cut)] + tuple(more))[:500]
            made = await ask(ids, 3)
            assert made.prefilled + made.cached == len(ids)
            assert same(made, await ask.fresh(ids, 3))
            ids += made.ids

    asyncio.run(play())


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(temperature=1.5, seed=4)])
async def test_calls_at_once_do_not_mix(ask: OnnxAsker, sampling: Sampling) -> None:
    prompts = [ask.prompt(question) for question in QUESTIONS]
    alone = [await ask.fresh(prompt, 20, sampling=sampling) for prompt in prompts]
    calls = [ask(prompt, 20, sampling=sampling, session=str(i)) for i, prompt in enumerate(prompts)]
    assert all(map(same, await asyncio.gather(*calls), alone))


async def test_calls_at_once_in_one_session_do_not_mix(ask: OnnxAsker) -> None:
    prompts = [ask.prompt(question) for question in QUESTIONS]
    alone = [await ask.fresh(prompt, 20) for prompt in prompts]
    assert all(map(same, await asyncio.gather(*(ask(prompt, 20) for prompt in prompts)), alone))


def test_several_event_loops_may_use_one_engine(ask: OnnxAsker) -> None:
    prompts = [ask.prompt(question) for question in QUESTIONS]
    made: dict[int, Generation] = {}

    def work(index: int) -> None:
        made[index] = asyncio.run(ask(prompts[index], 20, session=str(index)))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(made[i], asyncio.run(ask.fresh(prompt, 20))) for i, prompt in enumerate(prompts))


async def test_a_seed_repeats_and_another_differs(ask: OnnxAsker) -> None:
    prompt, hot = ask.prompt(), [Sampling(temperature=3.0, seed=seed) for seed in (1, 1, 2, -1)]
    made = [(await ask.fresh(prompt, 40, sampling=sampling)).ids for sampling in hot]
    assert made[0] == made[1]
    assert len(set(made)) == 3


async def test_a_sampled_chain_continues_as_if_it_had_not_been_cut(ask: OnnxAsker) -> None:
    prompt, sampling = ask.prompt(), Sampling(temperature=1.5, top_p=0.95, top_k=50, seed=7)
    whole = await ask.fresh(prompt, 30, sampling=sampling)
    head = await ask(prompt, 13, sampling=sampling)
    tail = await ask(prompt + head.ids, 17, sampling=sampling)
    assert head.ids + tail.ids == whole.ids


async def test_a_stop_id_ends_is_reported_and_is_not_kept(ask: OnnxAsker) -> None:
    prompt = ask.prompt()
    free = await ask.fresh(prompt, 30)
    stop = free.ids[9]
    place = free.ids.index(stop)
    unseen = next(i for i in range(5, 100) if i not in free.ids)
    made = await ask(prompt, 30, stop=(unseen, stop))
    assert (made.end, made.stop_id, made.ids) == ("stop", stop, free.ids[:place])
    assert made.stop_logprob == pytest.approx(free.logprobs[place], abs=1e-3)
    assert len(made.logprobs) == place
    past = await ask(prompt + made.ids, 5)
    assert (past.prefilled, past.ids) == (0, free.ids[place : place + 5])


async def test_max_tokens_is_kept_to(ask: OnnxAsker) -> None:
    for tokens in (1, 2, 7):
        made = await ask(ask.prompt(), tokens)
        assert (len(made.ids), made.end, made.stop_id, made.stop_logprob) == (tokens, "length", None, None)


async def test_the_window_ends_a_generation(ask: OnnxAsker) -> None:
    window = ask.engine.context_window
    ids = (ask.prompt() * window)[: window - 5]
    for tokens, count, end in ((50, 5, "context"), (5, 5, "length"), (4, 4, "length")):
        made = await ask(ids, tokens)
        assert (len(made.ids), made.end) == (count, end)
    again = await ask(ids[:-1], 3)
    assert (again.prefilled, len(again.ids)) == (1, 3)


@pytest.mark.parametrize(
    ("ids", "tokens", "part"),
    [
        ((), 1, "1 to"),
        ((5,) * 100_000, 1, "100000"),
        ((5,), 0, "max_tokens"),
        ((-1,), 1, "-1"),
        ((10**6,), 1, "0 to"),
    ],
)
async def test_what_cannot_be_asked(ask: OnnxAsker, ids: tuple[int, ...], tokens: int, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        await ask(ids, tokens)


async def test_a_full_window_cannot_be_continued(ask: OnnxAsker) -> None:
    with pytest.raises(ValueError, match="ids, this one has"):
        await ask((5,) * ask.engine.context_window)


async def test_log_probabilities_are_the_log_softmax_of_the_model(ask: OnnxAsker, model_folder: Path) -> None:
    prompt = ask.prompt()
    made = await ask(prompt, 15)
    generator = load_generator_model(OnnxConfig.read(model_folder)).create_generator(1024)
    for before, token in enumerate(made.ids):
        generator.append_tokens(np.array(prompt if before == 0 else made.ids[before - 1 : before], np.int32))
        logits = generator.get_logits()[0, -1].astype(np.float64)
        assert token == logits.argmax()
        wanted = logits[token] - np.log(np.exp(logits).sum())
        assert made.logprobs[before] == pytest.approx(wanted, abs=1e-3)


async def test_tokens_are_told_in_the_callers_loop_before_the_call_returns(ask: OnnxAsker) -> None:
    told: list[tuple[int, int]] = []
    made = await ask.engine.generate(
        ask.prompt(),
        max_tokens=20,
        stop_ids=(),
        sampling=GREEDY,
        session=ask.session,
        on_token=lambda token: told.append((token, threading.get_ident())),
    )
    assert tuple(token for token, _ in told) == made.ids
    assert {thread for _, thread in told} == {threading.get_ident()}


async def cancelled(ask: OnnxAsker, session: str) -> int:
    """Start a long call, cancel it after its first token; returns how many tokens it made."""
    begun, tokens = asyncio.Event(), list[int]()

    def told(token: int) -> None:
        tokens.append(token)
        begun.set()

    call = ask.engine.generate(
        ask.prompt(),
        max_tokens=LONG,
        stop_ids=(),
        sampling=GREEDY,
        session=f"{ask.session} {session}",
        on_token=told,
    )
    task = asyncio.create_task(call)
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return len(tokens)


async def test_a_cancelled_call_stops_and_its_session_goes_on(ask: OnnxAsker) -> None:
    assert 1 <= await cancelled(ask, "") < LONG / 2
    made = await ask(ask.prompt(), 20)
    assert made.prefilled == 0
    assert same(made, await ask.fresh(ask.prompt(), 20))


async def test_calls_cancelled_while_they_wait_their_turn_end_at_once(ask: OnnxAsker) -> None:
    count = 2 * (os.cpu_count() or 1) + 2
    tokens: list[int] = []
    tasks = [
        asyncio.create_task(
            ask.engine.generate(
                ask.prompt(), max_tokens=LONG, stop_ids=(), sampling=GREEDY, session=f"{ask.session} {i}",
                on_token=tokens.append,
            )
        )
        for i in range(count)
    ]  # fmt: skip
    while not tokens:
        await asyncio.sleep(0.001)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert len(tokens) < count * LONG / 4
    assert len((await ask(ask.prompt(), 5)).ids) == 5


async def test_a_released_session_computes_everything_again(ask: OnnxAsker) -> None:
    prompt = ask.prompt()
    first = await ask(prompt, 5)
    await ask.engine.release(f"{ask.session} ")
    await ask.engine.release("never seen")
    again = await ask(prompt, 5)
    assert again.prefilled == len(prompt)
    assert same(first, again)


async def test_only_so_many_sessions_are_kept(model_folder: Path) -> None:
    engine = OnnxEngine(model_folder, name="small", sessions=1)
    ask = Asker(engine, "")
    prompt = ask.prompt()
    cached = [(await ask(prompt, 2, session=session)).cached for session in "aabab"]
    assert cached == [0, len(prompt), 0, 0, 0]
    await engine.close()


async def test_a_closed_engine_says_so(model_folder: Path) -> None:
    engine = OnnxEngine(model_folder, name="embedded")
    ask = Asker(engine, "")
    running = asyncio.create_task(ask(ask.prompt(), 20))
    await asyncio.sleep(0)
    await engine.close()
    await engine.close()
    assert len((await running).ids) == 20
    with pytest.raises(AdaptiveError, match="the engine of model 'embedded' is closed"):
        await ask(ask.prompt())


def spoil_config(**changes: object) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        path = folder / "genai_config.json"
        config = json.loads(path.read_text())
        config["model"] |= changes
        path.write_text(json.dumps(config))

    return spoil


def spoil_weights(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


@pytest.mark.parametrize(
    ("spoil", "kind", "part"),
    [
        (lambda f: (f / "genai_config.json").unlink(), InputError, "genai_config.json cannot be read"),
        (lambda f: (f / "genai_config.json").write_text("{"), InputError, "is not valid JSON"),
        (lambda f: (f / "genai_config.json").write_text("{}"), AdaptiveError, "does not load"),
        (lambda f: (f / "genai_config.json").write_text('{"model": 1}'), AdaptiveError, "does not load"),
        (lambda f: (f / "model.onnx").unlink(), AdaptiveError, "does not load"),
        (spoil_weights, AdaptiveError, "does not load"),
        (spoil_config(type="nonsense"), AdaptiveError, "does not load"),
        (spoil_config(context_length=-1), AdaptiveError, "does not load"),
        (spoil_config(vocab_size="many"), AdaptiveError, "does not load"),
        (spoil_config(decoder=[]), AdaptiveError, "does not load"),
    ],
)
def test_a_broken_folder_is_one_sentence(
    folder: Path, spoil: Callable[[Path], object], kind: type[Exception], part: str
) -> None:
    spoil(folder)
    with pytest.raises(kind, match=part) as caught:
        OnnxEngine(folder, name="onnx:x")
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model folder .*nowhere does not exist: give a folder"):
        OnnxEngine(tmp_path / "nowhere", name="onnx:x")


ONE_TOKEN = """
import asyncio, sys
from pathlib import Path
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Sampling
engine = OnnxEngine(Path(sys.argv[1]), name="embedded")
asyncio.run(engine.generate([5], max_tokens=1, stop_ids=(), sampling=Sampling(), session="a"))
"""


def test_the_runtime_leaves_nothing_to_report(model_folder: Path, tmp_path: Path) -> None:
    """ONNX Runtime's telemetry keeps a database in the home folder; CI would switch it off by itself."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")}
    done = subprocess.run(
        [sys.executable, "-c", ONE_TOKEN, str(model_folder)],
        env={**kept, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.rglob("*")) == []
