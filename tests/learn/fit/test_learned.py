from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from adaptive.learn.fit.difficulty import LEAST
from adaptive.learn.fit.graded import GradedAttempt, Record
from adaptive.learn.fit.learned import Learned
from adaptive.learn.fit.thresholds import Gate, Gates, compute_probe_from, drop_duplicates
from adaptive.learn.report.tables import format_label_card, format_label_figures, format_markdown_table
from adaptive.profile.profile import Profile
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy
from tests.learn.toy import question

pytestmark = pytest.mark.usefixtures("quick")
LADDER = Ladder((Rung("none", 0), Rung("low", 64), Rung("high", 256)))


def graded(answer: str, reference: str, confidence: float, effort: str, rung: int) -> GradedAttempt:
    right = answer == reference
    thinking, total = (0, 30) if effort == "none" else (40, 90)
    finish = "none" if effort == "none" else "natural"
    found = rung if right else None
    return GradedAttempt(effort, 64, answer, right, confidence, "answered", finish, thinking, total, found)


def records(count: int, seed: int = 0) -> list[Record]:
    """Sums: short ones are right without thinking, longer ones with it; what is right has more confidence."""
    rng, made = Random(seed), []
    for number in range(count):
        digits = rng.choice((1, 2, 3, 4))
        row = question(rng, digits)

        def attempt(
            effort: str, rung: int, reach: int, row: dict[str, str] = row, digits: int = digits
        ) -> GradedAttempt:
            right = digits <= reach
            confidence = rng.uniform(0.7, 1) if right else rng.uniform(0.3, 0.8)
            return graded(row["answer"] if right else "1", row["answer"], confidence, effort, rung)

        chains = (attempt("low", 1, 2), attempt("high", 2, 3))
        made.append(
            Record(str(number), row["question"], row["answer"], attempt("none", 0, 1), chains, audited=True)
        )
    return made


def test_thresholds_are_learned_for_each_effort() -> None:
    gates = Gates.fit(records(800), 0.97, seed=0)
    accept = gates.to_thresholds(LADDER)
    assert set(accept) == {rung.effort for rung in LADDER}
    assert all(t is not None and 0.7 < t <= 0.85 for t in accept.values())


def test_chains_are_judged_where_the_direct_answer_is_not_accepted_on_audited_questions_only() -> None:
    made = records(400)
    gates = Gates.fit(made, 0.97, seed=0)
    unseen = sum(not gates.direct.accepts(r.direct.confidence) for r in made)
    assert gates.chains["low"].answers == unseen
    audited = [replace(r, audited=i % 2 == 0) for i, r in enumerate(made)]
    assert Gates.fit(audited, 0.97, seed=0).chains["low"].answers < unseen
    assert Gates.fit([replace(r, audited=False) for r in made], 0.97, seed=0).chains == {}


def test_an_effort_without_answers_to_judge_has_no_threshold() -> None:
    bare = [replace(r, chains=(), audited=False) for r in records(100)]
    gates = Gates.fit(bare, 0.97, seed=0)
    assert gates.to_thresholds(LADDER) == {"none": gates.direct.threshold, "low": None, "high": None}
    assert gates.agreement.threshold is None


@pytest.mark.parametrize(
    ("threshold", "accepted_right", "expected"),
    [(0.9, 50, 0.6667), (0.9, 100, 0.3333), (0.9, 0, 1.0), (None, 0, 1.0)],
)
def test_from_when_on_the_probe_pays(threshold: float | None, accepted_right: int, expected: float) -> None:
    """A direct answer takes 30 tokens, a chain 90: it pays from 1 in 3 on if all right ones are accepted."""
    gate = Gate(0.97, threshold, 100, 100, accepted_right, accepted_right)
    assert compute_probe_from(records(20), gate) == expected


def test_a_question_counts_once() -> None:
    one, two = records(2)
    again = replace(one, id="again", question=one.question.upper() + " ")
    assert drop_duplicates([one, again, two]) == [one, two]


def test_what_is_learned_is_measured_and_told() -> None:
    made = records(240)
    learned = Learned.of([*made, *made], LADDER, Policy(max_attempts=7), 0.95, seed=0)
    figures = learned.figures
    assert figures["difficulty"]["questions"] == len(drop_duplicates(made))
    assert figures["difficulty"]["level"]["accuracy"] > figures["difficulty"]["level"]["base"]
    assert all(rung["brier"] < rung["brier_base"] for rung in figures["difficulty"]["rungs"])
    assert learned.policy.max_attempts == 7
    assert learned.policy.accept == learned.gates.to_thresholds(LADDER)
    profile = Profile("toy", "toy", LADDER, policy=learned.policy, figures=figures)
    text = format_label_card(profile, learned.gates, "adaptive train q.jsonl", "240 questions from `q.jsonl`")
    assert "adaptive train q.jsonl" in text
    assert format_label_figures(LADDER, figures, learned.gates) in text
    assert f"mended {figures['mended']} wrong" in text


def test_the_same_data_and_seed_give_the_same() -> None:
    one, two = (Learned.of(records(120), LADDER, Policy(), 0.95, seed=3) for _ in range(2))
    assert (one.policy, one.figures) == (two.policy, two.figures)


def test_few_questions_are_enough_though_fewer_are_fitted_to_when_measuring() -> None:
    figures = Learned.of(drop_duplicates(records(80))[: LEAST + 2], LADDER, Policy(), 0.97, seed=0).figures
    assert figures["difficulty"]["held_out"] == LEAST + 2


def test_tables_line_up() -> None:
    lines = format_markdown_table(("a", "long head"), [(1, None), (22, 0.12345)]).split("\n")
    assert lines[0] == "| a  | long head |"
    assert lines[-1] == "| 22 | 0.123     |"
    assert len({len(line) for line in lines}) == 1
