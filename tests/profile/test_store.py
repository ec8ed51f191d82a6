"""The store of fitted profiles: found by the model's spec, replaced whole, and told from broken ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive import build_solver
from adaptive._util.whole_folder import OLD, PART
from adaptive.errors import AdaptiveError, InputError
from adaptive.profile.files import PROFILE_FILE
from adaptive.profile.profile import Profile
from adaptive.profile.store import (
    FIT_FILE,
    ProfileStore,
    StoredProfile,
    find_profiles_folder,
    make_model_key,
)
from adaptive.solver.build import find_solver
from adaptive.types.ladder import Ladder, Rung
from tests.support.scripted import ScriptedEngine

PROFILE = Profile("toy", "hf:a/b", Ladder((Rung("none", 0), Rung("low", 64))))
FIT = {"model": "hf:a/b", "date": "2026-01-02T03:04:05+00:00", "questions": 60, "sentence": "Use it.", "more": 1}


def put(store: ProfileStore, model: str, **changed: Any) -> Path:
    def write(folder: Path) -> None:
        replace(PROFILE, name=model).save(folder)
        (folder / FIT_FILE).write_text(json.dumps({**FIT, "model": model, **changed}))

    return store.replace(model, write)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ProfileStore:
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))
    return ProfileStore(find_profiles_folder())


def test_where_profiles_are_stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADAPTIVE_PROFILES", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert find_profiles_folder() == tmp_path / "adaptive" / "profiles"
    monkeypatch.setenv("ADAPTIVE_PROFILES", "~/mine")
    assert find_profiles_folder() == Path.home() / "mine"


def test_a_model_has_one_profile_and_is_found_by_its_spec(store: ProfileStore) -> None:
    assert store.load("hf:a/b") is None
    assert store.list_profiles() == []
    put(store, "hf:a/b")
    put(store, "hf:A/b", questions=31)
    folder = put(store, "hf:a/b", questions=70)
    assert store.load("hf:a/b") == replace(PROFILE, name="hf:a/b")
    assert [(one.model, one.questions) for one in store.list_profiles()] == [("hf:A/b", 31), ("hf:a/b", 70)]
    assert store.get("hf:a/b") == StoredProfile(folder, "hf:a/b", str(FIT["date"]), 70, "Use it.")
    store.remove(store.get("hf:a/b"))
    assert store.load("hf:a/b") is None
    assert [path.name for path in store.root.iterdir()] == [store.find_folder("hf:A/b").name]


def test_a_folder_and_an_id_are_two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert make_model_key("hf:org/model") == "hf:org/model"
    monkeypatch.chdir(tmp_path)
    assert make_model_key("hf:org/model") == make_model_key(f"hf:{tmp_path}/org/../org/model")
    assert make_model_key("hf:org/model") == f"hf:{tmp_path.resolve()}/org/model"
    assert make_model_key("vllm:org/model") != make_model_key("hf:org/model")
    assert make_model_key("http://host/v1", "qwen") == "http://host/v1 qwen"
    assert make_model_key("embedded") == "embedded"


@given(st.text(max_size=90), st.text(max_size=90))
def test_the_name_of_a_folder_is_one_for_each_model(one: str, other: str) -> None:
    root = Path("/root")
    first, second = (ProfileStore(root).find_folder(model) for model in (one, other))
    assert (first.name.lower() == second.name.lower()) == (one == other)
    assert first.parent == root
    assert not first.name.startswith(".")
    assert len(first.name.encode()) < 100


def test_a_model_on_a_server_is_found_by_its_address_if_it_is_the_only_one(store: ProfileStore) -> None:
    put(store, "http://host/v1 qwen")
    assert store.get("http://host/v1").model == store.get("http://host/v1 qwen").model == "http://host/v1 qwen"
    put(store, "http://host/v1 llama")
    with pytest.raises(InputError, match="serves several models with a profile: name one of"):
        store.get("http://host/v1")
    assert store.get("http://host/v1 llama").model == "http://host/v1 llama"


@pytest.mark.parametrize("name", ["\n", "", " ", "a\nb", "\udcff"])
def test_a_name_that_cannot_be_shown_is_quoted(store: ProfileStore, name: str) -> None:
    with pytest.raises(InputError) as caught:
        store.get(name)
    assert str(caught.value).startswith(f"no profile of {name!r} is stored in {store.root}: ")


@pytest.mark.parametrize("stored", [(), ("hf:a/b", "embedded")])
def test_what_is_not_stored(store: ProfileStore, stored: tuple[str, ...]) -> None:
    for model in stored:
        put(store, model)
    others = "there are those of embedded, hf:a/b." if stored else "fit one (`adaptive fit QUESTIONS -m MODEL`)."
    with pytest.raises(InputError) as caught:
        store.get("hf:other")
    assert str(caught.value) == f"no profile of hf:other is stored in {store.root}: {others}"


def test_what_breaks_while_it_is_written_leaves_the_old_one(store: ProfileStore) -> None:
    put(store, "hf:a/b")

    def killed(folder: Path) -> None:
        (folder / PROFILE_FILE).write_text("{")
        raise OSError(28, "No space left on device")

    with pytest.raises(AdaptiveError, match=r"cannot be written \(No space left on device\)"):
        store.replace("hf:a/b", killed)
    assert store.load("hf:a/b") == replace(PROFILE, name="hf:a/b")
    assert [one.model for one in store.list_profiles()] == ["hf:a/b"]
    put(store, "hf:a/b", questions=99)
    assert store.get("hf:a/b").questions == 99


@pytest.mark.parametrize("listed", [False, True])
def test_a_kill_between_the_two_renames_loses_nothing(store: ProfileStore, listed: bool) -> None:
    folder = put(store, "hf:a/b")
    folder.rename(folder.with_name(f"{OLD}{folder.name}"))
    shutil.copytree(folder.with_name(f"{OLD}{folder.name}"), folder.with_name(f"{PART}{folder.name}"))
    if listed:
        assert [one.model for one in store.list_profiles()] == ["hf:a/b"]
    assert store.load("hf:a/b") == replace(PROFILE, name="hf:a/b")
    put(store, "hf:a/b", questions=99)
    assert [path.name for path in store.root.iterdir()] == [folder.name]


def test_a_broken_profile_is_one_sentence(store: ProfileStore) -> None:
    (put(store, "hf:a/b") / PROFILE_FILE).write_text("{")
    (put(store, "hf:c/d") / FIT_FILE).write_text('{"model": 1}')
    put(store, "hf:e/f")
    with pytest.raises(InputError) as caught:
        store.load("hf:a/b")
    said = str(caught.value)
    assert said.startswith("the stored profile of hf:a/b is broken (the profile ")
    assert said.endswith("(`adaptive profiles remove hf:a/b`), or name another with --profile, none for none.")
    assert "\n" not in said
    first, *broken = store.list_profiles()
    assert (first.model, first.error) == ("hf:e/f", "")
    assert [bool(one.error) for one in broken] == [True, True]
    assert store.get("hf:a/b").folder == store.find_folder("hf:a/b")


def profile_of(solver: Any) -> str:
    found = find_solver(solver)
    assert found is not None
    return found.models[0].profile.name


def test_a_solver_finds_the_profile_by_the_models_name(store: ProfileStore) -> None:
    engine = ScriptedEngine(name="hf:a/b")
    assert profile_of(build_solver(engine)) == "untrained"
    folder = put(store, "hf:a/b")
    assert profile_of(build_solver(engine)) == "hf:a/b"
    assert profile_of(build_solver(engine, profile="none")) == "untrained"
    assert profile_of(build_solver(engine, profile=PROFILE)) == "toy"
    (folder / PROFILE_FILE).unlink()
    with pytest.raises(InputError, match="the stored profile of hf:a/b is broken"):
        build_solver(engine)
    assert profile_of(build_solver(engine, profile="none")) == "untrained"


def test_the_shipped_profile_is_used_until_one_is_fitted(store: ProfileStore) -> None:
    engine = ScriptedEngine(name="embedded")
    assert profile_of(build_solver(engine)) == "abacus"
    put(store, "embedded")
    assert profile_of(build_solver(engine)) == "embedded"


def test_outcomes_are_kept_by_model_and_settings(store: ProfileStore) -> None:
    folders = {store.find_work_folder(m, s) for m in ("hf:a/b", "hf:a/c") for s in ("", "ladder 1", "ladder 2")}
    assert len(folders) == 6
    for folder in folders:
        folder.mkdir(parents=True)
    assert store.list_profiles() == []
