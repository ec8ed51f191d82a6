"""Early stops and votes through the graph, on scripts and on the embedded model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adaptive import build_solver
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.registry import open_engine
from adaptive.errors import InputError
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import load_model_profile
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.stops import Stops
from tests.support.scripted import END, STOP, ScriptedEngine, says
from tests.support.solving import ask, profile, timeless

LOOKING = Stops(loop=True, probe_every=5, confident=0.0)
RUNGS = (Rung("none", 0, answer_room=24), Rung("medium", 96, answer_room=24))
SUM, STORY = "What is 47 + 38 - 12?", "Tom has 3 bags of 4 apples and eats 2 apples. How many are left?"


def scripted(stops: Stops, *rungs: Rung, **policy: Any) -> Profile:
    known = profile(p_solved=(), rungs=rungs or (Rung("low", 64),), **policy)
    return replace(known, style=replace(known.style, answer_prefix="\\boxed{"), stops=stops)


def playing() -> ScriptedEngine:
    return ScriptedEngine([says("one.\ntwo.\nsix.\n", END)], [says("0}", STOP)] * 9)


def test_a_chain_that_was_stopped_and_rejected_goes_on_and_is_not_stopped_again() -> None:
    """With another answer it is accepted or not; the stop that was wrong once is off for what goes on from it."""
    engine = playing()
    solver = build_solver(engine, profile=scripted(LOOKING, accept={"none": None}))
    first, second, *_ = solver.invoke(ask("2+2?"))["adaptive_result"]["attempts"]
    assert (first["finish"], first["thinking"], first["usage"]["probe"]) == ("confident", "one.\n", 0)
    assert first["rounds"] == [{"tokens": 5, "injected": 0, "end": "confident", "stopped": True}]
    assert [(one["charged"], one["answer"], one["tokens"] > 0) for one in first["probes"]] == [(5, "0", True)]
    assert (first["forced"], second["probes"]) == ([[5, 5]], [])
    assert [second["thinking"][a:b] for a, b in second["forced"]] == ["Wait"]
    assert (second["finish"], second["base"], second["usage"]["probe"]) == ("natural", 0, 0)
    assert second["thinking"].startswith("one.\ntwo.\nsix.\n")
    assert second["reason"] == "stopped early: let the same chain go on"


@pytest.mark.parametrize(("stop", "finish"), [(None, "confident"), ("confident", "confident"), ("none", "natural"),
                                              ("loop,converged", "natural")])  # fmt: skip
def test_stops_can_be_chosen(stop: str | None, finish: str) -> None:
    solver = build_solver(playing(), profile=scripted(LOOKING), options=Options(stop=stop, adapt=False))
    assert solver.invoke(ask("2+2?"))["adaptive_result"]["attempts"][0]["finish"] == finish


def test_a_stop_that_is_not_known_is_named_when_the_solver_is_built() -> None:
    with pytest.raises(InputError, match="stop 'lop' is not known"):
        build_solver(playing(), profile=scripted(LOOKING), options=Options(stop="lop"))


def test_probes_are_in_the_usage_and_in_the_events() -> None:
    engine = playing()
    stops = Stops(loop=False, probe_every=5, confident=1.0)
    solver = build_solver(engine, profile=scripted(stops), options=Options(adapt=False))
    events = list(solver.stream(ask("2+2?"), stream_mode="custom"))
    looks = [e for e in events if e["event"] == "probe"]
    assert [(e["answer"], e["tokens"], e["attempt"]) for e in looks] == [("0", 10, 0)] * 3
    usage = events[-1]["result"]["usage"]
    injected = 1 + 2 + len("\\boxed{") - 2  # no hand-over in this style
    assert usage["probe"] == 3 * (injected + 2)
    assert usage["total"] == sum(
        usage[n] for n in ("prompt", "thinking", "injected", "answer", "probe", "verifier")
    )


@pytest.fixture(scope="module")
def engine() -> Iterator[OnnxEngine]:
    opened = open_engine("embedded")
    assert isinstance(opened, OnnxEngine)
    yield opened
    asyncio.run(opened.close())


def abacus(**more: Any) -> Profile:
    """The embedded model's own profile on one thinking rung."""
    own = load_model_profile("embedded", 1024)
    policy = replace(
        own.policy, **{"agreement": None, "max_waits": 0, "escalates": True, **more.pop("policy", {})}
    )
    settings: dict[str, Any] = {"style": own.style, "policy": policy, **more}
    return Profile("early", "embedded", Ladder(RUNGS), **settings)


def check(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result)) == result
    for attempt in result["attempts"]:
        assert sum(r["tokens"] for r in attempt["rounds"]) <= attempt["budget"] <= 96
        assert attempt["usage"]["prompt"] - attempt["usage"]["cached"] >= 0
    for name in ("prompt", "cached", "thinking", "injected", "answer", "probe", "total"):
        assert result["usage"][name] == sum(a["usage"][name] for a in result["attempts"])


@pytest.mark.parametrize("text", [SUM, STORY])
def test_looking_changes_nothing_on_the_embedded_model_and_is_read_once(text: str, engine: OnnxEngine) -> None:
    once = Options(adapt=False)
    plain = build_solver(engine, profile=abacus(stops=Stops(loop=False)), options=once)
    looking = abacus(stops=Stops(loop=False, probe_every=8, converged=10**6))
    expected = plain.invoke(ask(text))["adaptive_result"]
    before = engine.prefilled_total
    result = build_solver(engine, profile=looking, options=once).invoke(ask(text))["adaptive_result"]
    one, other = result["attempts"][0], expected["attempts"][0]
    assert one["usage"]["probe"] > 0
    for name in ("answer", "text", "thinking", "rounds", "confidence", "weakest", "finish"):
        assert one[name] == other[name]
    for name in ("prompt", "cached", "thinking", "injected", "answer"):
        assert one["usage"][name] == other["usage"][name]
    new = one["usage"]["prompt"] + one["usage"]["injected"] + one["usage"]["probe"]
    assert engine.prefilled_total - before <= new
    check(result)


@pytest.mark.parametrize("text", [SUM, STORY])
async def test_a_sure_look_saves_thinking_on_the_embedded_model(text: str, engine: OnnxEngine) -> None:
    once = Options(adapt=False)
    plain = build_solver(engine, profile=abacus(), options=once).invoke(ask(text))["adaptive_result"]
    stops = Stops(probe_every=8, converged=2, confident=0.9)
    solver = build_solver(engine, profile=abacus(stops=stops), options=once)
    result = solver.invoke(ask(text))["adaptive_result"]
    check(result)
    one = result["attempts"][0]
    assert plain["attempts"][0]["thinking"].startswith(one["thinking"])
    assert one["usage"]["thinking"] <= plain["attempts"][0]["usage"]["thinking"]
    assert (one["finish"] in ("converged", "confident")) == one["rounds"][-1]["stopped"]
    assert timeless((await solver.ainvoke(ask(text)))["adaptive_result"]) == timeless(result)


async def test_a_vote_on_the_embedded_model_reads_its_prompt_once(engine: OnnxEngine) -> None:
    policy = {"accept": {"none": None}, "vote_most": 4, "vote_sure": 1.0}
    known = abacus(policy=policy)
    before = engine.prefilled_total
    solver = build_solver(engine, profile=known)
    result = solver.invoke(ask(SUM))["adaptive_result"]
    check(result)
    voted = [a for a in result["attempts"] if a["arm"] == "vote"]
    assert 1 <= len(voted) <= 4
    new = sum(a["usage"]["prompt"] - a["usage"]["cached"] + a["usage"]["injected"] for a in result["attempts"])
    assert engine.prefilled_total - before <= new + 2 * len(result["attempts"])
    assert all(a["usage"]["prompt"] - a["usage"]["cached"] <= 1 for a in voted[1:])
    assert timeless((await solver.ainvoke(ask(SUM)))["adaptive_result"]) == timeless(result)


@pytest.mark.slow
def test_samples_on_the_embedded_model_differ_by_seed_and_are_the_same_again(engine: OnnxEngine) -> None:
    policy = {"accept": {"none": None}, "vote_most": 4, "vote_sure": 1.0, "vote_temperature": 1.5}
    known = abacus(policy=policy)
    hard = "What is 873 * 46 - 1999 + 58 * 77?"
    one, again, other = (
        build_solver(engine, profile=known, options=Options(seed=seed)).invoke(ask(hard))["adaptive_result"]
        for seed in (1, 1, 2)
    )
    assert timeless(one) == timeless(again)
    thoughts = [[a["thinking"] for a in r["attempts"] if a["arm"] == "vote"] for r in (one, other)]
    assert len(set(thoughts[0])) > 1
    assert thoughts[0] != thoughts[1]
