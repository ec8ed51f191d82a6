"""A profile is written whole: a kill leaves the old one, and files of two trainings are never used together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.whole_folder import OLD, PART, recover_folder, replace_folder
from adaptive.errors import InputError
from adaptive.profile.domain import FILE
from adaptive.profile.files import DIGESTED, PROFILE_FILE, SEEN_FILE
from adaptive.profile.profile import Profile
from tests.profile.test_domain import DOMAIN
from tests.support.solving import profile

ROOT = Path(__file__).parents[2]
RETRAIN = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from adaptive._util import whole_folder
from adaptive.profile.profile import Profile

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

folder, when = Path(sys.argv[1]), sys.argv[2]
rename, finish = Path.rename, whole_folder.finish_replacement

def rename_or_die(self, target):
    return die() if when == "between" and self.name.startswith(".part-") else rename(self, target)

def finish_or_die(folder):
    old = folder.with_name(f".old-{folder.name}")
    return die() if when == "cleaning" and folder.exists() and old.exists() else finish(folder)

Path.rename, whole_folder.finish_replacement = rename_or_die, finish_or_die
known = Profile.load(folder)
with whole_folder.replace_folder(folder) as part:
    (part / "seen.txt").write_text("0123456789abcdef\\n")
    if when == "first":
        die()
    replace(known, name="new").save(part)
    if when == "last":
        die()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A profile with a domain, and a file of the user's beside it."""
    replace(profile(), name="old", domain_model=lambda: DOMAIN).save(tmp_path / "made")
    (tmp_path / "made" / "outcomes.db").write_text("mine")
    return tmp_path / "made"


def run(folder: Path, when: str) -> int:
    return subprocess.run([sys.executable, "-c", RETRAIN, folder, when], cwd=ROOT, check=False).returncode


@pytest.mark.parametrize(
    ("when", "left"),
    [("first", "old"), ("last", "old"), ("between", "old"), ("cleaning", "new"), ("never", "new")],
)
def test_a_kill_leaves_the_old_one_or_the_new(folder: Path, when: str, left: str) -> None:
    assert run(folder, when) == (0 if when == "never" else -signal.SIGKILL)
    known = Profile.load(folder)
    assert known.name == left
    assert known.is_outside("An essay about the sea, please.")
    assert run(folder, "never") == 0
    assert Profile.load(folder).name == "new"
    assert (folder / "outcomes.db").read_text() == "mine"
    assert [one.name for one in folder.parent.iterdir()] == ["made"]


@pytest.mark.parametrize("name", DIGESTED)
def test_files_of_two_trainings_are_refused(folder: Path, name: str) -> None:
    if name != FILE:
        (folder / name).write_bytes(b"of the first")
    Profile.load(folder).save(folder)
    if name == FILE:
        arrays = read_arrays(folder / FILE)
        write_arrays(folder / FILE, {**arrays, "scores": np.sort(arrays["scores"] + 1)})
    else:
        (folder / name).write_bytes(b"of the second")
    with pytest.raises(InputError) as caught:
        Profile.load(folder)
    assert str(caught.value) == (
        f"the profile {folder} is not whole: its {name} is not the one that it was saved with. Get all of its "
        "files again, or train it again."
    )


def test_a_profile_that_is_replaced_while_it_is_used_is_not_mixed(folder: Path) -> None:
    known = Profile.load(folder)  # its domain is read when the first question comes
    arrays = read_arrays(folder / FILE)
    with replace_folder(folder) as part:
        write_arrays(part / FILE, {**arrays, "scores": np.sort(arrays["scores"] + 1)})
        replace(profile(), name="new").save(part)
    with pytest.raises(InputError, match="is not whole"):
        known.is_outside("What is 1 + 1?")


def forget_digests(folder: Path) -> None:
    """Make the profile one of an older version."""
    data = json.loads((folder / PROFILE_FILE).read_text())
    assert set(data.pop("digests")) == {FILE}
    (folder / PROFILE_FILE).write_text(json.dumps(data))


def test_an_older_profile_without_digests_is_read(folder: Path) -> None:
    forget_digests(folder)
    assert Profile.load(folder).name == "old"


def test_what_fails_leaves_the_old_one(folder: Path) -> None:
    with suppress(RuntimeError), replace_folder(folder) as part:
        (part / PROFILE_FILE).write_text("half")
        raise RuntimeError
    assert Profile.load(folder).name == "old"
    assert [one.name for one in folder.parent.iterdir()] == ["made"]


def test_of_two_that_replace_it_the_second_is_told(folder: Path) -> None:
    with replace_folder(folder) as part:
        with pytest.raises(InputError, match="another command is writing"), replace_folder(folder):
            pass
        replace(profile(), name="first").save(part)
    assert Profile.load(folder).name == "first"
    assert [one.name for one in folder.parent.iterdir()] == ["made"]


def test_only_what_was_killed_is_undone(folder: Path) -> None:
    old = folder.with_name(f"{OLD}made")
    with replace_folder(folder) as part:
        replace(profile(), name="new").save(part)
        folder.rename(old)  # as it is between the two renames
        recover_folder(folder)
        assert not folder.exists()
    folder.rename(old)
    recover_folder(folder)
    assert Profile.load(folder).name == "new"


def test_the_folder_that_one_works_in_stays_the_same_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    before = folder.stat().st_ino
    with replace_folder(Path()) as part:
        (part / SEEN_FILE).write_text("0123456789abcdef\n")
        replace(Profile.load("."), name="new").save(part)
    assert (folder.stat().st_ino, Profile.load(".").name) == (before, "new")
    assert not (folder.parent / f"{PART}made").exists()


def test_a_pipe_in_the_place_of_the_profile_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / PROFILE_FILE)
    with pytest.raises(InputError, match=r"profile\.json cannot be read \(it is no regular file\)"):
        Profile.load(tmp_path)


def test_a_domain_that_unpacks_to_gigabytes_is_one_sentence(folder: Path) -> None:
    np.savez_compressed(folder / FILE, pairs=np.zeros(100_000_000, np.uint8))
    forget_digests(folder)
    with pytest.raises(InputError, match=r"domain\.npz is damaged \(it unpacks to more than 12 MB\)"):
        Profile.load(folder).is_outside("What?")
