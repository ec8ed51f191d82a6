"""Calls of `ChatAdaptive` that carry tools or a form: a step of a chat model, as the middleware makes them.

A solve ends with an answer. A call with tools may end with a call of one, which is not to be verified, and its
message goes back to the provider as it came. So it is a step: an effort by the question's difficulty, one call
more where it starved, and more effort where a final answer is rejected.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AnyMessage

from adaptive.agents.step.bound_tools import Carried
from adaptive.agents.step.call_settings import Levers, ladder_of
from adaptive.agents.step.effects import Call, Done, Judge, Reply, Work, adriven, passed
from adaptive.agents.step.report import marked, report
from adaptive.agents.step.start import question_of, start
from adaptive.agents.step.step import Step
from adaptive.agents.step.verdict import Form
from adaptive.chat.errors import explain
from adaptive.chat.response import estimated_tokens
from adaptive.policy.ladder import shape
from adaptive.policy.limits import spent_up
from adaptive.prices import Prices, priced
from adaptive.reason.starvation import Recovery
from adaptive.solver.chat_model import ChatBound
from adaptive.solver.result import usage_metadata
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

ESCALATIONS = 2
"""How often a final answer that was rejected is asked for again, where `max_attempts` says nothing."""
UNUSED = ("waits", "samples", "approve_above")
"""Options of a solve that a step has no use for."""


@dataclass(frozen=True)
class Caller:
    """Makes such calls of a bound chat model, within the options."""

    bound: ChatBound
    options: Options
    prices: Prices

    async def message(self, messages: Sequence[AnyMessage], carried: Carried) -> AIMessage:
        """The message that was kept, as the provider gave it, with the usage of the step and its report.

        Raises `InputError` for what the caller can mend and `ChatError` for the rest.
        """
        self.bound.check(messages)
        if self.options.max_cost is not None:
            self.prices.require(self.bound.name, self.options.max_cost)
        # In a thread: the first time, the difficulty model is read from its files.
        step = await asyncio.to_thread(_Step, self, messages, carried)
        try:
            done = await adriven(step.work, step.call, step.judge)
        except Exception as error:
            if error is not step.failure:
                raise
            # Not `from error`: what it says may hold a key, and a traceback would show it.
            raise explain(error, self.bound.name) from None
        return step.over(done)

    def over(self, usage: Usage) -> bool:
        """Whether a limit of tokens or money is reached."""
        return bool(spent_up(priced(usage, self.bound.name, self.prices), self.options))


class _Step:
    """One such call: what is to be done, who does it, and what is said at its end."""

    def __init__(self, by: Caller, messages: Sequence[AnyMessage], carried: Carried) -> None:
        options = by.options
        self._by, self._messages, self._carried = by, messages, carried
        # 0 is what an option has that was not asked for.
        warmth, seed = options.temperature or None, options.seed or None
        self._levers = Levers(by.bound.model, carried.arguments, carried.forced, warmth, seed)
        self._reason, self._said = self._levers.taken, tuple[str, ...]()
        self.failure: Exception | None = None
        self.work = self._work()

    async def call(self, job: Call) -> Reply:
        """Make a call of the model."""
        begun, model = time.perf_counter(), self._by.bound.model
        settings = self._carried.arguments if job.settings is None else job.settings
        try:
            turn = await model.call(self._messages, settings)
        except Exception as error:  # noqa: BLE001 -- each provider has its own; raised again if nothing mends it
            self.failure = error
            return Reply(None, error, time.perf_counter() - begun)
        calls = turn.message.tool_calls if self._carried.form else []
        structured = calls[0]["args"] if calls else None
        return Reply(turn.message, None, turn.usage.seconds, structured, read=turn)

    async def judge(self, job: Judge) -> Verdict:
        """Judge a final answer; its form alone where nothing else can."""
        verifier = Form() if self._by.bound.by_form else self._by.bound.verifier
        return await verifier.verify(job.question, job.attempt, job.others)

    def over(self, done: Done) -> AIMessage:
        """The kept message with the usage of the step and its report."""
        message = done.reply.message
        if message is None:  # a step raises where there is none
            raise RuntimeError("a step ended without a message")
        usage = (done.counts.usage or Usage()).to_json()
        told = message.model_copy(update={"usage_metadata": usage_metadata(usage)})
        return marked(told, report(done, self._reason, self._notes()))

    def _work(self) -> Work:
        messages, by = self._messages, self._by
        prompt = estimated_tokens("".join(str(m.text) for m in messages))
        if self._levers.taken:
            return passed(prompt)
        ladder, index = self._begin()
        return Step(
            self._levers,
            ladder,
            index,
            self._reason,
            question_of(messages),
            self._escalations(),
            by.over,
            self._recovery(),
            prompt,
            lambda _: None,
        ).work()

    def _begin(self) -> tuple[Ladder, int]:
        """The rungs to use, and with which to begin; why, is kept."""
        bound, options = self._by.bound, self._by.options
        ladder, places = ladder_of(bound.model, shape(bound.profile.ladder, options))
        begin = start(self._messages, ladder, places, bound.profile, options=options)
        self._reason, self._said = begin.reason, begin.notes
        return ladder, begin.index

    def _escalations(self) -> int:
        options = self._by.options
        if not options.adapt:
            return 0
        return ESCALATIONS if options.max_attempts is None else options.max_attempts - 1

    def _recovery(self) -> Recovery:
        by, options = self._by, self._by.options
        return Recovery(
            by.bound.memory,
            self._levers.largest,
            options.max_tokens,
            affordable=lambda usage: not by.over(usage),
            pinned=options.effort is not None,
        )

    def _notes(self) -> list[str]:
        """What was mapped, and what of the options has no use here, in words."""
        unused = [name for name in UNUSED if getattr(self._by.options, name)]
        said = [f"{name} is not used: with tools or a form a call is one step, not a solve" for name in unused]
        return [*self._said, *self._levers.said(), *said]
