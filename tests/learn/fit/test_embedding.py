"""`adaptive train --embed`: difficulty sees an embedding besides the text."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from langchain_core.embeddings import Embeddings

from adaptive.cli import cli
from adaptive.cli.support.embed import embedded
from adaptive.embeddings.cache import default_kept
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.held_out import read_held_out
from adaptive.learn.data.splits import assign_split, hash_question
from adaptive.learn.fit import difficulty, logistic
from adaptive.learn.fit.embedding import Given, Seen, components
from adaptive.learn.report import outcomes_card, plots
from adaptive.profile.embedding import FILE, Embedding, Lines
from adaptive.profile.profile import Profile
from tests.learn.embedding_server import Faulty, embedding_server, vector
from tests.learn.fitted import quickly
from tests.learn.made import write
from tests.learn.riddles import riddles

pytestmark = pytest.mark.usefixtures("home")
Train = Callable[..., Result]
ROOT = Path(__file__).parents[2]
COUNT = 400
LEARN = [one.question.text for one in riddles(COUNT) if assign_split(one.question) == "learn"]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A log of its own, beside which embeddings are kept."""
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "log" / "solves.db"))
    quick_fits(monkeypatch)


@dataclass(frozen=True)
class Made:
    """A profile that was trained once, what that printed, and the server that it asked; not to be written to."""

    folder: Path
    source: Path
    told: Result
    server: Faulty


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("made")
    source = write(folder / "outcomes.db", riddles(COUNT))
    with embedding_server(Faulty()) as server, pytest.MonkeyPatch.context() as patch:
        quick_fits(patch)
        patch.setenv("ADAPTIVE_LOG", str(folder / "log" / "solves.db"))
        told = train(source, folder / "toy", "--embed", server.url)
        assert told.exit_code == 0, told.output
        yield Made(folder, source, told, server)


@pytest.fixture
def server(made: Made) -> Iterator[Faulty]:
    """The server, which does nothing wrong and was asked nothing."""
    made.server.asked.clear()
    yield made.server
    made.server.faults.clear()


@pytest.fixture
def trained(made: Made, tmp_path: Path, server: Faulty) -> Path:
    """A copy of the profile, its outcomes beside it, and of what was embedded."""
    for name in ("toy", "log"):
        shutil.copytree(made.folder / name, tmp_path / name)
    shutil.copy(made.source, tmp_path)
    return tmp_path / "toy"


@pytest.fixture(scope="module")
def source(made: Made) -> Path:
    return made.source


def quick_fits(patch: pytest.MonkeyPatch) -> None:
    """Fits do not look for the best strength, and nothing is drawn."""
    patch.setattr(difficulty, "STRENGTHS", (0.1,))
    patch.setattr(logistic, "STRENGTHS", (0.1,))
    patch.setattr(plots, "write_reliability_plots", lambda *_: ([], ""))


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, args)], prog_name="adaptive")


def train(source: Path, out: Path, *args: object) -> Result:
    return run("train", source, "--out", out, *args)


def test_the_embedding_tells_what_the_text_does_not(made: Made) -> None:
    profile, spec = Profile.load(made.folder / "toy"), f"{made.server.url}#tiny"
    assert profile.embedding == Embedding(spec, 8)
    alone, both = (profile.figures[name]["rungs"] for name in ("difficulty", "embedding"))
    for text, fused in zip(alone, both, strict=True):
        assert text["auroc"] < 0.65 < 0.85 < fused["auroc"]
        assert fused["log_loss"] < text["log_loss"]
    assert profile.figures["embedding"]["gain"]["pays"]
    for said in (made.told.stdout, (made.folder / "toy" / "README.md").read_text()):
        assert "The embedding pays: log-loss falls by 0." in said
        assert f"with an embedding of the question by `{spec}` (8 numbers" in said


def test_what_says_nothing_is_not_said_to_pay() -> None:
    rng = np.random.default_rng(0)
    solved = rng.random((200, 2)) < 0.5
    figures = Given("x", rng.normal(size=(200, 40)).astype(np.float32)).fit(
        np.arange(200), np.full((200, 2), 0.5), solved, np.arange(200), 0
    ).figures  # fmt: skip
    assert not figures["gain"]["pays"]
    assert "That the embedding pays is not shown" in outcomes_card.format_gain(figures["gain"])


@pytest.mark.usefixtures("trained")
def test_nothing_is_asked_twice(server: Faulty) -> None:
    assert embedded(server.url, LEARN).name == f"{server.url}#tiny"
    assert server.texts == []
    assert default_kept().stat().st_mode & 0o077 == 0


def test_saved_and_loaded_it_says_the_same(trained: Path, server: Faulty) -> None:
    first, second = Profile.load(trained), Profile.load(trained)
    second.save(trained)
    third, new = Profile.load(trained), [one.question.text for one in riddles(20, seed=9)]
    told = first.p_solved(LEARN[:5] + new)
    assert told == second.p_solved(LEARN[:5] + new) == third.p_solved(LEARN[:5] + new)
    assert server.texts == new * 3  # what was trained on is in the file, what a profile asks is not
    assert [first.predict_difficulty(text)["p_solved"] for text in new] == told[5:]
    assert "notes" not in first.predict_difficulty(new[0])


def test_the_probe_and_the_verifier_saw_the_embedding_out_of_fold(trained: Path) -> None:
    held_out, profile = read_held_out(trained), Profile.load(trained)
    assert set(held_out) == set(map(hash_question, LEARN))
    own = dict(zip(LEARN, profile.p_solved(LEARN), strict=True))
    apart = [abs(held_out[hash_question(text)][0] - own[text][0]) for text in LEARN]
    assert 0 < np.mean(apart) < 0.1  # near what the profile says, and not the same


finite = st.floats(-1e3, 1e3)


@given(
    arrays(np.float64, (4, 3), elements=st.floats(0, 1)),
    arrays(np.float32, (4, 5), elements=st.floats(-100, 100, width=32)),
    arrays(np.float64, (3,), elements=finite),
    arrays(np.float64, (3, 5), elements=finite),
    arrays(np.float64, (3,), elements=finite),
)
def test_p_solved_never_falls_with_the_rung(text: Any, vectors: Any, on_text: Any, on: Any, bias: Any) -> None:
    p = Lines(on_text, on, bias).p_solved(text, vectors)
    assert p.shape == (4, 3)
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p, axis=1) >= 0).all()


@given(st.integers(1, 3000), st.integers(1, 2000))
def test_there_is_at_most_one_component_for_ten_rows(rows: int, dimension: int) -> None:
    made = components(np.empty((rows, dimension)))
    assert 1 <= made <= min(64, dimension)
    assert made == 1 or made <= rows / 10


def test_the_folded_weights_say_what_the_reduced_columns_did() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 30)) @ rng.normal(size=(30, 30)) + 5
    vectors[:, 3] = 7.0  # the same everywhere
    solved = (vectors[:, :1] + rng.normal(size=(200, 2))) > 5
    seen = Seen(np.full((200, 2), 0.4), vectors, solved, np.arange(200))
    lines = seen.fit(0)
    moved = Seen(seen.text, vectors * 3 - 2, solved, seen.group).fit(0)
    told = lines.p_solved(seen.text, vectors.astype(np.float32))
    np.testing.assert_allclose(told, moved.p_solved(seen.text, vectors * 3 - 2), atol=1e-4)
    assert np.corrcoef(told[:, 0], solved[:, 0])[0, 1] > 0.4


@pytest.mark.parametrize("kind", ["garbage", "cut", "shape", "not finite", "words", "missing", "another's"])
def test_a_damaged_file_is_one_sentence(trained: Path, kind: str) -> None:
    file = trained / FILE
    with np.load(file) as held:
        data = dict(held)
    if kind in ("garbage", "cut"):
        file.write_bytes(b"garbage" if kind == "garbage" else file.read_bytes()[:300])
    elif kind == "missing":
        file.unlink()
    else:
        data["on_vector"] = {"shape": data["on_vector"][:, 1:], "not finite": data["on_vector"] * np.nan}.get(
            kind, data["on_vector"]
        )
        data["bias"] = np.array(["a", "b", "c"]) if kind == "words" else data["bias"]
        data["made_from"] = np.asarray("other") if kind == "another's" else data["made_from"]
        np.savez(file, **data)
    with pytest.raises(InputError, match=r"embedding\.npz.*train the profile again\.$") as error:
        Profile.load(trained)
    assert "\n" not in str(error.value)
    result = run("solve", "-m", "embedded", "--profile", trained, "What is 1 + 2?")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"model": "hf:x", "dimension": 0}, "'dimension' must be 1 or more"),
        ({"model": "hf:x"}, "no key 'dimension'"),
        ("hf:x", "'embedding' in .* must be"),
        ({"model": "hf:x", "dimension": 9}, "no finite weights for 3 rungs and 9 numbers"),
    ],
)
def test_a_wrong_key_is_one_sentence(trained: Path, value: Any, said: str) -> None:
    file = trained / "profile.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "embedding": value}))
    with pytest.raises(InputError, match=said):
        Profile.load(trained)


def test_a_profile_of_before_has_none(trained: Path) -> None:
    file = trained / "profile.json"
    data = json.loads(file.read_text())
    del data["embedding"]
    file.write_text(json.dumps(data))
    profile = Profile.load(trained)
    assert profile.embedding is None
    assert profile.can_predict_locally("anything")
    with pytest.raises(InputError, match="has no 'embedding': leave the embedder out"):
        Profile.load(trained, embedder=Hashed())


def test_trained_again_without_it_nothing_of_it_is_left(source: Path, trained: Path) -> None:
    assert train(source, trained, "--limit", "150").exit_code == 0
    assert not (trained / FILE).exists()
    assert Profile.load(trained).embedding is None


def test_killed_it_goes_on_and_asks_nothing_twice(source: Path, tmp_path: Path) -> None:
    """Of seven batches, four at a time, three are answered, then one more, then the rest."""
    with embedding_server(Faulty()) as faulty:
        faulty.stall(after=3, waiting=4)
        child = training_in_a_process(source, tmp_path / "toy", faulty)
        child.send_signal(signal.SIGINT)
        _, told = child.communicate(timeout=30)
        assert child.returncode == 130
        assert f"96 of {len(LEARN)} questions are embedded in {default_kept()}, run it again to go on." in told
        assert not (tmp_path / "toy").exists()
        faulty.stall(after=4, waiting=3)
        child = training_in_a_process(source, tmp_path / "toy", faulty)
        until_kept(4 * 32)  # a batch that was answered and not kept yet would be asked for again
        child.kill()
        child.communicate()
        faulty.stall_after = None
        embedded(faulty.url, LEARN)
        assert sorted(faulty.texts) == sorted(LEARN)


def until_kept(count: int) -> None:
    """Wait until so many embeddings are kept."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(default_kept())) as db:
            if db.execute("SELECT count(*) FROM vectors").fetchone()[0] >= count:
                return
    raise AssertionError(f"{count} embeddings were not kept within a minute")


def training_in_a_process(source: Path, out: Path, faulty: Faulty) -> subprocess.Popen[str]:
    """`adaptive train` in a process of its own, when it waits for what the server does not answer."""
    command = [sys.executable, "-m", "adaptive.cli", "train", str(source), "--out", str(out)]
    child = subprocess.Popen(
        [*command, "--embed", faulty.url], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert faulty.stalled.wait(60)
    return child


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (400, r"refuses the request \(400: fault 400\)"),
        ("few", "gave no embedding for each of 32 texts"),
        ("garbage", "answered what is no JSON object"),
        ("nan", "gave numbers that are not finite"),
    ],
)
def test_what_goes_wrong_on_the_wire_is_one_sentence(
    source: Path, tmp_path: Path, server: Faulty, fault: Any, said: str
) -> None:
    server.faults = [fault] * 9
    result = train(source, tmp_path / "toy", "--embed", server.url)
    assert result.exit_code in (1, 2)
    assert result.stderr.splitlines()[-1].startswith("Error: the server")
    assert re.search(said, result.stderr), result.stderr
    assert not (tmp_path / "toy").exists()


def test_a_server_that_is_busy_is_asked_again(server: Faulty) -> None:
    server.faults = [503]
    found = embedded(server.url, LEARN)
    assert sorted(server.texts) == sorted(LEARN)
    np.testing.assert_allclose(found.vectors, [vector(text) for text in LEARN], rtol=1e-6)


def test_texts_that_are_too_long_are_cut_and_that_is_said(
    server: Faulty, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults = [400, "", 400, ""]  # what is asked again may be cut
    found = embedded(server.url, LEARN[:70])
    assert sorted(server.texts) == sorted(LEARN[:70])
    np.testing.assert_allclose(found.vectors, [vector(text) for text in LEARN[:70]], rtol=1e-6)
    assert server.cut in (1, 2)
    assert caplog.messages == [f"the server {server.url} took some texts only cut to what its model reads"]


def test_of_several_models_one_is_named(source: Path, tmp_path: Path) -> None:
    with embedding_server(Faulty(names=("big", "small"))) as server:
        result = train(source, tmp_path / "toy", "--embed", server.url)
        assert (result.exit_code, server.asked) == (2, [])
        assert f"serves 2 models: name one of big, small, as in {server.url}#NAME." in result.stderr
        assert embedded(f"{server.url}#small", LEARN[:3]).name == f"{server.url}#small"
        lost = train(source, tmp_path / "toy", "--embed", f"{server.url}#none")
    assert "serves no model 'none': it serves big, small." in lost.stderr


def test_a_key_is_sent_and_never_shown(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedding_server(Faulty(key="sesame-123")) as server:
        refused = train(source, tmp_path / "toy", "--embed", server.url)
        assert "refuses the key (401): set ADAPTIVE_API_KEY." in refused.stderr
        monkeypatch.setenv("ADAPTIVE_API_KEY", "sesame-123")
        assert "sesame" not in embedded(server.url, LEARN).name
    assert "sesame" not in refused.output
    assert all(b"sesame" not in file.read_bytes() for file in default_kept().parent.iterdir())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--embed", "nonsense"), "embedding model 'nonsense' is not known: use hf:ID-or-folder"),
        (("--embed", "http://"), "names no server"),
        (("--embed", "http://me:secret@localhost:1/v1"), "holds a password, which a profile must not"),
        (("--embed", "hf:some/model"), "pip install 'adaptive-thinking[embed]'"),
        (("--embed", "hf:x", "--calibrate", "20"), "--calibrate fits no difficulty: --embed does not apply"),
        (("--embed", "hf:x", "--limit", "20"), "groups are too few to train on"),
    ],
)
def test_wrong_use_is_one_sentence(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], said: str
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    result = train(source, tmp_path / "toy", *args)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output
    assert "secret" not in result.output
    assert not (tmp_path / "toy").exists()


def test_questions_are_not_embedded(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"question": "What is 1 + 2?", "answer": "3"}\n')
    result = train(file, tmp_path / "toy", "--embed", "hf:x")
    assert "holds questions, no outcomes: --embed does not apply, leave it out." in result.stderr


class Hashed(Embeddings):
    """An embedding model of one's own."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return vector(text)


def test_an_object_of_ones_own_is_in_the_models_place(trained: Path, server: Faulty) -> None:
    new = [one.question.text for one in riddles(5, seed=3)]
    own = Profile.load(trained, embedder=Hashed()).p_solved(new)
    assert server.texts == []
    assert own == Profile.load(trained).p_solved(new)


def test_measured_figures_are_never_of_the_text_alone(trained: Path) -> None:
    with pytest.raises(AdaptiveError, match="does not answer"):
        replace_server(Profile.load(trained)).p_solved(["something new"])


def replace_server(profile: Profile) -> Profile:
    """The same profile, whose server is gone."""
    model: Any = profile.difficulty_model()
    model.reader.name = "http://127.0.0.1:9/v1#tiny"
    return profile


def test_tune_and_bench_ask_only_what_is_new(
    trained: Path, server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quickly(monkeypatch)
    tuned = run("tune", trained, "--target-loss", "0.2", "--confidence", "0.8")
    assert tuned.exit_code == 0, tuned.output
    left = [one.question.text for one in riddles(COUNT) if assign_split(one.question) == "tune"]
    assert sorted(server.texts) == sorted(left)
    assert Profile.load(trained).embedding is not None

    fresh = riddles(40, seed=8)
    file, questions = write(tmp_path / "fresh.db", fresh), tmp_path / "fresh.jsonl"
    rows = [{"question": one.question.text, "answer": one.question.reference} for one in fresh]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    server.asked.clear()
    for _ in range(2):
        benched = run("bench", trained, questions, "--replay", file)
        assert benched.exit_code == 0, benched.output
    assert sorted(server.texts) == sorted({one.question.text for one in fresh})


def test_tune_fails_where_the_embedding_does(trained: Path, server: Faulty) -> None:
    server.faults = [400] * 9
    before = (trained / "profile.json").read_bytes()
    result = run("tune", trained, "--target-loss", "0.2", "--confidence", "0.8")
    assert "refuses the request (400" in result.stderr
    assert result.exit_code == 2
    assert (trained / "profile.json").read_bytes() == before


def test_a_dimension_that_changed_is_told(trained: Path) -> None:
    profile = Profile.load(trained, embedder=Short())
    told = profile.predict_difficulty("something new")
    assert told["notes"] == [
        f"embedding model {profile.embedding.model!r} gives 5 numbers, the profile was fitted to 8: train it "  # type: ignore[union-attr]
        "again: how hard the question is was told from its text alone"
    ]
    with pytest.raises(InputError, match="gives 5 numbers"):
        profile.p_solved(["something new"])


class Short(Hashed):
    """Gives fewer numbers than before."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector(text)[:5] for text in texts]


def test_the_file_of_embeddings_must_be_one(source: Path, tmp_path: Path, server: Faulty) -> None:
    default_kept().parent.mkdir()
    default_kept().write_bytes(b"something else")
    result = train(source, tmp_path / "toy", "--embed", server.url)
    assert "embeddings.db cannot be used (file is not a database): move it away" in result.stderr
    assert server.asked == []
