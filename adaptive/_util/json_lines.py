"""A file of JSON objects, one a line, that a killed run goes on with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from adaptive._util.closing import Closing
from adaptive._util.file_lock import hold_file
from adaptive._util.surrogates import mend_surrogates
from adaptive.errors import AdaptiveError, InputError


class JsonLines(Closing):
    """An open file that grows line by line; a context manager.

    A line is there once its end is on the disk. What a kill cut off has no end, and `read` removes it. One process
    at a time may have the file open.

    Args:
        path: The file; made if it is missing.
        head: The bytes that every line begins with, by which a line that was cut off is told from another text.

    Raises:
        AdaptiveError: It cannot be written.
        InputError: Another process has it open.
    """

    def __init__(self, path: Path, head: bytes) -> None:
        self.path, self._head = path, head
        with ExitStack() as stack:
            try:
                stack.enter_context(hold_file(path))
                self._file = stack.enter_context(path.open("a+b", buffering=0))
            except OSError as error:
                raise self._build_error(error) from error
            self._resources = stack.pop_all()

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        self._resources.close()

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each line's number, from 1, and its object; at the end remove a line that was cut off.

        Raises:
            InputError: A line is no JSON object, or the file may have no end.
        """
        if not self.path.is_file():
            raise InputError(f"{self.path} is no regular file: name another --out.")
        size = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.endswith(b"\n"):
                    yield number, self._parse_line(line, number)
                    size += len(line)
                elif line.startswith(self._head) or self._head.startswith(line):
                    self._file.truncate(size)
                else:
                    raise InputError(f"line {number} of {self.path} is none of ours: name another --out.")

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one object; raise `AdaptiveError` if it cannot be written, and leave no part of it."""
        line = json.dumps(mend_surrogates(dict(row)), ensure_ascii=False).encode() + b"\n"
        size = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):  # the next `read` removes the part
                self._file.truncate(size)
            raise self._build_error(error) from error

    def _parse_line(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"line {number} of {self.path} is damaged: delete it to solve it again.") from error
        if not isinstance(row, dict):
            raise InputError(f"line {number} of {self.path} is no result of a solve: name another --out.")
        return row

    def _build_error(self, error: OSError) -> AdaptiveError:
        return AdaptiveError(f"{self.path} cannot be written ({error.strerror}): name another --out.")
