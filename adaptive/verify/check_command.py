"""The user's own test of an answer, as a command."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adaptive._util.deadline import check_time_limit
from adaptive._util.process import ProgramError, run_program
from adaptive._util.scratch import open_scratch_folder
from adaptive.errors import InputError
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import CannotTell
from adaptive.verify.external import Assessment, ExternalVerifier

_FILE = re.compile(r"\{file(\.\w+)?\}")


@dataclass(frozen=True)
class Command(ExternalVerifier):
    """Accepts an answer if `command` ends with exit code 0; rejects it at any other exit code.

    The answer is the command's input, in UTF-8. If the command contains `{file}`, the answer is also written to a
    file and its path replaces `{file}`; `{file.py}` gives the file that ending. The command is split as a shell
    would split it, but no shell runs: neither the answer nor the path is ever read by one. If the command is not
    found, is killed by a signal or takes too long, the verdict is undecided.

    When the command ends, takes too long or is cancelled, everything that it started is killed: on Linux every
    descendant, whatever its session; on other systems its process group (`adaptive._util.reaper`). It runs in the
    environment and the working directory of this program; on Linux, where that is allowed, in a process namespace
    of its own.

    Attributes:
        command: The program and its arguments.
        timeout: Seconds that it may take.

    Raises:
        InputError: If the command is empty or cannot be split, or the time limit is out of range.
    """

    command: str
    timeout: float = 30.0
    name: str = "check"

    def __post_init__(self) -> None:
        check_time_limit(self.timeout)
        if not self.words:
            raise InputError("the check's command is empty: give a program and its arguments.")

    @property
    def words(self) -> list[str]:
        """The program and its arguments, with `{file}` not yet replaced. Raises `InputError` at an open quote."""
        try:
            return shlex.split(self.command)
        except ValueError as error:
            raise InputError(f"the check's command {self.command!r} cannot be split ({error}).") from error

    @property
    def program(self) -> str:
        """The program's name, without its folder."""
        return Path(self.words[0]).name

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Run the command and judge by how it ends. Raise `CannotTell` if it does not end by itself."""
        data = answer.encode(errors="replace")  # half a surrogate pair is not valid UTF-8
        try:
            with _write_answer_files(self.words, data) as words:
                ended = await run_program(words, data, self.timeout)
        except OSError as error:
            raise CannotTell(f"the answer's file cannot be written ({error.strerror})") from error
        except ProgramError as why:
            raise CannotTell(f"{self.program}: {why}") from why
        if ended.code < 0:
            raise CannotTell(f"{self.program}: killed by {_name_signal(-ended.code)}")
        last = f": {ended.last_line}" if ended.code and ended.last_line else ""
        return Assessment(not ended.code, float(not ended.code), f"{self.program} ends with {ended.code}{last}")


@contextmanager
def _write_answer_files(words: list[str], answer: bytes) -> Iterator[list[str]]:
    """Yield the words with a path in place of each `{file}`; the files are removed at the end."""
    if not any(map(_FILE.search, words)):
        yield words
        return
    with open_scratch_folder() as folder:

        def write_file(placeholder: re.Match[str]) -> str:
            file = folder / f"answer{placeholder[1] or ''}"
            file.write_bytes(answer)
            return str(file)

        yield [_FILE.sub(write_file, word) for word in words]


def _name_signal(number: int) -> str:
    names = {int(s): s.name for s in signal.Signals}
    return names.get(number, f"signal {number}")  # most real-time signals have no name
