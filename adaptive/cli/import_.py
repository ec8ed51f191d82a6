"""`adaptive import`: outcomes that other tools recorded become a file of outcomes of ours."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.options import AGREEMENT, reference_option
from adaptive.cli.support.solver import price_options
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.learn.data.questions import Question
    from adaptive.learn.data.reference import Reference
    from adaptive.learn.importing.importer import Importer
    from adaptive.learn.importing.kinds import LogKind
    from adaptive.learn.importing.ladder import ImportedLadder
    from adaptive.learn.importing.reader import ReadOptions
    from adaptive.learn.importing.store import ImportStore

EPILOG = """LOG is a log of Inspect (.eval or .json), samples_*.jsonl of lm-evaluation-harness, the input and then
the output of an OpenAI batch, spend logs of LiteLLM, an export of Langfuse (observations and scores), or, with
--map, any JSONL, JSON, CSV, TSV or Parquet.

--map names the field of each value: question, setting, correct and output_tokens, and perhaps id, answer (the
right one), reply, thinking_tokens, prompt_tokens, cost (in dollars), model, group, sample and failed. A dot goes
into an object or a list: output_tokens=usage.completion_tokens.

A setting is what was bought: an effort, a budget, both ("low 64") or a model. Verdicts that come along are kept;
rows without one are graded by --answers, or kept for `train --reference dearest`. A row that is in FILE already is
not added again. Interrupted, the same command goes on."""


@click.command("import", epilog=EPILOG)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True,
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE",
              help="File for the outcomes, new or imported before, say outcomes.db.")  # fmt: skip
@click.option("--map", "mapping", metavar="FIELD=PATH,...", help="Fields of logs that are of no known kind.")
@click.option("--setting", metavar="NAME", help="Setting of all rows, for logs that do not tell it.")
@click.option("--order", metavar="NAMES", help="Settings from cheap to dear, if their names do not tell: a,b,c.")
@click.option("--failed", type=click.Choice(("drop", "wrong")), default="drop", show_default=True,
              help="What a failed request is: left out, or a wrong answer.")  # fmt: skip
@click.option("--tokenizer", metavar="FOLDER_OR_ID",
              help="Tokenizer to count replies of logs without counts: a folder, or a hub's ID.")  # fmt: skip
@click.option("--score", metavar="NAME", help="Score that is the verdict, for logs with several.")
@click.option("--right-from", type=float, metavar="NUMBER", help="Least score that is right; default: 1.")
@click.option("--answers", metavar="QUESTIONS",
              help="Questions with right answers, to grade rows without a verdict.")  # fmt: skip
@click.option("--grade", default="auto", show_default=True, metavar="GRADER",
              help="Grader of rows without a verdict, as for `adaptive record`.")  # fmt: skip
@reference_option(
    "answers", f"What will be right: verdicts and right {AGREEMENT}. Unless answers, rows without either are kept."
)
@click.option(
    "-m", "--model", metavar="SPEC", help="The model as `adaptive solve -m` names it; default: the log's."
)
@price_options
def import_command(
    logs: tuple[Path, ...],
    out: Path,
    mapping: str | None,
    setting: str | None,
    order: str | None,
    failed: str,
    tokenizer: str | None,
    score: str | None,
    right_from: float | None,
    answers: str | None,
    grade: str,
    reference: Reference,
    model: str | None,
    prices: str | None,
    price: tuple[str, ...],
) -> None:
    """Import outcomes that other tools recorded.

    `adaptive train`, `tune` and `bench --replay` read the file as they read that of `adaptive record`, as far as
    it goes. No model is called. Costs are counted in dollars if the log tells them, or if the prices of the models
    and the kinds of tokens are known. Of several models they have to be.
    """
    from adaptive.answers.registry import open_grader
    from adaptive.learn.importing.importer import Importer
    from adaptive.learn.importing.kinds import sort_logs
    from adaptive.learn.importing.mapped import parse_map
    from adaptive.learn.importing.reader import ReadOptions
    from adaptive.learn.importing.store import ImportStore
    from adaptive.learn.importing.tokens import open_token_counter
    from adaptive.prices import Prices

    options = ReadOptions(score, right_from, setting, parse_map(mapping) if mapping else {})
    references = _read_references(answers) if answers else {}
    counter = open_token_counter(tokenizer) if tokenizer else None
    price_list = Prices.load(prices, price)
    found = sort_logs(logs, bool(mapping))  # before a file is made
    job = ImportJob(found, options, [name for name in (order or "").split(",") if name.strip()], grade, model)
    with open_grader(grade) as grader, ImportStore(out) as store:
        keeps = reference != "answers"
        importer = Importer(store, failed, references, grader, counter, price_list, keeps)  # type: ignore[arg-type]
        built = job.run(importer)
        _print_settings(store, built)
        _print_counts(importer, grade)
        _print_shared(built)
        if model is None:
            _print_mixed_models(built)


@dataclass(frozen=True)
class ImportJob:
    """What to import. logs: with their kinds, in the order to read them. order: the settings, cheap to dear."""

    logs: list[tuple[Path, LogKind]]
    options: ReadOptions
    order: list[str]
    grade: str
    model: str | None

    def run(self, importer: Importer) -> ImportedLadder:
        """Read all logs; interrupted, keep what was read and raise `Interrupted`."""
        from adaptive.cli.support.errors import Interrupted
        from adaptive.cli.support.import_progress import Stopped, raise_on_signal

        try:
            with raise_on_signal():
                self._read(importer)
        except Stopped as stopped:
            with suppress(InputError):  # too little was read yet to know the settings
                importer.settle(self.order, self.model, self.grade)
            kept = f"{importer.store.count_rows()} rows are in {importer.store.path}, run it again to go on"
            raise Interrupted(kept, stopped.number) from None
        return importer.settle(self.order, self.model, self.grade)

    def _read(self, importer: Importer) -> None:
        from adaptive.cli.support.import_progress import ImportProgress
        from adaptive.learn.importing.kinds import open_readers

        readers = open_readers([kind for _, kind in self.logs], self.options)
        with ImportProgress(sum(file.stat().st_size for file, _ in self.logs)) as progress:
            for file, kind in self.logs:
                importer.add_log(readers[kind.name].read(file, progress.advance))


def _read_references(source: str) -> dict[str, Question]:
    from adaptive.learn.data.questions import read_questions
    from adaptive.learn.data.splits import hash_question

    return {hash_question(one.text): one for one in read_questions(source)}


def _print_settings(store: ImportStore, built: ImportedLadder) -> None:
    """Print what was seen at each setting, cheap to dear."""
    from rich.console import Console
    from rich.table import Table

    summary = store.summarise()
    table = Table("setting", "rung", "questions", "attempts", "right", "output tokens", box=None)
    for one, rung in zip(built.settings, built.ladder, strict=True):
        figures = summary[one.setting]
        name = f"{rung.effort} {rung.budget}" if rung.thinks else "no thinking"
        table.add_row(
            one.name, name, f"{figures.questions:,}", f"{figures.attempts:,}",
            "-" if figures.right is None else f"{100 * figures.right:.1f} %", f"{figures.output:,.0f}",
        )  # fmt: skip
    Console().print(table, markup=False)


def _print_shared(built: ImportedLadder) -> None:
    """Warn of settings that a replay would take for one chain."""
    if shared := built.list_shared():
        click.echo(
            f"The settings {', '.join(shared)} are rungs of one effort, and a replay takes those for one chain "
            "that is cut at several budgets: if they were separate runs, compare them as fixed settings only.",
            err=True,
        )  # fmt: skip


def _print_mixed_models(built: ImportedLadder) -> None:
    """Say what rungs of several models are not good for if no rung names its own."""
    if models := built.list_mixed_models():
        click.echo(
            f"The settings are of several models ({', '.join(models)}), whose names are no specs that a solve can "
            "open: compare them as fixed settings only. A cascade needs `adaptive record -m A -m B`.",
            err=True,
        )  # fmt: skip


def _print_counts(importer: Importer, grade: str) -> None:
    """Say what became of the rows."""
    counts, store = importer.counts, importer.store
    known = f", {counts.known} were there already" if counts.known else ""
    click.echo(f"Imported {counts.added} rows{known}; {store.path} holds {store.count()}.", err=True)
    click.echo(importer.pricing.sentence, err=True)
    if counts.graded:
        click.echo(f"{counts.graded} rows came without a verdict and were graded ({grade}).", err=True)
    if counts.failed:
        became = (
            "left out (--failed wrong counts them as wrong)" if importer.failed == "drop" else "counted as wrong"
        )
        click.echo(f"{counts.failed} requests failed and were {became}.", err=True)
    if counts.ungraded:
        click.echo(
            f"{counts.ungraded} rows have no verdict, and no right answer to grade them by: they are kept for "
            "`train`, `tune` and `bench` with --reference dearest or mixed.",
            err=True,
        )  # fmt: skip
    if counts.unjudged:
        click.echo(
            f"{counts.unjudged} rows have no verdict, and no right answer to grade them by: they are left out "
            "(--answers QUESTIONS names right answers, --reference dearest keeps them).",
            err=True,
        )  # fmt: skip
    if counts.unanswered:
        click.echo(
            f"{counts.unanswered} rows have neither a verdict nor a reply to grade: they are left out (--map "
            "correct=... or reply=... names the field).",
            err=True,
        )  # fmt: skip
