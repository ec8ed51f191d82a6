"""`python -m tests.fuzz.worker TARGET`: runs the cases on stdin, pickled, and reports each on stdout."""

from __future__ import annotations

import os
import pickle
import resource
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def measure_memory() -> int:
    """The most bytes that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(name: str) -> None:
    cases: list[Any] = pickle.load(sys.stdin.buffer)
    out = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # what a case prints past its own streams is no report
    from tests.fuzz.targets import load_target

    with (
        tempfile.TemporaryDirectory(prefix="adaptive-fuzz-") as folder,
        load_target(name).open_check(Path(folder)) as check,
    ):
        before = measure_memory()
        for case in cases:
            start = time.monotonic()
            problem = check(case)
            data = pickle.dumps((problem, time.monotonic() - start, measure_memory() - before))
            os.write(out, struct.pack("!I", len(data)) + data)
    os._exit(0)  # engines' threads are not waited for


if __name__ == "__main__":
    main(sys.argv[1])
