"""Which recorded questions a model is fitted to and which are left to tune its policy on, and what a profile has
seen.

Both parts are chosen by a hash of the question's group, so they do not depend on the order of the questions or on
which others there are, and no template is in both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from adaptive.errors import InputError
from adaptive.learn.data.questions import Question
from adaptive.profile.features import normalise_question

Split = Literal["learn", "tune"]
SEEN_FILE = "seen.txt"
TUNE_SHARE = 0.5
"""Of the questions that are left to tune on, where nobody says."""
_KEY = 16


def get_group(question: Question) -> str:
    """What a question must not be parted from: its group, or, where it has none, the same question's text."""
    return question.group or normalise_question(question.text)


def assign_split(question: Question, share: float = TUNE_SHARE) -> Split:
    """The part that a question is in; `share` of the groups (0..1) are left to tune on."""
    digest = hashlib.sha256(f"part {get_group(question)}".encode()).digest()
    return "tune" if int.from_bytes(digest[:6]) < share * 2**48 else "learn"


def hash_question(question: str) -> str:
    """16 hex digits for a question's text, equal for questions that are the same (`same_question`)."""
    return hashlib.sha256(normalise_question(question).encode()).hexdigest()[:_KEY]


def read_used_keys(folder: str | Path) -> frozenset[str]:
    """Keys of the questions that the profile in `folder` was made from; empty where it does not say.

    Raises `InputError` for a file that is not one.
    """
    file = Path(folder) / SEEN_FILE
    try:
        lines = file.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({error}): train the profile again.") from error
    wrong = next((k for k in lines if len(k) != _KEY or set(k) - set("0123456789abcdef")), None)
    if wrong is not None:
        raise InputError(f"{file} holds {wrong[:40]!r}, which is no key of a question: train the profile again.")
    return frozenset(lines)


def write_used_keys(folder: str | Path, questions: Iterable[str], *, before: Iterable[str] = ()) -> None:
    """Write down which questions a profile has seen, besides the keys `before`."""
    from adaptive._util.files import write_atomically

    keys = sorted({*before, *map(hash_question, questions)})
    write_atomically(Path(folder) / SEEN_FILE, "".join(f"{key}\n" for key in keys))
