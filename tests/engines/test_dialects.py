"""What each server is asked and how its answer is read, on wire formats with the embedded engine behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.loop_engine import UNREPORTED_BATCH
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.protocol import Sampling
from adaptive.engines.registry import get_engine_parallel
from adaptive.errors import AdaptiveError, InputError
from adaptive.solver.build import build_solver
from tests.cli.conftest import Run
from tests.engines.asking import Asker
from tests.engines.serving import Faulty, serving
from tests.engines.wires import EOG, WIRES

HF = str(find_artifact("abacus") / "hf")
pytestmark = pytest.mark.crossed
NATIVE = ["llama.cpp", "sglang", "sglang, incremental"]


@pytest.fixture(params=WIRES)
def server(request: pytest.FixtureRequest, engine: OnnxEngine) -> Iterator[Faulty]:
    with serving(Faulty(engine, root=HF, dialect=request.param)) as faulty:
        yield faulty


@pytest.fixture
def client(server: Faulty) -> Iterator[CompletionsEngine]:
    client = CompletionsEngine(server.url, pause=0)
    server.asked.clear()
    yield client
    asyncio.run(client.close())


@pytest.fixture
def ask(client: CompletionsEngine, session: str) -> Asker:
    return Asker(client, session)


@pytest.fixture
def own(engine: OnnxEngine, session: str) -> Asker:
    return Asker(engine, f"own {session}")


async def test_the_same_as_the_engine_behind_it(ask: Asker, own: Asker) -> None:
    stops = own.engine.codec.markers.thinking_stops
    made, expected = [await asker(asker.prompt(), 99, stop=stops) for asker in (ask, own)]
    assert (made.ids, made.end, made.stop_id) == (expected.ids, expected.end, expected.stop_id)
    assert made.logprobs == pytest.approx(expected.logprobs, abs=1e-4)
    assert made.counted


async def test_an_end_of_turn_that_is_no_stop_id_is_an_id(ask: Asker, own: Asker, server: Faulty) -> None:
    """The answer ends its turn, and is continued past it as vLLM's is with `ignore_eos`."""
    prompt = own.engine.codec.render([("user", "What is 2 + 3?")], "none").closed
    expected = await own(prompt, 40)
    assert set(EOG) & set(expected.ids)
    made = await ask(prompt, 40)
    assert (made.ids, made.end) == (expected.ids, "length")
    assert len(made.logprobs) == 40


async def test_a_caller_halts_it_to_the_token(ask: Asker, own: Asker) -> None:
    seen: list[int] = []

    def halt(token: int) -> bool:
        seen.append(token)
        return len(seen) == 7

    made = await ask(ask.prompt(), 24, halt=halt)
    assert (made.end, made.ids) == ("halted", (await own(own.prompt(), 7)).ids)


@pytest.mark.parametrize("fault", [429, 503, "cut"])
async def test_it_goes_on_from_the_ids_that_arrived(ask: Asker, own: Asker, server: Faulty, fault: Any) -> None:
    server.faults = [fault, fault]
    made = await ask(ask.prompt(), 24)
    assert made.ids == (await own(own.prompt(), 24)).ids
    assert len(server.asked) == 3


async def test_a_server_that_gives_up_in_the_middle_is_one_sentence(ask: Asker, server: Faulty) -> None:
    server.faults = ["error"]
    with pytest.raises(AdaptiveError, match="failed \\(the model fell over\\)"):
        await ask(ask.prompt())


async def test_without_log_probabilities_it_works_too(server: Faulty, own: Asker, session: str) -> None:
    server.without = ("logprobs", "completion_probabilities", "output_token_logprobs")
    client = CompletionsEngine(server.url)
    made = await Asker(client, session)(own.prompt(), 12)
    assert client.facts["log-probabilities"] == "no"
    await client.close()
    assert (made.ids, made.logprobs) == ((await own(own.prompt(), 12)).ids, ())


async def test_a_window_runs_out(ask: Asker) -> None:
    window = ask.engine.context_window
    made = await ask((ask.prompt() * window)[: window - 6], 50)
    assert (len(made.ids), made.end) == (6, "context")


def test_a_solve(client: CompletionsEngine) -> None:
    question = {"messages": [("user", "What is 47 + 38 - 12?")]}
    profile = find_artifact("abacus") / "profile"
    over, own = [
        build_solver(e, profile=profile).invoke(question)["adaptive_result"] for e in (client, "embedded")
    ]
    assert over["answer"] == own["answer"]
    assert [a["usage"]["thinking"] for a in over["attempts"]] == [a["usage"]["thinking"] for a in own["attempts"]]


class TestLlamaCpp:
    """What only llama.cpp does: ids that its stream does not show."""

    @pytest.fixture(params=["llama.cpp"])
    def server(self, request: pytest.FixtureRequest, engine: OnnxEngine) -> Iterator[Faulty]:
        with serving(Faulty(engine, root=HF, dialect=request.param)) as faulty:
            yield faulty

    @pytest.mark.parametrize("how", [Sampling(), Sampling(temperature=1.2, seed=3)])
    async def test_ids_inside_a_character_are_not_lost(
        self, ask: Asker, own: Asker, server: Faulty, how: Sampling
    ) -> None:
        prompt = own.prompt()
        expected = await own(prompt, 24)
        server.unfinished = frozenset(expected.ids[2:5:2]) | {expected.ids[-1]}
        made = await ask(prompt, 24, sampling=how)
        assert len(made.ids) == 24
        if how.temperature == 0:
            assert (made.ids, made.logprobs) == (expected.ids, ())  # it tells none of an unfinished character

    async def test_what_was_lost_is_drawn_with_the_same_seed(self, ask: Asker, own: Asker, server: Faulty) -> None:
        how = Sampling(temperature=1.2, seed=3)
        shown = await ask(ask.prompt(), 24, sampling=how)
        server.unfinished, before = frozenset(shown.ids[5:6]), len(server.asked)
        made = await ask(ask.prompt(), 24, sampling=how)
        first, again = server.asked[before : before + 2]
        assert (again["stream"], again["seed"], again["prompt"]) == (False, first["seed"], first["prompt"])
        assert made.ids[: again["n_predict"]] == shown.ids[: again["n_predict"]]

    async def test_a_chain_stays_in_its_slot(self, client: CompletionsEngine, server: Faulty) -> None:
        for session in (*"abcdefgh", *"abcdefgh"):
            await Asker(client, session)(client.codec.encode("12 + 7"), 1)
        slots = [body["id_slot"] for body in server.asked]
        assert slots[:8] == slots[8:]
        assert 1 < len(set(slots)) <= 4

    async def test_a_server_that_never_shows_them_is_one_sentence(self, ask: Asker, server: Faulty) -> None:
        server.faults = ["no ids"] * 4
        with pytest.raises(InputError, match="gives no token ids"):
            await ask(ask.prompt())


class TestSglang:
    """What only SGLang does."""

    @pytest.fixture(params=["sglang"])
    def server(self, request: pytest.FixtureRequest, engine: OnnxEngine) -> Iterator[Faulty]:
        with serving(Faulty(engine, root=HF, dialect=request.param)) as faulty:
            yield faulty

    async def test_tempered_log_probabilities_are_not_taken(self, ask: Asker) -> None:
        made = await ask(ask.prompt(), 8, sampling=Sampling(temperature=1.2, seed=3))
        assert (len(made.ids), made.logprobs) == (8, ())

    def test_it_keeps_six_ids_of_the_context_back(self, client: CompletionsEngine, engine: OnnxEngine) -> None:
        assert (
            client.context_window == engine.context_window
        )  # told as the longest input, six less than the context


class TestConnecting:
    """Which dialect a server speaks, what it can do, and what it lacks."""

    @pytest.mark.parametrize("owner", ["somebody", None])
    def test_it_is_found_out(self, server: Faulty, owner: str | None) -> None:
        server.owner = owner
        client = CompletionsEngine(server.url)
        assert client.facts["dialect"] == server.dialect.partition(",")[0]
        asyncio.run(client.close())

    def test_it_is_asked_how_many_it_batches(self, server: Faulty) -> None:
        batch = {"vllm": UNREPORTED_BATCH, "llama.cpp": 4, "sglang": 24 + 24}[server.dialect.partition(",")[0]]
        for limit, parallel in ((256, batch), (3, 3)):
            client = CompletionsEngine(server.url, concurrency=limit)
            assert (client.parallel, get_engine_parallel(client, server.url)) == (parallel, parallel)
            asyncio.run(client.close())

    def test_or_said_by_hand(self, server: Faulty) -> None:
        with pytest.raises(InputError, match=r"dialect 'lmstudio' is not known: use vllm, llama\.cpp, sglang"):
            CompletionsEngine(server.url, dialect="lmstudio")
        wrong = "sglang" if server.dialect == "vllm" else "vllm"
        with pytest.raises(InputError, match="cannot do token forcing, it lacks"):
            CompletionsEngine(server.url, dialect=wrong, tokenizer=HF)
        right = server.dialect.partition(",")[0]
        asyncio.run(CompletionsEngine(server.url, dialect=right).close())

    @pytest.mark.parametrize("tokenizes", [True, False])
    def test_what_it_can_do_is_shown(self, run: Run, server: Faulty, tokenizes: bool) -> None:
        server.tokenizes = tokenizes
        shown = run("models", "-m", server.url)
        assert shown.exit_code == 0, shown.output
        facts = dict(line.split(": ", 1) for line in shown.stdout.splitlines())
        assert facts["dialect"] == server.dialect.partition(",")[0]
        assert facts["token ids in and out"] == facts["log-probabilities"] == facts["cached ids are told"] == "yes"
        assert facts["tokenizer endpoint"] == ("yes" if tokenizes else "no")
        assert facts["context window"] == "1024"

    def test_one_that_knows_text_only_is_refused_with_all_that_it_lacks(
        self, engine: OnnxEngine, run: Run
    ) -> None:
        plain = Faulty(engine, owner="me", window=False, without=("token_ids",))
        with serving(plain):
            made = run("solve", "1 + 1", "-m", plain.url, "--no-log")
        lacks = "it lacks the length of a context and token ids out"
        assert (made.exit_code, made.stdout) == (2, "")
        assert made.stderr.startswith(f"Error: the server {plain.url} cannot do token forcing, {lacks}: ")
        assert made.stderr.endswith("or use the chat engine for it.\n")
        assert made.stderr.count("\n") == 1

    def test_one_that_refuses_ids_is_quoted(self, engine: OnnxEngine) -> None:
        with (
            serving(Faulty(engine, faults=[400])) as plain,
            pytest.raises(InputError, match=r"token ids in \(400: fault 400\)"),
        ):
            CompletionsEngine(plain.url)
