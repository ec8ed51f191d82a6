"""How conservative is a promise without labels? Trains and tunes on tables with right answers, with and without.

    python -m benchmarks.label_free DATA

DATA is a folder with three public tables of cheap and dear ways to answer: `chemiq_o3mini.jsonl` (o3-mini at three
efforts, with all answers), `routellm_gsm8k.jsonl` (Mixtral and GPT-4) and `gsm8k_gpt41mini_sc.jsonl` (GPT-4.1-mini
with 1, 4 and 8 samples). The last two tell which answers are right but not what the wrong ones are: here no two of
them are the same, so every question that both have wrong counts as a disagreement, which is the worst case. The
fourth is a synthetic table, whose wrong answers are all the same, which is the best case.

Of each table one half is trained on and searched, the other tested on. Both promises are about always using the
dearest setting, at a target of 10 points and a confidence of 0.9. lost: what the chosen policy truly loses on the
tested half, by the labels; a minus sign is a gain.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import click

from adaptive.answers.registry import open_grader
from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
from adaptive.learn.data.reference import Reference
from adaptive.learn.data.splits import assign_split
from adaptive.learn.importing.importer import Importer
from adaptive.learn.importing.row import ImportedRow, ImportedSetting
from adaptive.learn.importing.store import ImportStore
from adaptive.learn.report.tables import format_markdown_table
from adaptive.learn.train import TrainSettings, train
from adaptive.learn.tuning.constants import TOP
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.tune import TuningResult, tune_policy
from adaptive.learn.tuning.ways import Way
from adaptive.profile.profile import Profile

HEAD = ("table", "graded by", "questions", "what to use", "lost, points", "bound, points", "saves")
TARGET, CONFIDENCE = 0.1, 0.9
CHARACTERS_PER_TOKEN = 4
GRADED_BY: dict[Reference, str] = {"answers": "labels", "dearest": "agreement"}

Row = dict[str, Any]
ReadAttempts = Callable[[Row], Iterator[tuple[str, bool, int, str | None]]]
"""Yields the setting, the verdict, the output tokens and the reply of each attempt in a row."""


def read_chemiq(row: Row) -> Iterator[tuple[str, bool, int, str | None]]:
    """Read one attempt of o3-mini or gpt-4o."""
    yield row["setting"], row["correct"], row["tokens_output"], row["said"]


def read_routed(row: Row) -> Iterator[tuple[str, bool, int, str | None]]:
    """Read the answers of Mixtral and GPT-4; their tokens are estimated from their lengths."""
    for setting, name, length in (("none", "mixtral_8x7b", "mixtral"), ("high", "gpt4_1106", "gpt4")):
        tokens = row[f"out_chars_{length}"] // CHARACTERS_PER_TOKEN
        yield setting, bool(row[name]), tokens, _make_reply(row, bool(row[name]), setting)


def read_samples(row: Row) -> Iterator[tuple[str, bool, int, str | None]]:
    """Read the answers of 1, 4 and 8 samples."""
    for setting, count in (("none", 1), ("medium", 4), ("high", 8)):
        right = bool(row[f"fixed_{count}_correct"])
        yield setting, right, row[f"fixed_{count}_tokens"], _make_reply(row, right, setting)


def _make_reply(row: Row, right: bool, setting: str) -> str:
    return str(row["answer"]) if right else f"wrong {setting}"


def make_synthetic(file: Path, count: int = 1000) -> Path:
    """Write sums whose digits say how hard they are, and which all settings get wrong in the same way."""
    rng = Random(0)
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            digits = rng.choice((1, 1, 2, 3, 4))
            a, b = (rng.randrange(10 ** (digits - 1), 10**digits) for _ in range(2))
            for setting, reach, tokens in (("none", 1, 4), ("low", 2, 40), ("high", 3, 20 * digits + 40)):
                right = digits <= reach if rng.random() < 0.95 else rng.random() < 0.5
                row = {"id": f"{number}", "question": f"What is {a} + {b}?", "setting": setting, "correct": right,
                       "tokens_output": tokens, "said": str(a + b + (not right))}  # fmt: skip
                stream.write(json.dumps(row) + "\n")
    return file


@dataclass(frozen=True)
class Table:
    """A table of attempts with their verdicts. order: its settings, cheap to dear."""

    name: str
    file: str
    order: tuple[str, ...]
    read: ReadAttempts


TABLES = (
    Table("ChemIQ, o3-mini", "chemiq_o3mini.jsonl", ("none", "low", "medium", "high"), read_chemiq),
    Table("GSM8K, Mixtral and GPT-4", "routellm_gsm8k.jsonl", ("none", "high"), read_routed),
    Table(
        "GSM8K, GPT-4.1-mini, 1 to 8 samples", "gsm8k_gpt41mini_sc.jsonl", ("none", "medium", "high"), read_samples
    ),
)
SYNTHETIC = Table("synthetic sums", "", ("none", "low", "high"), read_chemiq)


def import_table(table: Table, source: Path, out: Path) -> Path:
    """Import a table, as `adaptive import` does, into a file of outcomes."""

    def read_rows() -> Iterator[ImportedRow]:
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            row = json.loads(line)
            for setting, right, tokens, reply in table.read(row):
                yield ImportedRow(
                    f"line {number} of {source}", row["question"], ImportedSetting.parse(setting), right, tokens,
                    id=row["id"], reply=reply, prompt=len(row["question"]) // CHARACTERS_PER_TOKEN,
                )  # fmt: skip

    with open_grader("auto") as grader, ImportStore(out) as store:
        importer = Importer(store, grader=grader)
        importer.add_log(read_rows())
        importer.settle(table.order, None, "auto")
    return out


@dataclass(frozen=True)
class Tuned:
    """A tuned profile, and what it truly loses against the dearest setting on the tested questions, in 0..1."""

    result: TuningResult
    lost: float

    def to_row(self, name: str, graded_by: Reference) -> tuple[str, ...]:
        """Return the row of a table."""
        result, chosen = self.result, self.result.chosen
        assert chosen is not None  # the goal has no limit of cost
        what = "the policy" if chosen.constant is None else f"always {chosen.constant.name}"
        bound = "-" if result.gains_nothing else f"{100 * chosen.bound:.1f}"
        ends = (result.saving.value, result.saving.low, result.saving.high)
        saved, low, high = (f"{100 * one:.0f}" for one in ends)
        saves = "-" if result.gains_nothing else f"{saved} % ({low} to {high})"
        return (name, GRADED_BY[graded_by], str(len(chosen.way)), what, f"{100 * self.lost:+.1f}", bound, saves)


def tune_by(reference: Reference, outcomes: Path) -> Tuned:
    """Train and tune on a file of outcomes, and measure by the labels what is lost."""
    with OutcomeStore(outcomes, reference=reference) as file:
        base = build_recorded_profile(file, "label-free")
        trained = train(file, base, TrainSettings())
        learn, test = split_recorded(file, trained.profile)
    forecasts = trained.models.held_out.to_forecasts()
    search = Search([one for one in learn if one.question.text in forecasts], forecasts)
    result = tune_policy(trained.profile, search, test, Goal(TARGET, CONFIDENCE, against=TOP, graded_by=reference))
    return Tuned(result, measure_loss(trained.profile, result, outcomes))


def split_recorded(file: OutcomeStore, profile: Profile) -> tuple[list[RecordedQuestion], list[RecordedQuestion]]:
    """Return the questions to search on, and those to test on."""
    parts: dict[str, list[RecordedQuestion]] = {"learn": [], "tune": []}
    for one in file:
        if one.is_complete(profile.ladder):
            parts[assign_split(one.question)].append(one)
    return parts["learn"], parts["tune"]


def measure_loss(profile: Profile, result: TuningResult, outcomes: Path) -> float:
    """Return the accuracy that the chosen policy loses on the tested questions, by the labels."""
    assert result.chosen is not None
    with OutcomeStore(outcomes) as file:
        _, test = split_recorded(file, profile)
    test = [one for one in test if not profile.is_outside(one.question.text)]
    replay = Replay.from_recorded(profile, test).with_policy(result.chosen.policy)
    way = Way.replay("", replay.solve, test)
    return float(result.reference.replay(test).right.mean() - way.right.mean())


def measure_table(table: Table, source: Path, folder: Path) -> list[tuple[str, ...]]:
    """Return the rows of one table."""
    outcomes = import_table(table, source, folder / f"{source.stem}.db")
    return [tune_by(reference, outcomes).to_row(table.name, reference) for reference in GRADED_BY]


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(data: Path) -> None:
    """Print the table, in Markdown."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = [(table, data / table.file) for table in TABLES]
        sources.append((SYNTHETIC, make_synthetic(folder / "synthetic.jsonl")))
        for table, source in sources:
            if not source.is_file():
                raise InputError(f"{source} is not there: DATA must hold {', '.join(one.file for one in TABLES)}.")
            rows += measure_table(table, source, folder)
            click.echo(f"{table.name} is done.", err=True)
    click.echo(format_markdown_table(HEAD, rows))


if __name__ == "__main__":
    main()
