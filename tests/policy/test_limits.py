"""Limits of a whole solve: tokens, money, seconds and steps, none passed by more than what was bought last."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from adaptive import build_solver
from adaptive._util.deadline import Deadline, DeadlineExceeded
from adaptive.errors import InputError, NoAnswerInTime
from adaptive.policy.limits import find_reached_limit, find_step_limit, is_limit_stop
from adaptive.prices import Price, Prices
from adaptive.types.attempt import Attempt
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from tests.policy.attempts import attempt
from tests.support.clock import LIMIT, LeapingClock
from tests.support.solving import THREAD, HangingEngine, PureEngine, ask, profile
from tests.support.voting import SeededEngine, voter

PRICES = Prices({"scripted": Price(1.0, 10.0, 0.1)})
USAGES = st.builds(Usage, prompt=st.integers(0, 50), cost=st.floats(0, 2))


def solved(
    engine: Any = None, given: Any = None, known: Any = None, config: Any = None, **built: Any
) -> dict[str, Any]:
    solver = build_solver(engine or PureEngine(), profile=known or profile(), **built)
    return solver.invoke({**ask("2+2?"), "adaptive_options": given}, config)["adaptive_result"]  # type: ignore[no-any-return]


class Judge:
    """Rejects all for 7 tokens, at a price, or hangs."""

    name = "judge"

    def __init__(self, cost: float | None = 0.0, on_hang: Callable[[], object] | None = None) -> None:
        self.cost, self.on_hang, self.asked = cost, on_hang, 0

    async def verify(self, question: str, one: Attempt, others: Sequence[Attempt]) -> Verdict:
        self.asked += 1
        if self.on_hang:
            self.on_hang()
            await asyncio.Event().wait()
        return Verdict(False, 0.1, self.name, "no", usage=Usage(verifier=7, cost=self.cost))


@pytest.mark.parametrize(
    ("spent", "options", "seconds", "said"),
    [
        (Usage(prompt=9, cost=1.0), Options(), 1e9, ""),
        (Usage(prompt=9), Options(max_tokens=10, timeout=5), 4.9, ""),
        (Usage(prompt=9, answer=2), Options(max_tokens=10), 0, "reached the limit of 10 tokens, 11 spent"),
        (Usage(prompt=9, answer=2), Options(max_output_tokens=3), 0, ""),
        (
            Usage(prompt=9, probe=2),
            Options(max_output_tokens=2),
            0,
            "reached the limit of 2 output tokens, 2 spent",
        ),
        (Usage(cost=0.0499), Options(max_cost=0.05), 0, ""),
        (Usage(cost=0.0512), Options(max_cost=0.05), 0, "reached the limit of $0.05, $0.0512 spent"),
        (Usage(), Options(max_cost=0.05), 0, "what was spent is not known, so the limit of $0.05 cannot be kept"),
        (Usage(), Options(timeout=30), 30.0, "reached the limit of 30 s"),
    ],
)
def test_limits_in_words(spent: Usage, options: Options, seconds: float, said: str) -> None:
    assert find_reached_limit([attempt(0, usage=spent)], options, seconds) == said
    assert is_limit_stop(said) == bool(said)


def test_what_is_no_such_limit() -> None:
    assert not any(
        map(is_limit_stop, ("reached the limit of 4 attempts", "reached the limit of 1 Waits", "accepted", ""))
    )
    assert is_limit_stop(find_step_limit(3, 4))
    assert find_step_limit(4, 4) == find_step_limit(None, 4) == ""


@given(st.lists(USAGES, min_size=1), st.integers(1, 100), st.floats(0.01, 3))
def test_spending_until_a_limit_never_passes_it_by_more_than_the_last(
    usages: list[Usage], most: int, dollars: float
) -> None:
    options, bought = Options(max_tokens=most, max_cost=dollars), []
    for usage in usages:
        if find_reached_limit(bought, options):
            break
        bought.append(attempt(0, usage=usage))
    before = sum((a.usage for a in bought[:-1]), Usage(cost=0.0))
    assert before.total < most
    assert before.cost is not None
    assert before.cost < dollars


@given(st.floats(1e-6, 4e-3), st.integers(1, 400))
def test_no_attempt_of_a_solve_is_begun_at_a_limit(dollars: float, tokens: int) -> None:
    result = solved(prices=PRICES, options=Options(max_cost=dollars, max_tokens=tokens))
    *before, last = (Usage.from_json(a["usage"]) for a in result["attempts"])
    spent = sum(before, Usage(cost=0.0))
    assert spent.total < tokens
    assert spent.cost is not None
    assert spent.cost < dollars
    assert last.cost is not None
    assert result["usage"]["cost"] == pytest.approx(spent.cost + last.cost)
    over = spent.total + last.total >= tokens or spent.cost + last.cost >= dollars
    assert result["stopped"] == "accepted" or is_limit_stop(result["stopped"]) == over


@given(st.floats(1e-5, 1e-2))
def test_no_sample_is_begun_at_a_limit_but_those_of_its_batch(dollars: float) -> None:
    solver = build_solver(SeededEngine(), profile=voter(), prices=PRICES, options=Options(max_cost=dollars))
    batches: list[list[float]] = []
    for state in solver.stream(ask("2+2?"), stream_mode="values"):
        made = [a["usage"]["cost"] for a in state.get("adaptive_attempts", ())]
        if len(made) > sum(map(len, batches)):
            batches.append(made[sum(map(len, batches)) :])
    before = batches[:-1]
    assert sum(map(sum, before)) < dollars
    whole = len(batches) > 1 and sum(map(len, batches)) == 9
    assert whole or sum(map(sum, batches)) >= dollars


@pytest.mark.parametrize("given", [None, {"timeout": LIMIT}])
@pytest.mark.parametrize("awaited", [True, False])
async def test_a_call_that_hangs_is_cut_off_and_the_best_attempt_kept(
    given: Any, awaited: bool, clock: LeapingClock
) -> None:
    engine = HangingEngine(hangs_after=1, on_hang=clock.leap)
    options = Options() if given else Options(timeout=LIMIT)
    solver = build_solver(engine, profile=profile(), options=options, prices=PRICES)
    asked: Any = {**ask("2+2?"), "adaptive_options": given}
    state = await solver.ainvoke(asked) if awaited else await asyncio.to_thread(solver.invoke, asked)
    result = state["adaptive_result"]
    assert (result["stopped"], result["answer"], result["accepted"]) == (
        "reached the limit of 1000 s",
        "02",
        False,
    )
    assert len(result["attempts"]) == 1
    assert not engine._sessions, "what the engine held is let go of"
    assert result["attempts"][0]["usage"]["cost"] is not None
    assert result["usage"]["cost"] is None, "nobody knows what the call cost that was cut off"
    assert "thinking" in result["cut"]["estimated"]
    assert result["usage"]["seconds"] >= result["cut"]["seconds"] > 0
    json.dumps(result)


async def test_where_no_attempt_was_finished_it_is_an_error_that_says_what_was_spent(clock: LeapingClock) -> None:
    engine = HangingEngine(on_hang=clock.leap)
    solver = build_solver(engine, profile=profile(), options=Options(timeout=LIMIT))
    spent = "0 thinking and 0 answer tokens spent in 1 attempt"
    said = f"no answer within 1000 s, {spent}: raise timeout or lower the budget."
    with pytest.raises(NoAnswerInTime, match=f"^{re.escape(said)}"):
        await solver.ainvoke(ask("2+2?"))
    assert not engine._sessions


class HangingSamples(SeededEngine):
    """Never ends the third sample's first call."""

    async def _seeded(self, ids: Any, *, sampling: Any, **asked: Any) -> Any:
        if sampling.seed == 3:
            await asyncio.Event().wait()
        return await super()._seeded(ids, sampling=sampling, **asked)


@pytest.mark.parametrize("shares", [True, False])
async def test_samples_that_hang_are_cut_off_and_the_others_kept(shares: bool) -> None:
    engine = HangingSamples(shares_cache=shares)
    result = await asyncio.to_thread(solved, engine, {"timeout": 3}, voter())
    assert result["stopped"] == "reached the limit of 3 s"
    assert [a["arm"] for a in result["attempts"]][:3] == ["first", "vote", "vote"]
    assert result["cut"]["estimated"]
    assert engine.held == set()


def test_no_judge_is_asked_at_a_limit() -> None:
    judge = Judge()
    result = solved(prices=PRICES, judge=judge, options=Options(max_tokens=1, verify="judge"))
    assert (judge.asked, len(result["attempts"])) == (0, 1)
    verdict = result["attempts"][0]["verdict"]
    assert (verdict["decided"], verdict["verifier"]) == (False, "judge")
    assert "not verified: reached the limit of 1 tokens" in verdict["reason"]


def test_what_is_known_for_free_is_still_accepted_at_a_limit() -> None:
    judge = Judge()
    result = solved(PureEngine(enough=0), judge=judge, options=Options(max_tokens=1))
    assert (result["accepted"], result["stopped"], judge.asked) == (True, "accepted", 0)


def test_a_judge_that_hangs_is_cut_off(clock: LeapingClock) -> None:
    judge = Judge(on_hang=clock.leap)
    result = solved(judge=judge, options=Options(timeout=LIMIT))
    assert (judge.asked, result["stopped"]) == (1, "reached the limit of 1000 s")
    assert "verifier" in result["usage"]["estimated"]
    assert result["answer"] == "02"


def test_a_judge_without_a_price_ends_what_has_a_limit_of_money() -> None:
    result = solved(judge=Judge(cost=None), prices=PRICES, options=Options(max_cost=5))
    assert len(result["attempts"]) == 1
    assert result["stopped"] == "what was spent is not known, so the limit of $5 cannot be kept"
    assert len(solved(judge=Judge(cost=None), prices=PRICES)["attempts"]) > 1


@pytest.mark.crossed
@pytest.mark.parametrize("limit", [*range(6, 20), 100])
@pytest.mark.parametrize("votes", [True, False])
def test_a_solve_ends_with_its_best_attempt_where_steps_run_out(limit: int, votes: bool) -> None:
    engine, known = (SeededEngine(), voter()) if votes else (PureEngine(), profile())
    result = solved(engine, known=known, config={"recursion_limit": limit})
    whole = solved(type(engine)(), known=known)
    assert result["answer"]
    if len(result["attempts"]) < len(whole["attempts"]):
        assert re.fullmatch(r"reached the limit of the graph's steps, [0-4] left", result["stopped"])
    else:
        assert result["stopped"] == whole["stopped"]


def test_unknown_prices_are_said_once_and_refused_with_a_limit() -> None:
    engine = PureEngine(name="nobody:x")
    result = solved(engine, stronger=PureEngine(name="nobody:x"))
    said = "the price of nobody:x is not known: give it with --price or in ADAPTIVE_PRICES"
    assert result["notes"].count(said) == 1
    assert result["usage"]["cost"] is None
    with pytest.raises(InputError, match=r"^a limit of \$2 cannot be kept: the price of nobody:x is not known"):
        build_solver(engine, profile=profile(), options=Options(max_cost=2))
    with pytest.raises(InputError, match=r"^a limit of \$2 cannot be kept"):
        solved(engine, {"max_cost": 2})
    with pytest.raises(InputError, match="the price of nobody:x"):
        build_solver(PureEngine(), profile=profile(), stronger=engine, prices=PRICES, options=Options(max_cost=2))


def test_time_that_a_solve_lay_still_does_not_count_and_what_it_ran_does() -> None:
    solver = build_solver(
        PureEngine(), profile=profile(), checkpointer=InMemorySaver(), interrupt_after=["think"],
        options=Options(timeout=3600),
    )  # fmt: skip
    solver.invoke(ask("2+2?"), THREAD)
    ran = solver.get_state(THREAD).values["adaptive_seconds"]
    assert 0 < ran < 3600
    json.dumps(ran)
    solver.invoke(None, THREAD)
    assert solver.get_state(THREAD).values["adaptive_seconds"] > ran
    solver.update_state(THREAD, {"adaptive_seconds": 3600.0}, as_node="think")
    solver.invoke(None, THREAD)
    result = solver.get_state(THREAD).values["adaptive_result"]
    assert (result["stopped"], result["answer"]) == ("reached the limit of 3600 s", "02")
    solver.invoke(ask("3+3?"), THREAD)
    assert solver.get_state(THREAD).values["adaptive_seconds"] < 3600, "the next question starts afresh"


async def test_somebody_else_s_time_limit_is_not_the_clock_s() -> None:
    with pytest.raises(TimeoutError):
        async with Deadline(0.0, 60.0).enforce():
            raise TimeoutError
    with pytest.raises(DeadlineExceeded):
        async with Deadline(60.0, 60.0).enforce():
            raise AssertionError("it was begun")


@pytest.mark.parametrize("name", ["max_cost", "timeout"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_limits_that_cannot_be(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(InputError, match=f"{name} must be (more than 0|a finite number), got {value}"):
        Options(**given)
