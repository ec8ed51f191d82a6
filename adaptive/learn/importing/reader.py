"""What a reader of logs is, and what a user can tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from adaptive.errors import InputError
from adaptive.learn.importing.records import OnBytes
from adaptive.learn.importing.row import ImportedRow, ImportedSetting


@dataclass(frozen=True)
class ReadOptions:
    """How logs are read.

    Args:
        score: The name of the score that is the verdict; None: the only one.
        right_from: The least number that is right; None: 1.
        setting: The setting of logs that tell none.
        mapping: The dotted path of each field of a row, for logs of no kind.
    """

    score: str | None = None
    right_from: float | None = None
    setting: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)

    def choose_setting(self, told: ImportedSetting) -> ImportedSetting:
        """Return the user's setting, if there is one, else the log's."""
        return ImportedSetting.parse(self.setting, told.model) if self.setting else told

    def choose_score(self, names: list[str], where: str) -> str:
        """Return the name of the score to read; raise `InputError` unless one of `names` is meant."""
        if self.score is not None and self.score in names:
            return self.score
        if self.score is None and len(names) == 1:
            return names[0]
        listed = ", ".join(names) or "none"
        if self.score is not None:
            raise InputError(f"{where} has no score {self.score!r}, but {listed}: name one of these with --score.")
        raise InputError(
            f"{where} has several scores ({listed}): name the one that says what is right with --score."
        )


class LogReader(Protocol):
    """Reads logs of one kind. One reader reads all of them in their order, for some belong together."""

    def read(self, file: Path, on_bytes: OnBytes) -> Iterator[ImportedRow]:
        """Yield the rows of a log lazily.

        Args:
            file: The log.
            on_bytes: Called with the number of bytes that were read.

        Raises:
            InputError: The log cannot be read.
        """
