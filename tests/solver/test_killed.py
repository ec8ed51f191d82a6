"""Killed with SIGKILL, a solve goes on from what was saved: every time, and without paying twice.

Real processes, and a file of SQLite or a server of Postgres. Once at any moment, an event seen on stdout, with the
embedded reasoner; and once in each node, with a model and a judge whose calls a server counts. `make kills` makes
100 kills in each node, and as many at any moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.counted_calls import CountedCalls
from tests.support.killing import Kill, Processes, Solve, check_path, open_processes
from tests.support.postgres import find_missing, serve_postgres

KILLS, MOST = int(os.environ.get("KILLS_AT_ANY_MOMENT", "20")), 8  # at any moment: in all, and of one solve
HARD = "What is 9 * 8 * 7 - 6 * (5 + 4) + 3?"
LONG = {"stop": "none", "max_attempts": 3}
ASKED: list[tuple[str, dict[str, Any]]] = [
    (HARD, LONG),
    ("What is 123 * 45?", LONG),
    (HARD, {"stop": "none", "max_attempts": 2, "effort": "low", "budget": 32, "samples": 4}),
]
KILLS_IN_A_NODE = int(os.environ.get("KILLS_IN_A_NODE", "3"))
REJECTED = {"effort": "low", "samples": 3, "waits": 0, "max_attempts": 4}
MOMENTS = {
    "classify": ("start", "end"),
    "allocate": ("start", "end"),
    "think": ("start", "call", "end"),
    "verify": ("start", "call", "end"),
    "escalate": ("start", "end"),
    "sample": ("start", "call", "end"),
    "tally": ("start", "call", "end"),
    "finish": ("start", "end", "after"),
}
"""Where a process is killed: before the node did anything, in a call that it makes, after its work but before that
is saved, and after the solve."""


@pytest.fixture(scope="module")
def forking() -> Iterator[Processes]:
    with open_processes() as running:
        yield running


@pytest.fixture
def processes(forking: Processes) -> Processes:
    """What forks a child for each life: one for all tests, whose kills are each test's own."""
    forking.random.seed(6)
    return forking


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    if missing := find_missing():
        pytest.skip(missing)
    with serve_postgres() as address:
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(address) as saver:
            saver.setup()
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the checkpoints are."""
    address = str(tmp_path / "threads.db") if request.param == "sqlite" else request.getfixturevalue("postgres")
    assert isinstance(address, str)
    return address


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_pays_nothing_twice(
    processes: Processes, saver: str, tmp_path: Path
) -> None:
    whole = [Solve(*asked, tmp_path, f"whole {number}", saver) for number, asked in enumerate(ASKED)]
    for one in whole:
        processes.run(one)
    solves: list[Solve] = []
    while (left := KILLS - sum(s.kills for s in solves)) > 0:
        place = len(solves) % len(ASKED)
        solve = Solve(*ASKED[place], tmp_path, str(len(solves)), saver)
        while solve.result is None:
            processes.run_for_a_while(solve) if solve.kills < min(MOST, left) else processes.run(solve)
        check_path(solve, whole[place])
        solves.append(solve)
    assert sum(s.kills for s in solves) == KILLS


@pytest.fixture
def calls(processes: Processes) -> Iterator[CountedCalls]:
    with CountedCalls(processes) as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("node", MOMENTS)
def test_killed_in_a_node_it_pays_for_nothing_that_was_saved(
    processes: Processes, calls: CountedCalls, saver: str, tmp_path: Path, node: str
) -> None:
    """The server's calls are those of a solve that was not killed, and those of the node that a kill cut off."""
    whole = Solve(HARD, REJECTED, tmp_path, f"whole {node}", saver, calls.model)
    calls.run(whole, None)
    kills, solves = 0, 0
    while kills < KILLS_IN_A_NODE:
        solve = Solve(HARD, REJECTED, tmp_path, f"{node} {solves}", saver, calls.model)
        for _ in range(processes.random.randint(1, min(3, KILLS_IN_A_NODE - kills))):
            calls.run(solve, choose_kill(processes, node, kills + solve.kills))
        calls.run(solve, None)
        check_path(solve, whole)
        check_calls(solve, whole)
        kills, solves = kills + solve.kills, solves + 1


def choose_kill(processes: Processes, node: str, number: int) -> Kill:
    """The moments in turn; any of the samples that run side by side."""
    moments = MOMENTS[node]
    return node, moments[number % len(moments)], processes.random.randint(1, 3) if node == "sample" else 1


def check_calls(solve: Solve, whole: Solve) -> None:
    """Nothing that was saved was paid for again."""
    lost: list[str] = []
    lives = solve.lives()
    for life, after in pairwise(lives):
        unsaved = life.done[len(after.saved) :]
        for node in set(unsaved):
            made = life.calls.count(node)
            lost += [node] * (min(made, unsaved.count(node)) if node in ("think", "sample") else made)
    paid = sorted(call for life in lives for call in life.calls)
    for call in lost:
        with suppress(ValueError):
            paid.remove(call)
    assert paid == sorted(call for life in whole.lives() for call in life.calls)
