"""Fitted scikit-learn estimators in a skops file, which is read only if every type in it is trusted."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import InputError, to_single_line

BROKEN = (*BROKEN_ZIP, AttributeError, ImportError, IndexError, RecursionError, TypeError)
"""What skops, or taking the weights out, raises for a damaged file."""


def write_skops(file: Path, value: Any) -> None:
    """Write a value atomically: a killed run never leaves half of it."""
    part = file.with_name(f".{file.name}.part")
    skops.io.dump(value, part, compression=zipfile.ZIP_DEFLATED)
    part.replace(file)


def read_skops(file: Path, trusted: Iterable[str], largest: int) -> Any:
    """Return the value in a skops file.

    Args:
        file: The file.
        trusted: The types that it may hold besides scikit-learn's estimators and numpy's arrays.
        largest: The most bytes that it may unpack to, checked before anything is unpacked.

    Raises:
        InputError: It holds other types, or is larger.
        Exception: One of `BROKEN`, if it is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > largest:
            raise InputError(
                f"the difficulty model {file} unpacks to more than {largest // 10**6} MB: train it again."
            )
    unknown = sorted(set(skops.io.get_untrusted_types(file=file)) - set(trusted))
    if unknown:
        raise InputError(f"the difficulty model {file} holds types that are not trusted ({', '.join(unknown)}).")
    with warnings.catch_warnings():
        # Only plain weights are read from the estimators, so those of another version will do.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return skops.io.load(file, trusted=list(trusted))


def shorten_error(error: Exception) -> str:
    """Return an error's message, or its type, on one line of at most 100 characters."""
    text = to_single_line(error) or type(error).__name__
    return text if len(text) <= 100 else f"{text[:97]}..."
