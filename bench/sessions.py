"""Real sessions for the README, found in the results of `python -m bench.loop ... --out RESULTS`.

    python -m bench.sessions RESULTS

One in which an answer is rejected and a Wait on the same chain mends it, and one without any thinking: each is
asked again by the command, and shown as a terminal would show it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Result = dict[str, Any]


def mended(result: Result) -> bool:
    """Rejected at first, and right after a Wait that changed the answer."""
    attempts = result["attempts"]
    last = attempts[-1]
    changed = len(attempts) > 1 and last["answer"] != attempts[-2]["answer"]
    return bool(result["right"] and result["accepted"] and last["arm"] == "wait" and changed)


def direct(result: Result) -> bool:
    """Right without thinking, and accepted."""
    return bool(result["right"] and result["accepted"] and result["usage"]["thinking"] == 0)


def shortest(results: list[Result], wanted: Callable[[Result], bool]) -> Result | None:
    """The one that reads quickest of those wanted."""
    return min(filter(wanted, results), key=lambda r: r["usage"]["total"], default=None)


def show(question: str) -> None:
    """The command and all that it prints."""
    arguments = ["solve", question, "--show-thinking", "-u", "--no-log"]
    command = [sys.executable, "-m", "adaptive.cli", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f'$ adaptive solve --show-thinking -u "{question}"\n{done.stdout}')


def main() -> None:
    """Find both and show them."""
    results = json.loads(Path(sys.argv[1]).read_text())["adaptive"]
    for name, wanted in (("mended by a Wait", mended), ("no thinking at all", direct)):
        found = shortest(results, wanted)
        print(f"# {name}: {sum(map(wanted, results))} of {len(results)} solves")
        if found:
            show(found["question"])


if __name__ == "__main__":
    main()
