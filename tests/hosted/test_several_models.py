"""A ladder over two hosted models, from their questions to a tuned cascade and its solves: what was planted."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from adaptive import Options, Profile, Result, build_solver
from adaptive.cli import cli
from adaptive.errors import InputError
from adaptive.learn.data.call_journal import CallJournal
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
from adaptive.learn.tuning.constants import list_constants
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.ways import Way
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.logistic import Logistic
from adaptive.types.policy import Evidence, FollowUp, Policy
from tests.hosted.planted import CHEAP, DEAR, TEAM_BEST, Team, make_questions, write_questions
from tests.hosted.recorded import call, price_call, read_outcomes, read_rows
from tests.hosted.server import Hosted
from tests.support.choosing import make_fixed_chooser

MODELS = ("-m", CHEAP, "-m", DEAR)
HOW = ("--efforts", "low,high", "--concurrency", "16")
LOW, HIGH = OutcomeKey("low", 4096), OutcomeKey("high", 32768)
DEAR_LOW, DEAR_HIGH = (OutcomeKey(one.effort, one.budget, model=DEAR) for one in (LOW, HIGH))
LEARNED, NEW = 240, 60


@pytest.fixture(autouse=True)
def _own_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "log.db"))


def locate(hosted: Hosted) -> list[str]:
    """The options of both models at the server."""
    return ["-o", f"base_url={hosted.url}/v1", "-o", f"api_key={hosted.key}"]


def price(hosted: Hosted, team: Team) -> float:
    """What all calls cost, by the server's own count."""
    specs = (f"openai:{one.model}" for one in hosted.asked)
    return sum(price_call(one, team.find(spec), spec) for one, spec in zip(hosted.asked, specs, strict=True))


def test_both_models_are_bought_within_one_limit_and_counted_to_the_cent(tmp_path: Path) -> None:
    team, out = Team(6), tmp_path / "outcomes.db"
    questions = write_questions(tmp_path / "questions.jsonl", 6)
    with Hosted(team) as hosted:
        record = ("record", str(questions), *MODELS, *locate(hosted), *HOW, "--out", str(out))
        call(*record, "--samples", "1", "--max-cost", "0.5")
        spent = price(hosted, team)
        assert 0 < spent <= 0.5
        assert len(hosted.asked) < 6 * 6, "the limit is for both models together"
        call(*record, "--samples", "1", "--max-cost", "50")
        billed = price(hosted, team)
        assert len(hosted.asked) == 6 * 6
    made = read_outcomes(out)
    keys = {LOW, HIGH, DEAR_LOW, DEAR_HIGH}
    keys |= {OutcomeKey("low", 4096, 0, 1, model) for model in ("", DEAR)}
    assert set(made) == {(one.text, key) for one in make_questions(6) for key in keys}
    assert sum(outcome.attempt.usage.cost or 0.0 for outcome in made.values()) == pytest.approx(billed, abs=1e-9)
    with CallJournal(out) as journal:
        assert journal.sum_costs() == pytest.approx(billed, abs=1e-9)
    with OutcomeStore(out) as store:
        rungs = [(rung.model, rung.effort) for rung in store.read_ladder()]
    assert rungs == [("", "low"), (DEAR, "low"), ("", "high"), (DEAR, "high")], "by what they cost"


@pytest.mark.parametrize(
    ("models", "options", "says"),
    [
        ((CHEAP, CHEAP), (), "openai:gpt-5-mini is named twice"),
        ((CHEAP, "embedded"), (), "a ladder over several models has hosted ones alone, and embedded is none"),
        ((CHEAP, "openai:unheard-of-5"), (), "tokens of several models do not compare, so each needs a price"),
        ((CHEAP, DEAR), ("--efforts", "low,xhigh"), "none of openai:gpt-5-mini and openai:gpt-5 takes xhigh"),
    ],
)
def test_what_cannot_share_a_ladder_is_said_before_anything_is_bought(
    models: tuple[str, ...], options: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    questions = write_questions(tmp_path / "questions.jsonl", 2)
    with Hosted(Team(2)) as hosted:
        named = [part for model in models for part in ("-m", model)]
        command = ["record", str(questions), *named, *locate(hosted), *options, "--out", str(tmp_path / "o.db")]
        run = subprocess.run(
            [sys.executable, "-m", "adaptive.cli", *command], check=False, capture_output=True, text=True
        )
        assert run.returncode == 2
        assert says in " ".join(run.stderr.split())
        assert not hosted.asked


@pytest.mark.slow
def test_the_tuned_cascade_finds_what_was_planted(tmp_path: Path) -> None:
    team = Team(LEARNED + NEW)
    learned, new = (tmp_path / f"{part}.jsonl" for part in ("learned", "new"))
    lines = write_questions(learned, LEARNED + NEW).read_text().splitlines(keepends=True)
    learned.write_text("".join(lines[:LEARNED]))
    new.write_text("".join(lines[LEARNED:]))
    outcomes, held_out, folder = tmp_path / "outcomes.db", tmp_path / "held_out.db", tmp_path / "profile"
    with Hosted(team) as hosted:
        for questions, out in ((learned, outcomes), (new, held_out)):
            call("record", str(questions), *MODELS, *locate(hosted), *HOW, "--out", str(out))
        assert len(hosted.asked) == 4 * (LEARNED + NEW)
        call("train", str(outcomes), "--out", str(folder))
        call("tune", str(folder), "--outcomes", str(outcomes), "--target-loss", "0.05")
        check_solves(hosted, team, folder)
    profile = Profile.load(folder)
    assert profile.models == ("", DEAR)
    with OutcomeStore(held_out) as store:
        recorded = select_replayable(profile, store)
    shown = call("bench", str(folder), str(new), "--replay", str(held_out), "--json")
    check_policy(profile, recorded, json.loads(shown))


def check_policy(profile: Profile, recorded: list[RecordedQuestion], figures: dict[str, Any]) -> None:
    """Each kind is answered by the cheapest that solves it, at the dearest's accuracy and a part of its cost."""
    policy = Way.replay("", Replay.from_recorded(profile, recorded).solve, recorded)
    top = Way.replay("", make_fixed_chooser(DEAR_HIGH), recorded)
    kinds = {one.text: one.kind for one in make_questions(LEARNED + NEW)}
    used = [(result.key.model or CHEAP, result.key.effort) for result in policy if result.key]
    best = [TEAM_BEST[kinds[one.question.text]] for one in recorded]
    assert sum(one == other for one, other in zip(used, best, strict=True)) >= 0.85 * len(recorded)
    assert policy.right.mean() >= top.right.mean() - 0.05
    cost, of_top = (sum(result.usage.cost or 0.0 for result in way) for way in (policy, top))
    assert cost <= 0.6 * of_top
    line = next(one for one in figures["lines"] if one["kind"] == "policy")
    assert line["cost"] == pytest.approx(cost / len(recorded))
    names = {one["name"] for one in figures["lines"]}
    assert {"always low 4096", f"always {DEAR} low 4096", f"always the top rung ({DEAR} high 32768)"} <= names


def check_solves(hosted: Hosted, team: Team, folder: Path) -> None:
    """A solve asks the model that the question's kind needs, says so, and costs what is billed."""
    profile = Profile.load(folder)
    for question in [one for one in make_questions(LEARNED + NEW) if not profile.is_outside(one.text)][-3:]:
        hosted.asked = []
        shown = call("solve", question.text, "-m", CHEAP, *locate(hosted), "--profile", str(folder), "--json")
        result = json.loads(shown)
        first = hosted.asked[0]
        assert (f"openai:{first.model}", first.effort) == TEAM_BEST[question.kind]
        assert [one["model"] for one in result["attempts"]] == [f"openai:{one.model}" for one in hosted.asked]
        assert result["usage"]["cost"] == pytest.approx(price(hosted, team), abs=1e-9)


@pytest.mark.slow
def test_a_killed_recording_of_two_models_goes_on_within_its_limit(tmp_path: Path) -> None:
    count, limit, at_once = 10, 50.0, 4
    team, rows = Team(count), 4 * count
    questions = write_questions(tmp_path / "questions.jsonl", count)
    killed, whole = tmp_path / "killed.db", tmp_path / "whole.db"
    with Hosted(team) as hosted:
        how = ("--efforts", "low,high", "--concurrency", str(at_once), "--max-cost", str(limit))
        record = ["record", str(questions), *MODELS, *locate(hosted), *how]
        for goal in (3, 11, 19):
            run = subprocess.Popen(
                [sys.executable, "-m", "adaptive.cli", *record, "--out", str(killed)], stderr=subprocess.DEVNULL
            )
            late = time.monotonic() + 600
            while run.poll() is None and len(hosted.asked) < goal and time.monotonic() < late:
                time.sleep(0.01)
            run.send_signal(signal.SIGKILL)
            assert run.wait() == -signal.SIGKILL
        assert len(read_rows(killed)) < rows
        call(*record, "--out", str(killed))
        bought, billed = len(hosted.asked), price(hosted, team)
        call(*record, "--out", str(whole))
    assert read_models(killed) == read_models(whole)
    assert rows == len(read_rows(killed)) <= bought <= rows + 3 * at_once, (
        "only what was in flight is bought again"
    )
    with CallJournal(killed) as journal:
        counted = journal.sum_costs()
    assert counted is not None
    assert billed <= counted <= limit


def read_models(out: Path) -> list[Any]:
    """What matters of all rows, in order."""
    db = sqlite3.connect(out)
    try:
        sql = (
            "SELECT q.id, o.model, o.effort, o.answer, o.right, o.cost FROM outcomes o "
            "JOIN questions q ON q.number = o.question"
        )
        return sorted(db.execute(sql).fetchall())
    finally:
        db.close()


# A solve is what its replay says, whatever the policy.

COUNT = 9


class ByKind:
    """A difficulty model that knows the kinds, and what each rung costs."""

    def p_solved(self, questions: Any) -> Any:
        kinds = {one.text: one.kind for one in make_questions(COUNT)}
        rows = {"sum": (0.9, 0.92, 0.9, 0.95), "product": (0.1, 0.9, 0.1, 0.95), "puzzle": (0.1, 0.1, 0.1, 0.9)}
        return np.array([rows[kinds[one]] for one in questions])

    def forecast(self, questions: Any) -> Any:
        return self.p_solved(questions), np.tile([300.0, 1500.0, 5000.0, 25000.0], (len(questions), 1))


@pytest.fixture(scope="module")
def hosted() -> Iterator[Hosted]:
    with Hosted(Team(COUNT, slip=0.15)) as server:
        yield server


@pytest.fixture(scope="module")
def recorded(hosted: Hosted, tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, list[RecordedQuestion]]:
    folder = tmp_path_factory.mktemp("several")
    questions, out = write_questions(folder / "questions.jsonl", COUNT), folder / "outcomes.db"
    call("record", str(questions), *MODELS, *locate(hosted), *HOW, "--samples", "3", "--out", str(out))
    with OutcomeStore(out) as store:
        return build_recorded_profile(store, "team"), list(store)


follow_ups = st.lists(
    st.builds(
        FollowUp, arm=st.sampled_from(("effort", "vote")), source=st.integers(0, 3), rung=st.integers(0, 3),
        right=st.just(0.2), bias=st.sampled_from((-1.0, 1.0, 3.0)), slope=st.sampled_from((0.0, 1.0)),
        breaks=st.just(0.05), cost=st.sampled_from((0.1, 1.0)),
    ),
    max_size=12,
    unique_by=lambda one: (one.arm, one.source, one.rung),
).map(tuple)  # fmt: skip
SHIFTS = (-2.0, 0.0, 2.0)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    follow_ups=follow_ups,
    worth=st.sampled_from((5e2, 5e3, 5e4, 1e6)),
    looks_ahead=st.booleans(),
    threshold=st.sampled_from((0.4, 0.6, 0.9)),
    constant=st.none() | st.integers(0, 100),
    number=st.integers(0, COUNT - 1),
)
def test_a_solve_is_what_its_replay_says(
    hosted: Hosted,
    recorded: tuple[Profile, list[RecordedQuestion]],
    follow_ups: tuple[FollowUp, ...],
    worth: float,
    looks_ahead: bool,
    threshold: float,
    constant: int | None,
    number: int,
) -> None:
    base, rows = recorded
    evidence = tuple(Evidence(k, SHIFTS, SHIFTS) for k in range(4)) if looks_ahead else ()
    policy = Policy(worth=worth, unit="dollars", follow_ups=follow_ups, evidence=evidence, vote_most=3,
                    accept={"none": None, "low": None, "high": None}, max_waits=0)  # fmt: skip
    if constant is not None:
        listed = list_constants(base.ladder, rows)
        policy = listed[constant % len(listed)].to_policy(policy)
    verifier = Logistic({"agree": 1.5, "differ": -1.0, "difficulty": 1.0}, 0.0, threshold)
    profile = Profile(base.name, base.model, base.ladder, base.style, policy, verifier=verifier,
                      difficulty_model=ByKind)  # fmt: skip
    one = rows[number]
    taken = Replay.from_recorded(profile, [one]).solve(one)
    solver = build_solver(CHEAP, profile=profile, engine={"base_url": f"{hosted.url}/v1", "api_key": hosted.key})
    hosted.asked = []
    live = solver.invoke({"messages": [("user", one.question.text)]})["adaptive_result"]
    for vote in (attempt for attempt in live["attempts"] if attempt["arm"] == "vote"):
        # A replay takes no vote of which a sample was not recorded.
        drawn = [
            k
            for k in one.outcomes
            if k.sample and k.effort == vote["effort"] and (k.model or CHEAP) == vote["model"]
        ]
        assume(len(drawn) >= policy.vote_most)
    kept = live["attempts"][live["kept"]]
    assert len(live["attempts"]) == taken.attempts == len(hosted.asked)
    assert live["usage"]["cost"] == pytest.approx(taken.usage.cost, abs=1e-12)
    assert live["usage"]["thinking"] == taken.usage.thinking
    assert taken.key is not None
    assert (kept["model"], kept["effort"]) == (taken.key.model or CHEAP, taken.key.effort)
    assert live["accepted"] == taken.accepted
    assert live["answer"] == one.outcomes[taken.key].attempt.answer


def test_a_model_of_the_ladder_that_cannot_be_opened_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    far = "anthropic:claude-sonnet-4-6"
    ladder = Ladder((Rung("low", 4096), Rung("high", 32768, model=far)))
    engine = {"base_url": "http://127.0.0.1:9/v1", "api_key": "sk-of-openai"}
    with pytest.raises(InputError, match=f"the profile team has rungs of {far} too: .*needs a key") as caught:
        build_solver(CHEAP, profile=Profile("team", CHEAP, ladder), engine=engine)
    assert "sk-of-openai" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "other", "says"),
    [
        ("embedded", DEAR, "which a model on a token engine cannot share"),
        (CHEAP, "http://stranger.example/v1", "which is no hosted model"),
        (CHEAP, "huggingface:stranger/model", "which is no hosted model"),
    ],
)
def test_a_ladder_of_several_models_has_hosted_ones_alone(model: str, other: str, says: str) -> None:
    ladder = Ladder((Rung("low", 64), Rung("high", 256, model=other)))
    with pytest.raises(InputError, match=says):
        build_solver(
            model, profile=Profile("team", model, ladder), engine={} if model == "embedded" else {"api_key": "k"}
        )


def test_the_command_names_the_other_models_of_a_profile_that_is_named(
    hosted: Hosted, recorded: tuple[Profile, Any], tmp_path: Path
) -> None:
    base, rows = recorded
    base.save(tmp_path / "profile")
    command = ["solve", rows[0].question.text, "-m", CHEAP, *locate(hosted), "--no-log"]
    made = CliRunner().invoke(cli, [*command, "--profile", str(tmp_path / "profile")])
    assert f"Note: the profile {base.name} also asks {DEAR}, with your keys.\n" in made.stderr
    assert "also asks" not in CliRunner().invoke(cli, command).stderr


def test_exploration_tries_the_rungs_of_every_model(hosted: Hosted, recorded: tuple[Profile, Any]) -> None:
    base, rows = recorded
    policy = Policy(worth=1e3, unit="dollars", accept={"none": None, "low": None, "high": None})
    profile = Profile(base.name, base.model, base.ladder, base.style, policy, difficulty_model=ByKind)
    engine = {"base_url": f"{hosted.url}/v1", "api_key": hosted.key}
    solver = build_solver(CHEAP, profile=profile, engine=engine, options=Options(explore=1.0, max_attempts=1))
    hosted.asked = []
    result = Result.of(solver.invoke({"messages": [("user", rows[0].question.text)]}))
    assert set(result.rung_attempts) == {rung.setting for rung in base.ladder}
    for rung in base.ladder:
        explored, own = result.rung_attempts[rung.setting], rows[0].outcomes[rung_to_key(rung)].attempt
        assert result.models[explored.model] == (rung.model or CHEAP)
        assert (explored.answer, explored.usage.cost) == (own.answer, own.usage.cost)
    assert len(hosted.asked) == len(base.ladder)


def test_fit_makes_one_profile_of_both_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))
    team = Team(45)
    questions = write_questions(tmp_path / "questions.jsonl", 45)
    with Hosted(team) as hosted:
        shown = call("fit", str(questions), *MODELS, *locate(hosted), *HOW, "--yes", "--json")
        figures, billed = json.loads(shown), price(hosted, team)
        assert len(hosted.asked) == 5 * 45, "four rungs and a plain call"
        hosted.asked = []
        solved = json.loads(call("solve", make_questions(1)[0].text, "-m", CHEAP, *locate(hosted), "--json"))
        asked = [f"openai:{one.model}" for one in hosted.asked]
    assert figures["usage"]["cost"] == pytest.approx(billed, abs=1e-9)
    assert "dollars" in figures["profile_against_best"]
    names = {one["name"] for one in figures["ways"]}
    assert {"low 4096", f"{DEAR} low 4096", f"{DEAR} high 32768", "a plain call"} <= names
    assert figures["model"] == CHEAP
    assert asked == [one["model"] for one in solved["attempts"]]


@pytest.mark.parametrize("models", [MODELS, MODELS[:2]])
def test_fit_buys_by_batches_at_half_the_price(
    models: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))
    monkeypatch.setattr("adaptive.learn.data.batch_desk.FIRST_POLL", 0.0)
    team, work = Team(36), tmp_path / "work"
    questions = write_questions(tmp_path / "questions.jsonl", 36)
    with Hosted(team) as hosted:
        command = ("fit", str(questions), *models, *locate(hosted), "--efforts", "low,high", "--work", str(work))
        page = call(*command, "--batch", "--yes")
        billed, batches = price(hosted, team), len(hosted.batches.jobs)
        rungs = len(models) // 2 * 2
        assert len(hosted.asked) == (rungs + 1) * 36
    assert 2 * len(models) // 2 <= batches < 10, "a handful first, and all others; a batch has one model"
    with CallJournal(work / "outcomes.db") as journal:
        assert journal.sum_costs() == pytest.approx(billed / 2, abs=1e-9)
    assert f"(${billed:.4f})" in page, "the ordinary price, which a solve pays"
    assert "dollars of a plain call" in page
