"""The graph on scripted engines: what it does, what it tells, what it counts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from adaptive import build_solver
from adaptive.engines.protocol import Generation, Sampling
from adaptive.types.ladder import Rung
from adaptive.types.options import Options
from tests.support.scripted import END, STOP, ScriptedEngine, says
from tests.support.solving import HARD, NODES, RUNGS, SURE, UNSURE, PureEngine, ask, boxed, profile, timeless

MIXED = (Rung("none", 0), Rung("low", 16), Rung("medium", 32), Rung("high", 80))
ATTEMPT = r"start((?: wait)?(?: thinking)+ end)*(?: answer)+ verdict"


def solve(
    engine: ScriptedEngine, options: Options | None = None, text: str = "2+2?", **known: Any
) -> dict[str, Any]:
    """The result object of one solve."""
    solver = build_solver(engine, profile=profile(**known), options=options)
    result: dict[str, Any] = solver.invoke(ask(text))["adaptive_result"]
    return result


def arms(result: dict[str, Any]) -> list[tuple[str, int]]:
    return [(a["arm"], a["budget"]) for a in result["attempts"]]


def traces(engine: ScriptedEngine, **known: Any) -> list[list[int]]:
    """The chain of each attempt of a solve."""
    solver = build_solver(engine, profile=profile(**known))
    updates = [u["think"] for u in solver.stream(ask("2+2?"), stream_mode="updates") if "think" in u]
    return [a["trace"] for a in updates[-1]["adaptive_attempts"]]


def test_an_easy_question_costs_no_thinking() -> None:
    result = solve(ScriptedEngine([], [boxed(SURE)]))
    assert (result["answer"], result["accepted"], result["stopped"]) == (SURE, True, "accepted")
    assert arms(result) == [("first", 0)]
    assert (result["usage"]["thinking"], result["usage"]["injected"]) == (0, 0)
    tokens = [48.0, 64.0, 80.0, 128.0]  # not recorded: the whole budget, and the room to answer
    assert result["difficulty"] == {"level": "easy", "p_solved": [0.9, 0.95, 0.97, 0.99], "tokens": tokens}


def test_a_rejected_answer_escalates_until_one_is_accepted() -> None:
    result = solve(PureEngine())
    assert (result["answer"], result["accepted"], result["kept"]) == (SURE + "2", True, 3)
    assert arms(result) == [("first", 0), ("budget", 16), ("budget", 80), ("wait", 80)]
    assert [a["answer"] for a in result["attempts"][:3]] == [UNSURE + "2"] * 3
    assert [a["rung"] for a in result["attempts"]] == [0, 1, 3, 3]
    ends = [[r["end"] for r in a["rounds"]] for a in result["attempts"]]
    assert ends == [[], ["budget"], ["budget", "natural"], ["budget", "natural", "natural"]]


@pytest.mark.parametrize("rungs", [RUNGS, MIXED])
def test_escalation_goes_on_with_the_same_chain(rungs: Sequence[Rung]) -> None:
    chains = traces(PureEngine(), rungs=rungs)
    assert [len(c) for c in chains] == [0, 16, 24, 40]
    for before, after in pairwise(chains):
        assert after[: len(before)] == before


@pytest.mark.parametrize("rungs", [RUNGS, MIXED])
def test_escalation_prefills_only_what_is_new(rungs: Sequence[Rung]) -> None:
    engine = PureEngine()
    first, *others = solve(engine, rungs=rungs)["attempts"]
    assert first["usage"]["cached"] == 0
    assert [a["usage"]["prompt"] - a["usage"]["cached"] for a in others] == [0, 0, 0]
    held: tuple[int, ...] = ()
    for call in engine.calls:
        reached = next((i for i, (a, b) in enumerate(zip(call.ids, held, strict=False)) if a != b), len(held))
        assert call.made.prefilled <= len(call.ids) - min(reached, len(call.ids)) + 1
        held = call.ids + call.made.ids


async def test_sync_and_async_give_the_same() -> None:
    solver = build_solver(PureEngine(), profile=profile())
    sync, awaited = solver.invoke(ask("2+2?")), await solver.ainvoke(ask("2+2?"))
    assert timeless(sync["adaptive_result"]) == timeless(awaited["adaptive_result"])
    assert sync["messages"][-1].content == awaited["messages"][-1].content
    assert set(sync) == set(awaited) == {"messages", "adaptive_result"}


async def test_events_come_in_order() -> None:
    solver = build_solver(PureEngine(), profile=profile())
    events = [e async for e in solver.astream(ask("2+2?"), stream_mode="custom")]
    assert re.fullmatch(rf"difficulty {ATTEMPT}( escalate {ATTEMPT})* done", " ".join(e["event"] for e in events))
    assert [e["attempt"] for e in events if e["event"] == "start"] == [0, 1, 2, 3]
    assert [e["accepted"] for e in events if e["event"] == "verdict"] == [False, False, False, True]
    assert [e["arm"] for e in events if e["event"] == "escalate"] == ["budget", "budget", "wait"]
    assert json.loads(json.dumps(events)) == events
    assert events[0]["p_solved"] == list(events[-1]["result"]["difficulty"]["p_solved"])
    again = list(solver.stream(ask("2+2?"), stream_mode="custom"))
    assert again[:-1] == events[:-1]
    assert timeless(again[-1]["result"]) == timeless(events[-1]["result"])


def test_events_come_while_it_thinks() -> None:
    engine = PureEngine()
    solver = build_solver(engine, profile=profile())
    for event in solver.stream(ask("2+2?"), stream_mode="custom"):
        if event["event"] == "thinking":
            break
    assert len(engine.calls) < 8


def test_a_worse_attempt_does_not_replace_a_better_one() -> None:
    engine = ScriptedEngine([says("hm", END)], [boxed(UNSURE), says("I do not know.", STOP)])
    result = solve(engine)
    assert [a["answer"] for a in result["attempts"]] == [UNSURE, None]
    assert (result["answer"], result["kept"], result["accepted"], result["rung"]) == (UNSURE, 0, False, 0)
    assert result["stopped"].startswith("the model ended without a final answer; ")


@pytest.mark.parametrize(("again", "end"), [(r"\boxed{0}", "loop"), (r"so \boxed{0}", "converged")])
def test_a_chain_that_repeats_its_answer_gets_no_further_wait(again: str, end: str) -> None:
    said = [says(r"\boxed{0}", END), says(again, END)]
    result = solve(ScriptedEngine(said, [boxed(UNSURE)] * 9), p_solved=HARD, max_attempts=9)
    assert arms(result) == [("first", 16), ("wait", 80)]
    assert result["attempts"][-1]["rounds"][-1]["end"] == end
    assert result["stopped"].startswith("the answer repeats; ")


def test_a_model_without_a_profile_of_its_own_starts_with_the_least_thinking() -> None:
    result = solve(PureEngine(), p_solved=())
    assert result["difficulty"] == {"level": "unknown", "p_solved": []}
    assert arms(result)[0] == ("first", 16)
    assert "no difficulty model" in result["reason"]


def test_the_general_difficulty_is_told_and_changes_nothing() -> None:
    unmeasured = replace(profile(p_solved=()), general=True)
    solver = build_solver(PureEngine(), profile=unmeasured)
    events = list(solver.stream(ask("2+2?"), stream_mode="custom"))
    result = events[-1]["result"]
    said = "judged by the general difficulty model, which changes nothing"
    assert result["difficulty"]["level"] in ("medium", "hard")
    assert 0 < result["difficulty"]["general"] < 1
    assert result["reason"].endswith(f"{result['difficulty']['level']} as {said}")
    assert result["notes"] == []
    assert [e["text"] for e in events if e["event"] == "note"] == []
    assert arms(result) == arms(solve(PureEngine(), p_solved=()))


@pytest.mark.parametrize(("budget", "waits"), [(1, 0), (20, 3), (32, 1), (500, 2)])
def test_without_adapting_one_attempt_has_exactly_what_was_asked_for(budget: int, waits: int) -> None:
    options = Options(adapt=False, budget=budget, waits=waits)
    solver = build_solver(PureEngine(ends=()), profile=profile(), options=options)
    starts = [e for e in solver.stream(ask("2+2?"), stream_mode="custom") if e["event"] == "start"]
    assert [(s["budget"], s["waits"]) for s in starts] == [(budget, waits)]
    result = solve(PureEngine(ends=()), options)
    assert [r["tokens"] for r in result["attempts"][0]["rounds"]] == [budget]
    assert result["accepted"] or result["stopped"] == "asked for one attempt"


@pytest.mark.parametrize("options", [Options(effort="none"), Options(effort="none", budget=64), Options(budget=0)])
def test_no_effort_and_no_budget_never_think(options: Options) -> None:
    engine = PureEngine()
    result = solve(engine, options, p_solved=HARD)
    assert (result["usage"]["thinking"], [a["finish"] for a in result["attempts"]]) == (0, ["none"])
    assert all(END in call.ids for call in engine.calls)


@pytest.mark.parametrize(
    ("options", "stopped", "attempts"),
    [
        (Options(max_attempts=2), "reached the limit of 2 attempts", 2),
        (Options(max_tokens=30), "reached the limit of 30 tokens", 1),
        (Options(max_output_tokens=10), "reached the limit of 10 output tokens", 2),
        (Options(waits=0), "reached the limit of 0 Waits", 3),
        (Options(budget=20), "the top budget of 20 tokens is used up", 1),
    ],
)
def test_limits_stop_it(options: Options, stopped: str, attempts: int) -> None:
    result = solve(PureEngine(), options)
    assert result["stopped"].startswith(stopped)
    assert (len(result["attempts"]), result["accepted"]) == (attempts, False)


def test_a_capped_ladder_has_a_probability_for_each_of_its_rungs() -> None:
    result = solve(PureEngine(), Options(budget=20), p_solved=HARD)
    assert result["difficulty"]["p_solved"] == [0.1, 0.85, 0.85]
    assert result["difficulty"]["tokens"] == [48, 64, 64]
    assert arms(result) == [("first", 20)]


def test_the_wait_string_and_the_verifiers_can_be_chosen() -> None:
    engine = PureEngine()
    solve(engine, Options(wait_string=("Hmm",)))
    assert any(b"11Hmm1" in bytes(i for i in c.ids if i < 256) for c in engine.calls)
    assert arms(solve(PureEngine(), Options(verify="rules"))) == [("first", 0)]


def test_an_answer_that_an_earlier_one_agrees_with_can_be_enough() -> None:
    result = solve(PureEngine(), agreement=0.5)
    assert arms(result) == [("first", 0), ("budget", 16)]
    assert result["attempts"][-1]["verdict"]["verifier"] == "agreement"


def test_the_same_question_again_gives_the_same() -> None:
    engine = PureEngine()
    assert timeless(solve(engine)) == timeless(solve(engine))


@dataclass
class Watched(PureEngine):
    """Remembers how it was asked to sample."""

    samplings: set[Sampling] = field(default_factory=set)

    async def generate(self, ids: Sequence[int], *, sampling: Sampling, **asked: Any) -> Generation:
        self.samplings.add(sampling)
        return await super().generate(ids, sampling=sampling, **asked)


def test_temperature_and_seed_reach_the_engine() -> None:
    engine = Watched()
    assert solve(engine, Options(temperature=0.7, seed=11))["seed"] == 11
    assert engine.samplings == {Sampling(temperature=0.7, seed=11)}


def test_everything_that_the_engine_made_is_counted() -> None:
    engine = PureEngine()
    solver = build_solver(engine, profile=profile())
    solved = solver.invoke(ask("2+2?"))
    usage, attempts = solved["adaptive_result"]["usage"], solved["adaptive_result"]["attempts"]
    assert usage["thinking"] + usage["answer"] == sum(call.sampled for call in engine.calls)
    assert usage["thinking"] == 38  # 40 ids, 4 of them injected, and the two ends that were sampled
    for name in ("prompt", "cached", "thinking", "injected", "answer", "total"):
        assert usage[name] == sum(a["usage"][name] for a in attempts)
    counted = solved["messages"][-1].usage_metadata
    assert counted["input_tokens"] + counted["output_tokens"] == counted["total_tokens"] == usage["total"]
    assert counted["output_token_details"]["reasoning"] == usage["thinking"]


def test_the_graph_is_the_one_of_the_design() -> None:
    drawn = build_solver(PureEngine(), profile=profile()).get_graph()
    edges = {(e.source, e.target) for e in drawn.edges}
    assert set(drawn.nodes) == {"__start__", *NODES, "sample", "tally", "approve", "explore", "__end__"}
    assert edges == {
        ("__start__", "classify"),
        ("classify", "allocate"),
        ("allocate", "think"),
        ("allocate", "approve"),
        ("allocate", "sample"),
        ("escalate", "approve"),
        ("approve", "think"),
        ("approve", "sample"),
        ("approve", "finish"),
        ("think", "verify"),
        ("verify", "finish"),
        ("verify", "escalate"),
        ("escalate", "think"),
        ("escalate", "sample"),
        ("sample", "tally"),
        ("tally", "sample"),
        ("tally", "escalate"),
        ("tally", "finish"),
        ("escalate", "finish"),
        ("finish", "__end__"),
        ("finish", "explore"),
        ("explore", "explore"),
        ("explore", "__end__"),
    }
