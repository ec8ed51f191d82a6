"""The rules of an import: verdicts, failures, samples, tokens, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptive.answers.grader import Grade
from adaptive.answers.registry import open_grader
from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, OutcomeKey
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import hash_question
from adaptive.learn.importing.importer import Importer
from adaptive.learn.importing.row import ImportedRow, ImportedSetting
from adaptive.learn.importing.store import ImportStore
from tests.learn.importing.imported import PLAIN_MAP, import_logs, outcomes, plan, row, rungs, write_rows
from tests.learn.made import many, write


class NeverGrades:
    """A grader that must not be asked."""

    name = "never"

    def grade(self, question: str, answer: str | None, reference: str) -> Grade:
        raise AssertionError("a verdict that came along was graded anew")

    def close(self) -> None: ...


def test_a_setting_is_a_rung_and_its_budget_the_most_tokens_seen(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [
        row("1+1", "high", tokens=900), row("1+1", "low", tokens=40), row("1+1", "none", tokens=3),
        row("2+2", "low", False, tokens=70), row("2+2", "none", False, tokens=5), row("2+2", "high", tokens=60),
    ])  # fmt: skip
    import_logs(tmp_path / "out.db", log, mapping=PLAIN_MAP)
    assert rungs(tmp_path / "out.db") == [("none", "none", 0), ("low", "low", 70), ("high", "high", 900)]
    found = outcomes(tmp_path / "out.db")["What is 2+2?"]
    low = found[OutcomeKey("low", 70)]
    assert not low.right
    assert low.attempt.rung == 1
    assert (low.attempt.chain_tokens, low.compute_usage().total) == (70, 70)
    assert {"prompt", "thinking", "answer"} == set(low.attempt.usage.estimated)
    direct = found[DIRECT].attempt
    assert (direct.chain_tokens, direct.usage.answer, direct.usage.estimated) == (0, 5, ("prompt",))


def test_thinking_that_the_log_tells_is_apart_from_the_answer(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "low", tokens=40, thought=30, asked=12)])
    import_logs(tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},thinking_tokens=thought,prompt_tokens=asked")
    outcome = outcomes(tmp_path / "out.db")["What is 1+1?"][OutcomeKey("low", 40)]
    assert (outcome.prompt, outcome.attempt.chain_tokens, outcome.attempt.usage.answer) == (12, 30, 10)
    assert outcome.attempt.usage.estimated == ()
    assert plan(tmp_path / "out.db")["ladder"][0]["answer_room"] == 10


def test_a_verdict_that_comes_along_is_never_graded_anew(tmp_path: Path) -> None:
    rows = [row("1+1", "low", False, reply="2", answer="2"), row("2+2", "low", "correct", reply="5", answer="4")]
    log = write_rows(tmp_path / "log.jsonl", rows)
    import_logs(tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},reply=reply,answer=answer", grader=NeverGrades())
    found = outcomes(tmp_path / "out.db")
    assert [next(iter(found[f"What is {q}?"].values())).right for q in ("1+1", "2+2")] == [False, True]
    assert plan(tmp_path / "out.db")["grader"] == "imported"


def test_a_row_without_a_verdict_is_graded_by_a_right_answer_or_left_out(tmp_path: Path) -> None:
    rows = [row("1+1", "low", None, reply="It is 2."), row("2+2", "low", None, reply="5"), row("3+3", "low", None)]
    log = write_rows(tmp_path / "log.jsonl", rows)
    known = [Question("a", "What is 1+1?", "2"), Question("b", "What is 2+2?", "4")]
    with open_grader("auto") as grader:
        importer = import_logs(
            tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},reply=reply", grader=grader,
            references={hash_question(one.text): one for one in known},
        )  # fmt: skip
    found = outcomes(tmp_path / "out.db")
    assert [next(iter(one.values())).right for one in found.values()] == [True, False]
    assert (importer.counts.unjudged, importer.counts.unanswered, importer.counts.graded) == (0, 1, 2)
    assert plan(tmp_path / "out.db")["grader"] == "auto"


def test_a_log_without_any_verdict_is_refused(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "low", None, reply="2")])
    with pytest.raises(InputError, match=r"1 rows have neither a verdict nor a reply to grade: .*--map correct="):
        import_logs(tmp_path / "a.db", log, mapping=PLAIN_MAP)
    with pytest.raises(InputError, match=r"1 rows have no verdict.*--answers"):
        import_logs(tmp_path / "b.db", log, mapping=f"{PLAIN_MAP},reply=reply")


@pytest.mark.parametrize(("rule", "right"), [("drop", []), ("wrong", [False])])
def test_failed_requests_are_dropped_or_wrong_and_counted(tmp_path: Path, rule: Any, right: list[bool]) -> None:
    rows = [row("1+1", "low", error=None), row("2+2", "low", None, None, error={"code": "server_error"})]
    log = write_rows(tmp_path / "log.jsonl", rows)
    importer = import_logs(tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},failed=error", failed=rule)
    assert importer.counts.failed == 1
    found = outcomes(tmp_path / "out.db").get("What is 2+2?", {})
    assert [one.right for one in found.values()] == right
    assert all(one.attempt.status == "failed" and "server_error" in one.why for one in found.values())


def test_further_attempts_at_a_question_at_a_setting_are_samples(tmp_path: Path) -> None:
    same = row("1+1", "low", True, 20)
    log = write_rows(tmp_path / "log.jsonl", [same, row("1+1", "low", False, 30), same])
    import_logs(tmp_path / "out.db", log, mapping=PLAIN_MAP)
    found = outcomes(tmp_path / "out.db")["What is 1+1?"]
    assert {key.sample: one.right for key, one in found.items()} == {0: True, 1: False, 2: True}
    assert {key.budget for key in found} == {30}


def test_the_numbers_of_samples_order_them(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "low", False, n=2), row("1+1", "low", True, n=1)])
    import_logs(tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},sample=n")
    found = outcomes(tmp_path / "out.db")["What is 1+1?"]
    assert [found[key].right for key in sorted(found)] == [True, False]


def test_an_unknown_number_of_tokens_is_refused_and_nothing_of_the_log_stays(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "low"), row("2+2", "low", True, None, reply="four")])
    with pytest.raises(InputError, match=r"line 2 of .*log\.jsonl does not tell how many tokens.*--tokenizer"):
        import_logs(tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},reply=reply")
    with ImportStore(tmp_path / "out.db") as store:
        assert (store.count_rows(), store.read_texts()) == (0, [])


def test_a_named_tokenizer_counts_them_as_an_estimate(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "none", True, None, reply="one two three")])
    count = lambda text: len(text.split())  # noqa: E731
    import_logs(tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},reply=reply", count_tokens=count)
    outcome = outcomes(tmp_path / "out.db")["What is 1+1?"][DIRECT]
    assert (outcome.prompt, outcome.attempt.usage.answer) == (3, 3)
    assert outcome.attempt.usage.estimated == ("answer", "prompt")


def test_a_second_import_adds_nothing_and_a_grown_log_what_is_new(tmp_path: Path) -> None:
    rows = [row("1+1", "low"), row("1+1", "low"), row("2+2", "low")]
    log = write_rows(tmp_path / "log.jsonl", rows)
    import_logs(tmp_path / "out.db", log, mapping=PLAIN_MAP)
    before = outcomes(tmp_path / "out.db")
    again = import_logs(tmp_path / "out.db", log, mapping=PLAIN_MAP)
    assert (again.counts.added, again.counts.known) == (0, 3)
    assert outcomes(tmp_path / "out.db") == before
    copy = write_rows(tmp_path / "copy.jsonl", [*rows, row("3+3", "high", tokens=99)])
    grown = import_logs(tmp_path / "out.db", copy, mapping=PLAIN_MAP)
    assert (grown.counts.added, grown.counts.known) == (1, 3)
    assert rungs(tmp_path / "out.db") == [("low", "low", 10), ("high", "high", 99)]


def test_a_later_log_with_longer_chains_moves_all_outcomes_of_its_setting(tmp_path: Path) -> None:
    import_logs(tmp_path / "out.db", write_rows(tmp_path / "a.jsonl", [row("1+1", "low")]), mapping=PLAIN_MAP)
    later = write_rows(tmp_path / "b.jsonl", [row("2+2", "low", tokens=77)])
    import_logs(tmp_path / "out.db", later, mapping=PLAIN_MAP)
    assert [list(one) for one in outcomes(tmp_path / "out.db").values()] == [[OutcomeKey("low", 77)]] * 2


def test_an_interrupted_import_keeps_what_was_read_and_goes_on(tmp_path: Path) -> None:
    def read(count: int, stop: bool) -> Iterator[ImportedRow]:
        for i in range(count):
            yield ImportedRow(f"line {i}", f"{i}?", ImportedSetting(effort="low"), True, 5)
        if stop:
            raise KeyboardInterrupt

    with ImportStore(tmp_path / "out.db") as store:
        importer = Importer(store)
        with pytest.raises(KeyboardInterrupt):
            importer.add_log(read(1200, stop=True))
        kept = store.count_rows()
        assert kept == importer.counts.added >= 1000
        importer = Importer(store)
        importer.add_log(read(1300, stop=False))
        assert (importer.counts.known, importer.counts.added) == (kept, 1300 - kept)


def test_an_id_with_another_question_is_refused(tmp_path: Path) -> None:
    rows = [row("1+1", "low"), {**row("2+2", "low"), "id": "1+1"}]
    with pytest.raises(InputError, match=r"line 2 of .* has the id '1.1' of another question"):
        import_logs(tmp_path / "out.db", write_rows(tmp_path / "log.jsonl", rows), mapping=PLAIN_MAP)


def test_a_recorded_file_is_not_imported_into(tmp_path: Path) -> None:
    recorded = write(tmp_path / "recorded.db", many(3))
    with pytest.raises(InputError, match="was made by `adaptive record`"):
        ImportStore(recorded)
    with OutcomeStore(recorded) as store:
        assert store.count() > 0


def test_a_log_of_one_model_names_it_as_a_spec(tmp_path: Path) -> None:
    rows = [row("1+1", "low", model="openai/o4-mini"), row("1+1", "high", tokens=50, model="openai/o4-mini")]
    log = write_rows(tmp_path / "log.jsonl", rows)
    import_logs(tmp_path / "out.db", log, mapping=f"{PLAIN_MAP},model=model")
    assert plan(tmp_path / "out.db")["model"] == "openai:o4-mini"
    assert [name for name, *_ in rungs(tmp_path / "out.db")] == ["low", "high"]
