"""Which questions are measured on and which are tuned on."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptive.bench.split import RecordedPool, split_questions
from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, RecordedQuestion
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import hash_question, read_used_keys
from tests.bench.planted import LADDER, outcome, question, recorded, rungs

FILE = Path("o.db")


def pool(count: int) -> RecordedPool:
    return RecordedPool.from_recorded(FILE, [rungs((True,) * 4, number=i) for i in range(count)], LADDER)


def numbers(found: tuple[RecordedQuestion, ...]) -> list[str]:
    return [r.question.id for r in found]


def test_what_is_not_asked_is_tuned_on() -> None:
    found = split_questions(pool(5), [question(3), question(1)], "q.jsonl", ())
    assert (numbers(found.test), numbers(found.tuning)) == (["q3", "q1"], ["q0", "q2", "q4"])
    assert found.notes == ("2 questions are few: differences inside the intervals prove nothing.",)


def test_questions_are_found_by_their_text() -> None:
    other = Question("another id", "  what is 1 +   1", "2")
    assert numbers(split_questions(pool(2), [other], "q.jsonl", ()).test) == ["q1"]


def test_what_the_profile_has_seen_is_left_out_and_said() -> None:
    seen = {hash_question(question(0).text.upper())}
    found = split_questions(pool(3), [question(0), question(1)], "q.jsonl", seen)
    assert (numbers(found.test), numbers(found.tuning)) == (["q1"], ["q2"])
    assert found.notes[0] == "1 of 2 questions are left out: the profile was made from them."


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(InputError, match=r"has seen every question of q\.jsonl"):
        split_questions(pool(1), [question(0)], "q.jsonl", {hash_question(question(0).text)})


def test_no_question_is_on_both_sides() -> None:
    found = split_questions(pool(4), [question(0)], "q.jsonl", (), ([question(0), question(2)], "t.jsonl"))
    assert (numbers(found.test), numbers(found.tuning)) == (["q0"], ["q2"])
    assert "1 of the tuning questions are test questions too, and were not tuned on." in found.notes


def test_with_nothing_to_tune_on_the_baselines_have_the_advantage_and_it_is_said() -> None:
    found = split_questions(pool(1), [question(0)], "q.jsonl", ())
    assert found.tuning == found.test
    assert any("in their favour" in note for note in found.notes)


def test_what_is_not_recorded_is_counted_with_what_to_run() -> None:
    part = RecordedPool.from_recorded(FILE, [rungs((True,) * 4), recorded(outcome(DIRECT), number=1)], LADDER)
    with pytest.raises(
        InputError, match=r"^2 of 3 questions of q\.jsonl .* `adaptive record q\.jsonl --out o\.db`"
    ):
        split_questions(part, [question(0), question(1), question(2)], "q.jsonl", ())


def test_another_answer_is_another_question() -> None:
    with pytest.raises(InputError, match=r"'q0' of q\.jsonl has another answer"):
        split_questions(pool(1), [Question("q0", question(0).text, "7")], "q.jsonl", ())


def test_a_rung_that_no_question_has_is_named() -> None:
    with pytest.raises(InputError, match="recorded at low 8, a rung of the profile's ladder"):
        RecordedPool.from_recorded(FILE, [recorded(outcome(DIRECT))], LADDER)


def test_a_profile_that_does_not_say_has_seen_nothing(tmp_path: Path) -> None:
    assert read_used_keys(tmp_path) == frozenset()
    (tmp_path / "seen.txt").write_text(f"{hash_question('a')}\n{hash_question('b')}\n")
    assert read_used_keys(tmp_path) == {hash_question("a"), hash_question("b")}
