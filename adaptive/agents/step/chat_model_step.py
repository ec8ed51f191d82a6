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

from adaptive.agents.step.bound_tools import BoundArguments
from adaptive.agents.step.call_settings import CallSettings, select_rungs
from adaptive.agents.step.effects import (
    ModelCall,
    ModelReply,
    StepResult,
    StepWork,
    VerdictRequest,
    pass_through,
    run_step_async,
)
from adaptive.agents.step.report import attach_report, build_step_report
from adaptive.agents.step.start import choose_start, find_question
from adaptive.agents.step.step import Step
from adaptive.agents.step.verdict import CompleteAnswer
from adaptive.chat.errors import explain_error
from adaptive.chat.response import estimate_tokens
from adaptive.policy.ladder import limit_ladder
from adaptive.policy.limits import find_spending_limit
from adaptive.prices import Prices, add_cost
from adaptive.reason.starvation import Recovery
from adaptive.solver.chat_model import ChatSolverModel
from adaptive.solver.result import to_usage_metadata
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

DEFAULT_ESCALATIONS = 2
"""How often a final answer that was rejected is asked for again, where `max_attempts` says nothing."""
UNUSED_OPTIONS = ("waits", "samples", "approve_above")
"""Options of a solve that a step has no use for."""


@dataclass(frozen=True)
class StepRunner:
    """Makes such calls of a bound chat model, within the options."""

    solver_model: ChatSolverModel
    options: Options
    prices: Prices

    async def run(self, messages: Sequence[AnyMessage], bound_arguments: BoundArguments) -> AIMessage:
        """The message that was kept, as the provider gave it, with the usage of the step and its report.

        Raises `InputError` for what the caller can mend and `ChatError` for the rest.
        """
        self.solver_model.check_messages(messages)
        if self.options.max_cost is not None:
            self.prices.require_price(self.solver_model.name, self.options.max_cost)
        # In a thread: the first time, the difficulty model is read from its files.
        step = await asyncio.to_thread(_ChatModelStep, self, messages, bound_arguments)
        try:
            done = await run_step_async(step.work, step.call_model, step.judge_answer)
        except Exception as error:
            if error is not step.failure:
                raise
            # Not `from error`: what it says may hold a key, and a traceback would show it.
            raise explain_error(error, self.solver_model.name) from None
        return step.finish(done)

    def is_over_limit(self, usage: Usage) -> bool:
        """Whether a limit of tokens or money is reached."""
        return bool(find_spending_limit(add_cost(usage, self.solver_model.name, self.prices), self.options))


class _ChatModelStep:
    """One such call: what is to be done, who does it, and what is said at its end."""

    def __init__(
        self, runner: StepRunner, messages: Sequence[AnyMessage], bound_arguments: BoundArguments
    ) -> None:
        options = runner.options
        self._runner, self._messages, self._bound_arguments = runner, messages, bound_arguments
        # 0 is what an option has that was not asked for.
        warmth, seed = options.temperature or None, options.seed or None
        self._call_settings = CallSettings(
            runner.solver_model.model, bound_arguments.arguments, bound_arguments.forces_tool, warmth, seed
        )
        self._reason = self._call_settings.skip_reason
        self.failure: Exception | None = None
        self.work = self._start_work()

    async def call_model(self, job: ModelCall) -> ModelReply:
        """Make a call of the model."""
        begun, model = time.perf_counter(), self._runner.solver_model.model
        settings = self._bound_arguments.arguments if job.settings is None else job.settings
        try:
            turn = await model.call(self._messages, settings)
        except Exception as error:  # noqa: BLE001 -- each provider has its own; raised again if nothing mends it
            self.failure = error
            return ModelReply(None, error, time.perf_counter() - begun)
        calls = turn.message.tool_calls if self._bound_arguments.structured else []
        structured = calls[0]["args"] if calls else None
        return ModelReply(turn.message, None, turn.usage.seconds, structured, chat_response=turn)

    async def judge_answer(self, job: VerdictRequest) -> Verdict:
        """Judge a final answer; its form alone where nothing else can."""
        verifier = (
            CompleteAnswer() if self._runner.solver_model.checks_form_only else self._runner.solver_model.verifier
        )
        return await verifier.verify(job.question, job.attempt, job.others)

    def finish(self, result: StepResult) -> AIMessage:
        """The kept message with the usage of the step and its report."""
        message = result.reply.message
        if message is None:  # a step raises where there is none
            raise RuntimeError("a step ended without a message")
        usage = to_usage_metadata(result.counts.usage or Usage())
        told = message.model_copy(update={"usage_metadata": usage})
        return attach_report(told, build_step_report(result, self._reason, self._collect_notes()))

    def _start_work(self) -> StepWork:
        messages, by = self._messages, self._runner
        prompt = estimate_tokens("".join(str(m.text) for m in messages))
        if self._call_settings.skip_reason:
            return pass_through(prompt)
        ladder, index = self._choose_start()
        return Step(
            self._call_settings,
            ladder,
            index,
            self._reason,
            find_question(messages),
            self._limit_escalations(),
            by.is_over_limit,
            self._build_recovery(),
            prompt,
            lambda _: None,
        ).run()

    def _choose_start(self) -> tuple[Ladder, int]:
        """The rungs to use, and with which to begin; why, is kept."""
        bound, options = self._runner.solver_model, self._runner.options
        ladder, places = select_rungs(bound.model, limit_ladder(bound.profile.ladder, options))
        begin = choose_start(self._messages, ladder, places, bound.profile, options=options)
        self._reason = begin.reason
        return ladder, begin.index

    def _limit_escalations(self) -> int:
        options = self._runner.options
        if not options.adapt:
            return 0
        return DEFAULT_ESCALATIONS if options.max_attempts is None else options.max_attempts - 1

    def _build_recovery(self) -> Recovery:
        by, options = self._runner, self._runner.options
        return Recovery(
            by.solver_model.memory,
            self._call_settings.largest_cap,
            options.max_tokens,
            affordable=lambda usage: not by.is_over_limit(usage),
            pinned=options.effort is not None,
        )

    def _collect_notes(self) -> list[str]:
        """What was mapped, and what of the options has no use here, in words."""
        unused = [name for name in UNUSED_OPTIONS if getattr(self._runner.options, name)]
        said = [f"{name} is not used: with tools or a form a call is one step, not a solve" for name in unused]
        return [*self._call_settings.list_notes(), *said]
