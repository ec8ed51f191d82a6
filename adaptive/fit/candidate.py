"""The profile that a fit proposes: learned and tuned on one half of the questions; the other half is not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.place import PlacedProfile, place
from adaptive.learn.train import TrainedProfile, TrainSettings, train
from adaptive.learn.tuning.setting_search import OnReplay, Search, pick_cheapest_setting
from adaptive.profile.profile import Profile

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
    trained = _try_training(outcomes, base, settings) if len(recorded) >= TRAIN_FROM else None
    if trained is None:
        notes.clear()
    learned: TrainedProfile | PlacedProfile = trained or place(outcomes, base, settings, len(recorded))
    if isinstance(learned, TrainedProfile):
        texts, rows = learned.models.held_out
        p_solved = dict(zip(texts, rows.tolist(), strict=True))
        how = f"trained on {learned.examples} questions"
    else:
        # Not out-of-fold: an ability for each rung and a slope hardly overfit.
        p_solved = dict(zip(learned.texts, learned.profile.p_solved(learned.texts), strict=True))
        how = f"placed on the scale of the general difficulty model by {len(learned.texts)} questions"
    search = Search([one for one in recorded if one.question.text in p_solved], p_solved, seed, on_replay)
    setting = pick_cheapest_setting(learned.profile, search, least)
    verifier = learned.profile.verifier
    verifier = replace(verifier, threshold=setting.threshold) if verifier else None
    profile = replace(learned.profile, policy=setting.policy, verifier=verifier)
    left_out = tuple(note for note in notes if note.endswith("they are left out."))
    return Candidate(replace(learned, profile=profile), how, left_out)


def _try_training(outcomes: OutcomeStore, base: Profile, settings: TrainSettings) -> TrainedProfile | None:
    """Return the trained profile; None if the questions are too much alike to train on."""
    try:
        return train(outcomes, base, settings)
    except InputError:
        return None
