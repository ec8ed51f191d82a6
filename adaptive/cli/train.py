"""`adaptive train`: fits a profile, to recorded outcomes or to questions that it labels with a model first."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from adaptive.cli.asked import question_columns
from adaptive.cli.engine import engine_options, opened
from adaptive.cli.progress import Progress
from adaptive.cli.run import until_signal
from adaptive.errors import InputError
from adaptive.ladder import EFFORTS, Effort, Ladder, Rung, parse_effort

if TYPE_CHECKING:
    from adaptive.engines.protocol import TokenEngine
    from adaptive.learn.questions import Columns, Question
    from adaptive.learn.records import RecordFile
    from adaptive.profile import Profile

LADDER = "0,64,128,256"
ASKING = ("model", "served_model", "markers", "options", "ladder", "effort", "concurrency")
"""Options of how a model is asked: recorded outcomes have been."""
COLUMNS = ("question_column", "answer_column", "id_column", "group_column", "options_column")
"""Options of what a file of questions looks like."""
RECORDED = ("tune_share", "rule", "second", "add")
"""Options of outcomes alone."""
SPREAD: tuple[Effort, ...] = ("low", "medium", "high")

EPILOG = """SOURCE is a file of outcomes, made by `adaptive record`; or questions: a JSONL, CSV, TSV or Parquet
file with "question" and "answer", perhaps with "id" and "group", or datasets:ID?config=NAME&split=NAME for a data
set of the Hugging Face hub.

Outcomes are learned from without asking a model. Half of their questions are left for `adaptive tune`.

Questions are answered by the model first. Every answer is kept in FOLDER/labels.jsonl. Interrupted, the same
command goes on from there.

--rule s1 is s1's rule of difficulty (arXiv 2501.19393): a question is easy if the model solves it without
thinking, or the --second one does; medium if some rung does; else hard. P(solved) is P(easy) but at the top rung,
where it is P(easy or medium).

--add logs adds logged solves of the same model and ladder of which it is known whether they are right (`adaptive
feedback`), where their questions are not in the outcomes.

--calibrate N needs few answers: the general difficulty model says how hard a question is, and N graded questions
say how much of that each rung can do. Of a file --limit questions are asked, N where that is not given; the model
is measured on those beyond N."""


@click.command(epilog=EPILOG)
@click.argument("source")
@engine_options
@question_columns
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="FOLDER",
              help="Where the profile is written.")  # fmt: skip
@click.option("--ladder", metavar="BUDGETS", help=f"Thinking budgets, say {LADDER}, or 0,64:low,256:high.")
@click.option("--profile", metavar="FOLDER", help="Takes the ladder and what is not learned from there.")
@click.option("--effort", type=click.Choice(EFFORTS[1:]), help="One effort for all rungs that think.")
@click.option("--target-precision", type=float, default=0.97, show_default=True,
              help="Share of accepted answers that are right.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N questions.")
@click.option("--concurrency", type=click.IntRange(1, 1024), default=4, show_default=True, metavar="N",
              help="Questions asked at once.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
              help="For sampling and for what is held out.")  # fmt: skip
@click.option("--tune-share", type=click.FloatRange(0, 1, max_open=True), default=0.5, show_default=True,
              help="Of outcomes: share of the questions that is left for `adaptive tune`.")  # fmt: skip
@click.option("--rule", type=click.Choice(("rungs", "s1")), default="rungs", show_default=True,
              help="Of outcomes: what difficulty is.")  # fmt: skip
@click.option("--second", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Outcomes of another model at the same questions, for --rule s1.")  # fmt: skip
@click.option("--calibrate", type=click.IntRange(min=1), metavar="N",
              help="Only places the model by N graded questions, difficulty is the general one.")  # fmt: skip
@click.option("--add", type=click.Choice(("logs",)),
              help="With outcomes: what difficulty is fitted to besides.")  # fmt: skip
@click.pass_context
def train(
    context: click.Context,
    source: str,
    model: str,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    columns: Columns,
    out: Path,
    ladder: str | None,
    profile: str | None,
    effort: str | None,
    target_precision: float,
    limit: int | None,
    concurrency: int,
    seed: int,
    tune_share: float,
    rule: str,
    second: Path | None,
    calibrate: int | None,
    add: str | None,
) -> None:
    """Train a profile on your own model's outcomes or questions.

    From outcomes come P(solved) for each rung, from the question's text and from the direct answer, and P(right)
    of an answer. Questions are answered without thinking and, where that is wrong, with it (s1's rule): from this
    come P(solved) and the confidence from which an answer is accepted. A card in FOLDER has all figures.
    """
    from adaptive.cli.train_calibrate import calibrate_outcomes, calibrate_records
    from adaptive.cli.train_outcomes import FitOptions, is_database, name_of, train_outcomes
    from adaptive.learn.questions import read_questions
    from adaptive.learn.records import RecordFile

    if not 0.5 <= target_precision <= 1:  # nan is not, and passes click's own check
        raise InputError(f"--target-precision must be between 0.5 and 1, got {target_precision}.")
    if is_database(source):
        _unused(context, (*ASKING, *COLUMNS), f"{source} is recorded outcomes, and no model is asked")
        fit = FitOptions(target_precision, seed, limit, tune_share, rule, second, profile, add is not None)
        if calibrate is None:
            train_outcomes(Path(source), out, fit)
        else:
            _unused(context, ("add",), "--calibrate fits no difficulty")
            calibrate_outcomes(Path(source), out, fit, calibrate)
        return
    _unused(context, RECORDED, f"{source} holds questions, no outcomes")
    base = _base(model, out, profile, ladder, effort)
    asked = read_questions(source, limit or calibrate, columns=columns)
    plan = {"model": model, "seed": seed, "ladder": base.ladder.to_json(), "style": asdict(base.style)}
    file = RecordFile(out, plan)
    _label(file, asked, base, seed, concurrency, partial(opened, model, served_model, markers, options))
    if calibrate is None:
        _learn(file, asked, base, out, target_precision, seed, name_of(source))
    else:
        known = list(file.of(asked).values())
        calibrate_records(known, base, out, target_precision, seed, name_of(source), calibrate)


def _unused(context: click.Context, options: Sequence[str], why: str) -> None:
    """Raise `InputError` where one of these options was given."""
    given = (n for n in options if context.get_parameter_source(n) == ParameterSource.COMMANDLINE)
    if name := next(given, None):
        shown = next(p.opts[-1] for p in context.command.params if p.name == name)
        raise InputError(f"{why}: {shown} does not apply, leave it out.")


def parse_ladder(text: str, effort: str | None = None) -> Ladder:
    """The ladder of budgets parted by commas, each with its effort after a colon or one that `effort` gives.

    Otherwise the efforts low, medium and high are spread over the thinking rungs. Raises `InputError`.
    """
    parts = [part.partition(":") for part in text.split(",")]
    thinking = sum(budget.strip() != "0" for budget, _, _ in parts)
    rungs: list[Rung] = []
    for budget, _, own in parts:
        if not (budget.strip().isascii() and budget.strip().isdigit() and len(budget.strip()) < 10):
            raise InputError(f"ladder {text!r} has the budget {budget!r}: write whole numbers, as in {LADDER}.")
        tokens = int(budget)
        place = sum(r.thinks for r in rungs)
        chosen = own.strip() or effort or SPREAD[round(2 * place / (thinking - 1)) if thinking > 1 else 1]
        rungs.append(Rung(parse_effort(chosen) if tokens else "none", tokens))
    return Ladder(tuple(rungs))


def _base(model: str, out: Path, profile: str | None, ladder: str | None, effort: str | None) -> Profile:
    """The profile before training: of the folder that was named, with the ladder that was asked for."""
    from adaptive.profile import Profile

    name = out.resolve().name
    base = Profile.load(profile) if profile else Profile(name, model, parse_ladder(LADDER, effort))
    if ladder:
        base = replace(base, ladder=parse_ladder(ladder, effort))
    elif effort:
        rungs = [replace(r, effort=parse_effort(effort)) if r.thinks else r for r in base.ladder]
        base = replace(base, ladder=Ladder(tuple(rungs)))
    return replace(base, model=model)


def _label(
    file: RecordFile,
    asked: list[Question],
    base: Profile,
    seed: int,
    concurrency: int,
    open_model: Callable[[], TokenEngine],
) -> None:
    """Label what is not labelled yet. The model is opened only where there is something to ask it."""
    from adaptive.engines.protocol import Sampling
    from adaptive.learn.label import Labeller, audit_share

    known = file.of(asked)
    missing = [q for q in asked if q not in known]
    if not missing:
        return
    engine = open_model()
    labeller = Labeller(engine, base.ladder, base.style, Sampling(seed=seed), audit_share(len(asked)))
    progress = Progress(len(asked), len(known), str(file.path))

    def on_record(question: Question, found: Any) -> None:
        if isinstance(found, InputError):
            progress.leave_out(f"question {question.id}: {found}")
        else:
            file.add(found)
            progress.advance()

    async def work() -> None:
        try:
            await labeller.run(missing, concurrency, on_record)
        finally:
            await engine.close()

    with progress:
        until_signal(work(), progress)


def _learn(
    file: RecordFile, asked: list[Question], base: Profile, out: Path, target: float, seed: int, source: str
) -> None:
    """Fit, print the figures, write the profile."""
    from adaptive.learn import report
    from adaptive.learn.learned import Learned

    known = file.of(asked)
    click.echo(f"Fitting on {len(known)} labelled questions.", err=True)
    learned = Learned.of(list(known.values()), base.ladder, base.policy, target, seed)
    profile = replace(base, policy=learned.policy, figures=learned.figures, placement=None)
    said = f"{len(known)} questions from `{source}`"
    learned.trained.save(out)
    profile.save(out, card=report.card(profile, learned.gates, _command(), said))
    click.echo(report.metrics(profile.ladder, profile.figures, learned.gates))
    click.echo(
        f"Wrote the profile {out}: adaptive solve --profile {shlex.quote(str(out))} -m {base.model}", err=True
    )


def _command() -> str:
    return shlex.join(["adaptive", *sys.argv[1:]])
