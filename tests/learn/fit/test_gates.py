from __future__ import annotations

from dataclasses import replace
from random import Random

from adaptive.learn.fit.graded import GradedAttempt, GradedQuestion
from adaptive.learn.fit.thresholds import Gates
from adaptive.learn.report.tables import format_markdown_table
from adaptive.types.ladder import Ladder, Rung
from tests.learn.toy import question

LADDER = Ladder((Rung("none", 0), Rung("low", 64), Rung("high", 256)))


def graded(answer: str, reference: str, confidence: float, effort: str) -> GradedAttempt:
    right = answer == reference
    return GradedAttempt(effort, answer, right, confidence, "answered", 30 if effort == "none" else 90)


def questions(count: int, seed: int = 0) -> list[GradedQuestion]:
    """Sums: short ones are right without thinking, longer ones with it; what is right has more confidence."""
    rng, made = Random(seed), []
    for _ in range(count):
        digits = rng.choice((1, 2, 3, 4))
        row = question(rng, digits)

        def attempt(effort: str, reach: int, row: dict[str, str] = row, digits: int = digits) -> GradedAttempt:
            right = digits <= reach
            confidence = rng.uniform(0.7, 1) if right else rng.uniform(0.3, 0.8)
            return graded(row["answer"] if right else "1", row["answer"], confidence, effort)

        chains = (attempt("low", 2), attempt("high", 3))
        made.append(GradedQuestion(attempt("none", 1), chains))
    return made


def test_thresholds_are_learned_for_each_effort() -> None:
    gates = Gates.fit(questions(800), 0.97, seed=0)
    accept = gates.to_thresholds(LADDER)
    assert set(accept) == {rung.effort for rung in LADDER}
    assert all(t is not None and 0.7 < t <= 0.85 for t in accept.values())


def test_chains_are_judged_where_the_direct_answer_is_not_accepted() -> None:
    made = questions(400)
    gates = Gates.fit(made, 0.97, seed=0)
    unseen = sum(not gates.direct.accepts(r.direct.confidence) for r in made)
    assert gates.chains["low"].answers == unseen


def test_an_effort_without_answers_to_judge_has_no_threshold() -> None:
    bare = [replace(r, chains=()) for r in questions(100)]
    gates = Gates.fit(bare, 0.97, seed=0)
    assert gates.to_thresholds(LADDER) == {"none": gates.direct.threshold, "low": None, "high": None}
    assert gates.agreement.threshold is None


def test_tables_line_up() -> None:
    lines = format_markdown_table(("a", "long head"), [(1, None), (22, 0.12345)]).split("\n")
    assert lines[0] == "| a  | long head |"
    assert lines[-1] == "| 22 | 0.123     |"
    assert len({len(line) for line in lines}) == 1
