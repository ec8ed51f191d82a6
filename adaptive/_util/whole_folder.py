"""A folder that is replaced whole: written beside its place, then renamed. A kill leaves the old one or the new.

One process at a time replaces it: two would write into the same folder, or rename each other's away. Between the
two renames the old one stands beside its place: `find_current` finds it there.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adaptive._util.file_lock import hold_file
from adaptive.errors import InputError

CHANGED = {".json", ".md", ".npz", ".png", ".skops", ".txt"}
"""The suffixes of the files that a profile is written in."""
PART, OLD = ".part-", ".old-"
"""How the names of the new folder and of the old one begin, while one replaces the other."""


def find_current(folder: Path) -> Path:
    """Return the folder, or the old one beside it if a replacement was killed between its renames."""
    old = _get_sibling(folder, OLD)
    return old if old.is_dir() and not folder.exists() else folder


@contextmanager
def replace_folder(folder: Path, *, keep: bool = True) -> Iterator[Path]:
    """Yield a folder to write into, which takes the place of `folder` if the block succeeds.

    The file that makes the folder valid is to be written last.

    Args:
        folder: The folder, which need not exist.
        keep: Whether the new folder has the files of the old one from the start.

    Raises:
        InputError: Another process replaces it.
        OSError: Something cannot be written.
    """
    place = folder.resolve()
    part = _get_sibling(place, PART)
    place.parent.mkdir(parents=True, exist_ok=True)
    with hold_file(place):
        finish_replacement(place)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            if keep and place.is_dir():
                _copy_folder(place, part)
            yield part
            if place in (Path.cwd(), *Path.cwd().parents):
                _move_files(part, place)
            else:
                _swap(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def recover_folder(folder: Path) -> None:
    """Undo a replacement that was killed; one that goes on is left alone."""
    with suppress(InputError), hold_file(folder):
        finish_replacement(folder)


def _copy_folder(place: Path, part: Path) -> None:
    try:
        shutil.copytree(place, part, dirs_exist_ok=True, copy_function=_copy_file, symlinks=True)
    except shutil.Error as error:  # a list of what failed, each with its reason in words
        file, _, reason = error.args[0][0]
        raise OSError(
            errno.EIO, re.sub(r"^\[Errno \d+\] ([^:]*).*", r"\1", str(reason), flags=re.S), str(file)
        ) from error


def _swap(part: Path, place: Path) -> None:
    if place.exists():
        place.rename(_get_sibling(place, OLD))
    part.rename(place)
    finish_replacement(place)


def _move_files(part: Path, place: Path) -> None:
    """Move files in the order of their writing into a folder that somebody works in: renamed it would be gone."""
    files = [file for file in part.rglob("*") if file.is_file()]
    for file in sorted(files, key=lambda one: one.stat().st_mtime_ns):
        target = place / file.relative_to(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)


def finish_replacement(folder: Path) -> Path:
    """Return the folder, after undoing a replacement that was killed between its renames, or clearing up."""
    old = _get_sibling(folder, OLD)
    if old.is_dir() and not folder.exists():
        old.rename(folder)
    elif old.is_dir():
        shutil.rmtree(old, ignore_errors=True)
    return folder


def _copy_file(source: str, target: str) -> str:
    """Copy a file that may be changed. Others get a second name: they can be large, and a database may be open."""
    if Path(source).suffix not in CHANGED:
        with suppress(OSError):  # not everywhere can files have two names
            os.link(source, target, follow_symlinks=False)
            return target
    return str(shutil.copy2(source, target, follow_symlinks=False))


def _get_sibling(folder: Path, kind: str) -> Path:
    place = folder.resolve()
    return place.with_name(f"{kind}{place.name}")
