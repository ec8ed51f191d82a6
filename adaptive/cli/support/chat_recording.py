"""The job of `adaptive record` on a provider's chat model: rungs are efforts, and attempts cost money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.batch_progress import BatchProgress
from adaptive.cli.support.chat_ladder import make_recorded_profile
from adaptive.cli.support.progress import Progress
from adaptive.cli.support.recording import RecordingJob, Steering
from adaptive.cli.support.signals import run_until_signal
from adaptive.cli.support.solver import FiniteFloat
from adaptive.errors import InputError
from adaptive.types.model_spec import ModelSpec

if TYPE_CHECKING:
    from adaptive.answers.grader import Grader
    from adaptive.chat.model import ChatModel
    from adaptive.learn.data.batch_desk import BatchListener
    from adaptive.learn.data.batch_recorder import BatchRecorder
    from adaptive.learn.data.call_journal import CallJournal
    from adaptive.learn.data.chat_recorder import ChatRecorder
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.prices import Prices
    from adaptive.profile.profile import Profile

RETRIES = 8
"""How often a call is made again if its failure may pass: a minute's rate limit must not end a long run."""
FORCED_ONLY = ("waits", "temperature", "unlimited", "system", "answer_prefix", "direct_prefix")
"""Options that steer thinking which can be forced. A solve of a chat model has none of them."""
EFFORTS_HELP = "Of a hosted model: the efforts to buy, say low,medium,high; default: all that it takes."
BATCH_HELP = "Of models of OpenAI or Anthropic: buy by the batch API, at half the price, within a day."
MAX_COST_HELP = "Of a hosted model: the most dollars that all calls into FILE may cost, those of former runs too."


@dataclass(frozen=True)
class Purchasing:
    """Options of a recording that is paid for.

    efforts: as written. prices: a file, and price: options, as `Prices.load` takes them. batch: whether the
    provider's batch API is used.
    """

    efforts: str | None
    max_cost: float | None
    prices: str | None
    price: tuple[str, ...]
    batch: bool = False

    def check(self, model: str, *others: str) -> bool:
        """Return whether the model is a hosted one.

        Args:
            model: The model.
            others: Further models of the same ladder.

        Raises:
            InputError: An option is not for this model, or a ladder cannot have all models.
        """
        for name in others:
            _check_sharing((model, *others), name)
        if ModelSpec.parse(model).is_chat:
            _refuse_forced_options(model)
            return True
        if self.efforts is not None or self.max_cost is not None:
            raise InputError(
                f"--efforts and --max-cost are for hosted models, and {model} is none: name budgets with --ladder."
            )
        if self.batch:
            raise InputError(f"--batch is for models of OpenAI and Anthropic, and {model} is none: leave it out.")
        return False


def purchasing_options(command: Any) -> Any:
    """Add the options of a recording that is paid for to a command, as `efforts` and `max_cost`."""
    command = click.option("--max-cost", type=FiniteFloat(min=0, min_open=True), metavar="DOLLARS",
                           help=MAX_COST_HELP)(command)  # fmt: skip
    return click.option("--efforts", metavar="EFFORTS", help=EFFORTS_HELP)(command)


def batch_option(command: Any) -> Any:
    """Add the option of a recording in batches to a command, as `batch`."""
    return click.option("--batch", is_flag=True, help=BATCH_HELP)(command)


def record_chat_outcomes(
    run: RecordingJob,
    steering: Steering,
    purchasing: Purchasing,
    grader: Grader,
    engine: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    """Buy all attempts that are not in the file yet.

    Args:
        run: What to record, and where to.
        steering: The ladder.
        purchasing: The efforts, the prices and the limit of money.
        grader: Grades the answers.
        engine: Further arguments of `open_chat_model`.
        settings: `samples`, `sample_effort` and `seed` of the `ChatRecorder`.
    """
    from adaptive.learn.data.batch_journal import BatchJournal
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.regrading import regrade_outcomes

    _, recorder = prepare_chat_recorder(run.models, steering, purchasing, grader, engine, settings)
    batches = BatchProgress(len(run.questions), str(run.out)) if purchasing.batch else None
    if batches is not None:
        recorder = record_in_batches(recorder, batches.report, run.concurrency)
    with OutcomeStore(run.out, recorder.to_plan(run.model, run.grade)) as outcomes:
        if outcomes.plan["grader"] != run.grade:
            click.echo(f"Grading {outcomes.count()} attempts again, with {run.grade}.", err=True)
        regrade_outcomes(outcomes, run.grade, grader)
        outcomes.add_questions(run.questions)
        with BatchJournal(run.out) as journal:
            _run_recorder(recorder, run, outcomes, journal, batches)


def record_in_batches(recorder: ChatRecorder, listener: BatchListener, concurrency: int | None) -> BatchRecorder:
    """Return what records the same by batch APIs.

    Args:
        recorder: What to record.
        listener: Is told of batches.
        concurrency: As the user set it.

    Raises:
        InputError: A model's provider has no batch API, or the concurrency is set.
    """
    from adaptive.chat.registry import open_batch_api
    from adaptive.learn.data.batch_recorder import BatchRecorder

    if concurrency is not None:
        raise InputError("--concurrency is for calls side by side, and a batch has all of them: leave it out.")
    apis = {name: open_batch_api(model) for name, model in recorder.models.items()}
    return BatchRecorder.of(recorder, apis, listener)


def prepare_chat_recorder(
    specs: Sequence[str],
    steering: Steering,
    purchasing: Purchasing,
    grader: Grader,
    engine: dict[str, Any],
    settings: dict[str, Any],
) -> tuple[Profile, ChatRecorder]:
    """Return the profile whose ladder is recorded, and what records it.

    Args:
        specs: The specs of the models, whose rungs are one ladder's. The other arguments are those of
            `record_chat_outcomes`.

    Raises:
        InputError: The model cannot be opened or lacks such rungs, or a limit has no price to be kept by.
    """
    from adaptive.learn.data.chat_recorder import ChatRecorder
    from adaptive.prices import Prices

    model, *others = _open_chat_models(specs, engine)
    prices = Prices.load(purchasing.prices, purchasing.price)
    for one in (model, *others):
        _check_price(one.name, prices, purchasing.max_cost, bool(others))
    profile = make_recorded_profile((model, *others), steering, purchasing.efforts)
    plain = profile.own_ladder[0] if settings.get("plain") and profile.own_ladder else None
    recorder = ChatRecorder(
        model, profile.ladder, profile.style, grader, prices, purchasing.max_cost, settings["samples"],
        settings["sample_effort"] or "", settings["seed"], plain, {one.name: one for one in others},
    )  # fmt: skip
    return profile, recorder


def _open_chat_models(specs: Sequence[str], engine: dict[str, Any]) -> list[ChatModel]:
    """Open all models. Settings such as an address or a key are for models of the first one's provider."""
    from adaptive.chat.registry import open_chat_model, pick_common_settings

    own = ModelSpec.parse(specs[0]).kind
    settings = {
        spec: engine if ModelSpec.parse(spec).kind == own else pick_common_settings(engine) for spec in specs
    }
    return [open_chat_model(spec, **{"retries": RETRIES, **settings[spec]}) for spec in specs]


def _check_price(model: str, prices: Prices, limit: float | None, shares: bool) -> None:
    """Check that what is bought can be counted.

    Args:
        model: The spec of a model.
        prices: The prices.
        limit: The limit of money.
        shares: Whether the ladder has rungs of other models too.

    Raises:
        InputError: A limit, or a ladder of several models, needs a price that is not known.
    """
    note = prices.note_unknown_price(model)
    if limit is not None:
        prices.require_price(model, limit)
    elif note and shares:
        raise InputError(f"tokens of several models do not compare, so each needs a price: {note}.")
    elif note:
        click.echo(f"Note: {note}.", err=True)


def _check_sharing(models: Sequence[str], name: str) -> None:
    """Raise `InputError` unless a ladder can have all of these models, one of which has this name."""
    if models.count(name) > 1:
        raise InputError(f"{name} is named twice: name each model of a ladder once.")
    local = next((one for one in models if not ModelSpec.parse(one).is_chat), None)
    if local is not None:
        raise InputError(f"a ladder over several models has hosted ones alone, and {local} is none: leave it out.")


def _refuse_forced_options(model: str) -> None:
    """Raise `InputError` for options of this command that were given and that a chat model does not have."""
    context, given = click.get_current_context(), click.core.ParameterSource.COMMANDLINE
    wrong = next((name for name in FORCED_ONLY if context.get_parameter_source(name) is given), None)
    if wrong is not None:
        name = f"--{wrong.replace('_', '-')}"
        raise InputError(
            f"{name} is for models whose thinking can be forced, and that of {model} is hidden: leave it out."
        )


def _run_recorder(
    recorder: ChatRecorder,
    run: RecordingJob,
    outcomes: OutcomeStore,
    journal: CallJournal,
    batches: BatchProgress | None,
) -> None:
    from adaptive.engines.registry import get_parallel_solves
    from adaptive.learn.data.spending import SpendingLimitError

    total, out = len(run.questions), str(run.out)
    progress = batches or Progress(total, 0, out, word="recorded")
    count, before, stopped = 0, journal.sum_settled_costs(), ""
    _tell_open_calls(journal)

    def on_question(question: Any, error: InputError | None) -> None:
        if error is not None:
            progress.leave_out(f"question {question.id}: {error}")
        progress.advance(_describe_cost(journal.sum_costs(), recorder.max_cost))

    def on_attempt(outcome: Any) -> None:
        nonlocal count
        count += 1

    with progress:
        at_once = run.concurrency or get_parallel_solves(run.model)
        work = recorder.record(run.questions, outcomes, at_once, on_question, on_attempt)
        try:
            run_until_signal(work, progress)
        except SpendingLimitError as reached:
            stopped = str(reached)
    spent = journal.sum_costs()
    bought = "" if spent is None else f" for ${journal.sum_settled_costs() - before:.4f}"
    whole = "" if spent is None else f", for {_describe_cost(spent, recorder.max_cost)} in all"
    click.echo(f"Recorded {count} attempts{bought}; {run.out} holds {outcomes.count()}{whole}.", err=True)
    if stopped:
        click.echo(f"Stopped with {progress.done} of {progress.total} questions: {stopped}.", err=True)
    if batches is not None and (unanswered := batches.report.describe_unanswered()):
        click.echo(unanswered, err=True)


def _describe_cost(spent: float | None, limit: float | None) -> str:
    """Return in words what was spent; empty if that is not known."""
    return "" if spent is None else f"${spent:.4f}" + (f" of ${limit:g}" if limit is not None else "")


def _tell_open_calls(journal: CallJournal) -> None:
    calls, dollars = journal.sum_open_calls()
    if calls:
        click.echo(
            f"{calls} calls were cut off by the end of a former run: they count with ${dollars:.4f}, the most "
            "that they may have cost.",
            err=True,
        )
