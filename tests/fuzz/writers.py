"""The verbs that write, and what is in their files: to be killed, run beside each other, and kept from writing."""
# ruff: noqa: E501 -- a table of commands

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.forks import Forked, forking_world, limit_files, run
from tests.fuzz.world import build_folder, fresh_folder

RECORD = (
    "record",
    "questions.jsonl",
    "-m",
    "toy",
    "--profile",
    "none",
    "--ladder",
    "0,16:low,32:low",
    "--out",
    "new.db",
)
QUIET = ("-m", "toy", "--profile", "none")


@dataclass(frozen=True)
class Writer:
    """A verb that writes.

    Attributes:
        arguments: Its arguments.
        file: The name of what it writes; "OUT" in the arguments stands for it.
        read: Returns what is in it, such that a run that was killed and then finished has the same as one that
            was left alone; raises if it is half.
        prepare: Arguments of a command that is run before.
        codes: The exit codes of its end.
    """

    arguments: tuple[str, ...]
    file: str
    read: Callable[[Path], Any]
    prepare: tuple[str, ...] = ()
    codes: tuple[int, ...] = (0,)


def read_outcomes(file: Path) -> Any:
    """All attempts that were recorded, each once."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute(
            "SELECT q.id, effort, budget, waits, sample, answer, right FROM outcomes "
            "JOIN questions q ON q.number = outcomes.question"
        ).fetchall()
    assert max(Counter(row[:5] for row in rows).values(), default=0) <= 1, "a row came twice"
    return sorted(rows)


def read_profile(folder: Path) -> Any:
    """The name and the ladder of a profile, whose files belong together."""
    from adaptive.profile.profile import Profile

    known = Profile.load(folder)
    known.is_outside("What is 1 + 1?")
    return known.name, [(rung.effort, rung.budget) for rung in known.ladder]


def read_results(file: Path) -> Any:
    """The ids and answers of a file of results, each once."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows), "a result came twice"
    return sorted((row["id"], row["answer"]) for row in rows)


def read_bench(folder: Path) -> Any:
    """The attempts and the solves of a live bench, each once."""
    solves = (json.loads(line) for line in (folder / "solves.jsonl").read_text().splitlines()[1:])
    answers = [(one["question"], one["answer"]) for one in solves]
    assert len(answers) == len(dict(answers)), "a question was solved twice"
    return read_outcomes(folder / "outcomes.db"), sorted(answers)


def read_cells(file: Path) -> Any:
    """The settings whose answers are kept."""
    with closing(sqlite3.connect(file)) as db:
        return sorted(db.execute("SELECT key FROM cells").fetchall())


def read_log(file: Path) -> Any:
    """Whether each logged solve can be read, and that there is the one that was last made."""
    with closing(sqlite3.connect(file)) as db:
        rows = [json.loads(result) for (result,) in db.execute("SELECT result FROM solves ORDER BY id")]
    assert all(row["status"] == "answered" for row in rows)
    return rows[-1]["question"]


def read_feedback(file: Path) -> Any:
    """All feedback."""
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT solve, source, right FROM feedback").fetchall()


WRITERS: dict[str, Writer] = {
    "record": Writer(RECORD, "new.db", read_outcomes),
    "import": Writer(("import", "inspect_high.json", "--out", "new.db"), "new.db", read_outcomes),
    "train": Writer(("train", "outcomes.db", "--out", "new"), "new", read_profile),
    "tune": Writer(("tune", "new", "--outcomes", "outcomes.db", "--target-loss", "0.5", "--confidence", "0.5"), "new",
                   read_profile, ("train", "outcomes.db", "--out", "new"), (0, 1)),
    "solve --out": Writer(("solve", "--file", "questions.jsonl", *QUIET, "--no-log", "--out", "new.jsonl"), "new.jsonl",
                          read_results),
    "solve": Writer(("solve", "What is 5 + 3?", *QUIET), "solves.db", read_log),
    "bench": Writer(("bench", "profile", "questions.jsonl", "-m", "toy", "--out", "new"), "new", read_bench),
    "feedback": Writer(("feedback", "1", "right"), "solves.db", read_feedback),
    "compare": Writer(("compare", "What is 2 + 3?", "-m", "toy", "--effort", "low", "--max-tokens", "50,100", "--cache",
                       "new.db"), "new.db", read_cells),
}  # fmt: skip
"""Not `fit`, which `tests/fit/test_killed.py` kills, and not `serve`: `tests/serve/test_lifecycle.py` does."""


@dataclass(frozen=True)
class Trial:
    """A copy of the folder in which a verb is disturbed.

    Attributes:
        folder: The copy.
        writer: The verb.
        right: What is in its file if it is left alone.
        seconds: How long that takes.
    """

    folder: Path
    writer: Writer
    right: Any
    seconds: float

    @property
    def file(self) -> Path:
        return self.folder / self.writer.file

    def finish(self) -> str:
        """Let the verb end; return what is wrong with what is left."""
        last = run(self.folder, self.writer.arguments)
        if last.problem or last.code not in self.writer.codes:
            return f"in the end: {last.code} {last.problem}: {last.stderr[-200:]}"
        left = self.writer.read(self.file)
        return "" if left == self.right else f"{left!r:.200} is left, not {self.right!r:.200}"


@contextmanager
def trying(template: Path, place: Path, name: str) -> Iterator[Trial]:
    """A trial of a verb, which was run in another copy before. Raises `AssertionError` if that went wrong."""
    writer = WRITERS[name]
    with fresh_folder(template, place):
        if writer.prepare:
            assert run(place, writer.prepare).code == 0
        alone = place.with_name("alone")
        shutil.copytree(place, alone, ignore=shutil.ignore_patterns("fifo"))
        ended = run(alone, writer.arguments)
        assert not ended.problem, ended
        assert ended.code in writer.codes, ended
        trial = Trial(place, writer, writer.read(alone / writer.file), ended.seconds)
        shutil.rmtree(alone)
        yield trial


def kill(trial: Trial, rng: Random) -> str:
    """Kill the verb at a random moment, once to three times, then let it end."""
    stays = trial.file.exists() or trial.writer.read is read_profile
    for _ in range(rng.choice([1, 1, 2, 3])):
        ended = Forked(trial.folder, trial.writer.arguments).wait(rng.uniform(0, 1.1 * trial.seconds))
        if ended.problem:
            return f"after a kill: {ended.problem}: {ended.stderr[-200:]}"
        if stays and trial.file.exists():
            trial.writer.read(trial.file)  # it is whole at any moment
    return trial.finish()


def run_beside(trial: Trial, rng: Random) -> str:
    """Run the verb twice at the same time: each is right, or one is told in a sentence."""
    first = Forked(trial.folder, trial.writer.arguments)
    time.sleep(rng.uniform(0, 0.3) * trial.seconds)
    second = Forked(trial.folder, trial.writer.arguments)
    ended = [first.wait(), second.wait()]
    if problems := [one.problem for one in ended if one.problem]:
        return f"beside another: {problems[0]}: {ended}"
    codes = [one.code for one in ended]
    if not set(codes) <= {*trial.writer.codes, 2} or set(codes) == {2}:
        return f"beside another: exit codes {codes}: {ended}"
    left = trial.writer.read(trial.file)
    return "" if left == trial.right else f"beside another: {left!r:.200} is left, not {trial.right!r:.200}"


def fill_disk(trial: Trial, rng: Random) -> str:
    """Run the verb on a disk that is full at some file's size; then there is room again."""
    size = int(10 ** rng.uniform(0, 5.5))
    ended = run(trial.folder, trial.writer.arguments, limit_files(size))
    if ended.problem:
        return f"with files of at most {size} bytes: {ended.problem}: {ended.stderr[-200:]}"
    return trial.finish()


def forbid_writing(trial: Trial, rng: Random) -> str:
    """Run the verb where it may not write, in the folder or in the file alone; then it may again.

    The superuser may always write: for it there is nothing to see.
    """
    if os.geteuid() == 0:
        return ""
    closed = [trial.folder] if rng.random() < 0.5 or not trial.file.exists() else [trial.file]
    before = {one: one.stat().st_mode for one in closed}
    for one, mode in before.items():
        one.chmod(mode & ~0o222)
    ended = run(trial.folder, trial.writer.arguments)
    for one, mode in before.items():
        one.chmod(mode)
    if ended.problem:
        return f"where it may not write: {ended.problem}: {ended.stderr[-200:]}"
    return trial.finish()


DISTURBANCES: dict[str, Callable[[Trial, Random], str]] = {
    "kills": kill,
    "beside": run_beside,
    "full": fill_disk,
    "unwritable": forbid_writing,
}


def attack(folder: Path, how: str, names: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Disturb the verbs in turn, so many times; yield what is wrong with each, "" for nothing."""
    rng, template = Random(seed), build_folder(folder / "template", recorded=100)
    for number in range(count):
        name = names[number % len(names)]
        with trying(template, folder / "deep" / "deeper" / "work", name) as trial:
            try:
                problem = DISTURBANCES[how](trial, rng)
            except Exception as error:  # noqa: BLE001 -- what cannot be read is half
                problem = f"what is left cannot be read: {type(error).__name__}: {error}"
        yield f"{name}: {problem}" if problem else ""


def main(arguments: Sequence[str]) -> int:
    """Run `python -m tests.fuzz.writers kills|beside|full|unwritable [COUNT [SEED]] [VERB ...]`; print a summary."""
    numbers = [int(one) for one in arguments if one.isdecimal()]
    count, seed = [*numbers, *(len(WRITERS), 0)[len(numbers) :]]
    how = next(one for one in arguments if one in DISTURBANCES)
    names = [one for one in arguments if one in WRITERS] or list(WRITERS)
    with tempfile.TemporaryDirectory(prefix="adaptive-fuzz-") as name, forking_world(Path(name)):
        faults = [problem for problem in attack(Path(name), how, names, count, seed) if problem]
    sys.stdout.write("\n".join([f"{how}: {count} runs, {len(faults)} at fault", *faults]) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
