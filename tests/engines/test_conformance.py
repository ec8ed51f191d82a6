"""What every token engine must do, on each engine that is installed, all with the embedded reasoner's weights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Generation, Sampling, TokenEngine
from adaptive.engines.steering import find_steering
from adaptive.solver.build import build_solver
from adaptive.types.ladder import Rung
from tests.engines.asking import GREEDY, Asker
from tests.engines.backends import BACKENDS, Backend
from tests.engines.steered import InRounds, attempt

QUESTIONS = [
    *(
        f"What is {a} + {b} - {c}?"
        for a, b, c in zip(range(12, 80, 4), range(90, 22, -4), range(3, 71, 4), strict=True)
    ),
    *(f"{a} * {b} =" for a, b in zip(range(3, 20), range(4, 89, 5), strict=True)),
    *(
        f"Tom has {a} pens and buys {b} more. How many pens?"
        for a, b in zip(range(5, 69, 4), range(7, 87, 5), strict=True)
    ),
]

# torch, transformers and vLLM warn of their own doings, which no test here is about.
pytestmark = pytest.mark.filterwarnings("default")


class BlockAsker(Asker):
    """Asks an engine that may compute up to `blocks` ids of a continued chain again."""

    def __init__(self, engine: TokenEngine, session: str, blocks: int) -> None:
        super().__init__(engine, session)
        self.blocks = blocks

    def fresh_work(self, made: Generation, new: int) -> bool:
        """Whether no more was computed than `new` ids and what did not fill a block of the cache."""
        return made.prefilled <= new + self.blocks


@pytest.fixture(scope="session", params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Iterator[tuple[Backend, TokenEngine]]:
    chosen: Backend = request.param
    if (missing := chosen.missing()) is not None:
        pytest.skip(f"{missing} is not installed: .ci/run runs this where it is")
    with chosen.opened() as engine:
        yield chosen, engine


@pytest.fixture
def ask(backend: tuple[Backend, TokenEngine], request: pytest.FixtureRequest) -> BlockAsker:
    return BlockAsker(backend[1], request.node.nodeid, backend[0].blocks)


async def test_a_generation_in_two_calls_is_the_same_as_in_one(ask: BlockAsker) -> None:
    prompt = ask.prompt()
    whole = await ask(prompt, 24, session="whole")
    first = await ask(prompt, 10)
    second = await ask(prompt + first.ids, 14)
    assert first.ids + second.ids == whole.ids
    assert first.logprobs + second.logprobs == pytest.approx(whole.logprobs, abs=0.02)


async def test_a_continued_round_computes_only_what_is_new(ask: BlockAsker) -> None:
    prompt, wait = ask.prompt(), ask.engine.codec.encode("Wait")
    first = await ask(prompt, 40)
    second = await ask(prompt + first.ids + wait, 40)
    third = await ask(prompt + first.ids + wait + second.ids + wait, 5)
    assert first.prefilled + first.cached == len(prompt)
    for made in (second, third):
        assert ask.fresh_work(made, len(wait) + 1), (made.prefilled, made.cached)


async def test_a_stop_id_is_told_and_left_out(ask: BlockAsker) -> None:
    stops = ask.engine.codec.markers.thinking_stops
    made = await ask(ask.prompt(), 200, stop=stops)
    assert (made.end, made.stop_id in stops) == ("stop", True)
    assert not set(stops) & set(made.ids)
    assert made.stop_logprob is not None


@pytest.mark.parametrize("tokens", [1, 2, 17])
async def test_as_many_tokens_as_asked_for(ask: BlockAsker, tokens: int) -> None:
    made = await ask(ask.prompt(), tokens)
    assert (len(made.ids), len(made.logprobs), made.end) == (tokens, tokens, "length")


async def test_a_caller_halts_it_to_the_token_and_may_go_on(ask: BlockAsker) -> None:
    prompt = ask.prompt()
    whole = await ask(prompt, 24, session="whole")
    seen: list[int] = []

    def halt(token: int) -> bool:
        seen.append(token)
        return len(seen) == 9

    first = await ask(prompt, 24, halt=halt)
    second = await ask(prompt + first.ids, 15)
    assert (len(first.ids), first.end, list(first.ids)) == (9, "halted", seen)
    assert first.ids + second.ids == whole.ids
    assert ask.fresh_work(second, 1), (second.prefilled, second.cached)


async def test_a_look_ahead_costs_the_chain_nothing(ask: BlockAsker) -> None:
    """Forcing an answer in the middle of a chain, as a probe does, and going on with the chain."""
    prompt, ahead = ask.prompt(), ask.engine.codec.encode("So the answer is")
    whole = await ask(prompt, 40, session="whole")
    first = await ask(prompt, 20)
    await ask(prompt + first.ids + ahead, 5)
    second = await ask(prompt + first.ids, 20)
    assert first.ids + second.ids == whole.ids
    assert ask.fresh_work(second, 0), (second.prefilled, second.cached)


async def test_log_probabilities_are_those_of_the_weights(ask: BlockAsker, engine: OnnxEngine) -> None:
    made = await ask(ask.prompt(), 24)
    own = await Asker(engine, ask.session)(ask.prompt(), 24)
    assert all(logprob <= 1e-6 for logprob in made.logprobs)
    assert made.logprobs == pytest.approx(own.logprobs, abs=0.05)


async def test_samples_share_the_prompt_and_a_seed_repeats_one(ask: BlockAsker) -> None:
    prompt = ask.prompt("What is 8347 * 926?")
    await ask(prompt, 1)

    async def sample(seed: int) -> Generation:
        return await ask(prompt, 16, sampling=Sampling(temperature=1.5, seed=seed))

    samples = [await sample(seed) for seed in range(4)]
    assert all(ask.fresh_work(one, 1) for one in samples)
    assert len({one.ids for one in samples}) > 1
    assert (await sample(2)).ids == samples[2].ids


async def test_a_sequence_that_was_drawn_is_not_drawn_again(ask: BlockAsker) -> None:
    how = Sampling(temperature=1.5, seed=7)
    first = await ask(ask.prompt(), 12, sampling=how)
    second = await ask(ask.prompt() + first.ids, 12, sampling=how)
    assert first.ids != second.ids


async def test_tokens_are_told_as_they_come_and_a_cancelled_call_stops(ask: BlockAsker) -> None:
    arrived = asyncio.Event()
    prompt = ask.prompt()
    work = ask.engine.generate(
        prompt,
        max_tokens=900,
        stop_ids=(),
        sampling=GREEDY,
        session=ask.session,
        on_token=lambda _: arrived.set(),
    )
    task = asyncio.create_task(work)
    await arrived.wait()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await ask(prompt, 5)).ids == (await ask(prompt, 5, session="other")).ids


async def test_a_context_window_runs_out(ask: BlockAsker) -> None:
    window = ask.engine.context_window
    filler = (ask.prompt() * window)[: window - 6]
    made = await ask(filler, 50)
    assert (len(made.ids), made.end) == (6, "context")
    with pytest.raises(ValueError, match="a sequence must have"):
        await ask(filler + (5,) * 6, 1)


async def test_calls_at_once_do_not_mix(ask: BlockAsker) -> None:
    prompts = [ask.prompt(question) for question in QUESTIONS[:6]]
    together = await asyncio.gather(*(ask(p, 30, session=str(n)) for n, p in enumerate(prompts)))
    alone = [await ask(p, 30, session=f"alone {n}") for n, p in enumerate(prompts)]
    agree = sum(a.ids == b.ids for a, b in zip(together, alone, strict=True))
    # A batch adds up in another order, which may turn a token that was nearly a tie.
    assert agree >= 5


GUIDING = ("vllm", "server", "llama.cpp")


async def test_a_guided_text_follows_its_schema(ask: BlockAsker, backend: tuple[Backend, TokenEngine]) -> None:
    assert await ask.engine.can_guide() is (backend[0].name in GUIDING)
    if not await ask.engine.can_guide():
        return
    # A word, since between the parts of a list vLLM allows blanks without end, which abacus may choose.
    schema = json.dumps({"enum": ["left", "right"]})
    codec = ask.engine.codec
    prompt = codec.render([("user", QUESTIONS[0])], "medium").closed
    made = await ask(prompt, 60, stop=codec.markers.answer_stops, sampling=Sampling(schema=schema))
    assert made.end == "stop"
    assert json.loads(codec.decode(made.ids)) in ("left", "right")


def solved(engine: Any, question: str) -> dict[str, Any]:
    solver = build_solver(engine, profile=find_artifact("abacus") / "profile")
    result: dict[str, Any] = solver.invoke({"messages": [("user", question)]})["adaptive_result"]
    return result


@pytest.mark.slow
def test_answers_agree_with_the_embedded_engine(ask: BlockAsker, engine: OnnxEngine) -> None:
    unexplained = []
    for question in QUESTIONS[:50]:
        one, other = solved(ask.engine, question), solved(engine, question)
        sure = min(a["confidence"] or 0.0 for a in (*one["attempts"], *other["attempts"]))
        if one["answer"] != other["answer"] and sure > 0.9:
            unexplained.append((question, one["answer"], other["answer"], sure))
    assert not unexplained


def test_a_solve_in_rounds_reads_each_token_once(ask: BlockAsker) -> None:
    from adaptive.types.options import Options

    options = Options(adapt=False, waits=2, budget=512, effort="medium", wait_string=("Wait", "Hmm"))
    solver = build_solver(ask.engine, profile=find_artifact("abacus") / "profile", options=options)
    result = solver.invoke({"messages": [("user", QUESTIONS[0])]})["adaptive_result"]
    rounds = len(result["attempts"][0]["rounds"])
    assert rounds >= 2
    prompt = len(ask.prompt())
    again = result["usage"]["prompt"] - prompt
    assert again <= ask.blocks * rounds


async def test_a_steered_attempt_is_the_one_of_rounds(ask: BlockAsker) -> None:
    if find_steering(ask.engine) is None:
        pytest.skip("this engine does not steer")
    rungs = [Rung("medium", 256, 2, 64), Rung("medium", 30, 1, 32), Rung("medium", 5, 0, 32)]
    waits = 0
    for question in QUESTIONS[:3]:
        for rung in rungs:
            steered = await attempt(ask.engine, question, rung)
            assert steered == await attempt(InRounds(ask.engine), question, rung)
            assert sum(one.tokens for one in steered.rounds) <= rung.budget
            waits += steered.waits
    assert waits > 0


async def test_a_steered_sample_keeps_its_budget(ask: BlockAsker) -> None:
    for rung in (Rung("medium", 60, 2, 32), Rung("medium", 7, 1, 32)):
        made = await attempt(ask.engine, QUESTIONS[0], rung, temperature=1.2)
        assert sum(one.tokens for one in made.rounds) <= rung.budget
        assert made.waits <= rung.waits


def test_vllm_steers(backend: tuple[Backend, TokenEngine]) -> None:
    assert (find_steering(backend[1]) is not None) == (backend[0].name in ("vllm", "server"))
