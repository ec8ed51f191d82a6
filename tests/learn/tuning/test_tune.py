"""A policy is searched for on some questions and promises on others what the exact test allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.report.front_table import format_front
from adaptive.learn.report.tuning_card import format_promise, format_refusal, promise_to_json
from adaptive.learn.tuning import tune
from adaptive.learn.tuning.constants import Constant, choose_constant, list_constants
from adaptive.learn.tuning.cost_front import MeasuredConstants
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.group_risk import GroupedLosses
from adaptive.learn.tuning.line_up import LinedUpPolicy, line_up_policies
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.risk import compute_p_value, count_minimum_questions
from adaptive.learn.tuning.tune import TuningResult, tune_policy
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.types.policy import Policy
from adaptive.types.usage import Usage
from tests.learn.tuning.tuned import Tuned
from tests.support.choosing import make_fixed_chooser

pytestmark = pytest.mark.usefixtures("quick_search")
GOAL = Goal(0.1, 0.9, against="top")


@pytest.fixture(scope="module")
def found(made: Tuned) -> TuningResult:
    return made.tune(GOAL)


def counts(made: Tuned, policy: Policy) -> tuple[int, int]:
    """Losses and gains on the test part, by hand."""
    replay = Replay(made.profile).with_policy(policy)
    top = rung_to_key(made.profile.ladder[made.profile.ladder.top])
    pairs = [(one.is_solved(top), replay.solve(one).right) for one in made.test]
    return pairs.count((True, False)), pairs.count((False, True))


def test_the_chosen_policy_keeps_the_promise_by_the_exact_test(made: Tuned, found: TuningResult) -> None:
    assert found.chosen is not None
    losses, gains = counts(made, found.chosen.policy)
    assert (found.chosen.losses, found.chosen.gains) == (losses, gains)
    assert compute_p_value(losses, gains, len(made.test), GOAL.target) <= 1 - GOAL.confidence
    assert (losses - gains) / len(made.test) < found.chosen.bound <= GOAL.target


@pytest.mark.parametrize(
    ("losses", "gains", "count", "confidence", "target", "bound"),
    [
        (2, 3, 212, 0.9, 0.012, 0.012),  # 0.0126 is not rejected, though 0.012 is
        (2, 3, 212, 0.9, 0.02, 0.01258),
        (2, 3, 212, 0.9, 0.01, 0.01258),
    ],
)
def test_the_bound_that_is_shown_agrees_with_the_test(
    losses: int, gains: int, count: int, confidence: float, target: float, bound: float
) -> None:
    paired = PairedLosses(losses, gains, count, GroupedLosses((0.0,) * count, (1,) * count))
    p_value = paired.compute_p_value(target)
    policy = tune.TestedPolicy(LinedUpPolicy(Policy(), target), Way("", ()), paired, p_value, confidence)
    assert (p_value <= 1 - confidence) == (policy.bound <= target)
    assert policy.bound == pytest.approx(bound, abs=1e-5)


def test_it_is_the_cheapest_of_those_tested_before_the_first_that_fails(found: TuningResult) -> None:
    assert found.chosen is not None
    passed, rest = found.tested[: found.passed], found.tested[found.passed :]
    assert found.chosen in passed
    assert all(one.p_value <= 0.1 for one in passed)
    assert not rest or rest[0].p_value > 0.1
    taken = [float(one.way.tokens.mean()) for one in passed]
    assert float(found.chosen.way.tokens.mean()) == min(taken)
    assert min(taken) < 0.8 * found.on_reference.tokens.mean()


def test_the_test_part_has_no_part_in_the_search(made: Tuned, found: TuningResult) -> None:
    wrong = [replace(r, outcomes={k: replace(o, right=not o.right) for k, o in r.outcomes.items()})
             for r in made.test[:70]]  # fmt: skip
    other = made.tune(GOAL, wrong)
    assert [one.policy for one in other.tested] == [one.policy for one in found.tested]
    assert [one.losses for one in other.tested] != [one.losses for one in found.tested]


@pytest.mark.slow
def test_the_same_seed_finds_the_same(made: Tuned, found: TuningResult) -> None:
    assert made.tune(GOAL) == found


def mix_at(points: list[tuple[float, float]], cost: float) -> float:
    """The accuracy of the best mix of two points that costs as much, by trying all pairs."""
    at = [a for c, a in points if c <= cost]
    for c, a in points:
        at += [a + (b - a) * (cost - c) / (d - c) for d, b in points if c < cost < d]
    return max(at)


@pytest.mark.parametrize("target", [0.02, 0.1, 0.3])
def test_who_saves_little_must_be_better_than_a_mix(made: Tuned, target: float) -> None:
    search = made.search.restrict_to(made.profile)
    measured = [(one, one.replay(search.recorded)) for one in rung_constants(made)]
    points = [(float(way.spent.mean()), float(way.right.mean())) for _, way in measured]
    replay, seen = Replay(made.profile, dict(search.forecasts)), set()
    for reference, on_reference in measured:
        for one in line_up_policies(made.profile, search, Goal(target), measured, reference):
            way = Way.replay("", replay.with_policy(one.policy).solve, search.recorded)
            cost = float(way.spent.mean())
            little = one.constant is None and cost > 0.9 * float(on_reference.spent.mean())
            drop = float(on_reference.right.mean()) - mix_at(points, cost)
            assert one.target == pytest.approx(min(target, drop) if little else target)
            seen.add(little)
    assert seen == {True, False}


@pytest.mark.parametrize("target", [0.0, 0.05, 0.4, 0.8])
def test_the_reference_is_the_cheapest_that_is_nearly_the_best(made: Tuned, target: float) -> None:
    measured = MeasuredConstants.replay(made.profile.ladder, made.learn, made.test)
    ways = measured.searched
    most = max(float(way.right.mean()) for _, way in ways)
    good = [(float(way.spent.mean()), one) for one, way in ways if way.right.mean() >= most - target / 4 - 1e-9]
    assert measured.choose("best", target * tune.NEARLY_BEST) == min(good, key=lambda pair: pair[0])[1]


def test_the_search_is_told_of(made: Tuned) -> None:
    told: list[tuple[int, int]] = []
    search = replace(made.search, on_replay=lambda done, of: told.append((done, of)))
    measured = [(one, one.replay(made.learn)) for one in rung_constants(made)]
    line_up_policies(made.profile, search, GOAL, measured, measured[-1][0])
    assert told == [(done, 36) for done in range(1, 37)]


def test_what_a_right_answer_is_worth_is_searched(found: TuningResult) -> None:
    worths = [one.policy.worth for one in found.tested if one.constant is None]
    assert len(set(worths)) > 1
    assert all(worth and worth > 0 for worth in worths)
    assert all(one.policy.always is not None for one in found.tested if one.constant is not None)


def test_no_more_waits_are_taken_than_were_recorded(made: Tuned, found: TuningResult) -> None:
    assert {one.policy.max_waits for one in found.tested} == {1}
    assert made.profile.policy.max_waits == 1, "training measures what was recorded"


def test_from_most_surely_kept_to_least_on_the_questions_of_the_search(made: Tuned, found: TuningResult) -> None:
    replay = Replay(made.profile, dict(made.search.forecasts))
    top = Way.replay("", make_fixed_chooser(rung_to_key(made.profile.ladder[made.profile.ladder.top])), made.learn)
    ways = [Way.replay("", replay.with_policy(t.policy).solve, made.learn)
            for t in found.tested]  # fmt: skip
    counts = [(int(np.sum(top.right > w.right)), int(np.sum(w.right > top.right))) for w in ways]
    ps = [compute_p_value(*counted, len(top), t.target) for t, counted in zip(found.tested, counts, strict=True)]
    assert ps == sorted(ps)


def test_too_few_questions_show_nothing_better_than_the_reference(made: Tuned) -> None:
    few = made.tune(Goal(0.01, 0.95), made.test[:20])
    assert few.chosen is not None
    assert (few.gains_nothing, few.chosen.constant, few.passed) == (True, few.reference, 0)
    assert (few.chosen.losses, few.chosen.gains, few.saving.value) == (0, 0, 0)
    assert few.least == count_minimum_questions(0.01, 0.95)
    said, best = format_promise(few), few.safest
    assert best is not None
    assert best.way.tokens.mean() < few.on_reference.tokens.mean()
    assert said.startswith(f"Nothing to gain here: use always {few.reference.name}, which this profile now does")
    assert f"lost {best.losses} and gained {best.gains} of 20 questions" in said
    if few.needed is None:
        assert "too much for any number of questions" in said
    else:
        assert f"about {max(few.needed, few.least)} would be enough" in said
    promise = promise_to_json(few)
    assert promise["constant"] == few.reference.name
    assert [one["name"] for one in promise["front"]["points"]] == [one.name for one in few.front.points]


@pytest.mark.parametrize("losing", [False, True])
def test_what_would_be_enough(made: Tuned, losing: bool) -> None:
    """Where the safest candidate loses nothing the least there is; where it loses all, no number."""
    top = rung_to_key(made.profile.ladder[made.profile.ladder.top])
    alike = [replace(r, outcomes={k: replace(o, right=not losing or k == top) for k, o in r.outcomes.items()})
             for r in made.test[:20]]  # fmt: skip
    few = made.tune(Goal(0.05, 0.95, against="top"), alike)
    if losing:
        assert few.needed is None
        assert "too much for any number of questions" in format_promise(few)
    else:
        assert few.needed == few.least
        assert f"about {count_minimum_questions(0.05, 0.95)} would be enough" in format_promise(few)


def test_the_reference_is_the_most_accurate_constant_unless_another_is_named(made: Tuned) -> None:
    rungs, named = rung_constants(made), replace(GOAL, confidence=0.9)
    assert [one.name for one in rungs] == ["no thinking", "medium 32", "medium 64"]
    best = choose_constant(measure_all(made), made.profile.ladder)
    assert made.tune(replace(named, against="best"), made.test[:20]).reference == best
    assert made.tune(replace(named, against="medium 32"), made.test[:20]).reference == rungs[1]
    with pytest.raises(InputError, match=r"no constant 'medium 16'.*name best, top or one of 'no thinking'"):
        made.tune(replace(named, against="medium 16"))


def rung_constants(made: Tuned) -> list[Constant]:
    """The rungs without Waits."""
    return [one for one in list_constants(made.profile.ladder, made.learn) if one.kind == "rung"]


def measure_all(made: Tuned) -> list[tuple[Constant, Way]]:
    """All constants with their results on the questions of the search."""
    judge = Replay(made.profile, dict(made.search.forecasts))
    listed = list_constants(made.profile.ladder, [*made.learn, *made.test], direct_first=True)
    return [(one, one.replay(made.learn, judge)) for one in listed]


@pytest.mark.parametrize("name", ["medium 64, 1 Wait", "no thinking, then medium 64"])
def test_where_nothing_is_better_than_a_constant_the_profile_does_it(made: Tuned, name: str) -> None:
    nothing = made.tune(Goal(0.01, 0.95, against=name), made.test[:20])
    assert nothing.chosen is not None
    assert (nothing.reference.name, nothing.gains_nothing) == (name, True)
    always = nothing.chosen.policy.always
    assert always is not None
    assert always.name == name
    said = format_promise(nothing)
    assert said.startswith(f"Nothing to gain here: use always {name}, which this profile now does")
    assert said.endswith(f"Every question gets {name}.")


def test_the_front_is_of_the_test_questions_and_its_corners_of_the_others(
    made: Tuned, found: TuningResult
) -> None:
    points = {one.name: one for one in found.front.points}
    assert {
        "no thinking",
        "medium 32",
        "medium 64",
        "medium 64, 1 Wait",
        "no thinking, then medium 64",
    } <= points.keys()
    assert found.chosen is not None
    chosen, oracle = points["chosen"], points["oracle"]
    assert chosen.cost == found.chosen.way.tokens.mean()
    assert vars(chosen.over_hull) == pytest.approx(vars(found.front.gain.accuracy))
    assert oracle.cost == pytest.approx((1 - found.oracle) * found.on_reference.tokens.mean())
    policies = [one for one in found.front.points if one.kind == "policy"]
    assert len(policies) == sum(t.constant is None for t in found.tested)
    wrong = [replace(r, outcomes={k: replace(o, right=not o.right) for k, o in r.outcomes.items()})
             for r in made.test[:70]]  # fmt: skip
    corners = [one.name for one in found.front.points if one.hull]
    assert [one.name for one in made.tune(GOAL, wrong).front.points if one.hull] == corners


def test_the_front_has_a_row_for_each_point(found: TuningResult) -> None:
    rows = format_front(found.front).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    assert [row[0] for row in cells] == [
        one.name for one in sorted(found.front.points, key=lambda one: (one.cost, -one.accuracy))
    ]
    assert {row[-1] for row in cells} >= {"corner of the hull", "chosen", "knows what is right"}


def test_a_constant_is_what_a_replay_does_with_its_policy(made: Tuned) -> None:
    replay = Replay(made.profile)
    for one, _ in measure_all(made):
        solve = replay.with_policy(one.to_policy(made.profile.policy)).solve
        ways = one.replay(made.test, replay), Way.replay("", solve, made.test)
        assert np.array_equal(ways[0].right, ways[1].right)
        assert np.array_equal(ways[0].tokens, ways[1].tokens)


def test_where_difficulty_cannot_be_seen_a_constant_is_chosen(made: Tuned) -> None:
    """The middle rung is as good as the top one: it is the cheapest that keeps the promise, and no policy is
    needed."""
    middle, top = OutcomeKey("medium", 32), OutcomeKey("medium", 64)

    def blind(recorded: list[RecordedQuestion]) -> list[RecordedQuestion]:
        return [
            replace(r, outcomes={k: replace(o, right=k in (middle, top)) for k, o in r.outcomes.items()})
            for r in recorded
        ]

    search = replace(made.search, recorded=blind(made.learn))
    result = tune_policy(made.profile, search, blind(made.test), Goal(0.05, 0.9, against="top"))
    assert result.chosen is not None
    assert result.chosen.constant == rung_constants(made)[1]
    assert result.chosen.policy.always == rung_constants(made)[1].routine
    assert float(result.chosen.way.right.mean()) == 1
    assert result.saving.low > 0


@pytest.mark.crossed
@pytest.mark.parametrize("factor", [1.1, 0.9, 0.01])
@pytest.mark.parametrize("price", [None, (0.0, 1e6)])
def test_no_more_is_taken_than_a_question_may(
    made: Tuned, found: TuningResult, price: tuple[float, float] | None, factor: float
) -> None:
    """Tokens, or money where each made one costs 1."""
    goal = replace(GOAL, price=price)

    def taken(way: Way) -> float:
        return float(way.tokens.mean() if price is None else np.mean([goal.compute_cost(t.usage) for t in way]))

    assert found.chosen is not None
    most = factor * taken(found.chosen.way)
    limited = made.tune(replace(goal, **{"max_tokens" if price is None else "max_cost": most}))
    assert limited.chosen is None or taken(limited.chosen.way) <= most
    assert factor < 1 or limited.chosen is not None
    if factor == 0.01:
        assert limited.tested == ()
        assert "nothing that keeps the promise stays under what a question may take" in format_refusal(limited)


@pytest.mark.parametrize(
    ("limit", "affordable"),
    [({"max_tokens": 15}, True), ({"max_tokens": 14}, False), ({"max_cost": 35}, True), ({"max_cost": 34}, False)],
)
def test_what_a_question_takes_is_its_mean(limit: dict[str, float], affordable: bool) -> None:
    way = Way("", (WayResult(True, Usage(prompt=4, thinking=6)), WayResult(True, Usage(prompt=6, answer=14))))
    assert Goal(price=(1e6, 3e6), **limit).is_affordable(way) is affordable


def test_what_keeps_the_promise_and_takes_too_much_is_said(found: TuningResult) -> None:
    said = format_refusal(replace(found, chosen=None, goal=replace(GOAL, max_tokens=1)))
    assert said.startswith("nothing that keeps the promise stays under what a question may take")
    assert f"always {found.reference.name} takes {found.on_reference.tokens.mean():.0f} tokens" in said


def test_money_is_counted_for_read_and_made_tokens_apart() -> None:
    goal = Goal(price=(2.0, 10.0))
    assert goal.compute_cost(
        Usage(prompt=500_000, thinking=100_000, injected=50_000, answer=50_000)
    ) == pytest.approx(3.0)
