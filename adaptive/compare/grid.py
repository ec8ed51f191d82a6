"""The settings to compare: a grid of models, efforts and caps, and settings named one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from adaptive.compare.cell import Cell, CellSetting
from adaptive.errors import InputError
from adaptive.types.ladder import Effort, parse_effort

CELL_SYNTAX = "MODEL,EFFORT,CAP, as in openai:o1,high,40000"


def parse_efforts(text: str) -> list[Effort]:
    """Return efforts separated by commas, each once. Raise `InputError` if one is unknown."""
    return list(dict.fromkeys(parse_effort(part) for part in _split_parts(text, "efforts", "low,high")))


def parse_caps(text: str) -> list[int]:
    """Return caps in tokens separated by commas, each once. Raise `InputError` if one is out of range."""
    return list(dict.fromkeys(map(_parse_cap, _split_parts(text, "caps", "4000,40000"))))


def parse_cell(text: str) -> CellSetting:
    """Return the setting written as MODEL,EFFORT,CAP. Raise `InputError` if it is not written so."""
    model, *rest = (part.strip() for part in text.rsplit(",", 2))
    if not model or len(rest) != 2:
        raise InputError(f"the cell {text!r} is not written {CELL_SYNTAX}.")
    return CellSetting(model, parse_effort(rest[0]), _parse_cap(rest[1]))


def build_grid(models: Iterable[str], efforts: Sequence[Effort], caps: Sequence[int]) -> list[CellSetting]:
    """Return each model at each effort and cap.

    Args:
        models: Specs of models.
        efforts: The efforts of each model.
        caps: The caps at each effort, in tokens.
    """
    return [CellSetting(*setting) for setting in product(models, efforts, caps)]


def build_cells(settings: Iterable[CellSetting], repeats: int) -> list[Cell]:
    """Return each distinct setting `repeats` times. All cells of one round come before the next round."""
    distinct = list(dict.fromkeys(settings))
    return [Cell(setting, repeat) for repeat in range(repeats) for setting in distinct]


def _split_parts(text: str, name: str, example: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"the {name} {text!r} have an empty part: write them as {example}.")
    return parts


def _parse_cap(text: str) -> int:
    try:
        cap = int(text)
    except ValueError:
        cap = 0
    if not 1 <= cap < 2**31:
        raise InputError(f"the cap {text[:40]!r} is no number of tokens from 1 on: write 4000, say.")
    return cap
