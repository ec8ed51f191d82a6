"""The files of a profile's folder: `profile.json`, the difficulty model and a card, read and written.

What is read is checked: an `InputError` names the file and the key that is wrong.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from adaptive._util.files import read_file, write_atomically
from adaptive._util.whole_folder import find_current
from adaptive.errors import InputError
from adaptive.profile.difficulty import DifficultyModel
from adaptive.profile.domain import FILE as DOMAIN_FILE
from adaptive.profile.domain import Domain, find_no_domain
from adaptive.profile.placement import Placement
from adaptive.profile.predictor import Predictor, predict_nothing
from adaptive.profile.probe import Probe
from adaptive.profile.weights import SKOPS, WEIGHTS
from adaptive.reason.budget import Style
from adaptive.types.conversation import ALONE, ConversationShape
from adaptive.types.from_json import convert_value, dataclass_from_json
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.logistic import Logistic
from adaptive.types.policy import Policy, Share
from adaptive.types.stops import Stops

FORMAT = 1
PROFILE_FILE, CARD_FILE = "profile.json", "README.md"
HELD_OUT_FILE, SEEN_FILE = "held_out.npz", "seen.txt"
"""Files that training leaves for tuning (`adaptive.learn.data`)."""
DIGESTED = (SKOPS, WEIGHTS, DOMAIN_FILE, HELD_OUT_FILE)
"""The files whose digests `profile.json` holds, as far as they are there: all of one training, or none is read.
What a profile has seen is not among them: it grows after training."""
MOST_BYTES = 2_000_000
"""No profile.json is larger: the shipped one has 31 kB. As objects it takes up to 25 times as much."""
KEYS = ("format", "name", "model", "ladder", "style", "stops", "policy", "verifier", "difficulty", "figures")
LATER_KEYS = (
    "probe",
    "tune_share",
    "mean_tokens",
    "placement",
    "shapes",
    "own_ladder",
    "domain_alpha",
    "embedding",
    "digests",
)
"""Keys that older profiles lack. "embedding" is no longer written, and must be null."""


def read_profile(folder: Path) -> dict[str, Any]:
    """Return the fields of the `Profile` in a folder; raise `InputError` if one is missing or wrong."""
    file = find_current(folder) / PROFILE_FILE
    data = _read_profile_json(file)
    ladder = _parse_ladder(data["ladder"], "ladder", file)
    own_ladder = data.get("own_ladder")
    placement = _parse_placement(data, len(ladder), file)
    difficulty = convert_value(str | None, data["difficulty"], f"'difficulty' in {file}")
    check = partial(_check_digests, folder, data.get("digests"), file)
    check()
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
        "mean_tokens": _parse_mean_tokens(data.get("mean_tokens"), len(ladder), file),
        "placement": placement,
        "shapes": _parse_shapes(data.get("shapes"), file),
        "own_ladder": None if own_ladder is None else _parse_ladder(own_ladder, "own_ladder", file),
        "difficulty_model": make_placed_loader(placement)
        if placement
        else _make_model_loader(folder, difficulty, len(ladder), check),
        "domain_model": _make_domain_loader(folder, data.get("domain_alpha"), file, check),
    }


def write_profile(folder: Path, data: dict[str, Any], card: str | None) -> None:
    """Write the card, if there is one, and then `profile.json`, with the digests of the files that are there.

    Args:
        folder: Where to; made if it is not there.
        data: The content of `profile.json`, without `format` and `difficulty`.
        card: The README.md.
    """
    folder.mkdir(parents=True, exist_ok=True)
    has_model = (folder / SKOPS).is_file() and data["placement"] is None
    figures = data.pop("figures")  # they come last: a reader of the file sees the settings first
    digests = {name: _hash_file(folder / name) for name in DIGESTED if (folder / name).is_file()}
    read = {"difficulty": SKOPS if has_model else None, "digests": digests}
    data = {"format": FORMAT, **data, **read, "figures": figures}
    if card is not None:
        write_atomically(folder / CARD_FILE, card)
    write_atomically(folder / PROFILE_FILE, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def _check_digests(folder: Path, digests: Any, file: Path) -> None:
    """Raise `InputError` if a file is not the one that the profile was saved with.

    Whoever needs a missing one tells of it. Profiles of older versions have no digests, and are read as they are.
    """
    known: dict[str, str] = convert_value(dict[str, str] | None, digests, f"'digests' in {file}") or {}
    current = find_current(folder)
    for name in (one for one in DIGESTED if one in known):
        try:
            changed = (current / name).exists() and _hash_file(current / name) != known[name]
        except OSError as error:
            raise InputError(
                f"{current / name} cannot be read ({error.strerror}): train the profile again."
            ) from error
        if changed:
            raise InputError(
                f"the profile {folder} is not whole: its {name} is not the one that it was saved with. Get all of "
                "its files again, or train it again."
            )


def _hash_file(file: Path) -> str:
    return hashlib.sha256(read_file(file)).hexdigest()


def _parse_mean_tokens(data: Any, rungs: int, file: Path) -> tuple[float, ...]:
    tokens: tuple[float, ...] = convert_value(tuple[float, ...], data or [], f"'mean_tokens' in {file}")
    if tokens and (len(tokens) != rungs or not all(0 < one < math.inf for one in tokens)):
        raise InputError(f"'mean_tokens' in {file} must be a number above 0 for each of the {rungs} rungs.")
    return tokens


def make_placed_loader(placement: Placement) -> Callable[[], Predictor]:
    """Return what loads the general difficulty model once, with this model placed on its scale."""

    @cache
    def load() -> Predictor:
        from adaptive.profile.general import PlacedDifficulty, load_shipped_difficulty

        return PlacedDifficulty(load_shipped_difficulty(), placement)

    return load


def _read_profile_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_file(file, MOST_BYTES))
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


def _make_domain_loader(
    folder: Path, alpha: Any, file: Path, check: Callable[[], None]
) -> Callable[[], Domain | None]:
    """Return what loads the domain once. The folder may have been replaced since: `check` is called before."""
    share: float | None = convert_value(Share | None, alpha, f"'domain_alpha' in {file}")
    if share is None:
        return find_no_domain

    @cache
    def load() -> Domain:
        check()
        return Domain.load(find_current(folder), share)

    return load


def _make_model_loader(
    folder: Path, name: str | None, rungs: int, check: Callable[[], None]
) -> Callable[[], Predictor | None]:
    """Return what loads the difficulty model once, after `check`. That it is there is checked at once."""
    if name is None:
        return predict_nothing
    if name != SKOPS or not (find_current(folder) / name).is_file():
        raise InputError(
            f"{folder / PROFILE_FILE} names the difficulty model {name!r}, and {folder} has no such file."
        )

    @cache
    def load() -> Predictor:
        check()
        model = DifficultyModel.load(find_current(folder))
        if model.rungs != rungs:
            raise InputError(f"{folder / name} knows {model.rungs} rungs, the ladder beside it has {rungs}.")
        return model

    return load
