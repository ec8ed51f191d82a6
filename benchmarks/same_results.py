"""Check that a change of the code leaves every result of the command `adaptive` as it was.

    python benchmarks/same_results.py run REPO OUT       # once before the change, once after it
    python benchmarks/same_results.py compare OUT1 OUT2  # exit code 1 and a diff if anything differs

`run` solves questions, records, trains, tunes and benches, all on the embedded model with fixed seeds, and writes
what each command prints and what it leaves in files into the folder OUT. Times, dates, random ids and paths are
replaced by placeholders; figures are kept to the last digit. Pictures, HTML pages and pickled estimators are left
out: only their names are listed.

The command is the one beside the running interpreter, else the one on the PATH. It sees no ADAPTIVE_... variable
and no key, works in a temporary folder and logs there. Questions and the embedded model's profile come from REPO.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import json
import os
import re
import shlex
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ABACUS = Path("models", "abacus")
SOLVED, LEARNED, HELD_OUT = slice(0, 200), slice(200, 260), slice(260, 280)
"""Lines of the file of questions: to solve, to train and tune on, and to bench on."""
DIFF_LINES, WIDTH = 40, 400
TIMEOUT_S = 1800
STORY = "Mia has 84 marbles. Mia buys 67 more. Ben takes 38 of the marbles. How many marbles are left?"
FRACTION = "What is 26/19 in lowest terms?"

SOLVES: Mapping[str, tuple[str, ...]] = {
    "story": ("--show-thinking", "-u", STORY),
    "waits": ("--waits", "1", "--show-thinking", "-u", FRACTION),
    "wait-string": ("--waits", "2", "--wait-string", "Wait", "--wait-string", "Hmm", "--json", FRACTION),
    "budget": ("--budget", "64", "--no-adapt", "--json", STORY),
    "effort-high": ("--effort", "high", "--json", "Calculate 5693 + 9683."),
    "samples": ("--samples", "4", "--effort", "low", "--budget", "64", "--json", "gcd(1071, 462)"),
    "stop-none": ("--stop", "none", "--json", FRACTION),
    "timeout": ("--timeout", "60", "--json", STORY),
    "limits": ("--max-tokens", "150", "--price", "embedded=1/2", "--max-cost", "0.001", "--json", FRACTION),
    "temperature": ("--temperature", "0.7", "--seed", "7", "--json", FRACTION),
    "verify-rules": ("--verify", "rules", "--json", FRACTION),
    "stronger": ("--stronger", "embedded", "--json", FRACTION),
    "check-passes": ("--check", "grep -q 113", "--json", STORY),
    "check-fails": ("--check", "re:[a-z]+", "-u", STORY),
}
"""Options and question of single solves, by a name."""

WRONG: Mapping[str, tuple[str, ...]] = {
    "no-verb": (),
    "unknown-verb": ("sovle",),
    "unknown-option": ("solve", "--budgets", "3", "8+1"),
    "unknown-effort": ("solve", "--effort", "huge", "8+1"),
    "negative-budget": ("solve", "--budget", "-1", "8+1"),
    "not-a-number": ("solve", "--timeout", "nan", "8+1"),
    "empty-question": ("solve", " "),
    "question-and-file": ("solve", "--file", "learned.jsonl", "8+1"),
    "missing-file": ("solve", "--file", "missing.jsonl"),
    "broken-file": ("solve", "--file", "broken.jsonl"),
    "unknown-model": ("solve", "-m", "nosuch:model", "8+1"),
    "unknown-engine-option": ("solve", "-o", "nosuch=1", "8+1"),
    "missing-profile": ("solve", "--profile", "missing", "8+1"),
    "unknown-stop": ("solve", "--stop", "nosuch", "8+1"),
    "unknown-verifier": ("solve", "--verify", "nosuch", "8+1"),
    "bad-check": ("solve", "--check", "re:(", "8+1"),
    "bad-price": ("solve", "--price", "embedded=cheap", "8+1"),
    "unknown-price": ("solve", "--max-cost", "1", "8+1"),
    "image": ("solve", "--image", "learned.jsonl", "8+1"),
    "record-without-out": ("record", "learned.jsonl"),
    "record-bad-ladder": ("record", "learned.jsonl", "--ladder", "0,many", "--out", "other.db"),
    "record-other-plan": ("record", "learned.jsonl", "--out", "outcomes.db", "--seed", "1"),
    "record-no-column": ("record", "learned.jsonl", "--answer-column", "solution", "--out", "other.db"),
    "train-too-few": ("train", "outcomes.db", "--limit", "10", "--out", "few"),
    "train-other-option": ("train", "outcomes.db", "--ladder", "0,64", "--out", "few"),
    "tune-no-outcomes": ("tune", "abacus", "--outcomes", "missing.db"),
    "tune-price": ("tune", "abacus", "--max-cost", "1"),
    "bench-live-no-out": ("bench", "abacus", "held_out.jsonl"),
    "bench-seen": ("bench", "tuned", "learned.jsonl", "--replay", "outcomes.db"),
    "unknown-solve": ("logs", "99999"),
    "unknown-word": ("feedback", "last", "perhaps"),
}
"""Commands that must be refused."""

VERBS = ("solve", "record", "train", "tune", "bench", "compare", "models", "logs", "feedback", "graph")

DIGEST_ARRAYS = {"made_from"}
"""Arrays of .npz files that hold the digest of another file."""
TIME_COLUMNS = {"time", "seconds"}
PLACEHOLDERS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), instead)
    for pattern, instead in (
        (r'("(?:adaptive_)?seconds": )[-+.\de]+', r'\1"<seconds>"'),
        (r"\b\d+\.\d\d s\b", "<seconds> s"),
        (r"^.*, (?:\d+|inf|nan) minutes left\n", ""),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[-+]\d\d:?\d\d)?", "<time>"),
        (r"\b20\d\d-\d\d-\d\d\b", "<date>"),
        (r"\b[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\b|\b[\da-f]{32}\b", "<uuid>"),
    )
)


@dataclass(frozen=True)
class Lab:
    """A temporary folder to work in, the command under test, and the folder that takes the results."""

    command: Path
    repo: Path
    work: Path
    out: Path

    def run(self, name: str, *arguments: str, stdin: str = "") -> None:
        """Run the command and write its exit code, stdout and stderr to the file `name`.txt."""
        started = time.perf_counter()
        done = subprocess.run(
            [str(self.command), *arguments],
            cwd=self.work,
            env=self.environment(),
            input=stdin.encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        print(f"{time.perf_counter() - started:7.1f} s  exit {done.returncode}  {name}", flush=True)
        parts = (
            f"$ {shlex.join(['adaptive', *arguments])}\n",
            f"---- exit code {done.returncode}\n",
            f"---- stdout\n{done.stdout.decode(errors='backslashreplace')}\n",
            f"---- stderr\n{done.stderr.decode(errors='backslashreplace')}\n",
        )
        self.write(f"{name}.txt", "".join(parts))

    def environment(self) -> dict[str, str]:
        """The variables of the caller without settings and keys, with folders of our own and one thread."""
        private = re.compile(r"ADAPTIVE_|XDG_|.*_API_KEY$|PYTHONPATH$|COLUMNS$|FORCE_COLOR$")
        inherited = {name: value for name, value in os.environ.items() if not private.match(name)}
        home = self.work / "home"
        folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CONFIG", "CACHE", "STATE")}
        fixed = {
            "HOME": str(home),
            "ADAPTIVE_LOG": "solves.db",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": str(home / "matplotlib"),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "160",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        return {**inherited, **folders, **fixed}

    def write(self, name: str, text: str) -> None:
        """Write a result, normalised."""
        file = self.out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.normalise(text), encoding="utf-8", errors="backslashreplace")

    def normalise(self, text: str) -> str:
        """The text with placeholders for whatever differs from run to run, or from machine to machine."""
        places = {self.work: "<work>", self.repo: "<repo>", Path(sys.prefix): "<env>", Path.home(): "<home>"}
        for place, instead in places.items():
            text = text.replace(str(place), instead)
        for pattern, instead in PLACEHOLDERS:
            text = pattern.sub(instead, text)
        return text

    def dump(self, name: str) -> None:
        """Write what is in a file, or in each file of a folder, and the folder's file names."""
        place = self.work / name
        if place.is_dir():
            files = sorted(file for file in place.rglob("*") if file.is_file())
            self.write(f"{name}/files.txt", "".join(f"{file.relative_to(place)}\n" for file in files))
            for file in files:
                self.dump(str(file.relative_to(self.work)))
        elif place.suffix == ".db":
            for table, lines in read_tables(place):
                self.write(f"{name}/{table}.jsonl", lines)
        elif place.suffix == ".npz":
            self.write(f"{name}.txt", "".join(describe_arrays(place)))
        elif place.suffix in (".json", ".jsonl", ".md", ".txt", ".csv"):
            self.write(name, place.read_text(encoding="utf-8"))


def read_tables(file: Path) -> Iterator[tuple[str, str]]:
    """Each table of a SQLite file: its name, and its rows as sorted JSON lines without columns of time."""
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
            lines = sorted(json.dumps(read_row(row), ensure_ascii=False) for row in rows)
            yield table, "".join(f"{line}\n" for line in lines)


def read_row(row: sqlite3.Row) -> dict[str, object]:
    """The columns of a row but those of time; JSON in them is read, packed JSON too."""
    return {name: read_value(row[name]) for name in row.keys() if name not in TIME_COLUMNS}  # noqa: SIM118


def read_value(value: object) -> object:
    """A value of a column; an object or a list if it holds one as JSON."""
    text = zlib.decompress(value).decode() if isinstance(value, bytes) else value
    if not isinstance(text, str) or not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def describe_arrays(file: Path) -> Iterator[str]:
    """A line for each array of an .npz file: name, dtype, shape and the digest of its bytes."""
    with zipfile.ZipFile(file) as archive:
        for name in sorted(archive.namelist()):
            header, data = split_npy(archive.read(name))
            array = name.removesuffix(".npy")
            digest = "<digest of a file>" if array in DIGEST_ARRAYS else hashlib.sha256(data).hexdigest()
            order = " column by column" if header["fortran_order"] else ""
            yield f"{array} {header['descr']} {header['shape']}{order} {digest}\n"


def split_npy(raw: bytes) -> tuple[dict[str, object], bytes]:
    """The header and the data of an .npy file, whose format is that of `numpy.lib.format`."""
    wide = raw[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", raw, 8)
    begin = (12 if wide else 10) + length
    return ast.literal_eval(raw[begin - length : begin].decode().strip()), raw[begin:]


def find_command() -> Path:
    """The command `adaptive` of this environment."""
    beside = Path(sys.executable).parent / "adaptive"
    path = str(beside) if beside.is_file() else shutil.which("adaptive")
    if path is None:
        raise SystemExit("there is no command `adaptive` beside this interpreter or on the PATH: install it.")
    return Path(path)


def write_inputs(repo: Path, work: Path) -> None:
    """The files that the commands read: questions, one that is broken, and a copy of the shipped profile."""
    lines = (repo / ABACUS / "questions" / "fresh.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    for name, part in (("solved", SOLVED), ("learned", LEARNED), ("held_out", HELD_OUT)):
        (work / f"{name}.jsonl").write_text("".join(lines[part]), encoding="utf-8")
    texts = [*(json.loads(line)["question"] for line in lines[:4]), "8+1", "Who wrote Hamlet?", "lcm(12, 18)"]
    (work / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
    (work / "broken.jsonl").write_text(lines[0] + '{"question": 3}\n', encoding="utf-8")
    shutil.copytree(repo / ABACUS / "profile", work / "abacus")
    (work / "home").mkdir()


def run_solves(lab: Lab) -> None:
    """Questions of a file, single solves, and what the log has of them."""
    lab.run("solve/file-json", "solve", "--json", "--file", "solved.jsonl")
    lab.run("solve/file-text", "solve", "--show-thinking", "-u", "--file", "texts.txt")
    lab.run("solve/stdin", "solve", "--no-log", "-", stdin="What is 47 + 38 - 12?\n")
    for name, arguments in SOLVES.items():
        lab.run(f"solve/{name}", "solve", *arguments)
    lab.run("log/right", "feedback", "1", "right")
    lab.run("log/wrong", "feedback", "last", "wrong", "--answer", "15")
    lab.run("log/logs", "logs", "-n", "30")
    lab.run("log/search", "logs", "-q", "marbles", "--json")
    lab.run("log/one", "logs", "1")
    lab.run("log/calibration", "logs", "--calibration")
    lab.dump("solves.db")


def run_learning(lab: Lab) -> None:
    """Outcomes recorded, a profile trained on them and tuned, and its report on other questions."""
    sampled = ("--samples", "2", "--sample-effort", "medium")
    lab.run("record/learned", "record", "learned.jsonl", "--out", "outcomes.db", *sampled)
    styled = ("--system", "Be brief.", "--ladder", "0,32:low,96:high", "--waits", "2", "--no-unlimited")
    lab.run("record/styled", "record", "learned.jsonl", "--limit", "5", "--out", "styled.db", *styled)
    lab.dump("outcomes.db")
    lab.dump("styled.db")
    lab.run("train/trained", "train", "outcomes.db", "--out", "trained")
    lab.dump("trained")
    lab.run("train/s1", "train", "outcomes.db", "--rule", "s1", "--out", "s1")
    lab.dump("s1")
    lab.run("train/logs", "train", "outcomes.db", "--add", "logs", "--out", "with_logs")
    lab.dump("with_logs")
    lab.run("train/placed", "train", "outcomes.db", "--calibrate", "30", "--out", "placed")
    lab.dump("placed")
    shutil.copytree(lab.work / "trained", lab.work / "tuned", dirs_exist_ok=True)
    lab.run("tune/refused", "tune", "tuned", "--outcomes", "outcomes.db", "--target-loss", "0.01")
    loose = ("--target-loss", "0.3", "--confidence", "0.8")
    lab.run("tune/tuned", "tune", "tuned", "--outcomes", "outcomes.db", *loose)
    lab.dump("tuned")
    lab.run("record/held-out", "record", "held_out.jsonl", "--out", "outcomes.db", *sampled, "--grade", "exact")
    replay = ("held_out.jsonl", "--replay", "outcomes.db")
    lab.run("bench/tuned", "bench", "tuned", *replay, "--out", "report")
    lab.dump("report")
    lab.run("bench/abacus", "bench", "abacus", *replay, "--tuned-on", "learned.jsonl", "--json")
    lab.run("solve/tuned-profile", "solve", "--profile", "tuned", "--json", "--file", "texts.txt")
    lab.run("solve/placed-profile", "solve", "--profile", "placed", "--json", "--file", "texts.txt")


def run_others(lab: Lab) -> None:
    """The small verbs, the help of all verbs, and wrong input."""
    lab.run("other/version", "--version")
    lab.run("other/graph", "graph")
    lab.run("other/models", "models", "-m", "embedded")
    lab.run("other/compare", "compare", STORY, "--effort", "none,low,high", "--max-tokens", "60,400", "--json")
    lab.run("help/adaptive", "--help")
    for verb in VERBS:
        lab.run(f"help/{verb}", verb, "--help")
    for name, arguments in WRONG.items():
        lab.run(f"wrong/{name}", *arguments)


def run_all(repo: Path, out: Path) -> None:
    """Everything, into the folder `out`, which must be empty or not there."""
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} is not empty: name another folder.")
    command = find_command()
    print(f"running {command}", flush=True)
    with tempfile.TemporaryDirectory(prefix="same_results_") as work:
        lab = Lab(command, repo.resolve(), Path(work).resolve(), out)
        write_inputs(lab.repo, lab.work)
        run_solves(lab)
        run_learning(lab)
        run_others(lab)


def compare_folders(first: Path, second: Path) -> bool:
    """Whether two folders of results are the same; prints the head of a diff for each file that is not."""
    names = sorted({str(p.relative_to(root)) for root in (first, second) for p in root.rglob("*") if p.is_file()})
    if not names:
        raise SystemExit(f"{first} and {second} hold no results.")
    different = [name for name in names if not compare_files(first / name, second / name)]
    print(f"{len(names)} files, {len(different)} differ" if different else f"{len(names)} files, all the same")
    return not different


def compare_files(first: Path, second: Path) -> bool:
    """Whether two files are there and the same; prints the head of their diff otherwise."""
    missing = next((file for file in (first, second) if not file.is_file()), None)
    if missing is not None:
        print(f"{missing} is missing\n")
        return False
    before, after = (file.read_text(encoding="utf-8").splitlines() for file in (first, second))
    if before == after:
        return True
    diff = list(difflib.unified_diff(before, after, str(first), str(second), n=1, lineterm=""))
    rest = len(diff) - DIFF_LINES
    print("\n".join(shorten(line) for line in diff[:DIFF_LINES]))
    print(f"... and {rest} lines more\n" if rest > 0 else "")
    old, new = next(pair for pair in zip_longest(before, after, fillvalue="") if pair[0] != pair[1])
    if max(len(old), len(new)) > WIDTH:  # one long line of JSON, say: show where it begins to differ
        differs = (i for i, (one, other) in enumerate(zip_longest(old, new)) if one != other)
        start = max(0, next(differs) - WIDTH // 4)
        print(f"first difference:\n-...{old[start : start + WIDTH]}...\n+...{new[start : start + WIDTH]}...\n")
    return False


def shorten(line: str) -> str:
    """The line, cut if it is very long."""
    return line if len(line) <= WIDTH else f"{line[:WIDTH]}..."


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="Write the results of this environment's command into a folder.")
    run.add_argument("repo", type=Path, help="The repository: questions and profile come from there.")
    run.add_argument("out", type=Path, help="A new folder for the results.")
    compare = verbs.add_parser("compare", help="Compare two such folders.")
    compare.add_argument("first", type=Path)
    compare.add_argument("second", type=Path)
    options = parser.parse_args(arguments)
    if options.verb == "run":
        run_all(options.repo, options.out)
        return 0
    return 0 if compare_folders(options.first, options.second) else 1


if __name__ == "__main__":
    sys.exit(main())
