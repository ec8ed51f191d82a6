"""Outcomes of questions whose text does not tell how hard they are, while their embedding does."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

from adaptive.learn.data.outcome import RecordedQuestion
from tests.learn.embedding_server import digits_of
from tests.learn.made import many


def riddles(count: int, seed: int = 0) -> list[RecordedQuestion]:
    """As `many`, each sum's text replaced by one in which its digits are hidden."""
    rng = Random(seed)
    return [
        replace(one, question=replace(one.question, text=riddle(_digits(one.question.text), rng)))
        for one in many(count, seed)
    ]


def riddle(digits: int, rng: Random) -> str:
    """A text that hides so many digits."""
    while digits_of(text := "Riddle " + "".join(rng.choices("bcdfghklmnprst", k=7))) != digits:
        pass
    return text


def _digits(text: str) -> int:
    return max(map(len, re.findall(r"\d+", text)))
