"""The files of a difficulty model: weights for solving, beside the estimators that they were made from.

`difficulty.npz` holds plain arrays: a solve reads them with numpy alone. `difficulty.skops` holds the fitted
scikit-learn estimators, which only `adaptive.learn.fit` reads. The weights carry the digest of that file, so that
weights of one training are never used with the estimators of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.files import BROKEN_ZIP, read_file
from adaptive.errors import InputError

SKOPS, WEIGHTS = "difficulty.skops", "difficulty.npz"


def hash_estimators(folder: Path) -> str:
    """Return the digest of the estimators in a folder, with which weights made from them are marked."""
    return hashlib.sha256(read_file(folder / SKOPS)).hexdigest()


def write_weights(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays atomically, marked with the digest of the estimators in the same folder."""
    write_arrays(folder / WEIGHTS, {"made_from": np.asarray(hash_estimators(folder)), **arrays})


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays by name.

    Raises:
        InputError: A file is missing or damaged, or the weights were not made from the estimators beside them.
    """
    for name in (SKOPS, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} has no {name}, which its difficulty model needs: train it again.")
    try:
        arrays = read_arrays(folder / WEIGHTS)
        made_from = str(arrays.pop("made_from"))
    except BROKEN_ZIP as error:
        raise report_damage(folder) from error
    if made_from != hash_estimators(folder):
        raise InputError(f"{folder / WEIGHTS} was not made from the {SKOPS} beside it: train the model again.")
    return arrays


def report_damage(folder: Path) -> InputError:
    """Return the error for weights that are damaged, in one sentence."""
    return InputError(f"the difficulty model {folder / WEIGHTS} is damaged: train it again.")
