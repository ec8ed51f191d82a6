"""A profile on questions of other kinds: what is right, accepted, and accepted and wrong.

    python -m benchmarks.shift models/abacus/questions/fresh.jsonl benchmarks/questions/typed_blind.jsonl \
        benchmarks/questions/outside_blind.jsonl svamp.jsonl gsm8k.jsonl --limit 200 --out shift.jsonl
    python -m benchmarks.shift QUESTIONS... -m vllm:MODEL --profile FOLDER --out shift.jsonl

The first file is of the kind that the profile was measured on. A question without an answer has none: whatever is
accepted there is wrong. Beside the profile stands the same one without its domain, which believes every question
to be of the kind that was measured. Rows are written as they come; what is in the file is not done again. It fails
if on any file but the first more than 3 % of the questions are accepted and wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
from langchain_core.messages import HumanMessage
from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata

from adaptive.answers.grader import Grader
from adaptive.answers.registry import open_grader
from adaptive.cli.support.options import engine_options, parse_engine_settings
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import get_parallel_solves, open_engine
from adaptive.learn.fit.thresholds import estimate_share
from adaptive.profile.domain import find_no_domain
from adaptive.profile.profile import Profile
from adaptive.profile.store import load_engine_profile
from adaptive.solver.build import build_solver
from adaptive.types.result import Result

MOST_WRONG = 0.03
ARMS = ("with", "without")
COLUMNS = ("questions", "domain", "outside", "AUROC", "right", "accepted", "of these right", "accepted and wrong",
           "tokens")  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A question of a file; reference: None if no answer is right."""

    file: str
    question: str
    reference: str | None


def read_asked(files: Sequence[str], limit: int | None) -> list[Asked]:
    """Read the questions of all files."""
    asked = []
    for file in files:
        lines = Path(file).read_text(encoding="utf-8").splitlines()[:limit]
        rows = (json.loads(line) for line in lines)
        asked += [Asked(Path(file).stem, row["question"], row.get("answer")) for row in rows]
    return asked


@dataclass
class Run:
    """Both arms on all questions, written to a file as they come."""

    engine: TokenEngine
    profile: Profile
    grader: Grader
    out: Path
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.out.exists():
            self.rows = [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]

    async def run(self, asked: Sequence[Asked], at_once: int) -> None:
        """Do what is missing."""
        profiles = {"with": self.profile, "without": replace(self.profile, domain_model=find_no_domain)}
        solvers = {arm: build_solver(self.engine, profile=profile) for arm, profile in profiles.items()}
        done = {(row["arm"], row["file"], row["question"]) for row in self.rows}
        todo = [(arm, one) for one in asked for arm in solvers if (arm, one.file, one.question) not in done]
        gate = asyncio.Semaphore(at_once)
        with self.out.open("a", encoding="utf-8") as file:

            async def ask(arm: str, one: Asked) -> None:
                async with gate:
                    state = await solvers[arm].ainvoke({"messages": [HumanMessage(one.question)]})
                row = self._make_row(arm, one, Result.of(state))
                self.rows.append(row)
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
                if len(self.rows) % 50 == 0:
                    click.echo(f"{len(self.rows)} of {2 * len(asked)}", err=True)

            await asyncio.gather(*(ask(arm, one) for arm, one in todo))

    def _make_row(self, arm: str, one: Asked, result: Result) -> dict[str, Any]:
        domain = self.profile.domain_model()
        right = one.reference is not None and self.grader.grade(one.question, result.answer, one.reference).right
        return {
            "arm": arm, "file": one.file, "question": one.question, "answer": result.answer,
            "right": right is True, "accepted": result.accepted, "outside": result.difficulty.outside,
            "novelty": domain.score(one.question) if domain else None, "tokens": result.usage.total,
        }  # fmt: skip


def measure_auroc(home: Sequence[float], foreign: Sequence[float]) -> float:
    """Return the probability that a foreign question is more novel than one of the home file; ties count half."""
    ranks = rankdata([*home, *foreign])[len(home) :]
    return float((ranks.sum() - len(foreign) * (len(foreign) + 1) / 2) / (len(home) * len(foreign)))


def build_table(rows: Sequence[dict[str, Any]], files: Sequence[str]) -> Table:
    """Return a row for each file and arm."""
    table = Table(*COLUMNS, title="percent of questions")
    novelty = {file: [row["novelty"] for row in rows if row["file"] == file] for file in files}
    for file, arm in ((file, arm) for file in files for arm in ARMS):
        mine = [row for row in rows if (row["file"], row["arm"]) == (file, arm)]
        accepted = [row for row in mine if row["accepted"]]
        right, low, high = estimate_share(sum(row["right"] for row in accepted), max(1, len(accepted)))
        known = file != files[0] and None not in novelty[file] and arm == "with"
        table.add_row(
            f"{file} ({len(mine)})",
            arm,
            _percent(mine, "outside"),
            f"{measure_auroc(novelty[files[0]], novelty[file]):.3f}" if known else "",
            _percent(mine, "right"),
            _percent(mine, "accepted"),
            f"{100 * right:.1f} ({100 * low:.0f} to {100 * high:.0f})" if accepted else "-",
            f"{100 * count_harm(mine) / len(mine):.1f}",
            f"{sum(row['tokens'] for row in mine) / len(mine):.0f}",
        )
    return table


def count_harm(rows: Sequence[dict[str, Any]]) -> int:
    """Return how many answers are accepted and wrong."""
    return sum(row["accepted"] is True and not row["right"] for row in rows)


def _percent(rows: Sequence[dict[str, Any]], name: str) -> str:
    return f"{100 * sum(row[name] is True for row in rows) / len(rows):.1f}"


@click.command()
@click.argument("files", nargs=-1, required=True)
@engine_options
@click.option("--profile", metavar="FOLDER", help="Default: the model's own.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File for the rows.")
@click.option("--limit", type=click.IntRange(min=1), help="Questions of each file.")
def main(
    files: tuple[str, ...], model: str, served_model: str | None, markers: str | None, options: tuple[str, ...],
    profile: str | None, out: Path, limit: int | None,
) -> None:  # fmt: skip
    """Run both arms on all files and print the table."""
    engine = open_engine(model, **parse_engine_settings(served_model, markers, options))
    asked = read_asked(files, limit)
    with open_grader("auto") as grader:
        run = Run(engine, load_engine_profile(engine, profile), grader, out)

        async def work() -> None:
            try:
                await run.run(asked, get_parallel_solves(model))
            finally:
                await engine.close()

        asyncio.run(work())
    names = list(dict.fromkeys(one.file for one in asked))
    Console(width=160).print(build_table(run.rows, names))
    rows = {name: [row for row in run.rows if (row["file"], row["arm"]) == (name, ARMS[0])] for name in names[1:]}
    harmed = [name for name in names[1:] if count_harm(rows[name]) > MOST_WRONG * len(rows[name])]
    if harmed:
        raise SystemExit(f"more than {100 * MOST_WRONG:g} % accepted and wrong: {', '.join(harmed)}")


if __name__ == "__main__":
    main()
