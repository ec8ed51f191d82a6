"""Out-of-fold predictions of the difficulty model, in a file beside it, for `adaptive tune`.

In-sample probabilities are overconfident. `adaptive tune` must use these out-of-fold ones, or it would overstate
what a policy achieves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import InputError
from adaptive.learn.data.splits import hash_question
from adaptive.profile.difficulty import Floats
from adaptive.profile.files import HELD_OUT_FILE
from adaptive.types.forecast import Forecast

MOST_BYTES = 32_000_000
"""No file has more bytes: that of 200,000 questions at ten rungs has 29 million."""


@dataclass(frozen=True)
class HeldOut:
    """Questions with the out-of-fold p(solved) and mean tokens of each, both of shape (n, rungs)."""

    texts: list[str]
    p_solved: Floats
    tokens: Floats

    def to_forecasts(self) -> dict[str, Forecast]:
        """Return the forecasts by the questions' texts."""
        rows = zip(self.p_solved.tolist(), self.tokens.tolist(), strict=True)
        return {
            text: Forecast(tuple(p), tuple(tokens)) for text, (p, tokens) in zip(self.texts, rows, strict=True)
        }


def write_held_out(folder: Path, held_out: HeldOut) -> None:
    """Write out-of-fold predictions into the folder of a profile."""
    keys = np.array([hash_question(text) for text in held_out.texts], dtype=np.str_)
    p_solved = np.round(held_out.p_solved, 4).astype(np.float32)
    write_arrays(
        folder / HELD_OUT_FILE, {"keys": keys, "p_solved": p_solved, "tokens": held_out.tokens.astype(np.float32)}
    )


def read_held_out(folder: Path) -> dict[str, Forecast]:
    """Return the rows by `hash_question`; raise `InputError` if the file is missing or damaged."""
    file = folder / HELD_OUT_FILE
    try:
        arrays = read_arrays(file, MOST_BYTES)
        columns = arrays["keys"], arrays["p_solved"], arrays["tokens"]
        if not _is_consistent(*columns):
            raise ValueError("its arrays do not fit together")
        return {
            str(key): Forecast(*(tuple(row.astype(np.float64).round(n).tolist()) for n, row in ((4, p), (1, t))))
            for key, p, t in zip(*columns, strict=True)
        }
    except FileNotFoundError as error:
        raise InputError(
            f"{file} is not there: train the profile on outcomes first (`adaptive train`)."
        ) from error
    except BROKEN_ZIP as error:
        raise InputError(f"{file} is damaged ({error}): train the profile again.") from error


def _is_consistent(keys: NDArray[Any], p_solved: NDArray[Any], tokens: NDArray[Any]) -> bool:
    return (
        (keys.dtype.kind, keys.ndim, p_solved.ndim) == ("U", 1, 2)
        and p_solved.shape == tokens.shape
        and len(p_solved) == len(keys)
        and all(one.dtype == np.float32 and np.isfinite(one).all() for one in (p_solved, tokens))
    )
