"""Out-of-fold predictions of the difficulty model, in a file beside it, for `adaptive tune`.

In-sample probabilities are overconfident. `adaptive tune` must use these out-of-fold ones, or it would overstate
what a policy achieves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import InputError
from adaptive.learn.data.splits import hash_question
from adaptive.profile.difficulty import Floats

FILE = "held_out.npz"


def write_held_out(folder: Path, texts: Sequence[str], p_solved: Floats) -> None:
    """Write out-of-fold predictions.

    Args:
        folder: The folder of a profile.
        texts: The questions.
        p_solved: Of each question, shape (n, rungs).
    """
    keys = np.array([hash_question(text) for text in texts], dtype=np.str_)
    write_arrays(folder / FILE, {"keys": keys, "p_solved": np.round(p_solved, 4).astype(np.float32)})


def read_held_out(folder: Path) -> dict[str, list[float]]:
    """Return the rows by `hash_question`; raise `InputError` if the file is missing or damaged."""
    file = folder / FILE
    try:
        arrays = read_arrays(file)
        keys, rows = arrays["keys"].tolist(), arrays["p_solved"].astype(np.float64).round(4).tolist()
    except FileNotFoundError as error:
        raise InputError(
            f"{file} is not there: train the profile on outcomes first (`adaptive train`)."
        ) from error
    except BROKEN_ZIP as error:
        raise InputError(f"{file} is damaged ({error}): train the profile again.") from error
    return dict(zip(keys, rows, strict=True))
