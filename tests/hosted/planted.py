"""A model whose accuracy and thinking depend on effort and question, as planted: what a tuned policy should find.

Sums are solved at low effort, products from medium effort on, puzzles at high effort alone. The words of a
question tell its kind. Nothing depends on the order of calls. `TEAM` are two such models of one provider: what the
cheap one solves, and what only the dear one does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.hosted.script import Asked, Spoken

KINDS = ("sum", "product", "puzzle")
NEEDED = {"sum": "low", "product": "medium", "puzzle": "high"}
RANKS = {"none": 0, "minimal": 1, "low": 2, "medium": 3, "high": 4}
THOUGHT = {"none": 0, "minimal": 40, "low": 120, "medium": 700, "high": 2400}
WORDS = {
    "sum": "The baker sold {a} loaves before noon and {b} after noon. How many loaves is that?",
    "product": "A rectangular field measures {a} metres by {b} metres. What is its area in square metres?",
    "puzzle": "Find the integer hidden behind clue {a} and clue {b} of the old riddle of the sphinx.",
}


@dataclass(frozen=True)
class PlantedQuestion:
    kind: str
    a: int
    b: int

    @property
    def text(self) -> str:
        return WORDS[self.kind].format(a=self.a, b=self.b)

    @property
    def answer(self) -> str:
        return str(
            {"sum": self.a + self.b, "product": self.a * self.b, "puzzle": 1000 + 7 * self.a + self.b}[self.kind]
        )


def make_questions(count: int) -> list[PlantedQuestion]:
    """Return so many different questions, of each kind in turn."""
    return [PlantedQuestion(KINDS[i % 3], 11 + i // 3, 12 + 7 * (i // 3)) for i in range(count)]


def write_questions(file: Path, count: int) -> Path:
    """Write them as JSONL."""
    rows = [{"id": f"q{i}", "question": q.text, "answer": q.answer} for i, q in enumerate(make_questions(count))]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@dataclass(frozen=True)
class Planted:
    """The model.

    count: how many questions it knows. slip: the share that goes against what is planted. cached: the tokens of
    each prompt that are read from a cache. needed: the effort from which on each kind is solved; a kind that is
    not there is never solved. salt: tells its luck from that of others.
    """

    count: int
    slip: float = 0.04
    cached: int = 0
    needed: Mapping[str, str] = field(default_factory=lambda: NEEDED)
    salt: str = ""

    def __call__(self, asked: Asked) -> Spoken:
        question = self.find(asked)
        effort = asked.effort or ("medium" if asked.thinks else "none")
        needed = self.needed.get(question.kind)
        right = needed is not None and RANKS[effort] >= RANKS[needed]
        right ^= self._draw("slip", question, effort, asked.seed) < self.slip
        wrong = str(int(question.answer) + 1 + int(97 * self._draw("wrong", question, effort, asked.seed)))
        answer = question.answer if right else wrong
        return Spoken(f"The answer is \\boxed{{{answer}}}.", thinking="hm", thought=self.think(question, effort),
                      cached=self.cached)  # fmt: skip

    def find(self, asked: Asked) -> PlantedQuestion:
        """Return the question that was asked."""
        return next(one for one in make_questions(self.count) if one.text == asked.question)

    def think(self, question: PlantedQuestion, effort: str) -> int:
        """Return the thinking tokens that a question takes at an effort."""
        return int(THOUGHT[effort] * (0.5 + self._draw("length", question, effort, None)))

    def _draw(self, what: str, question: PlantedQuestion, effort: str, seed: int | None) -> float:
        digest = hashlib.sha256(f"{self.salt}{what} {question.text} {effort} {seed}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48


CHEAP, DEAR = "openai:gpt-5-mini", "openai:gpt-5"
TEAM_NEEDED = {CHEAP: {"sum": "low"}, DEAR: {"sum": "low", "product": "low", "puzzle": "high"}}
TEAM_BEST = {"sum": (CHEAP, "low"), "product": (DEAR, "low"), "puzzle": (DEAR, "high")}
"""The cheapest that solves each kind."""


@dataclass(frozen=True)
class Team:
    """The two models at one address. count, slip: as of each."""

    count: int
    slip: float = 0.04

    def __call__(self, asked: Asked) -> Spoken:
        return self.find(f"openai:{asked.model}")(asked)

    def find(self, spec: str) -> Planted:
        """Return the model of a spec."""
        return Planted(self.count, self.slip, needed=TEAM_NEEDED[spec], salt=spec)
