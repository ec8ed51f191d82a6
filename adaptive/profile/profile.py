"""Profile: what is known of one model. A folder with `profile.json`, the difficulty model and a card.

Light to load: numpy and a few kilobytes. scikit-learn is imported only to train a profile, or where the small
copy of the difficulty model that is made for solving is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from adaptive._util.files import write_atomically
from adaptive.profile.difficulty import LIKELY, name_level
from adaptive.profile.files import (
    CARD_FILE,
    FORMAT,
    PROFILE_FILE,
    _make_model_loader,
    _parse_ladder,
    _parse_placement,
    _parse_probe,
    _read_profile_json,
    make_placed_loader,
)
from adaptive.profile.placement import Placement
from adaptive.profile.predictor import Predictor, predict_nothing
from adaptive.profile.probe import Probe
from adaptive.profile.weights import SKOPS
from adaptive.reason.budget import Style
from adaptive.types.attempt import Attempt
from adaptive.types.from_json import convert_value, dataclass_from_json
from adaptive.types.ladder import Ladder
from adaptive.types.logistic import Logistic
from adaptive.types.policy import Policy
from adaptive.types.stops import Stops


@dataclass(frozen=True)
class Profile:
    """What is known of the model with the spec `model`. `figures` are measured, in plain JSON types.

    verifier: the verifier model, None where none was trained. probe: what a direct answer tells of difficulty,
    None where that was not learned. tune_share: the share of the outcomes' questions that it was not fitted to, by
    `adaptive.learn.data.splits`; None where it was not made from outcomes.
    placement: where the model is on the scale of the general difficulty model, None where it was not placed there.
    general: whether the level is told by the general difficulty model, for want of anything measured.
    difficulty_model: returns the difficulty model, loaded when first asked for; None where none was trained.
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
    placement: Placement | None = None
    general: bool = False
    difficulty_model: Callable[[], Predictor | None] = field(default=predict_nothing, compare=False)

    def predict_difficulty(self, question: str, probe: Attempt | None = None) -> dict[str, Any]:
        """How hard a question is: `p_solved`, a probability for each rung that never falls, and `level`.

        probe: this model's direct answer, where there is one: it tells more than the text alone. Without a trained
        model the level is "unknown" and p_solved is empty; with the general one p_solved is empty too, for that
        knows no rungs, and `general` is the probability that an average model solves it with full thinking.
        """
        model = self.difficulty_model()
        if model is None and self.general:
            return _predict_general_level(question)
        p_solved = _round_row(model.p_solved([question])[0]) if model else []
        if p_solved and self.probe is not None and probe is not None:
            p_solved = [round(p, 4) for p in self.probe.p_solved(p_solved, probe)]
        return {"level": name_level(p_solved), "p_solved": p_solved}

    def p_solved(self, questions: Sequence[str]) -> list[list[float]]:
        """`p_solved` of many questions, as `predict_difficulty` tells it; each is empty without a trained model."""
        model = self.difficulty_model()
        return [_round_row(row) for row in model.p_solved(questions)] if model else [[] for _ in questions]

    def with_waits(self, waits: tuple[str, ...]) -> Profile:
        """This profile with other texts for a wait; none leave it as it is."""
        return replace(self, style=replace(self.style, waits=waits)) if waits else self

    @classmethod
    def load(cls, folder: str | Path) -> Profile:
        """The profile in a folder; raises `InputError` that names the file and the key that is wrong."""
        folder = Path(folder).expanduser()
        file = folder / PROFILE_FILE
        data = _read_profile_json(file)
        placement = _parse_placement(data, str(file))
        keys = {"name": str, "model": str, "figures": dict[str, Any], "difficulty": str | None}
        plain = {key: convert_value(kind, data[key], f"{key!r} in {file}") for key, kind in keys.items()}
        return cls(
            name=plain["name"],
            model=plain["model"],
            ladder=_parse_ladder(data["ladder"], str(file)),
            style=dataclass_from_json(Style, data["style"], f"'style' in {file}"),
            stops=dataclass_from_json(Stops, data["stops"], f"'stops' in {file}"),
            policy=dataclass_from_json(Policy, data["policy"], f"'policy' in {file}"),
            verifier=convert_value(Logistic | None, data["verifier"], f"'verifier' in {file}"),
            probe=_parse_probe(data.get("probe"), len(data["ladder"]), str(file)),
            tune_share=convert_value(float | None, data.get("tune_share"), f"'tune_share' in {file}"),
            figures=plain["figures"],
            placement=placement,
            difficulty_model=make_placed_loader(placement)
            if placement
            else _make_model_loader(folder, plain["difficulty"], len(data["ladder"])),
        )

    def save(self, folder: str | Path, *, card: str | None = None) -> None:
        """Write `profile.json`, and the card where one is given; the difficulty model writes itself."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(
            folder / PROFILE_FILE, json.dumps(self._to_json(folder), indent=2, ensure_ascii=False) + "\n"
        )
        if card is not None:
            write_atomically(folder / CARD_FILE, card)

    def _to_json(self, folder: Path) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "model": self.model,
            "ladder": self.ladder.to_json(),
            "style": asdict(self.style),
            "stops": asdict(self.stops),
            "policy": asdict(self.policy),
            "verifier": asdict(self.verifier) if self.verifier else None,
            "probe": asdict(self.probe) if self.probe else None,
            "tune_share": self.tune_share,
            "placement": self.placement.to_json() if self.placement else None,
            "difficulty": SKOPS if (folder / SKOPS).is_file() and not self.placement else None,
            "figures": self.figures,
        }


def _predict_general_level(question: str) -> dict[str, Any]:
    """The level by the general model. That a question is easy, solved without thinking, it cannot tell."""
    from adaptive.profile.general import place_average_model

    p = round(float(place_average_model().p_solved([question])[0, 0]), 4)
    return {"level": "medium" if p >= LIKELY else "hard", "p_solved": [], "general": p}


def _round_row(row: Any) -> list[float]:
    return [round(float(p), 4) for p in row]
