"""`adaptive logs --drift`: what is printed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptive.learn.fit.domain import fit_domain
from adaptive.profile.profile import Profile
from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run
from tests.cli.stub import result
from tests.learn.made import LADDER

SUMS = [f"What is {i} + {i + 7}?" for i in range(20)]
RIVERS = [f"Name the {word} river" for word in ("longest", "widest", "oldest", "coldest")]


def in_domain(question: str, outside: bool, **changed: Any) -> dict[str, Any]:
    difficulty = {"level": "easy", "p_solved": [] if outside else [0.9, 0.99], "typical": 0.5, "outside": outside}
    return result(question=question, difficulty=difficulty, **changed)


@pytest.fixture
def filled(log: Path) -> Path:
    """Ten sums inside, four rivers outside."""
    with SolveLog(log) as store:
        for question in SUMS[:10]:
            store.add(in_domain(question, False))
        for question in RIVERS:
            store.add(in_domain(question, True))
    return log


def test_a_log_without_domains(run: Run, log: Path) -> None:
    with SolveLog(log) as store:
        store.add(result())
    made = run("logs", "--drift")
    assert (made.exit_code, made.stdout, made.stderr.count("\n")) == (0, "", 1)
    assert made.stderr.startswith(
        "Nothing can be said about drift: in none of 1 logged solves did the profile know"
    )
    assert json.loads(run("logs", "--drift", "--json").stdout) == {"solves": 1, "drift": []}


def test_a_report(run: Run, filled: Path) -> None:
    run("feedback", "1", "right")
    run("feedback", "2", "wrong")
    run("feedback", "11", "wrong")
    with SolveLog(filled) as store:
        day = store.get(1).time[:10]
    assert run("logs", "--drift").stdout.splitlines() == [
        "embedded, profile abacus: 4 of 14 solves are outside",
        "day (UTC)                   solves  outside  share  95 % interval",
        f"  {day}                    14        4   0.29  0.12 to 0.55",
        "kind of question            solves  outside  share  95 % interval",
        "  short, with numbers           10        0   0.00  0.00 to 0.28",
        "  short, without numbers         4        4   1.00  0.51 to 1.00",
        "first words                 solves  outside  share  95 % interval",
        "  name the                       4        4   1.00  0.51 to 1.00",
        "  what is                       10        0   0.00  0.00 to 0.28",
        "new words outside, by questions: name (4), river (4), the (4), coldest (1), longest (1), oldest (1), "
        "widest (1)",
        "inside: 1 of 2 observed answers right, 0.50 (0.09 to 0.91)",
        "  p(solved) at the rung whose answer was kept",
        "  predicted    count   mean  right  95 % interval",
        "  0.9 to 1.0       2   0.99   0.50  0.09 to 0.91",
        "outside: 0 of 1 observed answers right, 0.00 (0.00 to 0.79)",
        "  p(solved) at the rung whose answer was kept: nothing was predicted",
        "Record anew (`adaptive record --from-log -m embedded --out outcomes.db`) and train again: 4 of the last "
        "14 different questions are outside, and 5.0 % would be by chance (p = 0.0044).",
    ]  # fmt: skip


def test_as_json_and_searched(run: Run, filled: Path) -> None:
    told = json.loads(run("logs", "--drift", "--json").stdout)
    assert told["solves"] == 14
    assert (told["drift"][0]["outside"], told["drift"][0]["recent"]["drift"]) == (4, True)
    searched = json.loads(run("logs", "--drift", "--json", "-q", "river").stdout)
    assert searched["solves"] == searched["drift"][0]["count"] == 4


def test_the_profiles_own_alpha_counts(run: Run, filled: Path, tmp_path: Path) -> None:
    """With 20 recorded questions, of which half may be outside, four of 14 show nothing."""
    domain = fit_domain(SUMS, [""] * len(SUMS), 0.5).domain
    profile = Profile("abacus", "embedded", LADDER, domain_model=lambda: domain)
    profile.save(tmp_path / "mine")
    made = run("logs", "--drift", "--profile", str(tmp_path / "mine"))
    assert made.stdout.splitlines()[-1].startswith(
        "No need to record anew: 4 of the last 14 different questions are"
    )
    assert "and 50.0 % would be by chance" in made.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["1", "--drift"], "--drift is of all solves: leave out the number"),
        (["--drift", "--calibration"], "give --calibration or --drift, not both"),
        (["--drift", "--profile", "nowhere"], "the profile nowhere/profile.json cannot be read"),
    ],
)
def test_what_is_refused(run: Run, filled: Path, args: list[str], said: str) -> None:
    made = run("logs", *args)
    assert (made.exit_code, made.stdout, made.stderr.count("\n")) == (2, "", 1)
    assert said in made.stderr
