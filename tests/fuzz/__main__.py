"""`python -m tests.fuzz [COUNT [SEED]] [TARGET ...]`: a long run and its summary; exits with 1 after any fault.

COUNT cases are generated for each target, or for those that are named.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.fuzz.harness import fuzz
from tests.fuzz.targets import TARGETS, load_target

COUNT, SEED = 1000, 0


def main(arguments: Sequence[str]) -> int:
    """Run the targets; return the exit code."""
    numbers = [int(one) for one in arguments if one.isdecimal()]
    count, seed = [*numbers, *(COUNT, SEED)[len(numbers) :]]
    faults = 0
    for name in [one for one in arguments if one in TARGETS] or list(TARGETS):
        report = fuzz(name, load_target(name), count, seed, told=lambda line: sys.stderr.write(f"{line}\n"))
        sys.stdout.write(f"{name}: {report.describe()}\n")
        sys.stdout.flush()
        faults += len(report.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
