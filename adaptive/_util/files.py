"""Files: where trained artifacts are, JSON objects, and writing that never leaves half of a file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from adaptive.errors import InputError

BROKEN_ZIP = (zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError, NotImplementedError)
"""What numpy and zipfile raise for a damaged archive."""

_PACKAGE = Path(__file__).parents[1]
# In the installed package, or at the top of the repository.
_SEARCH_FOLDERS = (_PACKAGE / "models", _PACKAGE.parent / "models")


def find_artifact(name: str) -> Path:
    """Return the folder of a shipped artifact; raise `InputError` if it is not installed."""
    for place in _SEARCH_FOLDERS:
        if name and (place / name).is_dir():
            return place / name
    places = " or ".join(str(place) for place in _SEARCH_FOLDERS)
    raise InputError(f"there is no artifact {name!r} in {places}: reinstall adaptive-thinking.")


def find_data_folder() -> Path:
    """Return the user's folder for data of this program, which need not exist."""
    import platformdirs

    return Path(platformdirs.user_data_dir("adaptive", appauthor=False))


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raise `InputError` if there is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): the model folder needs it.") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}): get the file again.") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds no JSON object: get the file again.")
    return data


def write_atomically(file: Path, text: str) -> None:
    """Write a file so that neither a reader nor a killed run ever sees or leaves half of it."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
