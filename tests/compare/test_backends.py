"""A cell on a token engine: one attempt whose tokens stay within its cap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from adaptive.compare.backends import EngineBackend
from adaptive.compare.cell import Cell, CellResult, CellSetting, count_generated_tokens
from adaptive.profile.untrained import build_untrained_profile
from adaptive.types.ladder import EFFORTS, Effort
from tests.support.scripted import STOP, ByteCodec, ScriptedEngine, run

THOUGHT = [b"x" * 700]
ANSWER = [(*b"It is \\boxed{7}", STOP)]


def open_backend(engine: ScriptedEngine) -> EngineBackend:
    return EngineBackend(engine, build_untrained_profile("scripted", 100_000), [HumanMessage("What?")])


def ask(effort: Effort, cap: int, engine: ScriptedEngine) -> CellResult:
    return run(open_backend(engine).ask(Cell(CellSetting("scripted", effort, cap))))


@given(st.sampled_from(EFFORTS), st.integers(1, 900))
def test_a_cap_holds_all_that_the_model_makes(effort: Effort, cap: int) -> None:
    engine = ScriptedEngine(THOUGHT, ANSWER)
    bought = ask(effort, cap, engine)
    usage = bought.attempt.usage
    assert usage.thinking + usage.answer <= cap
    assert count_generated_tokens(usage) == usage.thinking + usage.answer + usage.injected  # no probe, no verifier
    assert (usage.thinking == 0) == (effort == "none" or cap < 2)
    assert engine.released == [engine.calls[0].session]


def test_an_effort_that_the_template_does_not_know_is_said_and_mapped() -> None:
    codec = ByteCodec()
    codec.efforts = ("low", "high")  # type: ignore[misc,assignment]
    bought = ask("xhigh", 200, ScriptedEngine(THOUGHT, ANSWER, codec=codec))
    assert bought.attempt.effort == "high"
    (note,) = bought.notes
    assert note.startswith("scripted: effort xhigh is not known")
    assert note.endswith("high is used")
    codec.efforts = ()  # type: ignore[misc]
    bought = ask("high", 200, ScriptedEngine(THOUGHT, ANSWER, codec=codec))
    assert bought.notes == ("scripted: its chat template tells no efforts apart",)


def test_efforts_are_one_request_if_the_template_does_not_tell_them_apart() -> None:
    def list_keys(known: tuple[Effort, ...]) -> list[str]:
        codec = ByteCodec()
        codec.efforts = known  # type: ignore[misc]
        backend = open_backend(ScriptedEngine([], [], codec=codec))
        efforts: tuple[Effort, ...] = ("none", "low", "high", "xhigh")
        return [backend.map_request(CellSetting("scripted", effort, 200)).key for effort in efforts]

    none, low, high, most = list_keys(())
    assert low == high == most != none
    none, low, high, most = list_keys(("low", "high"))
    assert high == most
    assert len({none, low, high}) == 3


def test_a_chain_that_repeats_itself_is_not_stopped_early() -> None:
    thought = b"So it is seven, so it is seven.\n" * 80
    bought = ask("high", 6000, ScriptedEngine([thought], ANSWER))
    assert bought.attempt.finish == "natural"
    assert bought.attempt.usage.thinking > len(thought)


def test_what_was_bought_survives_json() -> None:
    bought = ask("low", 200, ScriptedEngine(THOUGHT, ANSWER))
    assert bought.attempt.trace
    assert CellResult.from_json(bought.to_json()).to_json() == bought.to_json()
    assert bought.to_json()["attempt"]["trace"] == []
