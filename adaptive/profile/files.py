"""The files of a profile's folder: `profile.json`, the difficulty model and a card, read and written.

What is read is checked: an `InputError` names the file and the key that is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from adaptive._util.files import write_atomically
from adaptive.errors import InputError
from adaptive.profile.difficulty import DifficultyModel
from adaptive.profile.domain import Domain, find_no_domain
from adaptive.profile.placement import Placement
from adaptive.profile.predictor import Predictor, predict_nothing
from adaptive.profile.probe import Probe
from adaptive.profile.weights import SKOPS
from adaptive.reason.budget import Style
from adaptive.types.conversation import ALONE, ConversationShape
from adaptive.types.from_json import convert_value, dataclass_from_json
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.logistic import Logistic
from adaptive.types.policy import Policy, Share
from adaptive.types.stops import Stops

FORMAT = 1
PROFILE_FILE, CARD_FILE = "profile.json", "README.md"
KEYS = ("format", "name", "model", "ladder", "style", "stops", "policy", "verifier", "difficulty", "figures")
LATER_KEYS = ("probe", "tune_share", "placement", "shapes", "own_ladder", "domain_alpha", "embedding")
"""Keys that older profiles lack. "embedding" is no longer written, and must be null."""


def read_profile(folder: Path) -> dict[str, Any]:
    """Return the fields of the `Profile` in a folder; raise `InputError` if one is missing or wrong."""
    file = folder / PROFILE_FILE
    data = _read_profile_json(file)
    ladder = _parse_ladder(data["ladder"], "ladder", file)
    own_ladder = data.get("own_ladder")
    placement = _parse_placement(data, len(ladder), file)
    difficulty = convert_value(str | None, data["difficulty"], f"'difficulty' in {file}")
    return {
        "name": convert_value(str, data["name"], f"'name' in {file}"),
        "model": convert_value(str, data["model"], f"'model' in {file}"),
        "ladder": ladder,
        "style": dataclass_from_json(Style, data["style"], f"'style' in {file}"),
        "stops": dataclass_from_json(Stops, data["stops"], f"'stops' in {file}"),
        "policy": dataclass_from_json(Policy, data["policy"], f"'policy' in {file}"),
        "verifier": convert_value(Logistic | None, data["verifier"], f"'verifier' in {file}"),
        "probe": _parse_probe(data.get("probe"), len(ladder), file),
        "tune_share": convert_value(float | None, data.get("tune_share"), f"'tune_share' in {file}"),
        "figures": convert_value(dict[str, Any], data["figures"], f"'figures' in {file}"),
        "placement": placement,
        "shapes": _parse_shapes(data.get("shapes"), file),
        "own_ladder": None if own_ladder is None else _parse_ladder(own_ladder, "own_ladder", file),
        "difficulty_model": make_placed_loader(placement)
        if placement
        else _make_model_loader(folder, difficulty, len(ladder)),
        "domain_model": _make_domain_loader(folder, data.get("domain_alpha"), file),
    }


def write_profile(folder: Path, data: dict[str, Any], card: str | None) -> None:
    """Write `profile.json`, and the card if there is one. A reader never sees half of a file.

    Args:
        folder: Where to; made if it is not there.
        data: The content of `profile.json`, without `format` and `difficulty`.
        card: The README.md.
    """
    folder.mkdir(parents=True, exist_ok=True)
    has_model = (folder / SKOPS).is_file() and data["placement"] is None
    figures = data.pop("figures")  # they come last: a reader of the file sees the settings first
    data = {"format": FORMAT, **data, "difficulty": SKOPS if has_model else None, "figures": figures}
    write_atomically(folder / PROFILE_FILE, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    if card is not None:
        write_atomically(folder / CARD_FILE, card)


def make_placed_loader(placement: Placement) -> Callable[[], Predictor]:
    """Return what loads the general difficulty model once, with this model placed on its scale."""

    @cache
    def load() -> Predictor:
        from adaptive.profile.general import PlacedDifficulty, load_shipped_difficulty

        return PlacedDifficulty(load_shipped_difficulty(), placement)

    return load


def _read_profile_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the profile {file} cannot be read ({error.strerror}): name its folder.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the profile {file} is not valid JSON ({error}): get it again, or train it.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        version = data.get("format") if isinstance(data, dict) else None
        raise InputError(
            f"{file} has 'format' {version!r}, this version of adaptive reads {FORMAT}: train it again."
        )
    wrong = next((k for k in (*KEYS, *data) if (k in data) != (k in KEYS) and k not in LATER_KEYS), None)
    if wrong is not None:
        raise InputError(f"{file} has {'the unknown key' if wrong in data else 'no key'} {wrong!r}.")
    if data.get("embedding") is not None:
        raise InputError(f"{file} has an 'embedding', which this version cannot use: train it again without one.")
    return data


def _parse_ladder(rows: Any, key: str, file: Path) -> Ladder:
    if not isinstance(rows, list):
        raise InputError(f"{key!r} in {file} must be a list of rungs.")
    rungs = tuple(dataclass_from_json(Rung, row, f"rung {i} of {key!r} in {file}") for i, row in enumerate(rows))
    try:
        return Ladder(rungs)
    except InputError as error:
        raise InputError(f"{key!r} in {file} is not valid: {error}") from error


def _parse_probe(data: Any, rungs: int, file: Path) -> Probe | None:
    probe: Probe | None = convert_value(Probe | None, data, f"'probe' in {file}")
    if probe is not None and len(probe.rungs) != rungs:
        raise InputError(f"'probe' in {file} knows {len(probe.rungs)} rungs, the ladder beside it has {rungs}.")
    return probe


def _parse_placement(data: dict[str, Any], rungs: int, file: Path) -> Placement | None:
    if data.get("placement") is None:
        return None
    placement = Placement.from_json(data["placement"], f"'placement' in {file}")
    if len(placement.abilities) != rungs:
        raise InputError(
            f"'placement' in {file} knows {len(placement.abilities)} rungs, the ladder beside it has {rungs}."
        )
    if data["difficulty"] is not None:
        raise InputError(f"{file} has a 'placement' and a 'difficulty': set the one to null that does not count.")
    return placement


def _parse_shapes(names: Any, file: Path) -> tuple[ConversationShape, ...]:
    """Return the shapes that were measured; a profile without them was measured on single questions."""
    if names is None:
        return (ALONE,)
    shapes: tuple[str, ...] = convert_value(tuple[str, ...], names, f"'shapes' in {file}")
    if not shapes:
        raise InputError(f"'shapes' in {file} is empty: leave it out, or name what was measured.")
    try:
        return tuple(ConversationShape.parse(name) for name in shapes)
    except InputError as error:
        raise InputError(f"'shapes' in {file} is not valid: {error}") from error


def _make_domain_loader(folder: Path, alpha: Any, file: Path) -> Callable[[], Domain | None]:
    """Return what loads the domain once."""
    share: float | None = convert_value(Share | None, alpha, f"'domain_alpha' in {file}")
    if share is None:
        return find_no_domain
    return cache(lambda: Domain.load(folder, share))


def _make_model_loader(folder: Path, name: str | None, rungs: int) -> Callable[[], Predictor | None]:
    """Return what loads the difficulty model once. That its file is there is checked at once."""
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
