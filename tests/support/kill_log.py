"""The log of a solve that is killed: lines of JSON in a file, in the order in which things happened."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Log:
    """Lines that survive a kill. Several processes may write: a line is one write at the end of the file."""

    def __init__(self, path: str | Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def add(self, kind: str, value: Any) -> None:
        os.write(self._file, json.dumps([kind, value]).encode() + b"\n")
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


def read_log(path: Path) -> list[tuple[str, Any]]:
    """The whole lines of a log."""
    text = path.read_text() if path.exists() else ""
    return [tuple(json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]
