"""A policy is searched for on some questions and promises on others what the exact test allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.learn.data.held_out import read_held_out
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.splits import assign_split, hash_question
from adaptive.learn.report.tuning_card import format_promise, format_refusal, promise_to_json
from adaptive.learn.tuning.constants import choose_reference, find_oracle_tokens, list_fixed_rungs
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.risk import compute_p_value, count_minimum_questions
from adaptive.learn.tuning.search import Goal, TuningResult, line_up_settings, tune_policy
from adaptive.learn.tuning.setting_search import (
    DIALS,
    THRESHOLDS,
    PolicySetting,
    Search,
    count_recorded_waits,
    select_pareto,
)
from adaptive.learn.tuning.ways import Way, WayResult, make_fixed_chooser
from adaptive.profile.domain import find_no_domain
from adaptive.profile.profile import Profile
from adaptive.types.usage import Usage
from tests.learn.fitted import fitted, quickly

GOAL = Goal(0.1, 0.9, against="top")


class Made:
    """A trained profile and its outcomes, parted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.source = fitted(folder)
        # Every question counts here: the domain has tests of its own (test_outside).
        self.profile = replace(Profile.load(self.folder), domain_model=find_no_domain)
        held_out = read_held_out(self.folder)
        with OutcomeStore(self.source) as file:
            recorded = list(file)
        self.learn = [one for one in recorded if assign_split(one.question) == "learn"]
        self.test = [one for one in recorded if assign_split(one.question) == "tune"]
        self.search = Search(self.learn, {(q := r.question.text): held_out[hash_question(q)] for r in self.learn})

    def tuned(self, goal: Goal, test: list[RecordedQuestion] | None = None, seed: int = 0) -> TuningResult:
        return tune_policy(
            self.profile, replace(self.search, seed=seed), self.test if test is None else test, goal
        )


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quickly(patch)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("tune"))


@pytest.fixture(scope="module")
def found(made: Made) -> TuningResult:
    return made.tuned(GOAL)


def counts(made: Made, setting: PolicySetting) -> tuple[int, int]:
    """Losses and gains on the test part, by hand."""
    policy = Replay(made.profile).with_policy(setting.policy, setting.threshold)
    top = rung_to_key(made.profile.ladder[made.profile.ladder.top])
    pairs = [(one.is_solved(top), policy.solve(one).right) for one in made.test]
    return pairs.count((True, False)), pairs.count((False, True))


def test_the_chosen_policy_keeps_the_promise_by_the_exact_test(made: Made, found: TuningResult) -> None:
    assert found.chosen is not None
    losses, gains = counts(made, found.chosen.setting)
    assert (found.chosen.losses, found.chosen.gains) == (losses, gains)
    assert compute_p_value(losses, gains, len(made.test), GOAL.target) <= 1 - GOAL.confidence
    assert (losses - gains) / len(made.test) < found.chosen.bound <= GOAL.target


def test_it_is_the_cheapest_of_those_tested_before_the_first_that_fails(found: TuningResult) -> None:
    assert found.chosen is not None
    passed, rest = found.tested[: found.passed], found.tested[found.passed :]
    assert found.chosen in passed
    assert all(one.p_value <= 0.1 for one in passed)
    assert not rest or rest[0].p_value > 0.1
    taken = [float(one.way.tokens.mean()) for one in passed]
    assert float(found.chosen.way.tokens.mean()) == min(taken)
    assert min(taken) < 0.8 * found.on_reference.tokens.mean()


def test_the_test_part_has_no_part_in_the_search(made: Made, found: TuningResult) -> None:
    wrong = [replace(r, outcomes={k: replace(o, right=not o.right) for k, o in r.outcomes.items()})
             for r in made.test[:70]]  # fmt: skip
    other = made.tuned(GOAL, wrong)
    assert [one.setting for one in other.tested] == [one.setting for one in found.tested]
    assert [one.losses for one in other.tested] != [one.losses for one in found.tested]


@pytest.mark.slow
def test_the_same_seed_finds_the_same(made: Made, found: TuningResult) -> None:
    assert made.tuned(GOAL) == found
    assert [one.setting for one in made.tuned(GOAL, seed=1).tested] != [one.setting for one in found.tested]


def test_the_search_is_told_of(made: Made) -> None:
    told: list[tuple[int, int]] = []
    search = replace(made.search, on_replay=lambda done, of: told.append((done, of)))
    line_up_settings(made.profile, search, GOAL, list_fixed_rungs(made.profile.ladder)[-1])
    assert [of for _, of in told] == [36] * 36
    assert told[-1][0] <= 36
    assert told == sorted(told)


def test_settings_are_of_the_values_that_are_tried(found: TuningResult) -> None:
    for one in (one for one in found.tested if one.constant is None):
        assert one.setting.threshold in THRESHOLDS
        assert all(getattr(one.setting.policy, name) in values for name, values in DIALS.items())


def test_no_more_waits_are_taken_than_were_recorded(made: Made, found: TuningResult) -> None:
    assert made.profile.policy.max_waits == 2
    assert {one.setting.policy.max_waits for one in found.tested} == {1}
    without = [bare(one, 0) for one in made.learn]
    assert [count_recorded_waits(some) for some in (made.learn, without, [])] == [1, 0, 0]
    low = {OutcomeKey("low", 64): made.learn[0].outcomes[OutcomeKey("medium", 64)]}
    assert count_recorded_waits([*made.learn, replace(made.learn[0], outcomes=low)]) == 0


def bare(one: RecordedQuestion, waits: int) -> RecordedQuestion:
    return replace(one, outcomes={k: o for k, o in one.outcomes.items() if k.waits <= waits})


def test_from_most_surely_kept_to_least_on_the_questions_of_the_search(made: Made, found: TuningResult) -> None:
    replay = Replay(made.profile, dict(made.search.p_solved))
    top = Way.replay("", make_fixed_chooser(rung_to_key(made.profile.ladder[made.profile.ladder.top])), made.learn)
    ways = [Way.replay("", replay.with_policy(t.setting.policy, t.setting.threshold).solve, made.learn)
            for t in found.tested]  # fmt: skip
    counts = [(int(np.sum(top.right > w.right)), int(np.sum(w.right > top.right))) for w in ways]
    ps = [compute_p_value(losses, gains, len(top), GOAL.target) for losses, gains in counts]
    assert ps == sorted(ps)


def test_too_few_questions_show_nothing_better_than_the_reference(made: Made) -> None:
    few = made.tuned(Goal(0.05, 0.95), made.test[:20])
    assert few.chosen is not None
    assert (few.gains_nothing, few.chosen.constant, few.passed) == (True, few.reference, 0)
    assert (few.chosen.losses, few.chosen.gains, few.saving[0]) == (0, 0, 0)
    assert few.least == count_minimum_questions(0.05, 0.95)
    said, best = format_promise(few), few.tested[0]
    assert said.startswith(f"Nothing to gain here: use always {few.reference.name}, which this profile now does")
    assert f"lost {best.losses} and gained {best.gains} of 20 questions" in said
    if few.needed is None:
        assert "too much for any number of questions" in said
    else:
        assert f"about {max(few.needed, few.least)} would be enough" in said
    assert promise_to_json(few)["constant"] == few.reference.name


@pytest.mark.parametrize("losing", [False, True])
def test_what_would_be_enough(made: Made, losing: bool) -> None:
    """Where the safest candidate loses nothing the least there is; where it loses all, no number."""
    top = rung_to_key(made.profile.ladder[made.profile.ladder.top])
    alike = [replace(r, outcomes={k: replace(o, right=not losing or k == top) for k, o in r.outcomes.items()})
             for r in made.test[:20]]  # fmt: skip
    few = made.tuned(Goal(0.05, 0.95, against="top"), alike)
    if losing:
        assert few.needed is None
        assert "too much for any number of questions" in format_promise(few)
    else:
        assert few.needed == few.least
        assert f"about {count_minimum_questions(0.05, 0.95)} would be enough" in format_promise(few)


def test_the_reference_is_the_most_accurate_constant_unless_another_is_named(made: Made) -> None:
    rungs = list_fixed_rungs(made.profile.ladder)
    assert [one.name for one in rungs] == ["no thinking", "medium 32", "medium 64"]
    accuracy = {one.name: float(one.replay(made.learn).right.mean()) for one in rungs}
    assert accuracy[choose_reference(rungs, made.learn, "best").name] == max(accuracy.values())
    assert choose_reference(rungs, made.learn, "top") == rungs[-1]
    assert choose_reference(rungs, made.learn, "medium 32") == rungs[1]
    with pytest.raises(InputError, match=r"no constant 'medium 16'.*name best, top or one of 'no thinking'"):
        choose_reference(rungs, made.learn, "medium 16")


def test_a_constant_is_what_a_replay_and_a_solve_do_with_its_policy(made: Made) -> None:
    replay = Replay(made.profile)
    for one in list_fixed_rungs(made.profile.ladder):
        policy = replay.with_policy(one.to_policy(made.profile.policy))
        ways = one.replay(made.test), Way.replay("", policy.solve, made.test)
        assert all(np.array_equal(ways[0].right, way.right) for way in ways)
        assert all(np.array_equal(ways[0].tokens, way.tokens) for way in ways)


def test_where_difficulty_cannot_be_seen_a_constant_is_chosen(made: Made) -> None:
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
    assert float(result.chosen.way.right.mean()) == 1
    assert result.saving[1] > 0
    fixed = list_fixed_rungs(made.profile.ladder)[1].replay(blind(made.test))
    assert result.chosen.way.tokens.mean() <= fixed.tokens.mean()


def test_an_oracle_takes_the_cheapest_constant_that_is_right() -> None:
    def way(rows: list[tuple[bool, int]]) -> Way:
        return Way("", tuple(WayResult(right, Usage(answer=tokens)) for right, tokens in rows))

    cheap = way([(True, 2), (False, 2), (False, 3)])
    dear = way([(True, 9), (True, 8), (False, 9)])
    assert find_oracle_tokens([cheap, dear]).tolist() == [2, 8, 3]


@pytest.mark.crossed
@pytest.mark.parametrize("factor", [1.1, 0.9, 0.01])
@pytest.mark.parametrize("price", [None, (0.0, 1e6)])
def test_no_more_is_taken_than_a_question_may(
    made: Made, found: TuningResult, price: tuple[float, float] | None, factor: float
) -> None:
    """Tokens, or money where each made one costs 1."""
    goal = replace(GOAL, price=price)

    def taken(way: Way) -> float:
        return float(way.tokens.mean() if price is None else np.mean([goal.compute_cost(t.usage) for t in way]))

    assert found.chosen is not None
    most = factor * taken(found.chosen.way)
    limited = made.tuned(replace(goal, **{"max_tokens" if price is None else "max_cost": most}))
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
    said = format_refusal(replace(found, chosen=None))
    assert said.startswith("nothing that keeps the promise stays under what a question may take")
    assert f"always {found.reference.name} takes {found.on_reference.tokens.mean():.0f} tokens" in said


def test_money_is_counted_for_read_and_made_tokens_apart() -> None:
    goal = Goal(price=(2.0, 10.0))
    assert goal.compute_cost(
        Usage(prompt=500_000, thinking=100_000, injected=50_000, answer=50_000)
    ) == pytest.approx(3.0)


WAYS = st.lists(st.tuples(st.lists(st.booleans(), min_size=4, max_size=4), st.integers(1, 6)), max_size=12)


@given(WAYS)
def test_no_member_of_the_front_beats_another_and_all_others_are_beaten(
    rows: list[tuple[list[bool], int]],
) -> None:
    ways = [((float(i),), Way("", tuple(WayResult(right, Usage(answer=tokens)) for right in rights)))
            for i, (rights, tokens) in enumerate(rows)]  # fmt: skip
    places = {dialled: (float(way.right.mean()), float(way.tokens.mean())) for dialled, way in ways}
    front = [places[dialled] for dialled, _ in select_pareto(ways, lambda one: one[1])]
    assert front == sorted(set(front), reverse=True)
    assert not any(a != b and a[0] >= b[0] and a[1] <= b[1] for a in front for b in front)
    assert all(any(a[0] >= right and a[1] <= tokens for a in front) for right, tokens in places.values())
