"""What the options of `adaptive train` say."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive.errors import InputError
from adaptive.learn.data.readers import HUB

if TYPE_CHECKING:
    from adaptive.learn.data.questions import Columns


MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True)
class TrainOptions:
    """The options by their names on the command line. tune_share: of the questions that are left to `tune`."""

    source: str
    out: Path
    model: str
    served_model: str | None
    markers: str | None
    options: tuple[str, ...]
    columns: Columns
    ladder: str | None
    profile: str | None
    effort: str | None
    target_precision: float
    limit: int | None
    concurrency: int
    seed: int
    tune_share: float
    rule: str
    second: Path | None
    calibrate: int | None
    add: str | None
    embed: str | None

    def __post_init__(self) -> None:
        if not 0.5 <= self.target_precision <= 1:  # nan is not, and passes click's own check
            raise InputError(f"--target-precision must be between 0.5 and 1, got {self.target_precision}.")

    @property
    def name(self) -> str:
        """What a card calls the source: a file by its name, without the folders of this machine."""
        return self.source if self.source.startswith(HUB) else Path(self.source).name


def is_database(source: str) -> bool:
    """Whether it is a SQLite file, whatever its name."""
    if source.startswith(HUB):
        return False
    try:
        with Path(source).open("rb") as raw:
            return raw.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}).") from error


def format_command_line() -> str:
    """The command line that is running, for a card."""
    return shlex.join(["adaptive", *sys.argv[1:]])


def describe_written_profile(out: Path, model: str) -> str:
    """What is said once the profile is written."""
    return f"Wrote the profile {out}: adaptive solve --profile {shlex.quote(str(out))} -m {model}"
