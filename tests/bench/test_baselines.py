"""Every baseline on planted outcomes, its tokens added up by hand."""

from __future__ import annotations

from dataclasses import replace

from adaptive.bench.baselines import Baseline, MissingBaseline
from adaptive.bench.confidence_stop import ConfidenceStop
from adaptive.bench.cost import CostCounter
from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, RecordedQuestion
from tests.bench.planted import HIGH16, LADDER, LOW8, LOW16, WINDOW, outcome, rungs, trial_of

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


def test_the_best_constant_is_the_most_accurate_on_the_tuning_questions_and_of_equals_the_cheapest() -> None:
    right = [(False, False, True, True), (False, True, True, True), (True, False, True, True)]
    tuning = [rungs(r, number=i) for i, r in enumerate(right)]
    asked = [rungs((True, False, False, False), number=9)]  # which would say: no thinking
    assert found(asked, "best", tuning=tuning).name == "best constant (low 16)"


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


def test_the_search_of_the_stop_holds_the_constants() -> None:
    """Confidence says nothing here: climbing costs more than a rung that is as accurate."""
    tuning = [rungs((False, False, True, True), (0.5,) * 4, i) for i in range(3)]
    stop = found(tuning, "confidence")
    assert stop.description == "no stop is cheaper than always low 16"
    assert stop.choose(tuning[0]).tokens == 27


def test_a_stop_that_is_cheaper_than_any_constant_is_taken() -> None:
    easy = [rungs((True, False, True, True), (0.9, *(0.5,) * 3), i) for i in range(9)]
    tuning = [*easy, rungs((False, False, False, True), (0.1, 0.1, 0.1, 0.9), 9)]
    assert found(tuning, "confidence").description.startswith(
        "climbs the ladder from no thinking, stopping at 0.5000"
    )


def waited(count: int, right: bool = False) -> Outcome:
    rounds = [(12, 0)] + [(4, 1)] * count
    return outcome(replace(LOW16, waits=count), right, rounds)


def test_fixed_waits_are_among_the_constants() -> None:
    one = rungs(ALL_WRONG, (0.5,) * 4, 0, waited(1), waited(2, True))
    ways = [b for b in trial_of([one]).build_baselines() if b.kind == "waits"]
    assert [b.name for b in ways] == ["always low 16, 1 Wait", "always low 16, 2 Waits"]
    assert found([one], "best").name == "best constant (low 16, 2 Waits)"
    assert absent([rungs(ALL_WRONG)], "waits").why == "none were recorded (`adaptive record --waits 2`)."


def test_unlimited_thinking_is_the_chain_of_the_window() -> None:
    one = rungs(ALL_WRONG, (0.5,) * 4, 0, outcome(OutcomeKey("high", WINDOW), True, [(50, 0)]))
    assert found([one], "unlimited").choose(one).tokens == 10 + 50 + 2 + 3
    assert not found([one], "unlimited").is_recorded(rungs(ALL_WRONG))
    assert "--unlimited" in absent([rungs(ALL_WRONG)], "unlimited").why


def test_corners_of_the_hull_are_marked_and_those_between_are_not() -> None:
    """At 13, 23, 27 and 29 tokens: right on 1, 2, 4 and 4 of 4 questions."""
    right = [(True,) * 4, (False, True, True, True), (False, False, True, True), (False, False, True, True)]
    asked = [rungs(r, (0.5,) * 4, i) for i, r in enumerate(right)]
    corners = {b.name: b.corner for b in trial_of(asked).build_baselines() if isinstance(b, Baseline)}
    assert {name for name, corner in corners.items() if corner} == {"no thinking", "always low 16"}


def test_a_second_attempt_is_shown_where_it_is_a_corner() -> None:
    """Direct answers are accepted where they are right: 13 tokens, else 13 and 17 more on the same prompt."""
    asked = [rungs((i < 3, False, True, False), (0.9 if i < 3 else 0.1, *(0.5,) * 3), i) for i in range(4)]
    one = found(asked, "direct_first")
    assert one.name == "no thinking, then low 16"
    assert [one.choose(r).tokens for r in asked] == [13, 13, 13, 13 + 17]
    assert [one.choose(r).right for r in asked] == [True] * 4
