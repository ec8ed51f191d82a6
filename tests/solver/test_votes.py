"""Votes through the graph: samples that differ by seed, side by side or in turns, cut off, failing, cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from adaptive import build_solver
from adaptive.engines.protocol import Generation, Sampling
from adaptive.errors import NoAnswerInTime
from adaptive.policy.majority import Ballot, size_next_batch
from adaptive.solver.vote_nodes import SEEDS_PER_SOLVE
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.policy import FollowUp
from adaptive.types.routine import Routine
from adaptive.verify.check_function import Function
from tests.support.cases import WHOLE_SOLVES
from tests.support.scripted import STOP
from tests.support.solving import THREAD, ask, is_plain, timeless, uncached
from tests.support.voting import ACCEPTED, VOTE_RUNGS, SeededEngine, same, voter


def vote(says: Callable[[int], str] = str, options: Options | None = None, **policy: Any) -> dict[str, Any]:
    """The result of a solve that takes a vote."""
    result: dict[str, Any] = build_solver(
        SeededEngine(says=says), profile=voter(**policy), options=options
    ).invoke(ask("2+2?"))["adaptive_result"]
    return result


def samples(result: dict[str, Any]) -> list[str]:
    return [a["answer"] for a in result["attempts"] if a["arm"] == "vote"]


def test_samples_that_agree_end_the_vote_early() -> None:
    result = vote(same)
    assert (result["answer"], result["accepted"], result["stopped"]) == ("0", True, "accepted")
    assert len(samples(result)) < 8
    assert result["attempts"][result["kept"]]["verdict"]["verifier"] == "vote"
    assert "was accepted (vote)" in result["kept_because"]
    weights = [a["verdict"]["score"] for a in vote(same, max_attempts=1)["attempts"]]
    assert len(samples(result)) >= size_next_batch([Ballot("0", w) for w in weights], 9, 0.9) > 0


def test_samples_that_do_not_agree_are_asked_for_up_to_the_limit() -> None:
    result = vote(str)
    assert samples(result) == [str(n) for n in range(1, 9)]
    assert not result["accepted"]


@pytest.mark.parametrize("most", [2, 3, 5, 8])
def test_never_more_samples_than_asked_for(most: int) -> None:
    assert len(samples(vote(str, Options(samples=most)))) == most


@pytest.mark.parametrize("most", [0, 1])
def test_one_sample_is_no_vote(most: int) -> None:
    assert samples(vote(str, Options(samples=most))) == []


def test_a_sample_that_is_accepted_ends_the_vote() -> None:
    result = vote(lambda n: ACCEPTED if n == 2 else str(n))
    assert (result["answer"], result["accepted"], result["stopped"]) == (ACCEPTED, True, "accepted")
    assert result["attempts"][result["kept"]]["verdict"]["verifier"] == "confidence"
    assert len(samples(result)) < 8


def test_a_vote_that_is_not_accepted_makes_no_answer_look_worse() -> None:
    """The majority's probability may be under what the answer's own verdict says: the higher one stands."""
    for says in (str, lambda n: "7" if n % 2 else "8"):
        solver = build_solver(SeededEngine(says=says), profile=voter())
        *_, done = events = list(solver.stream(ask("2+2?"), stream_mode="custom"))
        own = [e["score"] for e in events if e["event"] == "verdict"]
        after = [a["verdict"]["score"] for a in done["result"]["attempts"]]
        assert len(own) == len(after) == 9
        assert all(now >= before for now, before in zip(after, own, strict=True))
        assert after[done["result"]["kept"]] == max(after)


def test_after_a_vote_that_was_not_accepted_other_arms_are_tried_and_no_second_vote() -> None:
    follow_ups = tuple(
        FollowUp(arm, 0, 0, right=0.5, bias=bias, slope=0.0, breaks=0.0, cost=0.1)
        for arm, bias in (("wait", 0.0), ("vote", 2.0))
    )
    result = vote(str, Options(waits=1), p_solved=(0.5,), max_attempts=9, follow_ups=follow_ups)
    assert [a["arm"] for a in result["attempts"]] == ["first", *["vote"] * 8, "wait"]
    assert result["attempts"][-1]["base"] == 0
    alone = vote(str, Options(waits=1), p_solved=(0.5,), max_attempts=9, follow_ups=follow_ups[:1])
    assert [a["arm"] for a in alone["attempts"]] == ["first", "wait"], "a vote that was not measured is not taken"


def test_max_tokens_bounds_the_samples_too() -> None:
    whole = vote(str)
    first, batch = whole["attempts"][0]["usage"]["total"], whole["attempts"][1]["usage"]["total"]
    result = vote(str, Options(max_tokens=first + batch))
    assert 1 <= len(samples(result)) < 8
    assert result["stopped"].startswith(f"reached the limit of {first + batch} tokens")
    spent = [a["usage"]["total"] for a in result["attempts"]]
    last_batch = len(samples(vote(str, Options(max_tokens=first + 1))))
    assert sum(spent[: len(spent) - last_batch]) < first + batch, "no batch is begun once it is reached"


def test_a_vote_is_one_attempt_of_the_limit() -> None:
    assert len(samples(vote(str, Options(max_attempts=2)))) == 8
    assert samples(vote(str, Options(max_attempts=1))) == []


def test_usage_sums_over_samples_and_each_is_counted_once() -> None:
    engine = SeededEngine()
    result = build_solver(engine, profile=voter()).invoke(ask("2+2?"))["adaptive_result"]
    usage = result["usage"]
    assert usage["thinking"] + usage["answer"] == sum(call.sampled for call in engine.calls)
    for name in ("prompt", "cached", "thinking", "injected", "answer", "total"):
        assert usage[name] == sum(a["usage"][name] for a in result["attempts"])


def test_each_sample_has_its_seed_and_the_temperature_of_the_profile() -> None:
    engine = SeededEngine()
    build_solver(engine, profile=voter(), options=Options(seed=3)).invoke(ask("2+2?"))
    first = {Sampling(seed=3)}
    assert engine.samplings == first | {Sampling(0.7, seed=3 * SEEDS_PER_SOLVE + n) for n in range(1, 9)}
    warm = SeededEngine()
    build_solver(warm, profile=voter(), options=Options(temperature=0.2)).invoke(ask("2+2?"))
    assert {s.temperature for s in warm.samplings} == {0.2}


@pytest.mark.parametrize("shares", [True, False])
@pytest.mark.parametrize("says", [same, str])
async def test_sync_and_async_give_the_same(says: Callable[[int], str], shares: bool) -> None:
    solver = build_solver(SeededEngine(says=says, shares_cache=shares), profile=voter())
    sync, awaited = solver.invoke(ask("2+2?")), await solver.ainvoke(ask("2+2?"))
    assert uncached(sync["adaptive_result"]) == uncached(awaited["adaptive_result"])
    assert set(sync) == set(awaited) == {"messages", "adaptive_result"}
    again = await solver.ainvoke(ask("2+2?"))
    if not shares:
        assert timeless(again["adaptive_result"]) == timeless(awaited["adaptive_result"])


@pytest.mark.parametrize(("shares", "at_once"), [(True, 7), (False, 1)])
async def test_samples_run_side_by_side_where_the_cache_is_shared_and_else_in_turns(
    shares: bool, at_once: int
) -> None:
    engine = SeededEngine(says=same, shares_cache=shares)
    await build_solver(engine, profile=voter(vote_sure=1.0)).ainvoke(ask("2+2?"))
    assert (engine.most > 1) == (at_once > 1)
    assert engine.most <= at_once
    sessions = {call.session for call in engine.calls}
    assert len(sessions) == 2, "the chain, and all samples in one session that shares their prompt"
    if not shares:
        starts = [c for c in engine.calls if c.session.endswith("/vote") and c.made.stop_id != STOP]
        assert all(c.made.cached >= len(starts[0].ids) - 1 for c in starts[1:]), "the prompt is read once"


@pytest.mark.parametrize("limit", [1, 2])
async def test_max_concurrency_is_respected(limit: int) -> None:
    engine = SeededEngine(says=same)
    solver = build_solver(engine, profile=voter(vote_sure=1.0))
    await solver.ainvoke(ask("2+2?"), {"max_concurrency": limit})
    assert engine.most == limit
    engine.most = 0
    solver.invoke(ask("2+2?"), {"max_concurrency": limit})
    assert engine.most <= limit


@dataclass
class Meeting(SeededEngine):
    """The first sample of a solve waits for the first of another one."""

    met: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(2))
    came: set[str] = field(default_factory=set)

    async def generate(self, ids: Sequence[int], *, session: str, **asked: Any) -> Generation:
        if session.endswith("/vote") and session not in self.came:
            self.came.add(session)
            async with asyncio.timeout(20):
                await self.met.wait()
        return await super().generate(ids, session=session, **asked)


async def test_two_solves_that_vote_at_once_do_not_take_turns_with_each_other() -> None:
    engine = Meeting(says=same, shares_cache=False)
    solver = build_solver(engine, profile=voter())
    states = await asyncio.gather(*(solver.ainvoke(ask(t)) for t in ("A?", "B?")))
    assert [s["adaptive_result"]["accepted"] for s in states] == [True, True]
    assert not engine.held


async def test_events_say_which_sample_they_are_of() -> None:
    solver = build_solver(SeededEngine(), profile=voter())
    events = [e async for e in solver.astream(ask("2+2?"), stream_mode="custom")]
    assert json.loads(json.dumps(events)) == events
    by_sample: dict[int, list[str]] = {}
    for e in events:
        if "sample" in e:
            assert e["attempt"] == e["sample"]
            by_sample.setdefault(e["sample"], []).append(e["event"])
    assert sorted(by_sample) == list(range(1, 9))
    assert all(names[0] == "start" and names.count("start") == 1 for names in by_sample.values())
    text = {
        n: "".join(e["text"] for e in events if e.get("sample") == n and e["event"] == "answer") for n in by_sample
    }
    assert text == {n: f"\\boxed{{{n}}}" for n in by_sample}
    verdicts = [e["attempt"] for e in events if e["event"] == "verdict"]
    assert verdicts == list(range(9))
    told = [e for e in events if e["event"] == "vote"]
    assert [(e["accepted"], e["attempt"] in by_sample or e["attempt"] == 0) for e in told] == [(False, True)]


@pytest.mark.parametrize("node", ["sample", "tally", "escalate"])
@pytest.mark.parametrize("says", [same, str])
def test_cut_off_in_a_vote_it_goes_on_without_paying_again(
    node: str, says: Callable[[int], str], tmp_path: Path
) -> None:
    whole = SeededEngine(says=says)
    expected = build_solver(whole, profile=voter()).invoke(ask("2+2?"))["adaptive_result"]
    calls: list[tuple[int, ...]] = []
    given: Any = ask("2+2?")
    for _ in range(30):
        engine = SeededEngine(says=says)
        with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
            solver = build_solver(engine, profile=voter(), checkpointer=saver, interrupt_after=[node])
            solver.invoke(given, THREAD)
            state = solver.get_state(THREAD)
        calls += [call.ids for call in engine.calls]
        assert is_plain(state.values)
        given = None
        if not state.next:
            break
    assert len(calls) > len(engine.calls)
    assert sorted(calls) == sorted(call.ids for call in whole.calls)
    assert uncached(state.values["adaptive_result"]) == uncached(expected)
    assert state.values["adaptive_samples"] == []


def test_a_second_turn_starts_afresh() -> None:
    solver = build_solver(SeededEngine(), profile=voter(), checkpointer=InMemorySaver())
    for turn in ("2+2?", "3+3?"):
        state = solver.invoke(ask(turn), THREAD)
        assert (len(state["adaptive_result"]["attempts"]), state["adaptive_result"]["question"]) == (9, turn)
        assert solver.get_state(THREAD).values["adaptive_samples"] == []


def test_a_turn_after_one_that_failed_in_a_vote_starts_afresh() -> None:
    saver = InMemorySaver()
    broken = build_solver(SeededEngine(fails_on=(2,)), profile=voter(), checkpointer=saver)
    with pytest.raises(RuntimeError, match="out of memory"):
        broken.invoke(ask("2+2?"), THREAD)
    state = build_solver(SeededEngine(), profile=voter(), checkpointer=saver).invoke(ask("3+3?"), THREAD)
    assert [a["answer"] for a in state["adaptive_result"]["attempts"]] == [str(n) for n in range(9)]


# LangGraph drops what waits for `max_concurrency` when another node fails.
@pytest.mark.filterwarnings("ignore:.*arun_with_retry:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:.*arun_with_retry:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("shares", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 9])
@pytest.mark.parametrize("awaited", [True, False])
async def test_a_sample_that_fails_leaves_nothing_held(awaited: bool, limit: int, shares: bool) -> None:
    engine = SeededEngine(says=same, fails_on=(2,), shares_cache=shares)
    solver = build_solver(engine, profile=voter(vote_sure=1.0))
    config: Any = {"max_concurrency": limit}
    with pytest.raises(RuntimeError, match="out of memory"):
        await solver.ainvoke(ask("2+2?"), config) if awaited else await asyncio.to_thread(
            solver.invoke, ask("2+2?"), config
        )
    assert (engine.inside, engine.held) == (0, set())


# LangGraph's threads may drop the write of a sample that ends while another fails: what is paid for once is tested
# with `ainvoke` below, whose writes are all kept.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_vote_that_failed_goes_on_where_it_was() -> None:
    saver, broken, fresh = InMemorySaver(), SeededEngine(fails_on=(2,)), SeededEngine()
    with pytest.raises(RuntimeError, match="out of memory"):
        build_solver(broken, profile=voter(), checkpointer=saver).invoke(ask("2+2?"), THREAD)
    result = build_solver(fresh, profile=voter(), checkpointer=saver).invoke(None, THREAD)["adaptive_result"]
    assert [a["answer"] for a in result["attempts"]] == [str(n) for n in range(9)]
    assert not fresh.held


@pytest.mark.parametrize("shares", [True, False])
async def test_a_sample_that_fails_waits_for_the_others(shares: bool) -> None:
    saver, broken = InMemorySaver(), SeededEngine(fails_on=(2,), shares_cache=shares)
    with pytest.raises(RuntimeError, match="out of memory"):
        await build_solver(broken, profile=voter(), checkpointer=saver).ainvoke(ask("2+2?"), THREAD)
    begun = {sampling.seed % SEEDS_PER_SOLVE for sampling in broken.samplings}
    finished = {c.ids for c in broken.calls if c.made.stop_id == STOP}
    assert len(finished) == len(begun) - 1 > 2
    fresh = SeededEngine(shares_cache=shares)
    state = await build_solver(fresh, profile=voter(), checkpointer=saver).ainvoke(None, THREAD)
    assert [a["answer"] for a in state["adaptive_result"]["attempts"]] == [str(n) for n in range(9)]
    assert not finished & {c.ids for c in fresh.calls if c.made.stop_id == STOP}


@pytest.mark.parametrize("shares", [True, False])
async def test_a_vote_that_is_cancelled_leaves_nothing_held(shares: bool) -> None:
    engine = SeededEngine(says=same, shares_cache=shares, yields=True)
    solving = asyncio.ensure_future(build_solver(engine, profile=voter(vote_sure=1.0)).ainvoke(ask("2+2?")))
    while not any(session.endswith("/vote") for session in engine.held):
        await asyncio.sleep(0)
    solving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await solving
    assert (engine.inside, engine.held) == (0, set())


@WHOLE_SOLVES
@given(
    st.lists(st.sampled_from(("0", "1", "2", ACCEPTED)), min_size=9, max_size=9),
    st.integers(2, 8),
    st.sampled_from((0.7, 0.9, 1.0)),
)
def test_whatever_samples_say(answers: list[str], most: int, sure: float) -> None:
    result = vote(answers.__getitem__, Options(samples=most), vote_sure=sure)
    said = samples(result)
    assert said == answers[1 : 1 + len(said)]
    assert len(said) <= most
    assert (result["answer"] == ACCEPTED) <= result["accepted"]
    if ACCEPTED in (answers[0], *said):
        assert (result["answer"], result["accepted"]) == (ACCEPTED, True)
    elif result["accepted"]:
        assert max(map([answers[0], *said].count, said)) == [answers[0], *said].count(result["answer"]) > 1
    else:
        assert len(said) == most or result["stopped"]


def routine(
    says: Callable[[int], str] = str, samples: int = 4, options: Options | None = None, **kwargs: Any
) -> dict[str, Any]:
    """The result of a solve by a profile that takes a vote at every question."""
    known = voter(always=Routine(VOTE_RUNGS[0], samples), **kwargs.pop("policy", {}))
    solver = build_solver(SeededEngine(says=says), profile=known, options=options, **kwargs)
    result: dict[str, Any] = solver.invoke(ask("2+2?"))["adaptive_result"]
    return result


def test_a_routine_draws_all_its_samples_with_the_seeds_of_a_recording_and_nothing_else() -> None:
    result = routine(same)
    assert [(a["arm"], a["answer"]) for a in result["attempts"]] == [("vote", "0")] * 4
    assert (result["accepted"], result["stopped"], result["kept"]) == (True, "accepted", 0)
    assert "4 of 4 answers agree" in result["attempts"][0]["verdict"]["reason"]
    engine = SeededEngine()
    known = voter(always=Routine(VOTE_RUNGS[0], 3), vote_temperature=0.4)
    build_solver(engine, profile=known, options=Options(seed=2)).invoke(ask("2+2?"))
    assert engine.samplings == {Sampling(0.4, seed=2 * SEEDS_PER_SOLVE + n) for n in (1, 2, 3)}
    assert not engine.held


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        (("1", "2", "2", "3"), 1),
        (("1", "2", "3", "4"), 0),
        ((ACCEPTED, "2", "2", "3"), 1),
        (("1",), 0),
        (("1", "2", "1", "2"), 0),
    ],
)
def test_the_answer_of_most_samples_is_kept_however_sure_another_is(answers: tuple[str, ...], kept: int) -> None:
    result = routine(lambda number: answers[number - 1], len(answers))
    assert (len(result["attempts"]), result["kept"]) == (len(answers), kept)
    assert (result["accepted"], result["stopped"]) == (None, "tuning found nothing that pays after this")
    assert [a["verdict"]["accepted"] for a in result["attempts"]] == [None] * len(answers)


def test_a_check_judges_each_sample_of_a_routine() -> None:
    checked = routine(str, check=Function(lambda _, answer: answer == "3"))
    assert (checked["answer"], checked["accepted"], len(checked["attempts"])) == ("3", True, 4)
    rejected = routine(lambda n: "7" if n < 4 else "8", check=Function(lambda _, answer: answer == "9"))
    assert not rejected["accepted"]
    assert {a["verdict"]["verifier"] for a in rejected["attempts"]} == {"check"}


def test_a_model_that_was_not_measured_follows_its_routine_too() -> None:
    known = voter(always=Routine(VOTE_RUNGS[0], 4), measured=False)
    engine = SeededEngine(says=lambda n: "a sentence that nobody can compare" if n == 1 else "7")
    solver = build_solver(engine, profile=replace(known, own_ladder=Ladder(VOTE_RUNGS)))
    result = solver.invoke(ask("2+2?"))["adaptive_result"]
    assert (len(result["attempts"]), result["answer"], result["accepted"]) == (4, "7", None)


@pytest.mark.parametrize(("most", "drawn"), [(2, ["vote", "vote"]), (9, ["vote"] * 4), (0, ["first"])])
def test_a_caller_limits_the_samples_of_a_routine(most: int, drawn: list[str]) -> None:
    assert [a["arm"] for a in routine(str, options=Options(samples=most))["attempts"]] == drawn


def test_no_sample_in_time_is_no_answer() -> None:
    with pytest.raises(NoAnswerInTime, match=r"^no answer within 1e-09 s, 0 thinking and 0 answer tokens spent: "):
        routine(options=Options(timeout=1e-9))


def test_a_routine_asks_for_approval_of_all_its_samples_together() -> None:
    known = voter(always=Routine(VOTE_RUNGS[0], 4))
    options = Options(approve_above=20)
    solver = build_solver(SeededEngine(), profile=known, options=options, checkpointer=InMemorySaver())
    (asked,) = solver.invoke(ask("2+2?"), THREAD)["__interrupt__"]
    assert (asked.value["tokens"], asked.value["samples"], asked.value["answer"]) == (64, 4, None)
    result = solver.invoke(Command(resume=True), THREAD)["adaptive_result"]
    assert [a["arm"] for a in result["attempts"]] == ["vote"] * 4
