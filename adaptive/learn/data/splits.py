"""The split of recorded questions into those to learn from and those to tune on, and the keys of used questions.

A hash of the question's group decides. So a split does not depend on the order of the questions or on the others,
and no template is in both parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Literal

from adaptive._util.files import read_file
from adaptive.errors import InputError
from adaptive.learn.data.questions import Question
from adaptive.profile.features import normalise_question
from adaptive.profile.files import SEEN_FILE

Split = Literal["learn", "tune"]
TUNE_SHARE = 0.5
"""The default share of the questions that is left to tune on."""
_KEY = 16
_MOST_BYTES = 10_000_000
"""No file of keys has more bytes: that of 500,000 questions has 8.5 million."""


def get_group(question: Question) -> str:
    """Return the group of a question, by default its normalised text."""
    return question.group or normalise_question(question.text)


def assign_split(question: Question, share: float = TUNE_SHARE) -> Split:
    """Return the part of a question; the share `share` of the groups (0..1) is left to tune on."""
    digest = hashlib.sha256(f"part {get_group(question)}".encode()).digest()
    return "tune" if int.from_bytes(digest[:6]) < share * 2**48 else "learn"


def hash_question(question: str) -> str:
    """Return 16 hex digits for a question's text, equal for texts that are equal when normalised."""
    return hashlib.sha256(normalise_question(question).encode()).hexdigest()[:_KEY]


def read_used_keys(folder: str | Path) -> frozenset[str]:
    """Return the keys of the questions that the profile in `folder` used; none if it has no such file.

    Raises:
        InputError: The file is damaged.
    """
    file = Path(folder) / SEEN_FILE
    try:
        data = read_file(file, _MOST_BYTES)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error}): train the profile again.") from error
    return frozenset(_parse_key(line, file) for line in BytesIO(data) if not line.isspace())


def _parse_key(line: bytes, file: Path) -> str:
    key = line.strip()
    if len(key) != _KEY or set(key) - set(b"0123456789abcdef"):
        raise InputError(
            f"{file} holds {key[:40].decode('ascii', 'replace')!r}, which is no key of a question: "
            "train the profile again."
        )
    return key.decode()


def write_used_keys(folder: str | Path, questions: Iterable[str], *, before: Iterable[str] = ()) -> None:
    """Write the keys of the questions that a profile used.

    Args:
        folder: The folder of the profile.
        questions: Their texts.
        before: Further keys.
    """
    from adaptive._util.files import write_atomically

    keys = sorted({*before, *map(hash_question, questions)})
    write_atomically(Path(folder) / SEEN_FILE, "".join(f"{key}\n" for key in keys))
