"""All that a solve tells or leaves behind, and the secrets that must not be in it."""

from __future__ import annotations

import base64
import logging
import traceback
from dataclasses import dataclass, field
from pathlib import Path

KEY, PASSWORD = "zebra-lantern-quartz-7", "walrus-pickle-meadow"
"""Words, so that nothing takes them for secrets by their looks."""
BASIC = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
SECRETS, HEADERS = (KEY, PASSWORD, BASIC), ("x-api-key", "x-goog-api-key", "Bearer ")


@dataclass
class Told:
    """What is told, as text; what is left in the folder; and what is logged."""

    folder: Path
    records: list[logging.LogRecord]
    said: list[str] = field(default_factory=list)

    def error(self, error: BaseException) -> None:
        self.said += [repr(error), str(vars(error)), *traceback.format_exception(error)]

    def leaks(self, words: tuple[str, ...] = (*SECRETS, *HEADERS)) -> list[str]:
        """The secrets that are in any of it."""
        ours = [r for r in self.records if r.name.startswith("adaptive")]
        kept = [p.read_bytes().decode("latin-1") for p in self.folder.rglob("*") if p.is_file()]
        everything = "\n".join([*self.said, *(r.getMessage() for r in ours), *kept])
        return [secret for secret in words if secret in everything]
