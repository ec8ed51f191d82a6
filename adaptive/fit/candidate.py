"""The profile that a fit proposes: learned and tuned on one half of the questions; the other half is not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.place import PlacedProfile, place
from adaptive.learn.train import TrainedProfile, TrainSettings, train
from adaptive.learn.tuning.policy_search import OnReplay, Search, pick_cheapest_policy
from adaptive.profile.profile import Profile
from adaptive.types.forecast import Forecast

TRAIN_FROM = 200
"""From so many questions on, models are trained on them; with fewer the model is placed on the general scale."""


@dataclass(frozen=True)
class Candidate:
    """A profile with its tuned policy. how: what it was learned from, in words. notes: what was left out."""

    learned: TrainedProfile | PlacedProfile
    how: str
    notes: tuple[str, ...] = ()

    @property
    def profile(self) -> Profile:
        """The profile."""
        return self.learned.profile


def learn_candidate(
    outcomes: OutcomeStore,
    base: Profile,
    recorded: Sequence[RecordedQuestion],
    least: float,
    seed: int = 0,
    on_replay: OnReplay = lambda _done, _of: None,
) -> Candidate:
    """Learn a profile, and tune its policy by replay.

    Args:
        outcomes: The file of outcomes, which may have other questions too.
        base: Gives the name, and what of the policy is not learned.
        recorded: The questions to learn from.
        least: The accuracy that the policy must have on them, in 0..1.
        seed: For folds and the search.
        on_replay: Called with the number of replayed policies and their total.

    Raises:
        InputError: There is no question to learn from.
    """
    notes: list[str] = []
    ids = frozenset(one.question.id for one in recorded)
    settings = TrainSettings(seed=seed, tune_share=0.0, only=ids, on_progress=notes.append)
    models = learn_models(outcomes, base, settings, len(recorded))
    if isinstance(models.learned, PlacedProfile):
        notes.clear()
    learned, forecasts = models.learned, models.forecasts
    search = Search([one for one in recorded if one.question.text in forecasts], forecasts, seed, on_replay)
    profile = replace(learned.profile, policy=pick_cheapest_policy(learned.profile, search, least))
    left_out = tuple(note for note in notes if note.endswith("they are left out."))
    return Candidate(replace(learned, profile=profile), models.how, left_out)


@dataclass(frozen=True)
class LearnedModels:
    """A profile before tuning. forecasts: of the questions that it was learned from. how: from what, in words."""

    learned: TrainedProfile | PlacedProfile
    forecasts: Mapping[str, Forecast]
    how: str


def learn_models(outcomes: OutcomeStore, base: Profile, settings: TrainSettings, count: int) -> LearnedModels:
    """Train a profile, or place the model on the general scale if the questions are too few or too much alike.

    Args:
        outcomes: The file of outcomes.
        base: Gives the name, and what of the policy is not learned.
        settings: Which questions to learn from, and how.
        count: How many these are.

    Raises:
        InputError: There is no question to learn from.
    """
    trained = _try_training(outcomes, base, settings) if count >= TRAIN_FROM else None
    if trained is not None:
        forecasts = trained.models.held_out.to_forecasts()
        return LearnedModels(trained, forecasts, f"trained on {trained.examples} questions")
    placed = place(outcomes, base, settings, count)
    # Not out-of-fold: an ability for each rung and a slope hardly overfit.
    known = dict(zip(placed.texts, placed.profile.forecast(placed.texts), strict=True))
    how = f"placed on the scale of the general difficulty model by {len(placed.texts)} questions"
    return LearnedModels(placed, known, how)


def _try_training(outcomes: OutcomeStore, base: Profile, settings: TrainSettings) -> TrainedProfile | None:
    """Return the trained profile; None if the questions are too much alike to train on."""
    try:
        return train(outcomes, base, settings)
    except InputError:
        return None
