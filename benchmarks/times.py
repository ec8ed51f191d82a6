"""How long the command takes: `python -m benchmarks.times` prints medians of several runs, in seconds."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 5
STORY = "Mia has 84 marbles. Mia buys 67 more. Ben takes 38 of the marbles. How many marbles are left?"
COMMANDS = {
    "adaptive --help": ["--help"],
    "solve a small sum": ["solve", "--no-log", "What is 7 + 8?"],
    "solve a word problem": ["solve", "--no-log", STORY],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one run of the command."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "adaptive.cli", *arguments], capture_output=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr.decode())
    return time.perf_counter() - start


def main() -> None:
    """Run everything `RUNS` times, once more to warm up."""
    for name, arguments in COMMANDS.items():
        seconds(arguments)
        taken = sorted(seconds(arguments) for _ in range(RUNS))
        print(f"{name:36} median {statistics.median(taken):.2f} s ({taken[0]:.2f} to {taken[-1]:.2f})")


if __name__ == "__main__":
    main()
