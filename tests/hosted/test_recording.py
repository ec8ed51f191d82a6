"""Attempts of hosted models, recorded: as a solve makes them, each once, counted to the cent, within the limit."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from adaptive import Options, build_solver
from adaptive.learn.data.call_journal import CallJournal
from adaptive.learn.data.outcome import OutcomeKey
from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
from adaptive.learn.tuning.replay import Replay
from tests.hosted.brains import Brain
from tests.hosted.clients import NAMES, PROVIDERS, client
from tests.hosted.planted import Planted, make_questions, write_questions
from tests.hosted.recorded import EFFORTS, price_call, read_outcomes, read_rows, record
from tests.hosted.script import Asked, Fault, Reply, Spoken
from tests.hosted.server import Hosted, Takes

QUESTIONS = 6
BRAIN = Planted(QUESTIONS)
LOW, MEDIUM, HIGH = (OutcomeKey(e, b) for e, b in (("low", 4096), ("medium", 16384), ("high", 32768)))
UNTOLD = ("stream", "stream_options")
"""What of a request may differ between a solve, which streams, and a recording."""

each_client = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.chat.retried_call.choose_wait", lambda state: 0.0)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write_questions(tmp_path / "questions.jsonl", QUESTIONS)


@each_client
def test_every_attempt_is_bought_once_and_counted_to_the_cent(name: str, questions: Path, tmp_path: Path) -> None:
    brain, out = Planted(QUESTIONS, cached=5), tmp_path / "outcomes.db"
    with Hosted(brain) as hosted:
        shown = record(name, hosted, questions, out, "--efforts", EFFORTS, "--samples", "2")
        asked = hosted.asked
        again = record(name, hosted, questions, out, "--efforts", EFFORTS, "--samples", "2")
        assert len(hosted.asked) == len(asked)
    made, spec = read_outcomes(out), PROVIDERS[name].spec
    keys = [LOW, OutcomeKey("low", 4096, 0, 1), OutcomeKey("low", 4096, 0, 2), MEDIUM, HIGH]
    assert set(made) == {(one.text, key) for one in make_questions(QUESTIONS) for key in keys}
    assert len(asked) == len(made)
    billed = sum(price_call(one, brain, spec) for one in asked)
    costs = [outcome.attempt.usage.cost or 0.0 for outcome in made.values()]
    assert sum(costs) == pytest.approx(billed, abs=1e-9)
    for (text, key), outcome in made.items():
        question = next(one for one in make_questions(QUESTIONS) if one.text == text)
        usage = outcome.attempt.usage
        assert usage.cached == 5
        assert not usage.estimated
        assert usage.thinking == brain.think(question, key.effort)
        assert outcome.right == (outcome.attempt.answer == question.answer)
        assert outcome.compute_usage().cost == usage.cost
    assert f"Recorded {len(made)} attempts for ${billed:.4f}" in shown
    assert f"Recorded 0 attempts for $0.0000; {out} holds {len(made)}, for ${billed:.4f} in all." in again


@each_client
def test_an_attempt_is_the_call_that_a_solve_makes(name: str, questions: Path, tmp_path: Path) -> None:
    text, out = make_questions(1)[0].text, tmp_path / "outcomes.db"
    with Hosted(BRAIN) as hosted:
        record(name, hosted, questions, out, "--efforts", EFFORTS, "--limit", "1", "--concurrency", "1")
        recorded = hosted.asked
        hosted.asked = []
        made = []
        for effort in EFFORTS.split(","):
            solver = build_solver(client(name, hosted), options=Options(effort=effort, max_attempts=1))  # type: ignore[arg-type]
            state = asyncio.run(solver.ainvoke({"messages": [("user", text)]}))
            made.append(state["adaptive_result"]["attempts"][0])
        solved = hosted.asked
    assert [_read_body(one) for one in recorded] == [_read_body(one) for one in solved]
    attempts = [outcome.attempt.to_json() for outcome in read_outcomes(out).values()]
    same = ("effort", "budget", "answer", "status", "finish", "cap", "rounds")
    by_effort = {one["effort"]: one for one in attempts}
    for attempt in made:
        assert {key: by_effort[attempt["effort"]][key] for key in same} == {key: attempt[key] for key in same}


def _read_body(asked: Asked) -> dict[str, Any]:
    return {key: value for key, value in asked.body.items() if key not in UNTOLD}


def test_an_attempt_that_starves_is_followed_by_those_with_more_room(questions: Path, tmp_path: Path) -> None:
    """As in a solve: one call more with a larger cap, and if that starves too, what escalation may buy.

    A profile that measured nothing of what helps after starvation buys nothing more.
    """

    def brain(asked: Asked) -> Reply:
        return BRAIN(asked) if asked.effort == "high" else Spoken("never said", thought=10**9)

    out = tmp_path / "outcomes.db"
    with Hosted(brain) as hosted:
        record("openai", hosted, questions, out, "--efforts", "low,high", "--limit", "1")
        calls = len(hosted.asked)
    made = {key: outcome for (_, key), outcome in read_outcomes(out).items()}
    starved = made[LOW].attempt
    more = OutcomeKey(starved.effort, 32768)
    assert set(made) == {LOW, more, HIGH}
    assert [len(made[key].attempt.starved) for key in (LOW, more)] == [2, 2]
    assert calls == 5
    assert made[LOW].compute_usage().thinking == sum(one.thinking for one in starved.starved)
    with OutcomeStore(out) as store:
        profile = build_recorded_profile(store, "starving")
        (recorded,) = store
    result = Replay.from_recorded(profile, [recorded]).solve(recorded)
    assert result.attempts == 1
    assert result.usage.cost == pytest.approx(starved.usage.cost)


@pytest.mark.parametrize("limit", [0.2, 0.25, 0.3, 0.4])
def test_the_limit_is_kept_and_more_money_goes_on(limit: float, questions: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "outcomes.db", tmp_path / "whole.db"
    with Hosted(BRAIN) as hosted:
        shown = record("openai", hosted, questions, out, "--efforts", EFFORTS, "--max-cost", str(limit))
        spent = sum(price_call(one, BRAIN, PROVIDERS["openai"].spec) for one in hosted.asked)
        assert spent <= limit
        assert "raise --max-cost to go on" in shown
        assert f"for ${spent:.4f} of ${limit:g} in all" in shown
        record("openai", hosted, questions, out, "--efforts", EFFORTS, "--max-cost", "5")
        assert len(hosted.asked) == 3 * QUESTIONS
        record("openai", hosted, questions, whole, "--efforts", EFFORTS)
    assert read_rows(out) == read_rows(whole)


def test_a_limit_below_the_first_call_buys_nothing(questions: Path, tmp_path: Path) -> None:
    with Hosted(BRAIN) as hosted:
        shown = record("openai", hosted, questions, tmp_path / "o.db", "--max-cost", "0.01")
        assert not hosted.asked
    assert "Recorded 0 attempts for $0.0000" in shown
    assert f"Stopped with 0 of {QUESTIONS} questions: the next call may cost up to $" in shown


def after(calls: int, fault: Fault) -> Brain:
    """The fault from then on."""
    number, lock = count(), threading.Lock()

    def brain(asked: Asked) -> Reply:
        with lock:
            return fault if next(number) >= calls else BRAIN(asked)

    return brain


def test_a_rate_limit_is_waited_for(questions: Path, tmp_path: Path) -> None:
    tries, lock = Counter[tuple[object, ...]](), threading.Lock()

    def brain(asked: Asked) -> Reply:
        with lock:
            tries[call := (asked.messages, asked.effort)] += 1
            return Fault("rate", after="2") if tries[call] < 3 else BRAIN(asked)

    out = tmp_path / "outcomes.db"
    with Hosted(brain) as hosted:
        record("openai", hosted, questions, out, "--efforts", EFFORTS, "--concurrency", "4")
    assert len(read_rows(out)) == 3 * QUESTIONS


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [(Fault("quota"), 2, "the account has no credit left"), (Fault("error"), 1, "has a failure of its own")],
)
def test_a_provider_that_fails_ends_the_run_and_loses_nothing(
    fault: Fault, code: int, says: str, questions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "outcomes.db"
    with Hosted(after(7, fault)) as hosted:
        shown = record("openai", hosted, questions, out, "--efforts", EFFORTS, code=code)
        assert says in shown
        assert len(read_rows(out)) == 7
        hosted.brain = BRAIN
        hosted.asked = []
        assert f"Recorded {3 * QUESTIONS - 7} attempts" in record(
            "openai", hosted, questions, out, "--efforts", EFFORTS
        )
        assert len(hosted.asked) == 3 * QUESTIONS - 7
    with CallJournal(out) as journal:
        assert journal.sum_open_calls() == (0, 0.0)


def test_a_question_that_the_provider_does_not_take_is_left_out(questions: Path, tmp_path: Path) -> None:
    bad, out = make_questions(QUESTIONS)[1].text, tmp_path / "outcomes.db"

    def brain(asked: Asked) -> Reply:
        return Fault("budget", "We do not like the question.") if asked.question == bad else BRAIN(asked)

    with Hosted(brain) as hosted:
        shown = record("openai", hosted, questions, out, "--efforts", EFFORTS)
    assert "Left out question q1: openai:gpt-5 does not take the request: We do not like the question." in shown
    assert Counter(row[0] for row in read_rows(out)) == {f"q{i}": 3 for i in range(QUESTIONS) if i != 1}


def test_an_effort_that_the_model_turns_out_to_lack_ends_the_run(questions: Path, tmp_path: Path) -> None:
    """A call at the nearest effort must not be recorded as one at the effort that was asked for."""
    out = tmp_path / "outcomes.db"
    with Hosted(BRAIN, models={"gpt-5": Takes(efforts=("low", "medium"))}) as hosted:
        shown = record("openai", hosted, questions, out, "--efforts", EFFORTS, "--concurrency", "1", code=2)
    assert "openai:gpt-5 does not take the effort high: name some of low, medium." in shown
    assert {row[1] for row in read_rows(out)} == {"low", "medium"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--efforts", "low,most"], "effort 'most' is not known"),
        (["--efforts", "low,xhigh"], "does not take the effort xhigh: name some of minimal, low, medium, high"),
        (["--efforts", "low"], "has one rung alone, so there is nothing to choose"),
        (["--efforts", "low,high", "--ladder", "1:low,2:high"], "--efforts and --ladder both name the rungs"),
        (["--waits", "1"], "--waits is for models whose thinking can be forced"),
        (["--temperature", "0.5"], "--temperature is for models whose thinking can be forced"),
        (["--system", "Be brief."], "--system is for models whose thinking can be forced"),
        (["--efforts", EFFORTS, "--samples", "1", "--sample-effort", "minimal"], "samples are drawn at an effort"),
    ],
)
def test_what_cannot_be_recorded_is_said_before_anything_is_bought(
    options: list[str], says: str, questions: Path, tmp_path: Path
) -> None:
    with Hosted(BRAIN) as hosted:
        assert says in record("openai", hosted, questions, tmp_path / "o.db", *options, code=2)
        assert not hosted.asked


def test_the_ladder_has_caps_too(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"
    with Hosted(BRAIN) as hosted:
        record("openai", hosted, questions, out, "--ladder", "500:low,5000:high", "--answer-room", "100")
        assert {(asked.effort, asked.cap) for asked in hosted.asked} == {("low", 600), ("high", 5100)}
    with OutcomeStore(out) as store:
        ladder = build_recorded_profile(store, "caps").ladder
    rungs = [(rung.effort, rung.budget, rung.answer_room) for rung in ladder]
    assert rungs == [("low", 500, 100), ("high", 5000, 100)]
