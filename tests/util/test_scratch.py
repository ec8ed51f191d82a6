"""Folders of processes that are gone are removed; those in use stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adaptive._util.scratch import PREFIX, open_scratch_folder

HOLDER = (
    "from adaptive._util.scratch import open_scratch_folder as o\nwith o() as f: print(f, flush=True); input()"
)


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def make_old(folder: Path) -> None:
    hour = time.time() - 3600
    os.utime(folder, (hour, hour))


@pytest.mark.parametrize("killed", [True, False])
def test_only_what_a_killed_process_left_is_removed(parent: Path, killed: bool) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLDER], **pipes) as holder:  # type: ignore[call-overload]
        folder = Path(holder.stdout.readline().strip())
        (folder / "answer").touch()
        make_old(folder)
        if killed:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        with open_scratch_folder():
            assert (folder / "answer").exists() is not killed
        holder.kill()


def test_what_others_put_there_is_left_alone(parent: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("target")
    (target / "precious").write_text("mine")
    (parent / f"{PREFIX}linked").symlink_to(target)
    (parent / f"{PREFIX}file").write_text("mine")
    (parent / f"{PREFIX}locked").mkdir()
    (parent / f"{PREFIX}locked" / ".in-use").symlink_to(target / "precious")
    others = {f"{PREFIX}linked", f"{PREFIX}file", f"{PREFIX}locked"}
    if os.getuid() == 0:
        (parent / f"{PREFIX}foreign").mkdir()
        os.chown(parent / f"{PREFIX}foreign", 12345, 12345)
        others.add(f"{PREFIX}foreign")
    for folder in (target, *parent.iterdir()):
        make_old(folder)
    with open_scratch_folder() as own:
        assert own.is_dir()
    assert {one.name for one in parent.iterdir()} == others
    assert [one.name for one in target.iterdir()] == ["precious"]
    assert (target / "precious").read_text() == "mine"


def test_a_new_folder_and_one_of_another_name_stay(parent: Path) -> None:
    (parent / f"{PREFIX}new").mkdir()
    (parent / "other").mkdir()
    make_old(parent / "other")
    with open_scratch_folder() as own:
        assert own.parent == parent
    assert {one.name for one in parent.iterdir()} == {f"{PREFIX}new", "other"}
