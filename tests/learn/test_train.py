from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from adaptive.cli import cli
from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, RecordedQuestion, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
from adaptive.learn.data.splits import assign_split, hash_question, read_used_keys
from adaptive.learn.fit import difficulty
from adaptive.learn.fit.difficulty import TrainedDifficulty, assign_folds
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.s1_rule import S1Rule
from adaptive.learn.fit.situations import iter_situations
from adaptive.learn.fit.trainer import FittedModels, Trainer
from adaptive.learn.report import plots
from adaptive.learn.train import TrainSettings
from adaptive.learn.train import train as train_profile
from adaptive.policy.utility import choose_promising_rung, estimate_gain
from adaptive.profile.profile import Profile
from adaptive.profile.verifier import build_profile_verifier
from adaptive.profile.weights import WEIGHTS
from adaptive.types.logistic import log_odds
from adaptive.types.policy import Policy
from adaptive.verify.learned import Learned
from tests.learn.fitted import fit_quickly
from tests.learn.made import LADDER, many, write
from tests.support.scripted import run

pytestmark = pytest.mark.usefixtures("quick")
Train = Callable[..., Result]


def examples(made: list[RecordedQuestion]) -> Examples:
    return Examples.read(made, LADDER, lambda _: True)


@pytest.fixture(scope="module")
def learned() -> FittedModels:
    with pytest.MonkeyPatch.context() as patch:
        fit_quickly(patch)
        return Trainer(0.95).fit(examples(many(400)), Policy())


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Train:
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)
    return lambda *args: CliRunner().invoke(cli, ["train", *map(str, args)], prog_name="adaptive")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "anything.xyz", many(400))


@pytest.fixture(scope="module")
def trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile trained once; not to be written to."""
    out = tmp_path_factory.mktemp("trained") / "toy"
    with pytest.MonkeyPatch.context() as patch:
        fit_quickly(patch)
        args = ["train", str(source), "--out", str(out), "--target-precision", "0.95"]
        result = CliRunner().invoke(cli, args, prog_name="adaptive")
    assert result.exit_code == 0, result.output
    return out


def test_what_was_planted_is_found(learned: FittedModels) -> None:
    rungs = learned.figures["difficulty"]["rungs"]
    assert all(r["brier"] < r["brier_base"] and r["auroc"] > 0.75 for r in rungs)
    assert learned.figures["probe"]["rungs"][0]["auroc"] > rungs[0]["auroc"]
    kinds = learned.figures["verifier"]["by_kind"]
    assert all(k["brier"] < k["brier_confidence"] and k["auroc"] > 0.85 for k in kinds if k["count"] > 100)
    assert learned.verifier is not None
    assert 0.5 <= learned.verifier.threshold < 1
    assert learned.figures["verifier"]["gate"]["precision"] > 0.9
    for one in learned.figures["tokens_by_rung"]:
        assert one["predicted"] == pytest.approx(one["mean"], rel=0.05)
    assert all(one["explained"] > 0.5 for one in learned.figures["tokens_by_rung"][1:]), "a digit takes 16 tokens"


def test_a_right_answer_is_worth_enough_to_be_as_accurate_as_the_best_rung(learned: FittedModels) -> None:
    policy, forecasts = learned.policy, learned.held_out.to_forecasts()
    assert (policy.follow_ups, policy.evidence) == ((), ()), "what may follow is measured later"
    made = {one.question.text: [one.is_solved(rung_to_key(rung)) for rung in LADDER] for one in many(400)}
    rungs = {text: choose_promising_rung(range(3), policy, forecast) for text, forecast in forecasts.items()}
    chosen = np.mean([made[text][rung] for text, rung in rungs.items()])
    assert chosen >= np.mean([made[text] for text in rungs], axis=0).max() - 0.011
    assert len(set(rungs.values())) > 1
    tokens = np.mean([forecasts[text].tokens[rung] for text, rung in rungs.items()])
    assert tokens < 0.9 * np.mean([one.tokens[-1] for one in forecasts.values()])


def test_the_probe_moves_difficulty_with_the_confidence(learned: FittedModels) -> None:
    direct = many(1)[0].outcomes[DIRECT].attempt
    low, high = (learned.probe.p_solved([0.5, 0.6, 0.7], replace(direct, confidence=c))[0] for c in (0.4, 0.99))
    assert low < 0.5 < high


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefg")), min_size=1), st.integers(1, 5))
def test_no_group_is_in_two_folds(rows: list[tuple[bool, str]], count: int) -> None:
    groups = [g for _, g in rows]
    fold = assign_folds([label for label, _ in rows], count, 0, groups)
    assert all(len({int(f) for f, g in zip(fold, groups, strict=True) if g == one}) == 1 for one in groups)
    assert fold.max() < count


def test_nothing_of_a_group_is_fitted_to_where_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    made = many(160, groups=[f"template {i}" for i in range(40)])
    data = examples(made)
    group = dict(zip(data.texts, data.groups, strict=True))
    fitted: list[set[str]] = []
    refit = TrainedDifficulty.refit.__func__  # type: ignore[attr-defined]

    def watched(cls: Any, corpus: Any, solved: Any, seed: int, groups: Any, *more: Any) -> TrainedDifficulty:
        fitted.append(set(groups))
        found: TrainedDifficulty = refit(cls, corpus, solved, seed, groups, *more)
        return found

    monkeypatch.setattr(TrainedDifficulty, "refit", classmethod(watched))
    Trainer().fit(data, Policy())
    *held_out, last = fitted
    assert last == set(group.values())
    left = [last - one for one in held_out]
    assert set().union(*left) == last
    assert sum(map(len, left)) == len(last)


def test_every_situation_is_one_of_a_solve() -> None:
    for one in many(60):
        for found in iter_situations(one, LADDER):
            kind, attempt, others = found.kind, found.attempt, found.others
            assert (
                attempt.base is None
                or others[attempt.base].trace == attempt.trace[: others[attempt.base].chain_tokens]
            )
            assert (attempt.arm == "wait") == (kind == "wait")
            assert kind != "continued" or others[-1].finish == "budget"
            assert kind != "wait" or others[-1].finish == "natural"
            assert [o.finish for o in others].count("none") <= 1
            assert LADDER[attempt.rung].budget >= attempt.chain_tokens


@pytest.mark.slow
def test_loaded_it_says_what_it_said_in_memory(trained: Path, source: Path) -> None:
    made = [r for r in many(400) if assign_split(r.question) == "learn"]
    data = examples(made)
    learned = Trainer(0.95).fit(data, Policy())
    profile = Profile.load(trained)
    assert (profile.verifier, profile.probe) == (learned.verifier, learned.probe)
    assert profile.mean_tokens == data.average_tokens()
    model = profile.difficulty_model()
    assert model is not None
    for loaded, own in zip(
        model.forecast(data.texts), learned.difficulty.to_model().forecast(data.texts), strict=True
    ):
        assert loaded is not None
        np.testing.assert_allclose(loaded, own, rtol=1e-9)  # type: ignore[arg-type]


def test_what_arms_and_verdicts_are_worth_is_measured_on_what_was_learned_from(trained: Path) -> None:
    policy = Profile.load(trained).policy
    assert {(one.arm, one.source, one.rung) for one in policy.follow_ups} >= {("budget", 0, 1), ("budget", 0, 2)}
    assert {one.rung for one in policy.evidence} == {0, 1, 2}
    assert policy.max_waits == 1, "no more than was recorded"
    for one in policy.evidence:
        assert np.mean(one.right) > 1 + np.mean(one.wrong), "right answers are surer"
    further = next(one for one in policy.follow_ups if (one.arm, one.source, one.rung) == ("budget", 0, 2))
    known = Profile.load(trained).forecast(["What is 31 + 27?", "What is 3141 + 2718?"])
    likely, hopeless = (estimate_gain(further, 0.1, policy, one) for one in known)
    assert likely > 0 > hopeless


@pytest.mark.slow
def test_a_solve_sees_the_features_that_were_fitted_to(trained: Path) -> None:
    profile = Profile.load(trained)
    assert profile.verifier is not None
    for one in many(30, seed=5):
        p_solved = profile.predict_difficulty(one.question.text)["p_solved"]
        data = examples([one])
        for found, row in zip(iter_situations(one, LADDER), data.verifier_examples, strict=True):
            seen = {**row.features, "difficulty": log_odds(p_solved[row.rung])}
            said = run(build_profile_verifier(profile).verify(one.question.text, found.attempt, found.others))
            assert said.verifier == Learned.name
            assert said.score == pytest.approx(profile.verifier.p_right(seen))


@pytest.mark.slow
def test_half_of_the_questions_are_left_to_tune_on(trained: Path) -> None:
    profile, seen = Profile.load(trained), read_used_keys(trained)
    assert profile.tune_share == 0.5
    for one in many(400):
        assert (hash_question(one.question.text) in seen) == (assign_split(one.question, 0.5) == "learn")


@pytest.mark.slow
def test_the_card_has_figures_and_plots(trained: Path) -> None:
    card = (trained / "README.md").read_text()
    for word in ("AUROC", "Brier", "log-loss", "with probe", "What weighs most", "`sure`", "seen.txt"):
        assert word in card
    for name in ("difficulty", "probe", "verifier"):
        assert f"reliability_{name}.png" in card
        assert (trained / f"reliability_{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_without_matplotlib_there_is_a_card_without_plots(
    train: Train, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "import_optional", lambda *_: no_matplotlib())
    result = train(source, "--out", tmp_path / "toy")
    assert result.exit_code == 0, result.output
    assert "The card has no plots: matplotlib is not installed" in result.stderr
    assert ".png" not in (tmp_path / "toy" / "README.md").read_text()


def no_matplotlib() -> Any:
    raise InputError("matplotlib is not installed: pip install 'adaptive-thinking[learn]'.")


def test_the_report_shows_where_it_applies(train: Train, source: Path, tmp_path: Path) -> None:
    result = train(source, "--out", tmp_path / "toy", "--report", "--domain-alpha", "0.2")
    assert result.exit_code == 0, result.output
    told = Profile.load(tmp_path / "toy").figures["domain"]
    counts = {where: sum(row["count"] for row in told[f"{where}_reliability"]) for where in ("inside", "outside")}
    assert 0.1 * told["questions"] < told["outside"] < 0.3 * told["questions"]
    assert counts["outside"] * told["questions"] == sum(counts.values()) * told["outside"]
    flagged, accepted = zip(*((row["flagged"], row["accepted"]) for row in told["accepted"]), strict=True)
    assert list(accepted) == sorted(accepted, reverse=True)
    assert flagged[0] == 0 < accepted[-1] < accepted[0]
    shown = f"{told['outside']} ({100 * told['outside'] / told['questions']:.1f} %) are unlike the others"
    assert shown in result.stdout
    assert shown in (tmp_path / "toy" / "README.md").read_text()


@pytest.mark.slow
def test_s1s_rule(train: Train, source: Path, tmp_path: Path) -> None:
    result = train(source, "--out", tmp_path / "toy", "--rule", "s1", "--tune-share", "0")
    assert result.exit_code == 0, result.output
    data = examples(many(400))
    easy, some = int(data.solved[:, 0].sum()), int(data.solved.any(axis=1).sum())
    said = f"By s1's rule {easy} of {len(data)} questions are easy (the model solves them without thinking)"
    assert f"{said}, {some - easy} are medium (some rung does), {len(data) - some} hard." in result.stderr
    assert said in (tmp_path / "toy" / "README.md").read_text()
    low, mid, top = Profile.load(tmp_path / "toy").predict_difficulty("What is 31 + 27?")["p_solved"]
    assert low == mid < top


def test_either_of_two_models_makes_a_question_easy() -> None:
    data, other = examples(many(200)), many(200)
    flipped = [
        replace(r, outcomes={k: replace(o, right=not o.right) for k, o in r.outcomes.items()}) for r in other
    ]
    assert S1Rule.apply(data, flipped).solved[:, 0].all()
    np.testing.assert_array_equal(S1Rule.apply(data, other).solved, S1Rule.apply(data).solved)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--ladder", "0,16"), "No such option"),
        (("--target-precision", "nan"), "must be between 0.5 and 1, got nan"),
        (("--profile", "/nowhere"), "the profile /nowhere/profile.json cannot be read"),
        (("--second", "SOURCE"), "--second is another model's outcomes for --rule s1: give both"),
        (("--report", "--calibrate", "20"), "--report is about a difficulty model"),
        (("--domain-alpha", "0.6"), "0.6 is not in the range"),
        (("--limit", "20"), "groups are too few to train on: record at least 30"),
        (("--tune-share", "0.9999"), "there is no question to learn from"),
    ],
)
def test_wrong_use_is_one_sentence_and_writes_nothing(
    train: Train, source: Path, tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    given = [str(source) if a == "SOURCE" else a for a in args]
    result = train(source, "--out", tmp_path / "toy", *given)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "toy").exists()


@pytest.mark.parametrize("rows", ['{"question": "What is 1 + 1?", "answer": "2"}\n', ""])
def test_questions_must_be_recorded_first(train: Train, tmp_path: Path, rows: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(rows)
    result = train(file, "--out", tmp_path / "toy")
    assert result.exit_code == 2
    record = f"adaptive record {file} -m MODEL --out outcomes.db"
    assert (
        f"holds no recorded outcomes: record first ({record}), then adaptive train outcomes.db." in result.stderr
    )
    assert not (tmp_path / "toy").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.db", "none.db cannot be read (No such file or directory)"),
        ("datasets:a/sums?split=test", "record first (adaptive record 'datasets:a/sums?split=test' -m MODEL"),
    ],
)
def test_a_source_that_is_no_file(train: Train, tmp_path: Path, source: str, message: str) -> None:
    result = train(source, "--out", tmp_path / "toy")
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.slow
def test_the_name_and_the_rest_of_the_policy_come_from_a_profile(
    train: Train, source: Path, tmp_path: Path
) -> None:
    Profile("mine", "other", LADDER, policy=Policy(max_attempts=7)).save(tmp_path / "base")
    result = train(source, "--out", tmp_path / "toy", "--profile", tmp_path / "base")
    assert result.exit_code == 0, result.output
    profile = Profile.load(tmp_path / "toy")
    assert (profile.name, profile.model, profile.policy.max_attempts) == ("mine", "toy", 7)


def test_a_profile_is_trained_without_the_command(source: Path, tmp_path: Path, trained: Path) -> None:
    with OutcomeStore(source) as outcomes:
        base = build_recorded_profile(outcomes, "toy")
        made = train_profile(outcomes, base, TrainSettings(target_precision=0.95))
    assert made.save(tmp_path / "again") == []
    assert made.profile == Profile.load(tmp_path / "again") == Profile.load(trained)
    question = "What is 31 + 27?"
    assert made.profile.predict_difficulty(question) == Profile.load(trained).predict_difficulty(question)
    assert made.format_figures() in (tmp_path / "again" / "README.md").read_text()


@pytest.mark.slow
def test_the_same_data_and_seed_give_the_same() -> None:
    one, two = (Trainer(seed=3).fit(examples(many(120)), Policy(max_attempts=7)) for _ in range(2))
    assert (one.policy, one.figures) == (two.policy, two.figures)
    assert one.policy.max_attempts == 7


def test_few_questions_are_enough_though_fewer_are_fitted_to_when_measuring() -> None:
    data = examples(many(difficulty.LEAST + 2))
    assert Trainer().fit(data, Policy()).figures["difficulty"]["held_out"] == len(data)


def _alike(one: RecordedQuestion, right: bool | None) -> RecordedQuestion:
    return replace(one, outcomes={k: replace(o, right=right) for k, o in one.outcomes.items()})


@pytest.mark.parametrize(
    ("right", "said"),
    [(True, "too much alike"), (False, "too much alike"), (None, "have an answer that could not be graded")],
)
def test_answers_that_are_all_alike(train: Train, tmp_path: Path, right: bool | None, said: str) -> None:
    file = write(tmp_path / "o.db", [_alike(r, right) for r in many(120)])
    result = train(file, "--out", tmp_path / "toy", "--tune-share", "0")
    assert (result.exit_code, said in result.stderr) == (2, True), result.output
    assert not (tmp_path / "toy").exists()


@pytest.mark.slow
def test_questions_that_are_not_done_are_left_out_and_told(train: Train, tmp_path: Path) -> None:
    made = many(200)
    cut = [replace(r, outcomes={DIRECT: r.outcomes[DIRECT]}) for r in made[:20]]
    file = write(tmp_path / "o.db", [*cut, *made[20:]])
    result = train(file, "--out", tmp_path / "toy", "--tune-share", "0")
    assert result.exit_code == 0, result.output
    assert "20 questions lack an attempt at some rung: they are left out." in result.stderr


@pytest.mark.parametrize("kind", ["empty", "cut", "other tables", "other ladder", "garbage in a row"])
def test_a_malformed_file_is_one_sentence(train: Train, source: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "o.db"
    shutil.copy(source, file)
    if kind == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    elif kind == "empty":
        file.unlink()
        file.write_bytes(b"SQLite format 3\0")
    else:
        changes = {
            "other tables": "DROP TABLE outcomes",
            "other ladder": "UPDATE plan SET value = '[{\"effort\": \"none\"}]' WHERE name = 'ladder'",
            "garbage in a row": "UPDATE outcomes SET attempt = x'00' WHERE question = 3",
        }
        with sqlite3.connect(file) as database:
            database.execute(changes[kind])
        database.close()
    result = train(file, "--out", tmp_path / "toy")
    assert result.exit_code == 2, result.output
    assert result.stderr.strip().count("\n") <= 2
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "toy").exists()


def test_a_probe_of_another_ladder_is_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "toy")
    file = tmp_path / "toy" / "profile.json"
    data = json.loads(file.read_text())
    data["probe"]["rungs"] = data["probe"]["rungs"][:1]
    file.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"'probe' in .* knows 1 rungs"):
        Profile.load(tmp_path / "toy")
    assert (tmp_path / "toy" / WEIGHTS).is_file()
