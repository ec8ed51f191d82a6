"""Attempts of hosted models bought by a batch API: those of ordinary calls, at half the price, each once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adaptive.cli import cli
from adaptive.learn.data.batch_journal import BatchJournal
from tests.hosted.batches import Job
from tests.hosted.clients import PROVIDERS
from tests.hosted.planted import Planted, make_questions, write_questions
from tests.hosted.recorded import EFFORTS, build_command, price_call, read_outcomes, read_rows, record
from tests.hosted.script import Asked, Fault, Reply, Spoken
from tests.hosted.server import Hosted, Takes

QUESTIONS, LATE = 4, 600.0
SIGNALS = (signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
BRAIN = Planted(QUESTIONS, cached=5)
HOW = ("--efforts", EFFORTS, "--samples", "1")
ATTEMPTS = 4 * QUESTIONS
NAMES = ("openai", "openai_responses", "anthropic")
each_name = pytest.mark.parametrize("name", NAMES)
each_wire = pytest.mark.parametrize("name", ["openai", "anthropic"])


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.learn.data.batch_desk.FIRST_POLL", 0.0)
    monkeypatch.setattr("adaptive.chat.batch_api.POLL_RETRIES", 0)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write_questions(tmp_path / "questions.jsonl", QUESTIONS)


def sum_prices(hosted: Hosted, name: str) -> float:
    """Return what all requests cost in a batch, by the server's own count."""
    return sum(price_call(one, BRAIN, PROVIDERS[name].spec) for one in hosted.asked) / 2


def list_bodies(hosted: Hosted) -> list[str]:
    """Return the bodies of all requests, in an order of their own."""
    return sorted(repr(sorted((k, v) for k, v in one.body.items() if k != "stream")) for one in hosted.asked)


def lose_connection(job: Job) -> None:
    """Let the connection break after the provider took the batch."""
    raise ConnectionResetError


def count_replies(out: Path) -> int:
    """Return how many replies the file keeps."""
    db = sqlite3.connect(out)
    try:
        return int(db.execute("SELECT count(reply) FROM batch_requests").fetchone()[0])
    finally:
        db.close()


def show_attempts(out: Path) -> dict[Any, Any]:
    """Return all attempts without what differs from call to call: seconds, and the provider's ids."""
    shown = {}
    for key, outcome in read_outcomes(out).items():
        attempt = outcome.attempt.to_json()
        attempt.pop("turns")
        attempt["usage"].pop("seconds")
        shown[key] = (attempt, outcome.right, outcome.prompt)
    return shown


@each_name
def test_a_batch_brings_the_attempts_of_ordinary_calls(name: str, questions: Path, tmp_path: Path) -> None:
    batched, direct = tmp_path / "batched.db", tmp_path / "direct.db"
    with Hosted(BRAIN) as hosted:
        shown = record(name, hosted, questions, batched, *HOW, "--batch")
        bodies, billed = list_bodies(hosted), sum_prices(hosted, name)
        assert [len(job.requests) for job in hosted.batches.jobs.values()] == [ATTEMPTS]
        again = record(name, hosted, questions, batched, *HOW, "--batch")
        assert len(hosted.batches.jobs) == 1
        hosted.asked = []
        record(name, hosted, questions, direct, *HOW)
        assert list_bodies(hosted) == bodies
    assert show_attempts(batched) == show_attempts(direct)
    assert count_replies(batched) == 0
    assert f"Submitted {next(iter(hosted.batches.jobs))}: {ATTEMPTS} requests, at most $" in shown
    assert f"Recorded {ATTEMPTS} attempts for ${billed:.4f}" in shown
    assert f"Recorded 0 attempts for $0.0000; {batched} holds {ATTEMPTS}, for ${billed:.4f} in all." in again


@each_wire
def test_an_attempt_that_starves_goes_on_in_the_next_batch(name: str, questions: Path, tmp_path: Path) -> None:
    def brain(asked: Asked) -> Reply:
        return BRAIN(asked) if asked.effort == "high" else Spoken("never said", thought=10**9)

    batched, direct = tmp_path / "batched.db", tmp_path / "direct.db"
    how = ("--efforts", "low,high", "--limit", "2")
    with Hosted(brain) as hosted:
        hosted.batches.on_create = lambda job: lose_connection(job) if len(hosted.batches.jobs) == 2 else None
        record(name, hosted, questions, batched, *how, "--batch", code=1)
        record(name, hosted, questions, batched, *how, "--batch")
        jobs = [len(job.requests) for job in hosted.batches.jobs.values()]
        bodies = list_bodies(hosted)
        hosted.asked = []
        record(name, hosted, questions, direct, *how)
        assert list_bodies(hosted) == bodies
    assert jobs[0] == 4
    assert all(jobs[1:])
    assert sum(jobs) == len(bodies)
    assert show_attempts(batched) == show_attempts(direct)
    assert any(outcome.attempt.starved for outcome in read_outcomes(batched).values())


@pytest.mark.parametrize("limit", [0.3, 0.6])
def test_the_limit_is_kept_and_more_money_goes_on(limit: float, questions: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "outcomes.db", tmp_path / "whole.db"
    with Hosted(BRAIN) as hosted:
        shown = record("openai", hosted, questions, out, *HOW, "--batch", "--max-cost", str(limit))
        assert sum_prices(hosted, "openai") <= limit
        rounds = len(hosted.batches.jobs)
        assert rounds > 1, "what a batch left of its worst case goes into the next one"
        if len(read_rows(out)) < ATTEMPTS:
            assert "raise --max-cost to go on" in shown
        record("openai", hosted, questions, out, *HOW, "--batch", "--max-cost", "9")
        assert len(hosted.asked) == ATTEMPTS
        record("openai", hosted, questions, whole, *HOW)
    assert read_rows(out) == read_rows(whole)


def test_a_limit_below_the_first_call_submits_nothing(questions: Path, tmp_path: Path) -> None:
    with Hosted(BRAIN) as hosted:
        shown = record("openai", hosted, questions, tmp_path / "o.db", *HOW, "--batch", "--max-cost", "0.01")
        assert not hosted.batches.jobs
    assert f"Stopped with 0 of {QUESTIONS} questions: the next call may cost up to $" in shown


@each_wire
def test_what_failed_or_expired_is_made_again_by_the_next_run(name: str, questions: Path, tmp_path: Path) -> None:
    out, bad = tmp_path / "outcomes.db", make_questions(QUESTIONS)[1].text

    def brain(asked: Asked) -> Reply:
        return Fault("error") if asked.question == bad else BRAIN(asked)

    with Hosted(brain) as hosted:
        hosted.batches.expire = lambda custom_id: custom_id.endswith(("-0", "-9"))
        shown = record(name, hosted, questions, out, *HOW, "--batch")
        assert "6 requests failed or expired (" in shown
        assert "): the next run makes them again." in shown
        assert len(read_rows(out)) == ATTEMPTS - 6
        answered = [one for one in hosted.asked if one.question != bad]
        hosted.asked, hosted.brain, hosted.batches.expire = [], BRAIN, lambda custom_id: False
        record(name, hosted, questions, out, *HOW, "--batch")
        assert [len(job.requests) for job in hosted.batches.jobs.values()] == [ATTEMPTS, 6]
        with BatchJournal(out) as journal:
            billed = sum(price_call(one, BRAIN, PROVIDERS[name].spec) for one in answered + hosted.asked) / 2
            assert journal.sum_costs() == pytest.approx(billed)
            assert journal.sum_open_calls() == (0, 0.0)
    assert len(read_rows(out)) == ATTEMPTS


@each_wire
def test_a_question_that_the_provider_does_not_take_is_left_out(
    name: str, questions: Path, tmp_path: Path
) -> None:
    bad, out = make_questions(QUESTIONS)[1].text, tmp_path / "outcomes.db"

    def brain(asked: Asked) -> Reply:
        return Fault("image", "We do not like the question.") if asked.question == bad else BRAIN(asked)

    with Hosted(brain) as hosted:
        shown = record(name, hosted, questions, out, *HOW, "--batch")
    assert "Left out question q1:" in shown
    assert "We do not like the question." in shown
    assert {row[0] for row in read_rows(out)} == {"q0", "q2", "q3"}


def test_an_effort_that_the_model_turns_out_to_lack_is_not_bought_in_another_batch(
    questions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "outcomes.db"
    with Hosted(BRAIN, models={"gpt-5": Takes(efforts=("low", "medium"))}) as hosted:
        shown = record("openai", hosted, questions, out, *HOW, "--batch", code=2)
        assert len(hosted.batches.jobs) == 1
    assert "openai:gpt-5 does not take the effort high: name some of low, medium." in shown
    assert {row[1] for row in read_rows(out)} == {"low", "medium"}


@each_wire
def test_a_batch_whose_id_was_lost_is_found_and_not_bought_again(
    name: str, questions: Path, tmp_path: Path
) -> None:
    """The connection breaks after the provider took the batch; others of the same size were there before."""
    out = tmp_path / "outcomes.db"

    with Hosted(BRAIN) as hosted:
        record(name, hosted, questions, tmp_path / "other.db", *HOW, "--batch")
        hosted.asked, hosted.batches.on_create = [], lose_connection
        assert "cannot be reached" in record(name, hosted, questions, out, *HOW, "--batch", code=1)
        assert "waits for a batch (one whose submission was cut off): give --batch" in record(
            name, hosted, questions, out, *HOW, code=2
        )
        shown = record(name, hosted, questions, out, *HOW, "--batch", "--limit", "1")
        assert "Looking for a batch whose submission was cut off: 16 requests" in shown
        assert count_replies(out) == ATTEMPTS - 4, "those of the other questions stay until they are asked for"
        shown = record(name, hosted, questions, out, *HOW, "--batch")
        assert len(hosted.batches.jobs) == 2
        assert f"{out} holds {ATTEMPTS}, for ${sum_prices(hosted, name):.4f} in all." in shown


@each_wire
def test_a_batch_that_did_not_arrive_is_submitted_again(name: str, questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"

    def refuse(job: Job) -> None:
        hosted.batches.jobs.clear()
        raise ConnectionResetError

    with Hosted(BRAIN) as hosted:
        hosted.batches.on_create = refuse
        record(name, hosted, questions, out, *HOW, "--batch", code=1)
        hosted.batches.on_create = lambda job: None
        record(name, hosted, questions, out, *HOW, "--batch")
        with BatchJournal(out) as journal:
            assert journal.sum_costs() == pytest.approx(sum_prices(hosted, name))
    assert len(read_rows(out)) == ATTEMPTS


@each_wire
def test_a_batch_that_the_provider_forgot_counts_with_the_most(name: str, questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"

    def brain(asked: Asked) -> Reply:
        raise ConnectionResetError  # while the batch is looked at

    with Hosted(brain) as hosted:
        record(name, hosted, questions, out, *HOW, "--batch", code=1)
        with BatchJournal(out) as journal:
            (forgotten,) = journal.list_open()
        assert f"waits for a batch ({forgotten.id}): give --batch" in record(
            name, hosted, questions, out, *HOW, code=2
        )
        hosted.batches.jobs.clear()
        hosted.brain, hosted.asked = BRAIN, []
        record(name, hosted, questions, out, *HOW, "--batch")
        with BatchJournal(out) as journal:
            assert journal.sum_costs() == pytest.approx(sum_prices(hosted, name) + (forgotten.most or 0.0))
    assert len(read_rows(out)) == ATTEMPTS


def test_a_batch_that_is_too_much_for_the_account_says_so_and_costs_nothing(
    questions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "outcomes.db"
    with Hosted(BRAIN) as hosted:
        hosted.batches.problem = "Enqueued token limit reached for gpt-5."
        shown = record("openai", hosted, questions, out, *HOW, "--batch", code=1)
        assert (
            "does not take the batch batch_1 (Enqueued token limit reached for gpt-5.): try again later" in shown
        )
        hosted.batches.problem = ""
        record("openai", hosted, questions, out, *HOW, "--batch")
        with BatchJournal(out) as journal:
            assert journal.sum_costs() == pytest.approx(sum_prices(hosted, "openai"))


@each_wire
@pytest.mark.parametrize(
    ("status", "says"), [(404, "its server has no batch API (404)"), (401, "the key was not")]
)
def test_a_batch_that_is_refused_costs_nothing(
    status: int, says: str, name: str, questions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "outcomes.db"
    with Hosted(BRAIN) as hosted:
        hosted.batches.refusal = (status, {"error": {"message": "No.", "type": "no"}})
        assert says in record(name, hosted, questions, out, *HOW, "--batch", code=2)
        with BatchJournal(out) as journal:
            assert journal.sum_costs() == 0
        record(name, hosted, questions, out, *HOW, "--limit", "1")
        assert len(hosted.asked) == 4


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("google_genai", [], "--batch is for models of OpenAI and Anthropic: leave it out."),
        ("azure_openai", [], "--batch is for models of OpenAI and Anthropic: leave it out."),
        ("openai", ["--concurrency", "4"], "--concurrency is for calls side by side, and a batch has all of them"),
    ],
)
def test_what_cannot_be_bought_in_batches_is_said_before(
    name: str, options: list[str], says: str, questions: Path, tmp_path: Path
) -> None:
    with Hosted(BRAIN) as hosted:
        assert says in record(name, hosted, questions, tmp_path / "o.db", "--batch", *options, code=2)
        assert not hosted.asked
        assert not hosted.batches.files


def test_a_local_model_has_no_batches(questions: Path, tmp_path: Path) -> None:
    args = ["record", str(questions), "-m", "embedded", "--out", str(tmp_path / "o.db"), "--batch"]
    made = CliRunner().invoke(cli, args, prog_name="adaptive")
    assert made.exit_code == 2
    assert "--batch is for models of OpenAI and Anthropic, and embedded is none: leave it out." in made.output


@pytest.mark.slow
@each_wire
def test_a_killed_recording_goes_on_with_the_batch_that_it_sent(
    name: str, questions: Path, tmp_path: Path
) -> None:
    """The real command, stopped while its batch runs: the next run fetches it, and nothing is bought twice."""
    out = tmp_path / "outcomes.db"
    with Hosted(BRAIN) as hosted:
        hosted.batches.looks = 10**9
        command = build_command(name, hosted, questions, out, *HOW, "--batch", "--max-cost", "9")
        said = [kill_at_poll(command, hosted, number) for number in SIGNALS]
        (job,) = hosted.batches.jobs.values()
        assert not hosted.asked
        assert f"run it again to go on: {job.id} goes on meanwhile, and nothing is bought twice." in said[0]
        assert f"Submitted {job.id}: {ATTEMPTS} requests, at most $" in said[0]
        assert f"Waiting for {job.id}: {ATTEMPTS} requests, at most $" in said[1]
        hosted.batches.looks = 0
        shown = record(name, hosted, questions, out, *HOW, "--batch", "--max-cost", "9")
        assert list(hosted.batches.jobs) == [job.id]
        assert f"Recorded {ATTEMPTS} attempts for ${sum_prices(hosted, name):.4f}" in shown
    assert len(read_rows(out)) == ATTEMPTS


def kill_at_poll(command: list[str], hosted: Hosted, number: signal.Signals) -> str:
    """Run the command, send it a signal once it has looked at a job, and return what it said."""
    run = subprocess.Popen([sys.executable, "-m", "adaptive.cli", *command], stderr=subprocess.PIPE, text=True)
    assert hosted.batches.looked.acquire(timeout=LATE)
    run.send_signal(number)
    _, said = run.communicate()
    assert run.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -number), said
    assert "Traceback" not in said
    while hosted.batches.looked.acquire(blocking=False):
        pass
    return " ".join(said.split())
