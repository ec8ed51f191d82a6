"""`adaptive train questions.jsonl`: labels questions with the model, and fits a profile to what it answered."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import LADDER, open_engine_from_options, parse_ladder
from adaptive.cli.support.progress import Progress
from adaptive.cli.support.signals import run_until_signal
from adaptive.cli.support.train_options import describe_written_profile, format_command_line
from adaptive.errors import InputError
from adaptive.types.ladder import Ladder, parse_effort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive.cli.support.train_options import TrainOptions
    from adaptive.learn.data.questions import Question
    from adaptive.learn.fit.graded import Record, RecordFile
    from adaptive.learn.fit.label import Labeller
    from adaptive.profile.profile import Profile


def train_questions(asked: TrainOptions) -> None:
    """Label what is not labelled yet, and fit: difficulty, or with --calibrate only where the model is."""
    from adaptive.cli.support.train_placement import place_by_records
    from adaptive.learn.data.questions import read_questions
    from adaptive.learn.fit.graded import RecordFile

    base = _base(asked)
    questions = read_questions(asked.source, asked.limit or asked.calibrate, columns=asked.columns)
    plan = {"model": asked.model, "seed": asked.seed, "ladder": base.ladder.to_json(), "style": asdict(base.style)}
    file = RecordFile(asked.out, plan)
    _label(file, questions, base, asked)
    known = list(file.find_records(questions).values())
    if asked.calibrate is None:
        _learn(known, base, asked)
    else:
        place_by_records(known, base, asked, asked.calibrate)


def _base(asked: TrainOptions) -> Profile:
    """The profile before training: of the folder that was named, with the ladder that was asked for."""
    from adaptive.profile.profile import Profile

    name, effort = asked.out.resolve().name, asked.effort
    given = asked.profile
    base = Profile.load(given) if given else Profile(name, asked.model, parse_ladder(LADDER, effort))
    if asked.ladder:
        base = replace(base, ladder=parse_ladder(asked.ladder, effort))
    elif effort:
        rungs = [replace(r, effort=parse_effort(effort)) if r.thinks else r for r in base.ladder]
        base = replace(base, ladder=Ladder(tuple(rungs)))
    return replace(base, model=asked.model, embedding=None)


def _label(file: RecordFile, questions: Sequence[Question], base: Profile, asked: TrainOptions) -> None:
    """Label what is not labelled yet. The model is opened only where there is something to ask it."""
    from adaptive.engines.protocol import Sampling
    from adaptive.learn.fit.label import Labeller, audit_share

    known = file.find_records(questions)
    missing = [q for q in questions if q not in known]
    if not missing:
        return
    engine = open_engine_from_options(asked.model, asked.served_model, asked.markers, asked.options)
    sampling = Sampling(seed=asked.seed)
    labeller = Labeller(engine, base.ladder, base.style, sampling, audit_share(len(questions)))
    with Progress(len(questions), len(known), str(file.path)) as progress:
        run_until_signal(_labelling(labeller, missing, file, progress, asked.concurrency), progress)


async def _labelling(
    labeller: Labeller, missing: list[Question], file: RecordFile, progress: Progress, concurrency: int
) -> None:
    def on_record(question: Question, found: Any) -> None:
        if isinstance(found, InputError):
            progress.leave_out(f"question {question.id}: {found}")
        else:
            file.add(found)
            progress.advance()

    try:
        await labeller.run(missing, concurrency, on_record)
    finally:
        await labeller.engine.close()


def _learn(known: list[Record], base: Profile, asked: TrainOptions) -> None:
    """Fit, print the figures, write the profile."""
    from adaptive.learn.fit.learned import Learned
    from adaptive.learn.report import tables

    click.echo(f"Fitting on {len(known)} labelled questions.", err=True)
    learned = Learned.of(known, base.ladder, base.policy, asked.target_precision, asked.seed)
    profile = replace(base, policy=learned.policy, figures=learned.figures, placement=None)
    said = f"{len(known)} questions from `{asked.name}`"
    learned.trained.save(asked.out)
    profile.save(asked.out, card=tables.format_label_card(profile, learned.gates, format_command_line(), said))
    click.echo(tables.format_label_figures(profile.ladder, profile.figures, learned.gates))
    click.echo(describe_written_profile(asked.out, base.model), err=True)
