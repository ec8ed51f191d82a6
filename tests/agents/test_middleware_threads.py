"""Counts over a thread's runs, and what stays inside."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from adaptive.agents import read_spending
from tests.agents.asking import CALL, WAYS, accepts, agent, ask, last, report, scored
from tests.agents.toy import THINKS, toy
from tests.support.cases import WHOLE_SOLVES

THREAD: Any = {"configurable": {"thread_id": "one"}}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_counts_from_zero_and_its_thread_goes_on(way: str) -> None:
    model = toy(tool=CALL)
    talk = agent(model, check=accepts("medium"), more={"checkpointer": InMemorySaver()})
    first = read_spending(ask(talk, way, config=THREAD))
    second = read_spending(ask(talk, way, config=THREAD))
    assert first["run"] == first["thread"]
    assert {n: second["run"][n] for n in ("steps", "calls", "escalations")} == {
        "steps": 2, "calls": 3, "escalations": 1,
    }  # fmt: skip
    assert second["thread"]["calls"] == len(model.calls) == 6
    assert second["thread"]["usage"]["total"] == first["run"]["usage"]["total"] + second["run"]["usage"]["total"]


def test_a_thread_goes_on_in_another_process(tmp_path: Path) -> None:
    for calls in (1, 2):
        with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
            done = ask(agent(toy(), more={"checkpointer": saver}), config=THREAD)
        assert (read_spending(done)["run"]["calls"], read_spending(done)["thread"]["calls"]) == (1, calls)


def test_a_limit_of_tokens_is_for_one_run() -> None:
    model = toy()
    talk = agent(model, check=accepts("medium"), max_tokens=300, more={"checkpointer": InMemorySaver()})
    for _ in range(2):
        assert last(ask(talk, config=THREAD)).text == "medium"


def test_our_keys_are_no_part_of_input_or_output() -> None:
    talk = agent(toy(), more={"checkpointer": InMemorySaver()})
    given = {"messages": [("user", "What is 2 + 2?")], "adaptive_thread": {"calls": 99}}
    done = talk.invoke(given, THREAD)
    assert set(done) == {"messages"}
    assert read_spending(done)["thread"]["calls"] == 1
    assert not {"adaptive_run", "adaptive_thread"} & {
        *talk.get_output_jsonschema()["properties"],
        *talk.get_input_jsonschema()["properties"],
    }
    assert read_spending(talk.get_state(THREAD).values) == read_spending(done)


def test_runs_side_by_side_do_not_mix_their_counts() -> None:
    talk = agent(toy(), check=accepts("high"))

    async def several() -> list[dict[str, Any]]:
        asked = {"messages": [("user", "What is 2 + 2?")]}
        return await asyncio.gather(*(talk.ainvoke(asked) for _ in range(8)))

    assert [read_spending(done)["run"]["calls"] for done in asyncio.run(several())] == [3] * 8


SCORES = st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.9])
THOUGHT = st.sampled_from([1, 100, 13_000, 26_000, 200_000])  # a count of 0 beside thoughts is not believed


@WHOLE_SOLVES
@given(
    scores=st.fixed_dictionaries(dict.fromkeys(THINKS, SCORES)),
    thinks=st.fixed_dictionaries(dict.fromkeys(THINKS, THOUGHT)),
    calls=st.booleans(),
    escalations=st.integers(0, 3),
    limit=st.none() | st.integers(1, 60_000),
)
def test_the_best_is_kept_and_every_call_is_counted(
    scores: dict[str, float], thinks: dict[str, int], calls: bool, escalations: int, limit: int | None
) -> None:
    model = toy(thinks=thinks, tool=CALL if calls else None)
    ours = agent(model, check=scored(scores), max_escalations=escalations, max_tokens=limit)
    said = list(ours.stream({"messages": [("user", "What is 2 + 2?")]}, stream_mode=["custom", "values"]))
    done = [data for mode, data in said if mode == "values"][-1]
    told = [data for mode, data in said if mode == "custom"]
    _check_kept(report(done), told)
    _check_counts(done, model.calls, told, thinks)


def _check_kept(kept: dict[str, Any], told: list[dict[str, Any]]) -> None:
    """No verdict of the last step is better than that of the answer that was kept."""
    step = told[-1]["step"]
    verdicts = [e for e in told if e["event"] == "verdict" and e["step"] == step]
    own = kept["verdict"]
    assert (own["accepted"], own["score"]) == max((v["accepted"], v["score"]) for v in verdicts)  # none undecided
    assert (kept["status"] == "answered") or not any(v["score"] for v in verdicts)


def _check_counts(
    done: dict[str, Any], calls: list[dict[str, Any]], told: list[dict[str, Any]], thinks: dict[str, int]
) -> None:
    run, steps = read_spending(done)["run"], [m for m in done["messages"] if m.type == "ai"]
    assert run["calls"] == len(calls) == sum(e["event"] in ("start", "recover") for e in told)
    assert run["steps"] == len(steps)
    assert run["escalations"] == sum(e["event"] == "escalate" for e in told)
    assert run["usage"]["thinking"] == sum(min(thinks[c["effort"]], c["cap"]) for c in calls)
    assert run["calls"] == sum(m.response_metadata["adaptive"]["step"]["calls"] for m in steps)
    assert sum(e["event"] == "recover" for e in told) <= run["starved"] <= run["calls"]
