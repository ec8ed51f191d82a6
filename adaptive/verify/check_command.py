"""The user's own test of an answer, as a command."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from adaptive._util.deadline import check_time_limit
from adaptive._util.process import ProgramError, run_program
from adaptive.errors import InputError
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import CannotTell
from adaptive.verify.external import Assessment, ExternalVerifier

_FILE = re.compile(r"\{file(\.\w+)?\}")


@dataclass(frozen=True)
class Command(ExternalVerifier):
    """Accepts an answer at which `command` ends with exit code 0; rejects at any other.

    The answer is the command's input, in UTF-8. Where the command has `{file}`, the answer is also in a file
    whose path stands there; `{file.py}` gives that file the ending. The command is split as a shell would split
    it, but no shell is asked: neither the answer nor the path is ever read as one. Killed by a signal, not found,
    or running for more than `timeout` seconds, it could not tell.

    When it ends, is out of time or is cancelled, everything that it started is killed: on Linux every descendant,
    whatever session it is in; on other systems its process group (`adaptive._util.reaper`). It sees the
    environment and the working directory of this program.
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
        """The program and its arguments, `{file}` as it is; `InputError` where they cannot be told apart."""
        try:
            return shlex.split(self.command)
        except ValueError as error:
            raise InputError(f"the check's command {self.command!r} cannot be split ({error}).") from error

    @property
    def program(self) -> str:
        """The program's name, without its folder."""
        return Path(self.words[0]).name

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """What the command's end says."""
        given = answer.encode(errors="replace")  # half a surrogate pair is no UTF-8
        try:
            with _write_answer_files(self.words, given) as words:
                ended = await run_program(words, given, self.timeout)
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
    """The words with a path in the place of each `{file}`, and the files, for as long as this is open."""
    # What a command left there that cannot be removed says nothing about the answer.
    with TemporaryDirectory(prefix="adaptive-", ignore_cleanup_errors=True) as folder:

        def path(place: re.Match[str]) -> str:
            file = Path(folder, f"answer{place[1] or ''}")
            file.write_bytes(answer)
            return str(file)

        yield [_FILE.sub(path, word) for word in words]


def _name_signal(number: int) -> str:
    known = {int(s): s.name for s in signal.Signals}
    return known.get(number, f"signal {number}")
