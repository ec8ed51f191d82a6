"""The log: kept, found, shared between processes, and refused in one sentence."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adaptive import solve_log
from adaptive._util import sqlite
from adaptive._util.redact import redact_address
from adaptive.errors import AdaptiveError, InputError
from adaptive.solve_log import MIGRATIONS, SolveLog, find_log_path
from tests.cli.stub import ATTEMPT, RESULT, ROOT, result


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "er" / "a ?#%log.db"


def test_what_goes_in_comes_out(path: Path) -> None:
    with SolveLog(path) as store:
        assert [store.add(result(question=q)) for q in ("a\0b 🧮", "c")] == [1, 2]
    with SolveLog(path) as store:
        assert [solve.result["question"] for solve in store.list_recent()] == ["a\0b 🧮", "c"]
        assert store.get(1).to_json() == {
            "id": 1,
            "time": store.get(1).time,
            **RESULT,
            "question": "a\0b 🧮",
        }


def test_the_columns_one_searches_by(path: Path) -> None:
    with SolveLog(path) as store:
        store.add(result(accepted=False, answer=None))
    with sqlite3.connect(path) as db:
        row = db.execute("SELECT model, profile, answer, status, accepted, rung, tokens, seconds FROM solves")
        assert row.fetchone() == ("embedded", "abacus", None, "answered", 0, 1, 59, 0.21)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


@pytest.mark.parametrize(
    ("search", "found"),
    [(None, 3), ("apples", 2), ("APPLES", 2), ("100%", 1), ("_", 1), ("\\", 0), ("73", 3), ("'; --", 0)],
)
def test_searching(path: Path, search: str | None, found: int) -> None:
    with SolveLog(path) as store:
        for question in ("5 apples", "100% of the apples", "under_score"):
            store.add(result(question=question))
        assert len(store.list_recent(0, search)) == found


def test_half_a_character_is_searched_for_and_told_as_it_is_stored(path: Path) -> None:
    with SolveLog(path) as store:
        store.add(result(question="caf\udce9"))
        assert store.add_feedback(1, False, "t\udce9").feedback["user"].answer == "t\ufffd"
        assert len(store.list_recent(search="caf\udce9")) == 1


@pytest.mark.parametrize("damaged", ["", "[" * 100_000, "[]", "{}", '{"status": "answered"}', "NaN"])
def test_a_damaged_solve_is_named(path: Path, damaged: str) -> None:
    with SolveLog(path) as store:
        store.add(RESULT)
        store._db.execute("UPDATE solves SET result = ?", (damaged,))
        for read in (store.list_recent, lambda: store.get(1)):
            with pytest.raises(AdaptiveError, match=r"^solve 1 in the log .* is damaged: name another file"):
                read()


def test_the_last_ones_oldest_first(path: Path) -> None:
    with SolveLog(path) as store:
        for _ in range(5):
            store.add(RESULT)
        assert [solve.id for solve in store.list_recent(2)] == [4, 5]
        assert len(store.list_recent(0)) == 5


def test_one_that_is_not_there(path: Path) -> None:
    with SolveLog(path) as store, pytest.raises(InputError, match="solve 1 is not in the log"):
        store.get(1)


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        ("embedded", "embedded"),
        ("http://me:secret@host:1/v1", "http://***@host:1/v1"),
        ("https://token@host/v1", "https://***@host/v1"),
        ("http://host/a@b", "http://host/a@b"),
        ("http://me:sec@ret with secret@host/v1", "http://***@host/v1"),
    ],
)
def test_no_password_is_kept(path: Path, model: str, kept: str) -> None:
    assert redact_address(model) == kept
    with SolveLog(path) as store:
        store.add(result(model=model))
        assert store.get(1).result["model"] == kept
    for file in path.parent.iterdir():
        assert b"secret" not in file.read_bytes()


def test_no_password_of_an_attempts_model_is_kept(path: Path) -> None:
    asked, stronger = "http://me:secret@host/v1", "https://secret@big/v1"
    attempts = [{**ATTEMPT, "model": asked}, {**ATTEMPT, "model": stronger, "reason": f"go to {stronger}: more"}]
    question = "what is in http://a:b@c?"
    with SolveLog(path) as store:
        store.add(result(question=question, model=asked, attempts=attempts, notes=[f"{stronger}: no efforts"]))
        kept = store.get(1).result
    assert [a["model"] for a in kept["attempts"]] == ["http://***@host/v1", "https://***@big/v1"]
    assert (kept["question"], kept["notes"]) == (question, ["https://***@big/v1: no efforts"])
    for file in path.parent.iterdir():
        assert b"secret" not in file.read_bytes()


def test_others_cannot_read_it(path: Path) -> None:
    SolveLog(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_processes_at_once(path: Path) -> None:
    """Four of them, each creating the file if it is the first and adding 10."""
    code = (
        "import sys; from pathlib import Path; from adaptive.solve_log import SolveLog\n"
        "from tests.cli.stub import RESULT\n"
        "for _ in range(10):\n    with SolveLog(Path(sys.argv[1])) as store: store.add(RESULT)"
    )
    command = [sys.executable, "-c", code, str(path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1] for process in processes] == [b""] * 4
    with SolveLog(path) as store:
        assert len(store.list_recent(0)) == 40


def test_an_older_file_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SolveLog(path) as store:
        store.add(RESULT)
    monkeypatch.setattr(solve_log, "MIGRATIONS", (*MIGRATIONS, "ALTER TABLE solves ADD COLUMN note TEXT"))
    with SolveLog(path) as store:
        assert len(store.list_recent()) == 1
        assert store._db.execute("SELECT note FROM solves").fetchall() == [(None,)]
        assert store._db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)


def test_a_file_of_before_feedback_keeps_its_solves(path: Path) -> None:
    path.parent.mkdir(parents=True)
    db = sqlite3.connect(path)
    db.execute(MIGRATIONS[0])
    db.execute("PRAGMA user_version = 1")
    db.execute(
        "INSERT INTO solves (time, question, model, status, accepted, result) "
        "VALUES ('2025-01-01', 'q', 'embedded', 'answered', 1, ?)",
        (json.dumps(RESULT),),
    )
    db.commit()
    db.close()
    with SolveLog(path) as store:
        assert store.get(1).result == RESULT
        assert store.get(1).feedback == {}
        assert store.add_feedback(1, True).feedback["user"].right


@pytest.mark.parametrize(("accepted", "column"), [(True, 1), (False, 0), (None, None)])
def test_each_verdict_has_a_value_of_its_own_in_older_files_too(
    path: Path, accepted: bool | None, column: int | None
) -> None:
    path.parent.mkdir(parents=True)
    db = sqlite3.connect(path)
    for step in MIGRATIONS[:2]:
        db.execute(step)
    db.execute("PRAGMA user_version = 2")
    sql = "INSERT INTO solves (time, question, model, status, accepted, result) VALUES ('', '', '', '', 0, ?)"
    db.execute(sql, (json.dumps(result(accepted=accepted)),))
    db.commit()
    with SolveLog(path) as store:
        store.add(result(accepted=accepted))
    assert db.execute("SELECT accepted FROM solves").fetchall() == [(column,)] * 2
    db.close()


def test_a_newer_word_replaces_an_older_one_of_the_same_source(path: Path) -> None:
    with SolveLog(path) as store:
        for _ in range(2):
            store.add(RESULT)
        store.add_feedback(1, False, "74")
        store.add_feedback(1, True, source="other")
        store.add_feedback(2, True)
        assert store.add_feedback(1, True).feedback["user"].answer is None
    with SolveLog(path) as store:
        first, second = store.list_recent()
        assert {source: word.right for source, word in first.feedback.items()} == {"user": True, "other": True}
        assert second.feedback["user"].right
        told = second.to_json()["feedback"]["user"]
        assert (told["right"], told["answer"], told["time"][-6:]) == (True, None, "+00:00")
        assert second.result == RESULT


def test_a_word_on_a_solve_that_is_not_there(path: Path) -> None:
    with SolveLog(path) as store, pytest.raises(InputError, match="solve 1 is not in the log"):
        store.add_feedback(1, True)


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SolveLog(path).close()
    steps = (*MIGRATIONS, "ALTER TABLE solves ADD COLUMN note TEXT", "NONSENSE")
    with monkeypatch.context() as patched:
        patched.setattr(solve_log, "MIGRATIONS", steps)
        with pytest.raises(AdaptiveError, match="NONSENSE"):
            SolveLog(path)
    with SolveLog(path) as store:
        assert len(store._db.execute("PRAGMA table_info(solves)").fetchall()) == 12


def test_a_newer_file_is_refused(path: Path) -> None:
    SolveLog(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(AdaptiveError, match=r"written by a newer adaptive \(version 9, this one knows 5\)"):
        SolveLog(path)


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(AdaptiveError, match=r"cannot be used .*--no-log"):
        SolveLog(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AdaptiveError, match=r"cannot be used \((File exists|Not a directory)\)"):
        SolveLog(tmp_path / "file" / "solves.db")


def test_something_else_is_no_log(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("text " * 1000)
    with pytest.raises(AdaptiveError, match="file is not a database"):
        SolveLog(path)
    assert path.read_text() == "text " * 1000


def test_a_locked_file_is_waited_for_and_then_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.01)
    with SolveLog(path) as one, SolveLog(path) as two:
        one._db.execute("BEGIN IMMEDIATE")
        with pytest.raises(AdaptiveError, match=r"cannot be used \(database is locked\)"):
            two.add(RESULT)


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", "~/x.db")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_log_path() == tmp_path / "x.db"
    monkeypatch.delenv("ADAPTIVE_LOG")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert find_log_path().name == "solves.db"
    assert "adaptive" in find_log_path().parts
