"""Which questions a profile was made from: `seen.txt` in its folder, a key a line."""

from __future__ import annotations

import hashlib
from pathlib import Path

from adaptive.errors import InputError
from adaptive.learn.features import same_question

SEEN = "seen.txt"


def seen_key(question: str) -> str:
    """16 hex digits for a question's text, equal for questions that are the same (`same_question`)."""
    return hashlib.sha256(same_question(question).encode()).hexdigest()[:16]


def read_seen(folder: str | Path) -> frozenset[str]:
    """The keys in a profile's folder; empty where it does not say. Raises `InputError` where it cannot be read."""
    file = Path(folder) / SEEN
    try:
        return frozenset(file.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({error}): train the profile again.") from error
