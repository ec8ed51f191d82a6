"""The profiles that the pages show: those that are named, those that are stored, and those that models bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptive._util.redact import redact_address
from adaptive.errors import InputError
from adaptive.profile.profile import Profile
from adaptive.profile.store import ProfileStore, find_profiles_folder
from adaptive.profile.untrained import find_own_profile


@dataclass(frozen=True)
class ViewedProfile:
    """A profile. model: as the log names it. folder: where its files are."""

    model: str
    profile: Profile
    folder: Path

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.profile.name

    @property
    def key(self) -> tuple[str, str]:
        """The names of its model and its own, by which the log names it."""
        return self.model, self.name


@dataclass(frozen=True)
class ProfileShelf:
    """All profiles, the first of each name, and why some cannot be read, a sentence each."""

    profiles: Sequence[ViewedProfile]
    broken: Sequence[str]

    def find(self, model: str, name: str) -> ViewedProfile | None:
        """Return a profile by its model's name and its own; None if there is none."""
        return next((one for one in self.profiles if one.key == (model, name)), None)


def collect_profiles(folders: Sequence[Path], models: Sequence[str]) -> ProfileShelf:
    """Return the profiles in folders, those that are stored, and those that models bring.

    Args:
        folders: Folders of profiles that the user named.
        models: The names of models in the log.
    """
    stored = ProfileStore(find_profiles_folder()).list_profiles()
    broken = [f"{one.folder} is broken: {one.error}" for one in stored if one.error]
    own = (find_own_profile(model) for model in models)
    found: dict[tuple[str, str], ViewedProfile] = {}
    for folder in (*folders, *(one.folder for one in stored if not one.error), *filter(None, own)):
        try:
            profile = Profile.load(folder)
        except InputError as error:
            broken.append(str(error))
            continue
        viewed = ViewedProfile(redact_address(profile.model), profile, folder)
        found.setdefault(viewed.key, viewed)
    return ProfileShelf(sorted(found.values(), key=lambda one: one.key), broken)
