"""Records one question: each attempt of a plan that is not there yet.

Budgets nest: each effort has one greedy chain, which answers where each budget cuts it, and then continues to the
next one. So little is computed twice, and each attempt is that of a solve. Waits continue this chain, and samples
are cut in the same way.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from adaptive.engines.protocol import Prompt, Sampling
from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, make_plain_key, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recording_plan import RecordingPlan
from adaptive.profile.untrained import choose_answer_room
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import NO_STOPS, think_within_budget
from adaptive.reason.plain import answer_plainly
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Effort, Rung
from adaptive.types.stops import Stops

OnAttempt = Callable[[Outcome], None]
SAMPLE_SEEDS = 1009
"""The distance between the seeds of two runs: more samples would share seeds."""


@dataclass
class QuestionRecorder:
    """One question as it is recorded."""

    plan: RecordingPlan
    question: Question
    outcomes: OutcomeStore
    on_attempt: OnAttempt

    def __post_init__(self) -> None:
        self.stored = self.outcomes.read_outcomes(self.question)
        self.sessions: set[str] = set()
        self.name = uuid.uuid4().hex

    async def record_all(self) -> None:
        """Record all that is missing."""
        by = self.plan
        await self.get_or_record(DIRECT, lambda: self.attempt_rung(DIRECT, by.ladder[0]))
        for effort in by.efforts:
            chain = await self.record_budgets(effort, 0)
            await self.record_waits(effort, chain)
            await self.record_granted_waits(effort)
            if by.unlimited and effort == by.ladder[by.ladder.top].effort:
                await self.record_unlimited(effort, chain)
        for number in range(1, by.samples + 1):
            await self.record_budgets(by.sample_effort or by.efforts[-1], number)
        if by.plain:
            await self.record_plain()

    async def record_budgets(self, effort: str, sample: int) -> Outcome:
        """Record one chain with an answer at each budget that cuts it; return the last of these attempts."""
        chain: Outcome | None = None
        for budget in self.plan.budgets:
            rung = self.make_rung(effort, budget)
            key = replace(rung_to_key(rung), sample=sample)
            if chain is not None and chain.attempt.finish != "budget":
                chain = self.store(replace(chain, key=key, attempt=replace(chain.attempt, budget=budget)))
            else:
                chain = await self.get_or_record(key, self._make_thinker(key, rung, chain))
        assert chain is not None  # a ladder that is recorded has a rung that thinks
        return chain

    def _make_thinker(
        self, key: OutcomeKey, rung: Rung, chain: Outcome | None
    ) -> Callable[[], Awaitable[Outcome]]:
        return lambda: self.attempt_rung(key, rung, chain)

    async def record_waits(self, effort: str, chain: Outcome) -> None:
        """Record the chain with one Wait more at a time, as long as it ends by itself."""
        largest = self.plan.budgets[-1]
        for count in range(1, self.plan.waits + 1):
            if chain.attempt.finish != "natural":
                return
            rung = replace(self.make_rung(effort, largest), waits=count)
            key = rung_to_key(rung)
            chain = await self.get_or_record(key, self._make_thinker(key, rung, chain))

    async def record_granted_waits(self, effort: str) -> None:
        """Record rungs that grant Waits: their chain with these, or as it is if it did not end by itself."""
        for rung in self.plan.ladder:
            if rung.waits and rung.effort == effort:
                key = rung_to_key(rung)
                chain = self.stored[key.chain]
                if chain.attempt.finish != "natural":
                    self.store(replace(chain, key=key))
                else:
                    await self.get_or_record(key, self._make_thinker(key, rung, chain))

    async def record_unlimited(self, effort: str, chain: Outcome) -> None:
        """Record the chain without a budget and without early stops."""
        window = self.plan.engine.context_window
        rung = self.make_rung(effort, window)
        key = rung_to_key(rung)
        if window <= self.plan.budgets[-1]:
            return
        if chain.attempt.finish in ("natural", "context"):
            self.store(replace(chain, key=key, attempt=replace(chain.attempt, budget=window)))
        else:
            await self.get_or_record(key, lambda: self.attempt_rung(key, rung, chain, NO_STOPS))

    async def record_plain(self) -> None:
        """Record a plain call, whose only budget is the context window."""
        by, window = self.plan, self.plan.engine.context_window
        key = make_plain_key(window)
        rung = Rung("default", window, answer_room=choose_answer_room(window))

        async def call() -> Outcome:
            prompt = by.engine.codec.render(by.style.with_system([("user", self.question.text)]), rung.effort)
            attempt = await answer_plainly(
                by.engine, prompt, rung, style=by.style, stops=by.stops, sampling=self.make_sampling(key),
                session=self.open_session(key), index=0, arm="first",
            )  # fmt: skip
            right, why = await self.grade(attempt)
            return Outcome(key, attempt, right, len(prompt.open), _count_closing(attempt, None), why)

        await self.get_or_record(key, call)

    async def get_or_record(self, key: OutcomeKey, think: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Return the recorded attempt, or make it now."""
        return self.stored[key] if key in self.stored else self.store(await think())

    def store(self, outcome: Outcome) -> Outcome:
        """Write an attempt, if it is not there yet."""
        if outcome.key not in self.stored:
            self.outcomes.add(self.question, outcome)
            self.stored[outcome.key] = outcome
            self.on_attempt(outcome)
        return outcome

    async def attempt_rung(
        self, key: OutcomeKey, rung: Rung, after: Outcome | None = None, stops: Stops | None = None
    ) -> Outcome:
        """Make and grade one attempt, on the chain of another if there is one."""
        by, prompt, before = self.plan, self.render_prompt(rung), after.attempt if after else None
        attempt = await think_within_budget(
            by.engine, prompt, rung, style=by.style, stops=by.stops if stops is None else stops,
            thought=Thought.from_attempt(before) if before else Thought(), sampling=self.make_sampling(key),
            session=self.open_session(key), arm=_choose_arm(key),
            index=by.ladder.find_rung(key.effort, key.budget),
        )  # fmt: skip
        right, why = await self.grade(attempt)
        prompt_tokens = len(prompt.open if rung.thinks else prompt.closed)
        return Outcome(key, attempt, right, prompt_tokens, _count_closing(attempt, before), why)

    async def grade(self, attempt: Attempt) -> tuple[bool | None, str]:
        """Return whether the answer is right. It runs in a thread, since a grader may be slow."""
        question = self.question
        grade = await asyncio.to_thread(self.plan.grader.grade, question.text, attempt.answer, question.reference)
        return (grade.right, "") if grade.decided else (None, grade.reason)

    def make_rung(self, effort: str, budget: int) -> Rung:
        """Return a rung of this effort and budget, with the answer room of the ladder's nearest rung."""
        near = next((r for r in self.plan.ladder if r.budget >= budget), self.plan.ladder[self.plan.ladder.top])
        return replace(near, effort=effort, budget=budget, waits=0)  # type: ignore[arg-type]

    def make_sampling(self, key: OutcomeKey) -> Sampling:
        """Return greedy sampling, or for a sample the temperature with a seed of its own."""
        if not key.sample:
            return Sampling(seed=self.plan.seed)
        return Sampling(temperature=self.plan.temperature, seed=self.plan.seed * SAMPLE_SEEDS + key.sample)

    def open_session(self, key: OutcomeKey) -> str:
        """Return an engine session for each chain that will be continued.

        Samples share one, unless the engine shares its cache between sessions.
        """
        of = (
            f"sample {key.sample}"
            if key.sample and self.plan.engine.shares_cache
            else "samples"
            if key.sample
            else ""
        )
        name = f"record {self.name} {of or self.find_prompt_effort(key.effort)}"
        self.sessions.add(name)
        return name

    def find_prompt_effort(self, effort: str) -> Effort:
        """Return the effort of the prompt. The direct answer shares the prompt of the first rung that thinks."""
        return next((e for e in self.plan.efforts if e == effort), self.plan.efforts[0])

    def render_prompt(self, rung: Rung) -> Prompt:
        """Render the question with the chat template."""
        turns = self.plan.style.with_system([("user", self.question.text)])
        return self.plan.engine.codec.render(turns, self.find_prompt_effort(rung.effort))


def _choose_arm(key: OutcomeKey) -> Arm:
    return "vote" if key.sample else "wait" if key.waits else "first"


def _count_closing(attempt: Attempt, before: Attempt | None) -> int:
    """Return the injected tokens outside of thinking: all of this attempt's but the Waits in its chain."""
    old = len(before.rounds) if before else 0
    waits = sum(r.injected for r in attempt.rounds[old:])
    return max(0, attempt.usage.injected - waits)
