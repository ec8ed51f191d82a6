"""`place`: a profile from a few graded questions, by the general difficulty model. No model is called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from adaptive._util.whole_folder import replace_folder
from adaptive.learn.data.held_out import write_held_out
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.reference import explain_reference, read_reference_of
from adaptive.learn.data.splits import hash_question, write_used_keys
from adaptive.learn.fit.domain import fit_domain
from adaptive.learn.fit.placer import PlacementFit, Placer
from adaptive.learn.fit.trainer import Labels, require_any_example
from adaptive.learn.report import placement_card
from adaptive.learn.train import TrainSettings, apply_rule, measure_on, read_examples
from adaptive.profile import general
from adaptive.profile.files import make_placed_loader
from adaptive.profile.profile import Profile


@dataclass(frozen=True)
class PlacedProfile:
    """A profile, and what is saved beside it. texts: the questions that the model was placed by."""

    profile: Profile
    fit: PlacementFit
    texts: tuple[str, ...]
    source: str

    def format_figures(self) -> str:
        """Return all figures as text with Markdown tables."""
        return placement_card.format_placement_figures(self.profile, self.fit)

    def save(self, folder: str | Path, command: str = "adaptive train") -> list[str]:
        """Write `profile.json` and a card with all figures.

        Args:
            folder: Where to; made if it is not there.
            command: How the profile was made, for the card.

        Returns:
            Sentences about what was not fitted.
        """
        with replace_folder(Path(folder)) as part:
            write_used_keys(part, self.texts)
            write_held_out(part, self.fit.held_out)
            remark = explain_reference(read_reference_of(self.profile.figures))
            source = f"{len(self.texts)} questions of `{self.source}`{f' ({remark})' if remark else ''}"
            card = placement_card.format_placement_card(self.profile, self.fit, command, source)
            self.profile.save(part, card=card)
        return [f"{note[0].upper()}{note[1:]}." for note in self.fit.notes]


def place(outcomes: OutcomeStore, base: Profile, settings: TrainSettings, count: int) -> PlacedProfile:
    """Place a model by some of its recorded outcomes.

    Args:
        outcomes: The file made by `adaptive record`.
        base: Gives the name, and what of the policy is not learned.
        settings: How to train; `log` is not used, since no difficulty is fitted.
        count: How many questions to place the model by. They are chosen by a hash, from those to learn from.

    Raises:
        InputError: There is no question to learn from, or a file is missing or damaged.
    """
    base, examples = read_examples(outcomes, base, settings)
    solved, _ = apply_rule(examples, settings)
    require_any_example(examples)
    chosen = select_by_hash(examples.texts, count)
    if len(chosen) < count:
        settings.on_progress(f"There are only {len(chosen)} graded questions: the model is placed by all.")
    placer = Placer(general.load_shipped_difficulty(), settings.build_trainer())
    fit = placer.place(examples, solved, chosen, base.policy)
    texts = tuple(examples.texts[int(i)] for i in chosen)
    domain = fit_domain(texts, [examples.groups[int(i)] for i in chosen], settings.domain_alpha).domain
    profile = replace(
        base,
        policy=fit.policy,
        verifier=fit.verifier,
        probe=fit.probe,
        placement=fit.placement,
        tune_share=settings.tune_share,
        mean_tokens=examples.average_tokens(),
        figures={**fit.figures, "reference": outcomes.reference},
        difficulty_model=make_placed_loader(fit.placement),
        domain_model=lambda: domain,
    )
    # Not out-of-fold: an ability for each rung and a slope hardly overfit.
    forecasts = dict(zip(texts, profile.forecast(texts), strict=True))
    profile = replace(profile, policy=measure_on(outcomes, profile, forecasts))
    return PlacedProfile(profile, fit, texts, outcomes.path.name)


def select_by_hash(texts: Sequence[str], count: int) -> Labels:
    """Return `count` rows, or all if there are fewer. The choice does not depend on the order of the questions."""

    def key(row: int) -> str:
        return hashlib.sha256(f"calibrate {hash_question(texts[row])}".encode()).hexdigest()

    return np.array(sorted(sorted(range(len(texts)), key=key)[:count]), dtype=np.int64)
