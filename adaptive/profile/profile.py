"""Profile: what a solve reads about one model. A folder with `profile.json`, the difficulty model and a card.

It is light to load: numpy and a few kilobytes. scikit-learn is needed only to train a profile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from adaptive.profile.difficulty import LIKELY, name_level
from adaptive.profile.domain import UNLIKE, Domain, find_no_domain
from adaptive.profile.files import read_profile, write_profile
from adaptive.profile.placement import Placement
from adaptive.profile.predictor import Predictor, predict_nothing
from adaptive.profile.probe import Probe
from adaptive.reason.budget import Style
from adaptive.types.attempt import Attempt
from adaptive.types.conversation import ALONE, ConversationShape
from adaptive.types.forecast import NO_FORECAST, Forecast
from adaptive.types.ladder import Ladder
from adaptive.types.logistic import Logistic
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.stops import Stops


@dataclass(frozen=True)
class Profile:
    """What is known about one model.

    model: its spec.
    verifier: predicts whether an attempt is right; None if it was not trained.
    probe: sharpens the predicted difficulty by a direct answer; None if it was not trained.
    tune_share: the share of the recorded questions that was left for tuning (`adaptive.learn.data.splits`).
    figures: what was measured, in plain JSON types.
    mean_tokens: the mean tokens of an attempt at each rung, its prompt included, as recorded; empty if unknown.
    placement: where the model is on the scale of the general difficulty model; None if it was not placed.
    general: whether the level comes from the general difficulty model, since nothing was measured of this one.
    own_ladder: the ladder of a solve whose caller sets neither effort nor budget; None: `ladder` serves it too.
        A model that nobody measured has one, whose first rung is the model's own way.
    shapes: the shapes of conversations that the model was measured on. On any other the measurements say nothing.
    difficulty_model: returns the difficulty model, which is loaded by the first call; None if there is none.
    domain_model: returns the domain in the same way. On questions outside it the measurements say nothing.
    """

    name: str
    model: str
    ladder: Ladder
    style: Style = field(default_factory=Style)
    policy: Policy = field(default_factory=Policy)
    stops: Stops = field(default_factory=Stops)
    verifier: Logistic | None = None
    probe: Probe | None = None
    tune_share: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    mean_tokens: tuple[float, ...] = ()
    placement: Placement | None = None
    general: bool = False
    own_ladder: Ladder | None = None
    shapes: tuple[ConversationShape, ...] = (ALONE,)
    difficulty_model: Callable[[], Predictor | None] = field(default=predict_nothing, compare=False)
    domain_model: Callable[[], Domain | None] = field(default=find_no_domain, compare=False)

    def predict_difficulty(self, question: str, probe: Attempt | None = None) -> dict[str, Any]:
        """Predict how hard a question is.

        Args:
            question: Its text.
            probe: This model's direct answer, if there is one: it tells more than the text alone.

        Returns:
            `p_solved`, a probability for each rung, `tokens`, the mean tokens of an attempt at each, and `level`.
            Without a trained model p_solved is empty, there are no tokens, and the level is "unknown", or that of
            the general difficulty model: then `general` is the probability that an average model solves the
            question with full thinking. With a domain, `typical` is the share of the recorded questions that are
            at least as unlike the others as this one, and `outside` whether it is unlike them.
        """
        return {**self._predict(question, probe), **self._place_in_domain(question)}

    def _predict(self, question: str, probe: Attempt | None) -> dict[str, Any]:
        model = self.difficulty_model()
        if model is None and self.general:
            return _predict_general_level(question)
        (known,) = self.forecast([question])
        p_solved = list(known.p_solved)
        if p_solved and self.probe is not None and probe is not None:
            p_solved = [round(p, 4) for p in self.probe.p_solved(p_solved, probe)]
        tokens = {"tokens": list(known.tokens)} if known else {}
        return {"level": name_level(p_solved), "p_solved": p_solved, **tokens}

    def _place_in_domain(self, question: str) -> dict[str, Any]:
        domain = self.domain_model()
        if domain is None:
            return {}
        return {"typical": round(domain.p_value(question), 4), "outside": domain.is_outside(question)}

    def forecast(self, questions: Sequence[str]) -> list[Forecast]:
        """Return what is expected at many questions; empty forecasts without a trained model.

        Of a model whose tokens were not recorded, an attempt is expected to take its whole budget.
        """
        model = self.difficulty_model()
        if model is None:
            return [NO_FORECAST for _ in questions]
        p_solved, tokens = model.forecast(questions)
        usual = self.mean_tokens or tuple(float(rung.budget + rung.answer_room) for rung in self.ladder)
        each = [usual for _ in questions] if tokens is None else [_round_row(row, 1) for row in tokens]
        return [Forecast(_round_row(p, 4), row) for p, row in zip(p_solved, each, strict=True)]

    def get_ladder(self, options: Options) -> Ladder:
        """Return the ladder for these options, before `policy.ladder.limit_ladder`."""
        requested = options.effort is not None or options.budget is not None
        return self.ladder if requested or self.own_ladder is None else self.own_ladder

    @property
    def models(self) -> tuple[str, ...]:
        """The models that a solve may use, each once; the profile's own is ""."""
        ladders = (self.ladder, self.own_ladder or self.ladder)
        return tuple(dict.fromkeys(["", *(name for one in ladders for name in one.models)]))

    def is_outside(self, question: str) -> bool:
        """Return whether a question is unlike the recorded ones; False if the profile does not know its domain."""
        domain = self.domain_model()
        return domain is not None and domain.is_outside(question)

    def explain_unmeasured(self, shape: ConversationShape, question: str) -> str:
        """Say why the measurements say nothing here; empty if they do.

        The model was measured on conversations of other shapes, or on other questions. Of a model that was not
        measured at all there is nothing to say.
        """
        if not self.policy.measured:
            return ""
        if shape in self.shapes:
            return UNLIKE if self.is_outside(question) else ""
        measured = " and ".join(one.describe() for one in self.shapes)
        return f"the profile was measured on {measured}, not on {shape.describe()}"

    def with_waits(self, waits: tuple[str, ...]) -> Profile:
        """Return this profile with other wait strings; with none it stays as it is."""
        return replace(self, style=replace(self.style, waits=waits)) if waits else self

    @classmethod
    def load(cls, folder: str | Path) -> Profile:
        """Return the profile in a folder; raise `InputError` naming the file and the key that is wrong."""
        return cls(**read_profile(Path(os.path.expanduser(folder))))

    def save(self, folder: str | Path, *, card: str | None = None) -> None:
        """Write the domain, the card if there is one, and `profile.json` with the digests of all files beside it.

        The difficulty model is saved on its own, before.
        """
        data = {
            "name": self.name,
            "model": self.model,
            "ladder": self.ladder.to_json(),
            "own_ladder": self.own_ladder.to_json() if self.own_ladder else None,
            "style": asdict(self.style),
            "stops": asdict(self.stops),
            "policy": asdict(self.policy),
            "verifier": asdict(self.verifier) if self.verifier else None,
            "probe": asdict(self.probe) if self.probe else None,
            "tune_share": self.tune_share,
            "mean_tokens": list(self.mean_tokens),
            "placement": self.placement.to_json() if self.placement else None,
            "shapes": [shape.name for shape in self.shapes],
            "domain_alpha": domain.alpha if (domain := self.domain_model()) else None,
            "figures": self.figures,
        }
        if domain is not None:  # before the file that names it
            Path(folder).mkdir(parents=True, exist_ok=True)
            domain.save(Path(folder))
        write_profile(Path(folder), data, card)


def _predict_general_level(question: str) -> dict[str, Any]:
    """Return the level by the general model, which cannot tell whether a question is solved without thinking."""
    from adaptive.profile.general import place_average_model

    p = round(float(place_average_model().p_solved([question])[0, 0]), 4)
    return {"level": "medium" if p >= LIKELY else "hard", "p_solved": [], "general": p}


def _round_row(row: Any, digits: int) -> tuple[float, ...]:
    return tuple(round(float(one), digits) for one in row)
