"""Out-of-fold predictions of the difficulty model, in a file beside it, for `adaptive tune`.

In-sample probabilities are overconfident. `adaptive tune` must use these out-of-fold ones, or it would overstate
what a policy achieves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import InputError
from adaptive.learn.data.splits import hash_question
from adaptive.profile.difficulty import Floats
from adaptive.profile.files import HELD_OUT_FILE
from adaptive.types.forecast import Forecast


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
        arrays = read_arrays(file)
        keys, rows = arrays["keys"].tolist(), arrays["p_solved"].astype(np.float64).round(4).tolist()
        tokens = arrays["tokens"].astype(np.float64).round(1).tolist()
    except FileNotFoundError as error:
        raise InputError(
            f"{file} is not there: train the profile on outcomes first (`adaptive train`)."
        ) from error
    except BROKEN_ZIP as error:
        raise InputError(f"{file} is damaged ({error}): train the profile again.") from error
    return {key: Forecast(tuple(p), tuple(t)) for key, p, t in zip(keys, rows, tokens, strict=True)}
