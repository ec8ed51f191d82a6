"""Where trained artifacts are: `models/` inside the installed package, or at the top of the repository."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from adaptive.errors import InputError

_PACKAGE = Path(__file__).parents[1]
_SEARCH_FOLDERS = (_PACKAGE / "models", _PACKAGE.parent / "models")


def find_artifact(name: str) -> Path:
    """The folder of the artifact `name`; raises `InputError` if neither place has it."""
    for place in _SEARCH_FOLDERS:
        if name and (place / name).is_dir():
            return place / name
    places = " or ".join(str(place) for place in _SEARCH_FOLDERS)
    raise InputError(f"there is no artifact {name!r} in {places}: reinstall adaptive-thinking.")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; raises `InputError` if there is none."""
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
    """Write a file so that a reader, or a run that is killed, never leaves or sees half of it."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


BROKEN_ZIP = (zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError, NotImplementedError)
"""What numpy and zipfile raise for a file that is not what it should be."""
