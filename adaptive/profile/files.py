"""The files of a profile, read and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from adaptive.errors import InputError
from adaptive.profile.difficulty import DifficultyModel
from adaptive.profile.placement import Placement
from adaptive.profile.predictor import Predictor, predict_nothing
from adaptive.profile.probe import Probe
from adaptive.profile.weights import SKOPS
from adaptive.types.from_json import convert_value, dataclass_from_json
from adaptive.types.ladder import Ladder, Rung

FORMAT = 1
PROFILE_FILE, CARD_FILE = "profile.json", "README.md"
KEYS = ("format", "name", "model", "ladder", "style", "stops", "policy", "verifier", "difficulty", "figures")
LATER_KEYS = ("probe", "tune_share", "placement", "embedding")
"""Keys that older profiles lack. "embedding" is always null: older versions could set it."""


def _read_profile_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the profile {file} cannot be read ({error.strerror}): name its folder.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the profile {file} is not valid JSON ({error}): get it again, or train it.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else None
        raise InputError(
            f"{file} has 'format' {found!r}, this version of adaptive reads {FORMAT}: train it again."
        )
    wrong = next((k for k in (*KEYS, *data) if (k in data) != (k in KEYS) and k not in LATER_KEYS), None)
    if wrong is not None:
        raise InputError(f"{file} has {'the unknown key' if wrong in data else 'no key'} {wrong!r}.")
    if data.get("embedding") is not None:
        raise InputError(
            f"{file} was trained with an 'embedding', which is no longer supported: train it again without it."
        )
    return data


def _parse_ladder(rows: Any, file: str) -> Ladder:
    if not isinstance(rows, list):
        raise InputError(f"'ladder' in {file} must be a list of rungs.")
    rungs = tuple(dataclass_from_json(Rung, row, f"rung {i} of 'ladder' in {file}") for i, row in enumerate(rows))
    try:
        return Ladder(rungs)
    except InputError as error:
        raise InputError(f"'ladder' in {file} is not valid: {error}") from error


def _parse_probe(data: Any, rungs: int, file: str) -> Probe | None:
    probe: Probe | None = convert_value(Probe | None, data, f"'probe' in {file}")
    if probe is not None and len(probe.rungs) != rungs:
        raise InputError(f"'probe' in {file} knows {len(probe.rungs)} rungs, the ladder beside it has {rungs}.")
    return probe


def _parse_placement(data: dict[str, Any], file: str) -> Placement | None:
    if data.get("placement") is None:
        return None
    placement = Placement.from_json(data["placement"], f"'placement' in {file}")
    rungs = len(_parse_ladder(data["ladder"], file))
    if len(placement.abilities) != rungs:
        raise InputError(
            f"'placement' in {file} knows {len(placement.abilities)} rungs, the ladder beside it has {rungs}."
        )
    if data["difficulty"] is not None:
        raise InputError(f"{file} has a 'placement' and a 'difficulty': set the one to null that does not count.")
    return placement


def make_placed_loader(placement: Placement) -> Callable[[], Predictor]:
    """What loads the general difficulty model, with this model placed on its scale, once."""

    @cache
    def load() -> Predictor:
        from adaptive.profile.general import PlacedDifficulty, load_shipped_difficulty

        return PlacedDifficulty(load_shipped_difficulty(), placement)

    return load


def _make_model_loader(folder: Path, name: str | None, rungs: int) -> Callable[[], Predictor | None]:
    """Return what loads the difficulty model once. That its file is there is checked now."""
    if name is None:
        return predict_nothing
    if name != SKOPS or not (folder / name).is_file():
        raise InputError(
            f"{folder / PROFILE_FILE} names the difficulty model {name!r}, and {folder} has no such file."
        )

    @cache
    def load() -> Predictor:
        model = DifficultyModel.load(folder)
        if model.rungs != rungs:
            raise InputError(f"{folder / name} knows {model.rungs} rungs, the ladder beside it has {rungs}.")
        return model

    return load
