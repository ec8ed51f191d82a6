"""One command at a time on a file: another is told at once, and what a killed one held is free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adaptive.errors import InputError


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Keep other commands from the same work on a file, by a lock beside it.

    Args:
        path: The file, which need not exist.

    Raises:
        InputError: Another process holds it.
        OSError: Nothing can be written beside it.
    """
    from filelock import FileLock, Timeout  # 25 ms, which a start does not need

    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        open(lock.lock_file, "ab").close()  # filelock tells a file that cannot be made as one that is held
        raise InputError(
            f"another command is writing {path}: wait until it ends, or name another file."
        ) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
