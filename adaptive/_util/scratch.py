"""Temporary folders that do not stay: what a killed process left behind is removed by the next one."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

PREFIX = "adaptive-scratch-"
_LOCK = ".in-use"
_NEW_SECONDS = 60.0
"""A folder that is younger may not be locked yet."""


@contextmanager
def open_scratch_folder() -> Iterator[Path]:
    """Yield a new folder that is removed at the end, or by the next call of this if the process is killed.

    A folder is in use while its lock is held, which ends with the process that holds it.

    Raises:
        OSError: It cannot be made.
    """
    from filelock import FileLock

    _sweep(Path(gettempdir()))
    # What cannot be removed is not worth losing what was done in it.
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK):
            yield folder


def _sweep(parent: Path) -> None:
    """Remove our folders that nobody uses any more.

    Others may write into the temporary folder too: what they put there is left alone, and stops nothing.
    """
    own = os.getuid() if hasattr(os, "getuid") else 0  # Windows has none, and 0 for all
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            about = folder.lstat()
            ours = stat.S_ISDIR(about.st_mode) and about.st_uid == own
            if ours and time.time() - about.st_mtime > _NEW_SECONDS and not _is_locked(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another process removed it, or its lock is a link


def _is_locked(folder: Path) -> bool:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False
