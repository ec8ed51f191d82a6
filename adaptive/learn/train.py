"""Trains a profile on recorded outcomes. No model is called.

`train` fits p(solved) of each rung, from the question's text and from the direct answer, p(right) of an answer,
and the thresholds of the policy. `adaptive.learn.place` learns less, from fewer questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from adaptive._util.whole_folder import replace_folder
from adaptive.errors import InputError
from adaptive.learn.data.held_out import write_held_out
from adaptive.learn.data.observations import read_observations
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
from adaptive.learn.data.reference import explain_reference
from adaptive.learn.data.splits import TUNE_SHARE, assign_split, hash_question, write_used_keys
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.log_rows import LogRows
from adaptive.learn.fit.s1_rule import S1Rule
from adaptive.learn.fit.trainer import FittedModels, OnProgress, Solved, Trainer, check_examples
from adaptive.learn.report import outcomes_card, plots
from adaptive.learn.report.domain_card import format_domain
from adaptive.learn.tuning.policy_search import SEARCHED, measure_policy
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.profile.domain import ALPHA
from adaptive.profile.profile import Profile
from adaptive.solve_log import SolveLog
from adaptive.types.forecast import Forecast
from adaptive.types.policy import Policy


@dataclass(frozen=True)
class TrainSettings:
    """How a profile is trained.

    target_precision: the share of accepted answers that should be right, in 0.5..1. tune_share: the share of the
    groups of questions that is left for `adaptive tune`, in 0..1. limit: use only the first so many recorded
    questions. only: use only the recorded questions with these ids; None: all. rule: what p(solved) means:
    "rungs", each rung's own answer, or "s1", easy, medium and hard of arXiv 2501.19393. second: outcomes of
    another model at the same questions, for the rule "s1". log: a log of solves; difficulty is fitted to those of
    the same model and ladder as well. domain_alpha: the share of questions of the same kind that may be taken to
    be of another, in 0..0.5. On questions of another kind nothing that was measured counts. 0: every question is
    of the same kind. on_progress: called with a sentence about each step, and about what is left out.
    """

    target_precision: float = 0.97
    seed: int = 0
    tune_share: float = TUNE_SHARE
    limit: int | None = None
    only: frozenset[str] | None = None
    rule: Literal["rungs", "s1"] = "rungs"
    second: Path | None = None
    log: Path | None = None
    domain_alpha: float = ALPHA
    on_progress: OnProgress = lambda _: None

    def __post_init__(self) -> None:
        if not 0.5 <= self.target_precision <= 1:  # false for nan, too
            raise InputError(f"--target-precision must be between 0.5 and 1, got {self.target_precision}.")
        if not 0 <= self.domain_alpha <= 0.5:
            raise InputError(f"--domain-alpha must be between 0 and 0.5, got {self.domain_alpha}.")
        if self.log and self.rule == "s1":
            raise InputError("--add logs knows single rungs, and --rule s1 needs all of them: leave one out.")
        if self.second and self.rule != "s1":
            raise InputError("--second is another model's outcomes for --rule s1: give both.")

    def build_trainer(self) -> Trainer:
        """Return what fits models by these settings."""
        return Trainer(self.target_precision, self.seed, self.domain_alpha, self.on_progress)


@dataclass(frozen=True)
class TrainedProfile:
    """A profile, and what is saved beside it.

    texts: the questions that it was fitted to. source: the name of the file of outcomes. examples: how many
    recorded questions it was fitted to. remark: what the card says about the rule or the log, in words.
    """

    profile: Profile
    models: FittedModels
    texts: tuple[str, ...]
    source: str
    examples: int
    remark: str = ""

    def format_figures(self) -> str:
        """Return all figures as text with Markdown tables."""
        return outcomes_card.format_training_figures(self.profile, self.models.gates)

    def format_report(self) -> str:
        """Return where the profile applies, as text with Markdown tables."""
        return format_domain(self.profile.figures["domain"])

    def save(self, folder: str | Path, command: str = "adaptive train") -> list[str]:
        """Write `profile.json`, the models and a card with all figures, in place of an older profile as a whole.

        Args:
            folder: Where to; made if it is not there.
            command: How the profile was made, for the card.

        Returns:
            Sentences about what could not be written.
        """
        with replace_folder(Path(folder)) as part:
            self.models.difficulty.save(part)
            write_used_keys(part, self.texts)
            write_held_out(part, self.models.held_out)
            images, missing = plots.write_reliability_plots(part, self.models.figures)
            share = self.profile.tune_share or 0.0
            provenance = outcomes_card.Provenance(command, self.source, self.examples, share, self.remark)
            card = outcomes_card.format_training_card(self.profile, self.models.gates, provenance, images)
            self.profile.save(part, card=card)
        return [f"The card has no plots: {missing}"] if missing else []


def train(outcomes: OutcomeStore, base: Profile, settings: TrainSettings) -> TrainedProfile:
    """Train a profile on recorded outcomes.

    Args:
        outcomes: The file made by `adaptive record`. The ladder, the style and the model are those of its
        recording.
        base: Gives the name, and what of the policy is not learned.
        settings: How to train.

    Raises:
        InputError: There is too little to learn from, or a file is missing or damaged.
    """
    base, examples = read_examples(outcomes, base, settings)
    solved, remark = apply_rule(examples, settings)
    check_examples(examples, solved)
    log_rows = _read_log_rows(outcomes, base, settings) if settings.log else None
    models = settings.build_trainer().fit(examples, base.policy, solved, log_rows)
    weights = models.difficulty.to_model()
    profile = replace(
        base,
        policy=models.policy,
        verifier=models.verifier,
        probe=models.probe,
        tune_share=settings.tune_share,
        mean_tokens=examples.average_tokens(),
        figures={**models.figures, "outcomes": outcomes.path.name, "reference": outcomes.reference},
        difficulty_model=lambda: weights,
        domain_model=lambda: models.domain,
    )
    profile = replace(profile, policy=measure_on(outcomes, profile, models.held_out.to_forecasts()))
    texts = (*examples.texts, *(log_rows.texts if log_rows else ()))
    remarks = (
        remark if log_rows is None else _describe_log_rows(log_rows),
        explain_reference(outcomes.reference),
    )
    return TrainedProfile(
        profile, models, texts, outcomes.path.name, len(examples), " ".join(filter(None, remarks))
    )


def measure_on(outcomes: OutcomeStore, profile: Profile, forecasts: Mapping[str, Forecast]) -> Policy:
    """Return the profile's policy with what its arms and verdicts are worth on recorded questions.

    Args:
        outcomes: The recorded questions.
        profile: The profile.
        forecasts: Out-of-fold, by question. Only these questions are read, and of them the first `SEARCHED`.
    """
    wanted = (one for one in outcomes if one.question.text in forecasts and one.is_complete(profile.ladder))
    recorded = select_replayable(profile, islice(wanted, SEARCHED))
    return measure_policy(Replay(profile, dict(forecasts)), recorded)


def read_examples(outcomes: OutcomeStore, base: Profile, settings: TrainSettings) -> tuple[Profile, Examples]:
    """Return the profile before training, and the questions to learn from. The arguments are those of `train`."""
    outcomes.require_grades()
    recorded = build_recorded_profile(outcomes, base.name)
    settings.on_progress(f"Reading {outcomes.count()} attempts from {outcomes.path}.")

    def is_to_learn(one: RecordedQuestion) -> bool:
        wanted = settings.only is None or one.question.id in settings.only
        return wanted and assign_split(one.question, settings.tune_share) == "learn"

    examples = Examples.read(islice(outcomes, settings.limit), recorded.ladder, is_to_learn)
    for why, count in examples.left_out.items():
        settings.on_progress(f"{count} questions {why}: they are left out.")
    temperature = outcomes.plan.get("temperature") or base.policy.vote_temperature  # a vote is as it was recorded
    return replace(recorded, policy=replace(base.policy, vote_temperature=temperature)), examples


def apply_rule(examples: Examples, settings: TrainSettings) -> tuple[Solved, str]:
    """Return what p(solved) is fitted to, shape (n, rungs), and the outcome of the rule in words."""
    if settings.rule != "s1":
        return examples.solved, ""
    if settings.second is None:
        rule = S1Rule.apply(examples)
    else:
        with OutcomeStore(settings.second) as second:
            rule = S1Rule.apply(examples, second)
    settings.on_progress(rule.summary)
    return rule.solved, rule.summary


def _read_log_rows(outcomes: OutcomeStore, base: Profile, settings: TrainSettings) -> LogRows:
    """Read what the log knows about the model, without the recorded questions."""
    assert settings.log is not None
    if not settings.log.exists():
        raise InputError(f"--add logs: nothing is logged yet, {settings.log} does not exist. Leave it out.")
    recorded = frozenset(map(hash_question, outcomes.read_texts()))
    with SolveLog(settings.log) as store:
        log_rows = LogRows.from_observations(read_observations(store), base.ladder, base.model, recorded)
    settings.on_progress(_describe_log_rows(log_rows))
    for why, count in log_rows.left_out.items():
        settings.on_progress(f"{count} observations {why}: they are left out.")
    return log_rows


def _describe_log_rows(log_rows: LogRows) -> str:
    return (
        f"Difficulty is fitted to {log_rows.observations} logged observations of {len(log_rows.texts)} other "
        "questions too, each at the rung that it was made at."
    )
