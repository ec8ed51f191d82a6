"""Fits a profile to what the log has: solves that explored. No model is called.

One half of the questions is learned from and searched, the other tested on. Where no right answer is known, a
disagreement with the dearest rung counts as a loss (`adaptive.learn.data.reference`), so the promise holds anyway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from adaptive import __version__
from adaptive._util.files import write_atomically
from adaptive.errors import InputError
from adaptive.fit.candidate import LearnedModels, learn_models
from adaptive.fit.split import LEAST_IN_PART, LEAST_QUESTIONS
from adaptive.learn.data.explored import ExploredQuestions
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.reference import Reference
from adaptive.learn.data.splits import assign_split, read_used_keys, write_used_keys
from adaptive.learn.report.tuning_card import (
    format_promise,
    format_refusal,
    format_verdict,
    promise_to_json,
    write_promise,
)
from adaptive.learn.train import TrainSettings
from adaptive.learn.tuning.constants import BEST, TOP
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.tune import TuningResult, tune_policy
from adaptive.profile.profile import Profile
from adaptive.profile.store import FIT_FILE, FIT_PAGE, ProfileStore

FORMAT = 1


@dataclass(frozen=True)
class LogFit:
    """What to fit from the log.

    model: the model's key in the store of profiles. base: gives the model's spec, its style and its early stops.
    explored: the questions. grader: the spec of what graded them. outcomes: the file that they are written to.
    target, confidence: of the promise, see `Goal`. reference: what is right. command: what started the fit.
    on_progress: called with a sentence about each step.
    """

    model: str
    base: Profile
    explored: ExploredQuestions
    grader: str
    outcomes: Path
    target: float
    confidence: float = 0.95
    reference: Reference = "mixed"
    seed: int = 0
    command: str = "adaptive fit --from-log"
    on_progress: Callable[[str], None] = lambda _: None

    @property
    def graded_by(self) -> Reference:
        """What is right: right answers alone, if all are known."""
        known = self.explored.labelled == len(self.explored.recorded)
        return "answers" if self.reference == "mixed" and known else self.reference

    def fit(self) -> LogFitResult:
        """Learn and tune. Nothing is written but the file of outcomes; `LogFitResult.save` stores the profile.

        Raises:
            InputError: The questions are too few, or too much alike.
        """
        count = len(self.explored.recorded)
        if count < LEAST_QUESTIONS:
            raise InputError(
                f"{count} explored questions in the log are too few to fit a profile: solve on with --explore "
                f"until there are {LEAST_QUESTIONS}."
            )
        self._write_outcomes()
        with OutcomeStore(self.outcomes, reference=self.graded_by) as outcomes:
            outcomes.require_grades()
            settings = TrainSettings(seed=self.seed, on_progress=self.on_progress)
            models = learn_models(outcomes, self.base, settings, len(self._select("learn")))
            result = self._tune(models, list(outcomes))
        if result.chosen is None:
            raise InputError(format_refusal(result))
        return LogFitResult(self, models, result)

    def _tune(self, models: LearnedModels, recorded: Sequence[RecordedQuestion]) -> TuningResult:
        parts = {
            name: [one for one in recorded if assign_split(one.question) == name] for name in ("learn", "tune")
        }
        least = min(map(len, parts.values()))
        if least < LEAST_IN_PART:
            raise InputError(
                f"of the {len(recorded)} explored questions only {least} are left to learn from or to test on, at "
                f"least {LEAST_IN_PART} are needed: solve on with --explore."
            )
        searched = [one for one in parts["learn"] if one.question.text in models.forecasts]
        search = Search(searched, models.forecasts, self.seed)
        against = BEST if self.graded_by == "answers" else TOP
        goal = Goal(self.target, self.confidence, against=against, graded_by=self.graded_by)
        return tune_policy(models.learned.profile, search, parts["tune"], goal)

    def _select(self, part: str) -> list[RecordedQuestion]:
        return [one for one in self.explored.recorded if assign_split(one.question) == part]

    def _write_outcomes(self) -> None:
        """Write the file anew: the log may have better answers than last time."""
        self.outcomes.parent.mkdir(parents=True, exist_ok=True)
        self.outcomes.unlink(missing_ok=True)
        with OutcomeStore(self.outcomes, self._make_plan()) as store:
            store.add_questions([one.question for one in self.explored.recorded])
            for one in self.explored.recorded:
                for outcome in one.outcomes.values():
                    store.add(one.question, outcome)

    def _make_plan(self) -> dict[str, Any]:
        ladder = self.explored.ladder
        return {
            "model": self.base.model, "ladder": ladder.to_json(), "style": asdict(self.base.style),
            "stops": asdict(self.base.stops), "seed": self.seed, "temperature": None,
            "window": ladder[ladder.top].budget, "grader": self.grader,
        }  # fmt: skip


@dataclass(frozen=True)
class LogFitResult:
    """The result of a fit from the log."""

    job: LogFit
    models: LearnedModels
    result: TuningResult
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @cached_property
    def sentence(self) -> str:
        """What the profile does, and its promise."""
        return format_verdict(self.result)

    @cached_property
    def page(self) -> str:
        """The page, as Markdown."""
        explored = self.job.explored
        facts = [
            f"{len(explored.recorded)} explored questions of the log, {explored.labelled} of them with a right "
            f"answer: {self.result.searched} to learn from, {len(self.result.on_reference)} to test on.",
            *(f"{count} explored solves {why}: they are left out." for why, count in explored.left_out.items()),
            f"The profile was {self.models.how}; {self.job.outcomes} keeps the attempts.",
        ]
        title = f"# adaptive fit --from-log: {self.job.model}"
        return "\n\n".join([title, "\n".join(facts), format_promise(self.result)]) + "\n"

    @property
    def choice(self) -> str:
        """What the profile does: "profile" if that depends on the question, else "fixed"."""
        chosen = self.result.chosen
        return "profile" if chosen is not None and chosen.constant is None else "fixed"

    def to_json(self) -> dict[str, Any]:
        """Return all figures in plain JSON types."""
        explored = self.job.explored
        return {
            "format": FORMAT, "model": self.job.model, "date": self.date, "questions": len(explored.recorded),
            "sentence": self.sentence, "choice": self.choice, "labelled": explored.labelled, "source": "the log",
            "left_out": dict(explored.left_out), "how": self.models.how, "tuned": promise_to_json(self.result),
            "outcomes": str(self.job.outcomes), "command": self.job.command, "version": __version__,
        }  # fmt: skip

    def save(self, store: ProfileStore) -> Path:
        """Store the profile in place of an older one of the model; return its folder."""
        return store.replace(self.job.model, self._write)

    def _write(self, folder: Path) -> None:
        learned, chosen = self.models.learned, self.result.chosen
        assert chosen is not None  # `fit` refuses
        summary = {"choice": self.choice, "date": self.date, "outcomes": str(self.job.outcomes)}
        figures: Mapping[str, Any] = learned.profile.figures
        figures = {**figures, "tuned": promise_to_json(self.result), "fit": summary}
        profile = replace(learned.profile, policy=chosen.policy, figures=dict(figures))
        replace(learned, profile=profile).save(folder, self.job.command)
        write_promise(folder, self.result)
        texts = [one.question.text for one in self.job.explored.recorded]
        write_used_keys(folder, texts, before=read_used_keys(folder))
        profile.save(folder)  # again, with the digests of the files as they are now
        write_atomically(folder / FIT_PAGE, self.page)
        write_atomically(folder / FIT_FILE, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")
