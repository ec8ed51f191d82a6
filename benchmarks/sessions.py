"""Real sessions for the README, found among questions with answers.

    python -m benchmarks.sessions models/abacus/questions/fresh.jsonl

One in which an answer is rejected and a Wait on the same chain mends it, and one without any thinking: each is
asked again by the command, and shown as a terminal would show it. Waits are asked for, whatever the profile says.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from adaptive.solver.build import build_solver
from adaptive.types.options import Options

Result = dict[str, Any]
WAITS = 1


def results(rows: list[dict[str, str]]) -> list[Result]:
    """Every question solved with a Wait allowed, and whether its answer was right."""
    solver = build_solver("embedded", options=Options(waits=WAITS))
    console = Console(stderr=True)
    found = []
    for row in track(rows, description="solving", console=console, disable=not console.is_terminal):
        result = solver.invoke({"messages": [("user", row["question"])]})["adaptive_result"]
        found.append({**result, "right": result["answer"] == row["answer"]})  # to the letter: 87/9 is not 29/3
    return found


def waited(result: Result) -> bool:
    """Rejected at first, and put off with a Wait."""
    return any(attempt["arm"] == "wait" for attempt in result["attempts"])


def mended(result: Result) -> bool:
    """Right and accepted after a Wait that changed the answer."""
    attempts = result["attempts"]
    changed = len(attempts) > 1 and attempts[-1]["answer"] != attempts[-2]["answer"]
    return bool(result["right"] and result["accepted"] and attempts[-1]["arm"] == "wait" and changed)


def direct(result: Result) -> bool:
    """Right without thinking, and accepted."""
    return bool(result["right"] and result["accepted"] and result["usage"]["thinking"] == 0)


def shortest(found: list[Result], wanted: Callable[[Result], bool]) -> Result | None:
    """The one that reads quickest of those wanted."""
    return min(filter(wanted, found), key=lambda r: r["usage"]["total"], default=None)


def show(question: str, *options: str) -> None:
    """The command and all that it prints."""
    arguments = ["solve", question, *options, "--show-thinking", "-u"]
    command = [sys.executable, "-m", "adaptive.cli", *arguments, "--no-log"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = " ".join((*options, "--show-thinking", "-u"))
    print(f'$ adaptive solve {said} "{question}"\n{done.stdout}')


def main() -> None:
    """Find both and show them."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    found = results(rows)
    print(f"# of {sum(map(waited, found))} answers put off with a Wait, {sum(map(mended, found))} were mended")
    if one := shortest(found, mended):
        show(one["question"], "--waits", str(WAITS))
    print(f"# without thinking: {sum(map(direct, found))} of {len(found)}")
    if one := shortest(found, direct):
        show(one["question"])


if __name__ == "__main__":
    main()
