"""Which questions a fit learns from, and which it is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.errors import InputError
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import get_group, hash_question

LEAST_QUESTIONS = 30
LEAST_IN_PART = 10


@dataclass(frozen=True)
class FitSplit:
    """The questions to learn from, and those to measure on, which nothing is chosen by. No group is in both."""

    learn: tuple[Question, ...]
    held_out: tuple[Question, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """All of them."""
        return (*self.learn, *self.held_out)


def hold_out_half(questions: Sequence[Question], seed: int = 0) -> FitSplit:
    """Split questions into two halves, without splitting a group.

    The same question comes once. A hash of the group and the seed decides, not the order of the questions.

    Args:
        questions: At least `LEAST_QUESTIONS` different ones.
        seed: Chooses another split.

    Raises:
        InputError: They are too few, or in too few groups for two parts.
    """
    known = list({hash_question(one.text): one for one in reversed(questions)}.values())
    if len(known) < LEAST_QUESTIONS:
        raise InputError(
            f"{len(known)} different questions are too few to fit a profile: give at least {LEAST_QUESTIONS}."
        )
    groups: dict[str, list[Question]] = {}
    for one in sorted((_identify(one) for one in known), key=lambda one: one.id):
        groups.setdefault(get_group(one), []).append(one)
    parts: tuple[list[Question], list[Question]] = [], []
    for group in sorted(groups, key=lambda group: hashlib.sha256(f"fit {seed} {group}".encode()).digest()):
        fits = len(parts[1]) + len(groups[group]) <= len(known) // 2
        parts[fits].extend(groups[group])
    least = min(map(len, parts))
    if least < LEAST_IN_PART:
        raise InputError(
            f"the {len(known)} questions are in {len(groups)} groups, so that only {least} could be held out or "
            f"learned from: give questions of more groups, at least {LEAST_IN_PART} for each part."
        )
    return FitSplit(*map(tuple, parts))


def _identify(one: Question) -> Question:
    """Return the question with an id made from all of it: ids of two files may be the same."""
    whole = "\0".join((one.text, one.reference, one.group))
    return replace(one, id=hashlib.sha256(whole.encode()).hexdigest()[:16])
