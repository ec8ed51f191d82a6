"""Files of numpy arrays, which are never left half written, and from which nothing is unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays so that neither a reader nor a killed run ever sees or leaves half of the file."""
    part = file.with_name(f".{file.name}.part.npz")
    np.savez_compressed(part, **arrays)  # type: ignore[arg-type]
    part.replace(file)


def read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays by name; raise one of `adaptive._util.files.BROKEN_ZIP` if the file cannot be read."""
    # Opened here: numpy leaves a file that is no archive open.
    with file.open("rb") as raw, np.load(raw, allow_pickle=False) as arrays:
        return dict(arrays)
