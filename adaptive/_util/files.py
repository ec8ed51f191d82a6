"""Files: where trained artifacts are, JSON objects, and writing that never leaves half of a file."""

from __future__ import annotations

import errno
import json
import os
import stat
import tomllib
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from adaptive.errors import InputError

BROKEN_ZIP = (zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError, NotImplementedError)
"""What numpy and zipfile raise for a damaged archive."""

MOST_BYTES = 100_000_000
"""No file that is read whole is larger: the largest tokenizers have 40 MB, a profile's files less than one."""

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


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file of at most `most` bytes; raise `OSError` with the reason otherwise.

    A pipe that was given the name of a file does not block, and an endless device is not read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        # Not `most`: as much memory would be taken for a file of a few bytes.
        data = file.read(about.st_size + 1) if about.st_size <= most else b""
    if max(about.st_size, len(data)) > most:
        raise OSError(errno.EFBIG, f"it has more than {most // 1_000_000} MB", str(path))
    return data


def open_named(path: Path) -> BinaryIO:
    """Open a file that the user named, to be read to its end: a regular file, a pipe or a terminal.

    Raises:
        OSError: It cannot be read, or is a device such as /dev/zero, which has no end.
    """
    file = path.open("rb")
    about = os.fstat(file.fileno())
    endless = stat.S_ISCHR(about.st_mode) and about.st_rdev != os.stat(os.devnull).st_rdev and not file.isatty()
    if endless:
        file.close()
        raise OSError(errno.EINVAL, "it is a device, not a file", str(path))
    return file


def read_named(path: Path) -> bytes:
    """Return the content of a file that the user named; raise `OSError` as `open_named` does."""
    with open_named(path) as file:
        return file.read()


def unpack(data: bytes, most: int = MOST_BYTES) -> bytes:
    """Return what zlib compressed; raise `ValueError` if it is damaged, or more than `most` bytes."""
    inflating = zlib.decompressobj()
    try:
        unpacked = inflating.decompress(data, most)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflating.eof:
        raise ValueError(f"it is cut off, or unpacks to more than {most // 1_000_000} MB")
    return unpacked


def read_json(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """Return the object in a JSON file of at most `most` bytes; raise `InputError` if there is none."""
    try:
        data = json.loads(read_file(path, most))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): the model folder needs it.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON ({error}): get the file again.") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds no JSON object: get the file again.")
    return data


def read_toml(file: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file; raise `InputError` if it cannot be read."""
    try:
        return tomllib.loads(read_named(Path(os.path.expanduser(file))).decode())
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML
        raise InputError(f"{file} is no TOML file: {error}.") from error


def write_atomically(file: Path, text: str) -> None:
    """Write a file so that neither a reader nor a killed run ever sees or leaves half of it."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
