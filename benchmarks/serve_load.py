"""`adaptive serve` under load, by Locust, and what it adds to the engine.

    pip install locust
    python -m benchmarks.serve_load --users 200 --seconds 600

Three runs, each against a server of its own, of clients that stream (85 %), hang up (10 %) or send what is no
request (5 %): *full*, with all clients, one request after the other; *half*, paced to half of the replies that
*full* got, which says what serving adds to the engine's seconds; *drained*, which gets SIGTERM in the middle. Then
`benchmarks.serve_proxy`: one client alone, in turns with the solver and the engine.

Printed for each run: replies, failures (a reply that is lost, cut or not the solver's), and the resident memory of
the server.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import click

from adaptive.solver.build import build_solver
from benchmarks.serve_proxy import measure_proxy, print_proxy
from benchmarks.served import DRAIN, ServerProcess, run_server

USERS = Path(__file__).with_name("serve_users.py")
NUMBERS = [(a, b) for a in range(11, 99, 7) for b in range(12, 90, 13)]


@dataclass(frozen=True)
class Load:
    """What Locust measured: rows of its statistics by name."""

    rows: Mapping[str, Mapping[str, str]]
    exit_code: int

    def count(self, name: str, column: str = "Request Count") -> int:
        """Return a count."""
        return int(self.rows[name][column]) if name in self.rows else 0

    def read(self, name: str, column: str) -> float:
        """Return a figure in milliseconds; nan if there was no such request."""
        return float(self.rows[name][column]) if name in self.rows else float("nan")


def run_load(address: str, folder: Path, *, users: int, seconds: int, **plan: Any) -> Load:
    """Let Locust's clients loose, and return what it measured once all replies have ended."""
    (file := folder / "plan.json").write_text(json.dumps({"pace": 0, "draining": False, **plan}))
    command = [sys.executable, "-m", "locust", "-f", str(USERS), "--headless", "--only-summary", "--host", address]
    command += ["-u", str(users), "-r", str(users), "-t", str(seconds), "--stop-timeout", str(DRAIN)]
    command += ["--csv", str(folder / "load")]
    made = subprocess.run(
        command, env={**os.environ, "SERVE_LOAD": str(file)}, capture_output=True, text=True, check=False
    )
    with (folder / "load_stats.csv").open(newline="", encoding="utf-8") as rows:
        stats = {row["Name"]: row for row in csv.DictReader(rows)}
    if failures := (folder / "load_failures.csv").read_text(encoding="utf-8").splitlines()[1:]:
        print("failures:", *failures, sep="\n  ")
    return Load(stats, made.returncode)


def find_replies() -> dict[str, str]:
    """Return what the solver answers to each question, in this process."""
    solver = build_solver("embedded")
    questions = [f"What is {a} + {b}?" for a, b in NUMBERS]
    return {q: solver.invoke({"messages": [("user", q)]})["adaptive_result"]["text"] for q in questions}


def print_load(name: str, load: Load, server: ServerProcess) -> None:
    """Print a run."""
    tenth = max(1, len(server.memory) // 10)
    early, late = median(server.memory[tenth : 2 * tenth + 1]), median(server.memory[-tenth:])
    counts = {
        "whole replies": load.count("whole reply"),
        "lost or wrong": load.count("whole reply", "Failure Count"),
        "hung up": load.count("hung up"),
        "malformed answered": load.count("malformed answered"),
        "refused": load.count("refused"),
    }
    print(f"{name}: " + ", ".join(f"{what} {number}" for what, number in counts.items()))
    print(f"  memory: {early:.0f} MB in the second tenth, {late:.0f} MB in the last")
    for row in ("first token", "whole reply", "over the engine"):
        median_ms, p99 = load.read(row, "Median Response Time"), load.read(row, "99%")
        print(f"  {row}: median {median_ms:.0f} ms, p99 {p99:.0f} ms")


def run_drained(folder: Path, replies: Mapping[str, str], users: int, seconds: int) -> None:
    """Send SIGTERM in the middle of a run, and print what became of the replies."""
    with run_server() as server:

        def end_in_the_middle() -> None:
            while not server.count("running"):  # Locust takes a while to start
                time.sleep(0.1)
            time.sleep(seconds / 2)
            server.process.send_signal(signal.SIGTERM)

        ending = threading.Thread(target=end_in_the_middle, daemon=True)
        ending.start()
        load = run_load(server.address, folder, users=users, seconds=seconds, replies=replies, draining=True)
        ending.join()
        print_load("drained", load, server)
        print(f"  exit code of the server: {server.process.wait(DRAIN)}")


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--users", default=200, show_default=True, help="Clients at once.")
@click.option("--seconds", default=600, show_default=True, help="Length of the full run; others: a quarter.")
@click.option("--turns", default=20, show_default=True, help="Turns of the proxy run.")
def main(users: int, seconds: int, turns: int) -> None:
    """Run all four, and print what they measured."""
    if find_spec("locust") is None:
        raise click.ClickException("locust is not installed: pip install locust.")
    replies, quarter, few = find_replies(), max(10, seconds // 4), max(1, users // 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with run_server() as server:
            full = run_load(server.address, folder, users=users, seconds=seconds, replies=replies)
            print_load("full", full, server)
            print(f"  left: {server.count('running'):.0f} running, {server.count('waiting'):.0f} waiting")
        pace = full.count("whole reply") / seconds / 2 / few
        with run_server() as server:
            half = run_load(server.address, folder, users=few, seconds=quarter, replies=replies, pace=pace)
            print_load("half", half, server)
        run_drained(folder, replies, users, quarter)
    with run_server("--stop", "none") as server:
        print_proxy(measure_proxy(server.address, turns))


if __name__ == "__main__":
    main()
