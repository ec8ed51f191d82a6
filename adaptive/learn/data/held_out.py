"""What the difficulty model says of questions that it was not fitted to, kept beside it for `adaptive tune`.

Of the questions that it was fitted to it is surer than it will be of new ones: a policy that is searched for with
these would promise itself too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import InputError
from adaptive.learn.data.splits import hash_question
from adaptive.profile.difficulty import Floats

FILE = "held_out.npz"


def write_held_out(folder: Path, texts: Sequence[str], p_solved: Floats) -> None:
    """Write p(solved) of questions by models that had not seen them, shape (n, rungs)."""
    keys = np.array([hash_question(text) for text in texts], dtype=np.str_)
    part = folder / f".{FILE}.part.npz"
    np.savez_compressed(part, keys=keys, p_solved=np.round(p_solved, 4).astype(np.float32))
    part.replace(folder / FILE)


def read_held_out(folder: Path) -> dict[str, list[float]]:
    """The same by `seen_key`. Raises `InputError` where they are not there, or damaged."""
    file = folder / FILE
    try:
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as held:
            keys, rows = held["keys"].tolist(), held["p_solved"].astype(np.float64).round(4).tolist()
    except FileNotFoundError as error:
        raise InputError(
            f"{file} is not there: train the profile on outcomes first (`adaptive train`)."
        ) from error
    except BROKEN_ZIP as error:
        raise InputError(f"{file} is damaged ({error}): train the profile again.") from error
    return dict(zip(keys, rows, strict=True))
