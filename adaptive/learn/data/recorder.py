"""Records what every rung, Wait and sample brings at a question; decides nothing.

Budgets nest: for each effort one greedy chain is thought, made to answer where each budget cuts it, and goes on to
the next as if nothing had been. So little is paid twice, and each attempt is what a solve would have bought. Waits
go on with that chain, and samples beside it are cut in the same way.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from adaptive._util.aio import at_once
from adaptive.answers.grader import Grader
from adaptive.engines.protocol import Prompt, Sampling, TokenEngine
from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, Key, Outcome, key_of
from adaptive.learn.data.outcomes import Outcomes
from adaptive.learn.data.questions import Question
from adaptive.reason.budget import Style
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import NO_STOPS, think
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Effort, Ladder, Rung
from adaptive.types.stops import Stops

OnQuestion = Callable[[Question, InputError | None], None]
OnAttempt = Callable[[Outcome], None]
SAMPLE_SEEDS = 1009
"""Between the seeds of two runs there is room for so many samples."""


@dataclass(frozen=True)
class Recorder:
    """Buys and grades attempts.

    waits: how many are taken, one after the other, after a chain that ended by itself. samples: how many are drawn
    of each question, at `sampled` (an effort of the ladder) and `temperature`. unlimited: whether the chain of the
    top rung is let go on to its own end or the window's.

    Raises `InputError` for a ladder whose first rung thinks or that has no other.
    """

    engine: TokenEngine
    ladder: Ladder
    style: Style
    grader: Grader
    stops: Stops = field(default_factory=Stops)
    waits: int = 1
    samples: int = 0
    sampled: str = ""
    temperature: float = 0.7
    seed: int = 0
    unlimited: bool = True

    def __post_init__(self) -> None:
        self.ladder.require_base("record")
        if self.sampled and self.sampled not in self.efforts:
            raise InputError(f"samples are drawn at an effort of the ladder ({', '.join(self.efforts)}).")

    @property
    def efforts(self) -> list[Effort]:
        """The efforts of the rungs that think, in order."""
        return list(dict.fromkeys(r.effort for r in self.ladder if r.thinks))

    @property
    def budgets(self) -> list[int]:
        """The thinking budgets of the ladder, rising."""
        return sorted({r.budget for r in self.ladder if r.thinks})

    async def run(
        self,
        questions: Sequence[Question],
        outcomes: Outcomes,
        concurrency: int,
        on_question: OnQuestion,
        on_attempt: OnAttempt,
    ) -> None:
        """Record the questions, `concurrency` at a time; what is in `outcomes` already is not bought again.

        One that does not fit in the model's window is told with that error. Any other error ends the run.
        """

        async def one(question: Question) -> None:
            on_question(question, await self._tried(question, outcomes, on_attempt))

        await at_once(questions, min(concurrency, len(questions)), one)

    async def _tried(self, question: Question, outcomes: Outcomes, on_attempt: OnAttempt) -> InputError | None:
        asked = _Asked(self, question, outcomes, on_attempt)
        try:
            await asked.all()
        except InputError as error:
            return error
        finally:
            for session in asked.sessions:
                await self.engine.release(session)
        return None


@dataclass
class _Asked:
    """One question as it is recorded."""

    by: Recorder
    question: Question
    outcomes: Outcomes
    on_attempt: OnAttempt

    def __post_init__(self) -> None:
        self.known = self.outcomes.of(self.question)
        self.sessions: set[str] = set()
        self.name = uuid.uuid4().hex

    async def all(self) -> None:
        """Everything that is not there yet."""
        by = self.by
        await self.bought(DIRECT, lambda: self.think(DIRECT, by.ladder[0]))
        for effort in by.efforts:
            chain = await self.nested(effort, 0)
            await self.waits(effort, chain)
            await self.granted(effort)
            if by.unlimited and effort == by.ladder[by.ladder.top].effort:
                await self.to_the_end(effort, chain)
        for number in range(1, by.samples + 1):
            await self.nested(by.sampled or by.efforts[-1], number)

    async def nested(self, effort: str, sample: int) -> Outcome:
        """One chain, made to answer at each budget that cuts it; the last of these attempts."""
        chain: Outcome | None = None
        for budget in self.by.budgets:
            key = Key(effort, budget, 0, sample)
            if chain is not None and chain.attempt.finish != "budget":
                chain = self.keep(replace(chain, key=key, attempt=replace(chain.attempt, budget=budget)))
            else:
                chain = await self.bought(key, self._thinking(key, self.rung(effort, budget), chain))
        assert chain is not None  # a ladder that is recorded has a rung that thinks
        return chain

    def _thinking(self, key: Key, rung: Rung, chain: Outcome | None) -> Callable[[], Awaitable[Outcome]]:
        return lambda: self.think(key, rung, chain)

    async def waits(self, effort: str, chain: Outcome) -> None:
        """The chain with one Wait more, and one more, as long as it ends by itself."""
        largest = self.by.budgets[-1]
        for count in range(1, self.by.waits + 1):
            if chain.attempt.finish != "natural":
                return
            key = Key(effort, largest, count)
            rung = replace(self.rung(effort, largest), waits=count)
            chain = await self.bought(key, self._thinking(key, rung, chain))

    async def granted(self, effort: str) -> None:
        """The rungs that grant Waits: their chain with these, or as it is where it did not end by itself."""
        for rung in self.by.ladder:
            if rung.waits and rung.effort == effort:
                key, chain = key_of(rung), self.known[Key(effort, rung.budget)]
                if chain.attempt.finish != "natural":
                    self.keep(replace(chain, key=key))
                else:
                    await self.bought(key, self._thinking(key, rung, chain))

    async def to_the_end(self, effort: str, chain: Outcome) -> None:
        """The chain without a budget and without early stops."""
        window = self.by.engine.context_window
        key = Key(effort, window)
        if window <= self.by.budgets[-1]:
            return
        if chain.attempt.finish in ("natural", "context"):
            self.keep(replace(chain, key=key, attempt=replace(chain.attempt, budget=window)))
        else:
            rung = self.rung(effort, window)
            await self.bought(key, lambda: self.think(key, rung, chain, NO_STOPS))

    async def bought(self, key: Key, buy: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """The attempt that is there, or the one that is bought now."""
        return self.known[key] if key in self.known else self.keep(await buy())

    def keep(self, outcome: Outcome) -> Outcome:
        """Write an attempt down, if it is not there yet."""
        if outcome.key not in self.known:
            self.outcomes.add(self.question, outcome)
            self.known[outcome.key] = outcome
            self.on_attempt(outcome)
        return outcome

    async def think(
        self, key: Key, rung: Rung, after: Outcome | None = None, stops: Stops | None = None
    ) -> Outcome:
        """One attempt, on the chain of another where there is one, graded."""
        by, prompt, before = self.by, self.prompt(rung), after.attempt if after else None
        attempt = await think(
            by.engine, prompt, rung, style=by.style, stops=by.stops if stops is None else stops,
            thought=Thought.of(before) if before else Thought(), sampling=self.sampling(key),
            session=self.session(key), index=self.index(key), arm=_arm(key),
        )  # fmt: skip
        right, why = await self.graded(attempt)
        given = len(prompt.open if rung.thinks else prompt.closed)
        return Outcome(key, attempt, right, given, _closing(attempt, before), why)

    async def graded(self, attempt: Attempt) -> tuple[bool | None, str]:
        """Whether the answer is right; in a thread, for a grader may take its time."""
        question = self.question
        grade = await asyncio.to_thread(self.by.grader.grade, question.text, attempt.answer, question.reference)
        return (grade.right, "") if grade.decided else (None, grade.reason)

    def rung(self, effort: str, budget: int) -> Rung:
        """A rung of this effort and budget, its room for the answer that of the ladder's nearest."""
        near = next((r for r in self.by.ladder if r.budget >= budget), self.by.ladder[self.by.ladder.top])
        return replace(near, effort=effort, budget=budget, waits=0)  # type: ignore[arg-type]

    def index(self, key: Key) -> int:
        """The ladder's rung for it: of its own effort and budget, else the first with room for it."""
        rungs = list(enumerate(self.by.ladder))
        own = (i for i, r in rungs if (r.effort, r.budget) == (key.effort, key.budget))
        return next(own, next((i for i, r in rungs if r.budget >= key.budget), self.by.ladder.top))

    def sampling(self, key: Key) -> Sampling:
        """Greedy, or warm with a seed of its own for a sample."""
        if not key.sample:
            return Sampling(seed=self.by.seed)
        return Sampling(temperature=self.by.temperature, seed=self.by.seed * SAMPLE_SEEDS + key.sample)

    def session(self, key: Key) -> str:
        """A session of the engine for each chain that is gone on with; samples share one where caches are
        apart."""
        of = (
            f"sample {key.sample}"
            if key.sample and self.by.engine.shares_cache
            else "samples"
            if key.sample
            else ""
        )
        name = f"record {self.name} {of or self.told(key.effort)}"
        self.sessions.add(name)
        return name

    def told(self, effort: str) -> Effort:
        """What the template is told: the direct answer shares the prompt of the first rung that thinks."""
        return next((e for e in self.by.efforts if e == effort), self.by.efforts[0])

    def prompt(self, rung: Rung) -> Prompt:
        """The question through the chat template."""
        turns = self.by.style.turns([("user", self.question.text)])
        return self.by.engine.codec.render(turns, self.told(rung.effort))


def _arm(key: Key) -> Arm:
    return "vote" if key.sample else "wait" if key.waits else "first"


def _closing(attempt: Attempt, before: Attempt | None) -> int:
    """Injected ids that are no thinking: all of this attempt's but the Waits that it put into its chain."""
    old = len(before.rounds) if before else 0
    waits = sum(r.injected for r in attempt.rounds[old:])
    return max(0, attempt.usage.injected - waits)
