"""Two models: the second is turned to after a rejection, with a ladder, a profile and sessions of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from adaptive import build_solver
from adaptive.engines.protocol import Generation
from adaptive.policy.ladder import map_efforts
from adaptive.types.ladder import EFFORTS, Effort, Ladder, Rung
from adaptive.types.options import Options
from tests.support.scripted import ByteCodec
from tests.support.solving import SURE, THREAD, UNSURE, PureEngine, ask, profile, uncached

ONE, OWN = (Rung("low", 40),), (Rung("none", 0), Rung("medium", 48), Rung("high", 96))


def weak(**more: Any) -> PureEngine:
    """A model that is never sure."""
    return PureEngine(ends=(24,), enough=10**6, name="weak", **more)


def strong(folder: Path, rungs: Sequence[Rung] = OWN, enough: int = 20, **more: Any) -> PureEngine:
    """A model with a profile of its own in its folder."""
    profile(p_solved=(), rungs=rungs).save(folder / "profile")
    return PureEngine(ends=(24,), enough=enough, name=f"hf:{folder}", **more)


def solver(one: PureEngine, other: PureEngine, options: Options | None = None, **compiled: Any) -> Any:
    known = profile(p_solved=(), rungs=ONE, max_waits=0)
    return build_solver(one, profile=known, stronger=other, options=options, **compiled)


def test_it_is_turned_to_after_a_rejection(tmp_path: Path) -> None:
    one, other = weak(), strong(tmp_path)
    state = solver(one, other).invoke(ask("2+2?"))
    result = state["adaptive_result"]
    assert [(a["arm"], a["model"], a["answer"]) for a in result["attempts"]] == [
        ("first", "weak", UNSURE + "2"),
        ("model", other.name, SURE + "2"),
    ]
    assert (result["answer"], result["accepted"], result["kept"], result["model"]) == (SURE + "2", True, 1, "weak")
    assert other.name in result["attempts"][1]["reason"]
    assert state["messages"][-1].response_metadata["model_name"] == other.name, "who wrote it"


def test_it_has_its_own_ladder_and_profile(tmp_path: Path) -> None:
    result = solver(weak(), strong(tmp_path)).invoke(ask("2+2?"))["adaptive_result"]
    second = result["attempts"][1]
    assert (second["rung"], second["effort"], second["budget"]) == (1, "medium", 48)


def test_an_accepted_answer_never_costs_the_stronger_one_anything(tmp_path: Path) -> None:
    other = strong(tmp_path)
    result = solver(PureEngine(ends=(24,), enough=20, name="weak"), other).invoke(ask("2+2?"))["adaptive_result"]
    assert (result["accepted"], other.calls, len(result["attempts"])) == (True, [], 1)


def test_escalation_goes_on_on_the_stronger_model(tmp_path: Path) -> None:
    one, other = weak(), strong(tmp_path, rungs=(Rung("low", 8), Rung("low", 64)), enough=20)
    result = solver(one, other).invoke(ask("2+2?"))["adaptive_result"]
    assert [(a["arm"], a["model"], a["base"]) for a in result["attempts"]] == [
        ("first", "weak", None), ("model", other.name, None), ("budget", other.name, 1),
    ]  # fmt: skip
    assert result["accepted"]


def test_usage_is_that_of_both(tmp_path: Path) -> None:
    one, other = weak(), strong(tmp_path)
    usage = solver(one, other).invoke(ask("2+2?"))["adaptive_result"]["usage"]
    assert usage["thinking"] + usage["answer"] == sum(c.sampled for c in (*one.calls, *other.calls))


async def test_sessions_of_both_are_let_go(tmp_path: Path) -> None:
    one, other = weak(), strong(tmp_path)
    await solver(one, other).ainvoke(ask("2+2?"))
    for engine in (one, other):
        assert engine.calls
        assert {c.session for c in engine.calls} <= set(engine.released)
        assert not engine._sessions


@dataclass
class Failing(PureEngine):
    """Fails at its call number `fails_at`."""

    fails_at: int = 0

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        if len(self.calls) == self.fails_at:
            raise RuntimeError("out of memory")
        return await super().generate(ids, **asked)


@pytest.mark.parametrize("fails_at", [0, 1])
def test_sessions_of_both_are_let_go_where_the_stronger_fails(fails_at: int, tmp_path: Path) -> None:
    one, other = weak(), Failing(name=strong(tmp_path).name, ends=(24,), fails_at=fails_at)
    with pytest.raises(RuntimeError, match="out of memory"):
        solver(one, other).invoke(ask("2+2?"))
    assert not one._sessions
    assert not other._sessions
    assert other.released


@pytest.mark.parametrize("node", ["escalate", "think", "verify"])
def test_cut_off_it_goes_on_with_the_model_it_had_come_to(node: str, tmp_path: Path) -> None:
    engines = weak(), strong(tmp_path)
    expected = solver(*engines).invoke(ask("2+2?"))["adaptive_result"]
    given: Any = ask("2+2?")
    calls: list[tuple[int, ...]] = []
    for _ in range(9):
        fresh = weak(), strong(tmp_path)
        with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
            going = solver(*fresh, checkpointer=saver, interrupt_after=[node])
            going.invoke(given, THREAD)
            state = going.get_state(THREAD)
        calls += [c.ids for engine in fresh for c in engine.calls]
        given = None
        if not state.next:
            break
    assert uncached(state.values["adaptive_result"]) == uncached(expected)
    assert calls == [c.ids for engine in engines for c in engine.calls]


class FewEfforts(ByteCodec):
    """A template that tells two efforts apart."""

    efforts: Any = ("low", "high")


class NoEfforts(ByteCodec):
    """A template that tells none apart."""

    efforts: Any = ()


@pytest.mark.parametrize(
    ("asked", "known", "near"),
    [
        ("medium", ("low", "high"), "low"),  # of two that are as near the cheaper
        ("xhigh", ("low", "high"), "high"),
        ("minimal", ("low", "high"), "low"),
        ("high", ("medium",), "medium"),
        ("low", ("low", "high"), "low"),
        ("medium", (), "medium"),
    ],
)
def test_efforts_are_mapped_to_the_nearest(asked: Effort, known: tuple[Effort, ...], near: str) -> None:
    ladder, notes = map_efforts(Ladder((Rung("none", 0), Rung(asked, 64), Rung(asked, 96))), known)
    assert [r.effort for r in ladder] == ["none", near, near]
    said = f"effort {asked} is not known to the model: {near} is used"
    assert notes == ([said] if near != asked else [])


def test_what_was_mapped_is_in_the_notes_and_told() -> None:
    solving = build_solver(weak(codec=FewEfforts()), profile=profile(), options=Options(effort="medium"))
    events = list(solving.stream(ask("2+2?"), stream_mode="custom"))
    note = "effort medium is not known to the model: low is used"
    assert events[-1]["result"]["notes"] == [note]
    assert [e["text"] for e in events if e["event"] == "note"] == [note]
    assert {e["effort"] for e in events if e["event"] == "start"} == {"low"}


def test_every_effort_that_is_known_is_mapped_to_itself() -> None:
    for effort in EFFORTS[1:]:
        assert map_efforts(Ladder((Rung(effort, 64),)), EFFORTS[1:]) == (Ladder((Rung(effort, 64),)), [])


@pytest.mark.parametrize("effort", ["low", "high", "none", None])
def test_of_a_template_that_tells_no_efforts_apart_only_the_budget_counts(effort: str | None) -> None:
    solving = build_solver(weak(codec=NoEfforts()), profile=profile(), options=Options(effort=effort))
    result = solving.invoke(ask("2+2?"))["adaptive_result"]
    said = f"the model tells no efforts apart: of effort {effort} only the budget counts"
    assert result["notes"] == ([] if effort in (None, "none") else [said])
    assert "effort" not in {a["arm"] for a in result["attempts"]}


def test_what_is_mapped_of_the_stronger_model_is_in_the_notes_once_it_was_asked(tmp_path: Path) -> None:
    other = strong(tmp_path, codec=FewEfforts())
    note = f"{other.name}: effort medium is not known to the model: low is used"
    result = solver(weak(), other).invoke(ask("2+2?"))["adaptive_result"]
    assert result["attempts"][1]["effort"] == "low"
    assert result["notes"] == [note]
    told = [e for e in solver(weak(), other).stream(ask("2+2?"), stream_mode="custom") if e["event"] == "note"]
    assert [e["text"] for e in told] == [note]
    sure = PureEngine(ends=(24,), enough=20, name="weak")
    assert solver(sure, other).invoke(ask("2+2?"))["adaptive_result"]["notes"] == []


def test_both_models_agree_independently(tmp_path: Path) -> None:
    one = PureEngine(ends=(24,), enough=20, name="weak")
    known = profile(p_solved=(), rungs=ONE, max_waits=0, accept={"none": None})
    other = strong(tmp_path)
    (profile(p_solved=(), rungs=OWN, accept={"none": None}, agreement=0.5)).save(tmp_path / "profile")
    result = build_solver(one, profile=known, stronger=other).invoke(ask("2+2?"))["adaptive_result"]
    assert [a["answer"] for a in result["attempts"]] == [SURE + "2"] * 2
    assert (result["accepted"], result["attempts"][1]["verdict"]["verifier"]) == (True, "agreement")
