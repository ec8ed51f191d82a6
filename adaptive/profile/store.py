"""The store of fitted profiles: one folder for each model, found again by the model's spec.

A profile is replaced whole: it is written beside its place, and then renamed. A killed `adaptive fit` leaves the
old profile or the new one, never half of one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive._util.files import find_data_folder, read_json
from adaptive._util.whole_folder import OLD, PART, find_current, recover_folder, replace_folder
from adaptive.engines.protocol import TokenEngine
from adaptive.errors import AdaptiveError, InputError
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import NO_PROFILE, load_model_profile
from adaptive.types.from_json import convert_value
from adaptive.types.model_spec import ModelSpec

FIT_FILE, FIT_PAGE = "fit.json", "fit.md"
"""How a profile was fitted: the figures, and the page in words."""
WORK_FOLDER = ".work"
SHOWN = 60
"""The most characters of a folder's name that come from the model's; a digest follows."""


@dataclass(frozen=True)
class StoredProfile:
    """A stored profile as `adaptive profiles` lists it.

    model: the model's key. date: when it was fitted (UTC, ISO 8601). questions: how many it was fitted to or
    measured on. sentence: the recommendation. error: why it cannot be read, else ""; then the others are empty.
    """

    folder: Path
    model: str = ""
    date: str = ""
    questions: int = 0
    sentence: str = ""
    error: str = ""


def find_profiles_folder() -> Path:
    """Return where profiles are stored: `ADAPTIVE_PROFILES`, or `profiles` in the user's data folder."""
    if path := os.environ.get("ADAPTIVE_PROFILES"):
        return Path(os.path.expanduser(path))
    return find_data_folder() / "profiles"


def make_model_key(spec: str, served_model: str = "") -> str:
    """Return what a model is called in the store.

    It is the spec, with the absolute path of a folder, and for a server the name of the model that it serves: the
    same address may serve another one tomorrow.
    """
    parts = ModelSpec.parse(spec)
    if (folder := parts.find_folder()) is not None:
        spec = f"{parts.kind}:{folder.resolve()}"
    return f"{spec} {served_model}" if served_model else spec


def find_engine_key(engine: TokenEngine) -> str:
    """Return what the model of an engine is called in the store."""
    return make_model_key(engine.name, getattr(engine, "served_model", ""))


def load_engine_profile(engine: TokenEngine, path: str | Path | None = None) -> Profile:
    """Return the profile of an engine's model: the one in the folder `path`, the stored one, or its own.

    Args:
        engine: The engine.
        path: A profile's folder, or "none" for an untrained one. Default: the stored profile, else the one that
            the model brings (`load_model_profile`).
    """
    stored = ProfileStore(find_profiles_folder()).load(find_engine_key(engine)) if path is None else None
    return stored or load_model_profile(engine.name, engine.context_window, path)


@dataclass(frozen=True)
class ProfileStore:
    """The profiles in the folder `root`, which need not exist."""

    root: Path

    def find_folder(self, model: str) -> Path:
        """Return the folder of a model's profile, whether there is one or not.

        The digest keeps models apart whose names differ in characters that a file's name cannot have.
        """
        return self.root / _make_folder_name(model)

    def find_work_folder(self, model: str, settings: str) -> Path:
        """Return the folder that keeps what was recorded of a model with these settings, a text of any form."""
        return self.root / WORK_FOLDER / f"{_make_folder_name(model)}-{_shorten_digest(settings)}"

    def load(self, model: str) -> Profile | None:
        """Return the profile of a model, None if there is none; raise `InputError` if it is broken."""
        folder = self.find_folder(model)
        if not find_current(folder).is_dir():
            return None
        try:
            return Profile.load(folder)
        except InputError as error:
            raise InputError(
                f"the stored profile of {model} is broken ({str(error).rstrip('.')}): fit it again, remove it "
                f"(`adaptive profiles remove {model}`), or name another with --profile, {NO_PROFILE} for none."
            ) from error

    def list_profiles(self) -> list[StoredProfile]:
        """Return all profiles, ordered by the name of their model; broken ones come last."""
        folders = sorted(self.root.iterdir()) if self.root.is_dir() else []
        for name in (one.name for one in folders if one.name.startswith(OLD)):
            recover_folder(self.root / name.removeprefix(OLD))
        shown = [_read_stored(one) for one in sorted(self.root.glob("[!.]*")) if one.is_dir()]
        return sorted(shown, key=lambda one: (bool(one.error), one.model, one.folder.name))

    def get(self, model: str) -> StoredProfile:
        """Return the profile of a model by its spec, or by its key; raise `InputError` if there is none."""
        stored = self.list_profiles()
        keys = (model, make_model_key(model))
        folders = [self.find_folder(key) for key in keys]
        found = [one for one in stored if one.folder in folders] or [
            one for one in stored if one.model.partition(" ")[0] in keys
        ]
        if len(found) == 1:
            return found[0]
        names = ", ".join(one.model for one in found or stored if one.model)
        if found:
            raise InputError(f"{model} serves several models with a profile: name one of '{names}'.")
        wanted = model if model.strip() and model.isprintable() else repr(model)
        raise InputError(
            f"no profile of {wanted} is stored in {self.root}: "
            + (f"there are those of {names}." if names else "fit one (`adaptive fit QUESTIONS -m MODEL`).")
        )

    def replace(self, model: str, write: Callable[[Path], None]) -> Path:
        """Write a model's profile in place of an older one, and return its folder.

        Args:
            model: The model's key.
            write: Writes all files into an empty folder.

        Raises:
            AdaptiveError: The folder cannot be written.
        """
        folder = self.find_folder(model)
        try:
            with replace_folder(folder, keep=False) as part:
                write(part)
        except OSError as error:
            raise AdaptiveError(f"the profile {folder} cannot be written ({error.strerror}).") from error
        return folder

    def remove(self, stored: StoredProfile) -> None:
        """Remove a profile; raise `AdaptiveError` if its folder cannot be removed."""
        old = stored.folder.with_name(f"{PART}{stored.folder.name}")
        try:
            shutil.rmtree(old, ignore_errors=True)
            stored.folder.rename(old)  # in one step, so that nobody reads half of it
            shutil.rmtree(old)
        except OSError as error:
            raise AdaptiveError(f"the profile {stored.folder} cannot be removed ({error.strerror}).") from error


def _read_stored(folder: Path) -> StoredProfile:
    """Return what is listed of the profile in a folder."""
    try:
        data = read_json(folder / FIT_FILE)
        Profile.load(folder)
        fields = {name: _read_field(data, name, kind, folder) for name, kind in _LISTED.items()}
    except InputError as error:
        return StoredProfile(folder, error=str(error))
    return StoredProfile(folder, **fields)


_LISTED: dict[str, type] = {"model": str, "date": str, "questions": int, "sentence": str}


def _read_field(data: dict[str, Any], name: str, kind: type, folder: Path) -> Any:
    return convert_value(kind, data.get(name), f"{name!r} in {folder / FIT_FILE}")


def _make_folder_name(model: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9._]+", "-", model).strip("-._")[-SHOWN:].strip("-._")
    return f"{readable}-{_shorten_digest(model)}"


def _shorten_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
