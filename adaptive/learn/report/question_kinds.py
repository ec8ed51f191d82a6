"""Kinds of questions in words that a user can act on: length and numbers, first words, new words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import takewhile

from adaptive.profile.features import QuestionFeatures

LONG = 25
"""From so many words on a question is long."""
OTHERS = "anything else"
WORDS = 10
"""How many new words are listed."""


def name_kind(question: str) -> str:
    """Return the kind of a question by what is seen at once: its length, and whether it has numbers."""
    pieces = QuestionFeatures(question).pieces
    length = "long" if len(_select_words(pieces)) >= LONG else "short"
    return f"{length}, {'with' if any(piece[0].isdecimal() for piece in pieces) else 'without'} numbers"


def name_beginning(question: str) -> str:
    """Return the first two words of a question in lower case; `OTHERS` if it begins with none."""
    words = takewhile(_is_word, QuestionFeatures(question).pieces[:2])
    return " ".join(words) or OTHERS


def count_new_words(questions: Iterable[str], usual: Iterable[str]) -> dict[str, int]:
    """Return the most frequent words of questions that no usual one has.

    Args:
        questions: The questions, each once.
        usual: The questions whose words are not new.

    Returns:
        How many of `questions` have each of the `WORDS` most frequent ones, in falling order.
    """
    known = set[str]().union(*map(_find_words, usual))
    counts = Counter(word for question in questions for word in _find_words(question) - known)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:WORDS])


def _find_words(question: str) -> set[str]:
    return set(_select_words(QuestionFeatures(question).pieces))


def _select_words(pieces: Iterable[str]) -> list[str]:
    return [piece for piece in pieces if _is_word(piece)]


def _is_word(piece: str) -> bool:
    return piece[0].isalpha()
