"""Every baseline on planted outcomes, its tokens added up by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptive.bench.baselines import Baseline, MissingBaseline, Oracle
from adaptive.bench.confidence_stop import ConfidenceStop
from adaptive.bench.cost import CostCounter
from adaptive.bench.wait_loop import WaitLoop, find_wait_start
from adaptive.learn.data.outcome import DIRECT, OutcomeKey, RecordedQuestion
from tests.bench.planted import HIGH16, LADDER, LOW8, LOW16, WINDOW, outcome, recorded, rungs, trial_of

ALL_WRONG = (False, False, False, False)


def found(asked: list[RecordedQuestion], kind: str, **more: object) -> Baseline:
    [one] = [b for b in trial_of(asked, **more).build_baselines() if b.kind == kind]  # type: ignore[arg-type]
    assert isinstance(one, Baseline)
    return one


def absent(asked: list[RecordedQuestion], kind: str) -> MissingBaseline:
    [one] = [b for b in trial_of(asked).build_baselines() if b.kind == kind]
    assert isinstance(one, MissingBaseline)
    return one


def test_fixed_rungs_pay_for_their_own_prompt_thinking_closing_and_answer() -> None:
    one = rungs((False, False, True, True))
    ways = [b for b in trial_of([one]).build_baselines() if b.kind in ("fixed", "top")]
    assert [b.name for b in ways] == [  # type: ignore[union-attr]
        "no thinking", "always low 8", "always low 16", "always the top rung (high 16)",
    ]  # fmt: skip
    taken = [b.choose(one) for b in ways]  # type: ignore[union-attr]
    assert [t.tokens for t in taken] == [10 + 3, 10 + 8 + 2 + 3, 10 + 12 + 2 + 3, 10 + 14 + 2 + 3]
    assert [t.right for t in taken] == [False, False, True, True]


def test_a_chain_that_is_gone_on_with_is_paid_once_and_a_prompt_once_an_effort() -> None:
    one, till = rungs(ALL_WRONG), CostCounter(LADDER)
    totals = []
    for key in (DIRECT, LOW8, LOW16, HIGH16):
        till.add(one.outcomes[key])
        totals.append(till.usage.total)
    # The direct answer shares the prompt of `low`; the chain goes on from 8 to 12 and answers anew; `high` begins.
    assert totals == [13, 13 + 8 + 2 + 3, 26 + 4 + 2 + 3, 35 + 10 + 14 + 2 + 3]
    assert (till.usage.prompt, till.usage.thinking, till.usage.injected, till.usage.answer) == (20, 26, 6, 12)
    assert till.usage.cost is None


def test_a_chain_that_had_ended_is_not_bought_again() -> None:
    till = CostCounter(LADDER)
    till.add(outcome(LOW8, False, [(5, 0)], "natural"))
    till.add(outcome(LOW16, False, [(5, 0)], "natural"))
    assert till.usage.total == 10 + 5 + 2 + 3


@pytest.mark.parametrize(
    ("loss", "name"), [(0.0, "high 16"), (0.24, "high 16"), (0.25, "low 16"), (0.5, "low 8"), (1.0, "no thinking")]
)
def test_the_best_fixed_rung_is_the_cheapest_within_the_loss_on_the_tuning_questions(
    loss: float, name: str
) -> None:
    right = [
        (False, False, False, True),
        (False, False, True, True),
        (False, True, True, True),
        (False, True, True, True),
    ]
    tuning = [rungs(r, number=i) for i, r in enumerate(right)]
    asked = [rungs((True, True, True, True), number=9)]  # which would say: no thinking
    assert found(asked, "best", tuning=tuning, loss=loss).name == f"best fixed rung ({name})"


def test_raw_confidence_stops_at_its_threshold_or_the_top() -> None:
    one = rungs((True, False, True, False), (0.2, 0.9, 0.4, 0.3))
    assert ConfidenceStop(LADDER, 0, 0.2)(one).tokens == 13
    early = ConfidenceStop(LADDER, 0, 0.5)(one)
    assert (early.tokens, early.right, early.key, early.attempts) == (26, False, LOW8, 2)
    late = ConfidenceStop(LADDER, 1, 0.95)(one)
    assert (late.tokens, late.key, late.attempts) == (23 + 9 + 29, HIGH16, 3)


def test_an_answer_without_confidence_never_stops_it() -> None:
    assert ConfidenceStop(LADDER, 0, 0.0)(rungs(ALL_WRONG, (None, None, 0.1, None))).key == LOW16


def test_the_threshold_is_the_cheapest_that_is_right_often_enough() -> None:
    sure, unsure = (0.9, 0.9, 0.9, 0.9), (0.6, 0.9, 0.9, 0.9)
    tuning = [rungs((True, True, True, True), sure, 0), rungs((False, True, True, True), unsure, 1)]
    assert ConfidenceStop.tune(LADDER, tuning, least=1.0) == ConfidenceStop(LADDER, 0, 0.9)
    assert ConfidenceStop.tune(LADDER, tuning, least=0.5) == ConfidenceStop(LADDER, 0, 0.6)


def test_where_the_direct_answer_is_no_use_it_begins_with_thinking() -> None:
    tuning = [rungs((False, True, True, True), (0.1, 0.9, 0.9, 0.9))]
    assert ConfidenceStop.tune(LADDER, tuning, least=1.0).first == 1


def test_tuning_finds_what_replaying_every_threshold_finds() -> None:
    right = [(0, 1, 0, 1), (1, 0, 1, 1), (0, 0, 1, 0), (1, 1, 1, 0)]
    sure = [(0.3, 0.7, 0.2, 0.8), (0.5, 0.1, 0.9, 0.4), (0.8, 0.35, 0.6, 0.5), (0.9, 0.2, 0.1, 0.7)]
    tuning = [rungs([bool(x) for x in r], s, i) for i, (r, s) in enumerate(zip(right, sure, strict=True))]
    least = 0.5

    def told(stop: ConfidenceStop) -> tuple[float, float]:
        taken = [stop(one) for one in tuning]
        return sum(t.tokens for t in taken) / 4, sum(t.right for t in taken) / 4

    every = {c for row in sure for c in row} | {float("inf")}
    ways = [told(ConfidenceStop(LADDER, first, t)) for first in (0, 1) for t in every]
    assert told(ConfidenceStop.tune(LADDER, tuning, least))[0] == min(
        tokens for tokens, right in ways if right >= least
    )


def test_no_confidence_no_stop() -> None:
    assert "log-probabilities" in absent([rungs(ALL_WRONG, (None,) * 4)], "confidence").why


def waited(count: int, right: bool = False) -> object:
    rounds = [(12, 0)] + [(4, 1)] * count
    return outcome(replace(LOW16, waits=count), right, rounds)


def test_the_wait_loop_pays_for_every_round_and_answers_once() -> None:
    one = rungs(ALL_WRONG, (0.5,) * 4, 0, waited(1), waited(2, True))  # type: ignore[arg-type]
    taken = WaitLoop(LOW16, 2)(one)
    assert (taken.right, taken.tokens) == (True, 10 + 12 + 4 + 4 + 2 + 3)
    assert (taken.usage.thinking, taken.usage.injected) == (12 + 3 + 3, 1 + 1 + 2)


def test_a_chain_that_was_cut_has_no_wait_and_stays_as_it_is() -> None:
    cut = recorded(outcome(LOW16, True, [(16, 0)], "budget"))
    assert WaitLoop(LOW16, 2).is_recorded(cut)
    assert WaitLoop(LOW16, 2)(cut).tokens == 10 + 16 + 2 + 3


def test_a_chain_that_ended_and_has_no_wait_was_not_recorded() -> None:
    ended = rungs(ALL_WRONG, (0.5,) * 4, 0, waited(1))  # type: ignore[arg-type]
    assert WaitLoop(LOW16, 1).is_recorded(ended)
    assert not WaitLoop(LOW16, 2).is_recorded(ended)


def test_waits_are_of_the_dearest_effort_that_has_any() -> None:
    one = rungs(ALL_WRONG, (0.5,) * 4, 0, waited(1), waited(2))  # type: ignore[arg-type]
    assert find_wait_start([one], ["low", "low", "high"]) == (LOW16, 2)
    assert find_wait_start([rungs(ALL_WRONG)], ["low", "high"]) is None


def test_the_number_of_waits_is_tuned() -> None:
    one = rungs((False, False, False, True), (0.5,) * 4, 0, waited(1), waited(2, True))  # type: ignore[arg-type]
    assert found([one], "waits").name == "the notebook's Wait loop (2)"
    assert found([one], "waits", loss=1.0).name == "the notebook's Wait loop (1)"


def test_unlimited_thinking_is_the_chain_of_the_window() -> None:
    one = rungs(ALL_WRONG, (0.5,) * 4, 0, outcome(OutcomeKey("high", WINDOW), True, [(50, 0)]))
    assert found([one], "unlimited").choose(one).tokens == 10 + 50 + 2 + 3
    assert not found([one], "unlimited").is_recorded(rungs(ALL_WRONG))
    assert "--unlimited" in absent([rungs(ALL_WRONG)], "unlimited").why


@pytest.mark.parametrize(
    ("right", "tokens"),
    [((True, True, True, True), 13), ((False, False, True, True), 27), ((False, False, False, True), 29),
     (ALL_WRONG, 13)],
)  # fmt: skip
def test_the_oracle_pays_for_the_cheapest_right_rung_only(right: tuple[bool, ...], tokens: int) -> None:
    taken = Oracle(LADDER)(rungs(right))
    assert (taken.tokens, taken.right) == (tokens, any(right))


def test_what_the_grader_could_not_tell_is_not_right() -> None:
    one = recorded(*(outcome(k, None, [(8, 0)]) for k in (LOW8, LOW16, HIGH16)), outcome(DIRECT, None))
    assert not Oracle(LADDER)(one).right
