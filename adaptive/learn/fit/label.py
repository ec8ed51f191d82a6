"""Labels questions with a model of one's own: the cheapest rung that solves each.

s1's rule (Muennighoff et al. 2025, arXiv 2501.19393, §2.2): a question is easy if the base model answers it
without thinking, medium if thinking solves it, hard if it does not. Medium is split by what the chain took:
for each effort of the ladder, cheapest first, one chain runs with the largest budget of that effort and no
waits; a right one is bought by the first rung of that effort that has room for it. Nothing dearer is run once
something was right, but for an audit of questions picked by chance, on which everything is run.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from adaptive._util.aio import run_concurrently
from adaptive.engines.protocol import Prompt, Sampling, TokenEngine
from adaptive.errors import InputError
from adaptive.learn.data.questions import Question
from adaptive.learn.fit.graded import GradedAttempt, Record
from adaptive.reason.budget import Room, Style, Tail
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder, Rung

AUDITED = 1000
"""Questions that are audited if there are enough: all of fewer, and never less than a fifth."""

OnRecord = Callable[[Question, Record | InputError], None]


@dataclass(frozen=True)
class Labeller:
    """What labels are made with; `audit` is the share of questions on which everything is run, in 0..1.

    Raises `InputError` for a ladder whose first rung thinks or that has no other.
    """

    engine: TokenEngine
    ladder: Ladder
    style: Style
    sampling: Sampling
    audit: float = 1.0

    def __post_init__(self) -> None:
        self.ladder.require_base("train on")

    async def run(self, questions: Sequence[Question], concurrency: int, on_record: OnRecord) -> None:
        """Label the questions, `concurrency` at a time; `on_record` is told each as soon as it is done.

        One that does not fit in the model's window is told with that error. Any other error ends the run.
        """

        async def one(question: Question) -> None:
            on_record(question, await self._tried(question))

        await run_concurrently(questions, min(concurrency, len(questions)), one)

    async def label(self, question: Question) -> Record:
        """The record of one question. Raises `InputError` where it does not fit in the model's window."""
        session = f"label-{uuid.uuid4().hex}"
        try:
            return await self._label(question, session)
        finally:
            await self.engine.release(session)

    async def _tried(self, question: Question) -> Record | InputError:
        try:
            return await self.label(question)
        except InputError as error:
            return error

    async def _label(self, question: Question, session: str) -> Record:
        audited = chance(question.id) < self.audit
        direct = GradedAttempt.grade(await self._buy(question, 0, session), question.reference, 0)
        chains: list[GradedAttempt] = []
        for indices in self._efforts():
            if not audited and any(a.correct for a in (direct, *chains)):
                break
            attempt = await self._buy(question, indices[-1], session)
            rung = self._cheapest(question, attempt, indices)
            chains.append(GradedAttempt.grade(attempt, question.reference, rung))
        return Record(question.id, question.text, question.reference, direct, tuple(chains), audited)

    def _efforts(self) -> Iterator[list[int]]:
        """The indices of the thinking rungs, those of one effort together."""
        thinking = range(1, len(self.ladder))
        return (list(group) for _, group in groupby(thinking, key=lambda i: self.ladder[i].effort))

    async def _buy(self, question: Question, index: int, session: str) -> Attempt:
        rung = replace(self.ladder[index], waits=0)
        return await think_within_budget(
            self.engine,
            self._prompt(question, rung),
            rung,
            style=self.style,
            sampling=self.sampling,
            session=session,
            index=index,
            arm="first",
        )

    def _prompt(self, question: Question, rung: Rung) -> Prompt:
        return self.engine.codec.render([("user", question.text)], rung.effort)

    def _cheapest(self, question: Question, attempt: Attempt, indices: Sequence[int]) -> int:
        """The first rung of one effort in which the model would have ended this chain itself."""
        if attempt.finish != "natural":
            return indices[-1]
        taken, tail = attempt.chain_tokens, Tail.from_style(self.style, self.engine.codec)
        for index in indices:
            rung = self.ladder[index]
            prompt = len(self._prompt(question, rung).open)
            if Room.plan(rung, self.engine.context_window, prompt, tail).limit >= taken:
                return index
        return indices[-1]


def audit_share(questions: int) -> float:
    """The share of so many questions that is audited, in 0..1."""
    return min(1.0, max(0.2, AUDITED / max(1, questions)))


def chance(name: str) -> float:
    """A number in 0..1 that is the same for the same name, and otherwise as good as random."""
    return int.from_bytes(hashlib.sha1(name.encode()).digest()[:6]) / 2**48
