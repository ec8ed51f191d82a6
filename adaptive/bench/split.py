"""Splits recorded questions: those to measure a policy on, and those to tune its baselines on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion, rung_to_key
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import hash_question
from adaptive.learn.tuning.replay import select_replayable
from adaptive.profile.domain import UNLIKE
from adaptive.profile.features import normalise_question
from adaptive.profile.profile import Profile
from adaptive.types.ladder import Ladder
from adaptive.types.routine import format_rung

FEW = 300
"""With fewer questions, intervals are wider than one point of accuracy."""


@dataclass(frozen=True)
class QuestionSplit:
    """The two parts, no question in both (unless `notes` says so); notes: sentences for the reader."""

    test: tuple[RecordedQuestion, ...]
    tuning: tuple[RecordedQuestion, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RecordedPool:
    """The recorded questions of the file `path` by their text."""

    path: Path
    by_text: dict[str, RecordedQuestion]

    @classmethod
    def from_recorded(cls, path: Path, recorded: Iterable[RecordedQuestion], ladder: Ladder) -> RecordedPool:
        """Return those with every rung of the ladder; raise `InputError` if a rung was never recorded."""
        every = list(recorded)
        for rung in ladder:
            if not any(rung_to_key(rung) in one.outcomes for one in every):
                raise InputError(
                    f"no question in {path} was recorded at {format_rung(rung)}, a rung of the profile's ladder: "
                    "record them with `adaptive record --profile` and this profile."
                )
        return cls(path, {normalise_question(r.question.text): r for r in every if r.is_complete(ladder)})

    def get(self, questions: Sequence[Question], source: str) -> list[RecordedQuestion]:
        """Return these questions as recorded, each once; raise `InputError` if one is missing or differs."""
        keys = list(dict.fromkeys(normalise_question(q.text) for q in questions))
        missing = sum(key not in self.by_text for key in keys)
        if missing:
            raise InputError(
                f"{missing} of {len(keys)} questions of {source} are not recorded with every rung in {self.path}: "
                f"run `adaptive record {source} --out {self.path}` with the same model and profile first."
            )
        for question in questions:
            held = self.by_text[normalise_question(question.text)].question
            if held.reference != question.reference and held.reference and question.reference:
                raise InputError(
                    f"question {question.id!r} of {source} has another answer in {self.path}: record it "
                    "anew, into another file."
                )
        return [self.by_text[key] for key in keys]


def split_questions(
    pool: RecordedPool,
    questions: Sequence[Question],
    source: str,
    training_keys: Collection[str],
    tuned_on: tuple[Sequence[Question], str] | None = None,
    replayed: Profile | None = None,
) -> QuestionSplit:
    """Split recorded questions into those to test on and those to tune baselines on.

    If none are left to tune on, baselines are tuned on the test questions, in their favour, and a note says so.

    Args:
        pool: The recorded questions.
        questions: The questions to test on, without those that the profile has seen.
        source: Where they come from, for error sentences.
        training_keys: Keys of the questions that the profile has seen.
        tuned_on: Questions to tune on and their source; default: all other recorded ones.
        replayed: The profile that is replayed. Questions outside its domain are left out if no plain call of them
            was recorded.

    Raises:
        InputError: A question was not recorded, or none is left to test on.
    """
    named = pool.get(questions, source)
    test = [r for r in named if hash_question(r.question.text) not in training_keys]
    if not test:
        raise InputError(
            f"the profile has seen every question of {source}: bench on questions that are new to it."
        )
    unlike = len(test)
    test = select_replayable(replayed, test) if replayed else test
    unlike -= len(test)
    if not test:
        raise InputError(
            f"every new question of {source} is {UNLIKE}: a solve leaves them to the model. Bench on questions "
            "like those, or live."
        )
    test_texts = {normalise_question(q.text) for q in questions}
    others = pool.get(*tuned_on) if tuned_on else list(pool.by_text.values())
    tuning = [r for r in others if normalise_question(r.question.text) not in test_texts]
    notes = _describe_split(
        len(named), len(test) + unlike, unlike, len(others) - len(tuning) if tuned_on else 0, bool(tuning)
    )
    return QuestionSplit(tuple(test), tuple(tuning or test), tuple(notes))


def _describe_split(named: int, new: int, unlike: int, both: int, tuned: bool) -> list[str]:
    notes = []
    if named > new:
        notes.append(f"{named - new} of {named} questions are left out: the profile was made from them.")
    if unlike:
        notes.append(f"{unlike} of {new} questions are {UNLIKE} and left out: a solve leaves them to the model.")
    if both:
        notes.append(f"{both} of the tuning questions are test questions too, and were not tuned on.")
    if not tuned:
        notes.append(
            "No other questions were recorded: baselines are tuned on the test questions, in their favour."
        )
    if (test := new - unlike) < FEW:
        notes.append(f"{test} questions are few: differences inside the intervals prove nothing.")
    return notes
