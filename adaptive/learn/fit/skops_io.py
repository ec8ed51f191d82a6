"""Fitted scikit-learn estimators in a skops file: written whole, and read only where every type in it is known."""

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
"""What skops and taking the weights out raise for a file that is not what it should be."""


def write_skops(file: Path, held: Any) -> None:
    """Write `held`, so that a run that is killed never leaves half of it."""
    part = file.with_name(f".{file.name}.part")
    skops.io.dump(held, part, compression=zipfile.ZIP_DEFLATED)
    part.replace(file)


def read_skops(file: Path, trusted: Iterable[str], largest: int) -> Any:
    """The object in a skops file.

    trusted: types beyond scikit-learn's estimators and numpy's arrays that it may hold. largest: bytes that it
    may unpack to, checked before anything is unpacked. Raises `InputError` where it holds others or is larger,
    and one of `BROKEN` where it is damaged.
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
        # Only plain weights are taken from the estimators, so another version's are as good.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return skops.io.load(file, trusted=list(trusted))


def shorten_error(error: Exception) -> str:
    """What an error says, or its kind, on one line of at most 100 characters."""
    text = to_single_line(error) or type(error).__name__
    return text if len(text) <= 100 else f"{text[:97]}..."
