"""Calls of `ChatAdaptive` with tools or structured output: steps, as the middleware makes them.

A solve ends with an answer. A call with tools may end with a tool call, which is not verified, and its message
must go back to the provider unchanged. So it is a step: an effort by the question's difficulty, one more call if
it starved, and more effort if a final answer is rejected.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, AnyMessage

from adaptive.agents.step.bound_tools import BoundArguments, lacks_form
from adaptive.agents.step.call_settings import CallSettings, select_rungs
from adaptive.agents.step.effects import (
    CallCounter,
    ModelCall,
    ModelReply,
    StepResult,
    StepWork,
    VerdictRequest,
    pass_through,
    run_step_async,
)
from adaptive.agents.step.prompt_cache import PromptCache
from adaptive.agents.step.report import attach_report, build_step_report
from adaptive.agents.step.start import StepStart, choose_start
from adaptive.agents.step.step import Step
from adaptive.chat.errors import FailedCallError, explain_error
from adaptive.chat.response import estimate_prompt, resumes_bare
from adaptive.policy.ladder import limit_ladder
from adaptive.policy.limits import count_output_left, find_spending_limit
from adaptive.prices import Prices, add_cost
from adaptive.reason.starvation import Recovery
from adaptive.solver.chat_model import ChatSolverModel
from adaptive.solver.conversation import find_question
from adaptive.solver.result import to_usage_metadata
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

DEFAULT_ESCALATIONS = 2
"""How often a rejected answer leads to a higher effort, unless `max_attempts` is set."""
UNUSED_OPTIONS = ("waits", "samples", "approve_above")
"""Options of a solve that a step does not use."""


@dataclass(frozen=True)
class StepRunner:
    """Runs steps of a chat model within the options."""

    solver_model: ChatSolverModel
    options: Options
    prices: Prices

    async def run(
        self,
        messages: Sequence[AnyMessage],
        bound_arguments: BoundArguments,
        on_spent: Callable[[Usage], None] | None = None,
    ) -> AIMessage:
        """Run a step.

        Args:
            messages: The conversation.
            bound_arguments: Tools or a schema, in the provider's format.
            on_spent: Called at the end with what was spent, also if the step fails or is cancelled.

        Returns:
            The kept message as the provider built it, with the usage and the report of the step.

        Raises:
            InputError: The caller can mend it.
            ChatError: Anything else that the provider raises.
        """
        self.solver_model.check_messages(messages)
        if self.options.max_cost is not None:
            self.prices.require_price(self.solver_model.name, self.options.max_cost)
        # In a thread, because the first step reads the difficulty model from its files.
        step = await asyncio.to_thread(_ChatModelStep, self, messages, bound_arguments)
        try:
            result = await run_step_async(step.work, step.call_model, step.judge_answer)
        except Exception as error:
            if error is not step.failure:
                raise
            # Not `from error`: its text may hold a key, and a traceback would show it.
            raise explain_error(error, self.solver_model.name, step.lost_usage) from None
        finally:
            if on_spent is not None:
                on_spent(step.spent)
        return step.finish(result)

    def is_over_limit(self, usage: Usage) -> bool:
        """Whether a limit of tokens or money is reached."""
        return bool(find_spending_limit(add_cost(usage, self.solver_model.name, self.prices), self.options))


class _ChatModelStep:
    """One step: its work, its calls and verdicts, and its message at the end."""

    def __init__(
        self, runner: StepRunner, messages: Sequence[AnyMessage], bound_arguments: BoundArguments
    ) -> None:
        options = runner.options
        self._runner, self._messages, self._bound_arguments = runner, messages, bound_arguments
        self.spent = Usage(cost=0.0)
        model, prompt = runner.solver_model.model, estimate_prompt(messages)
        self._call_settings = CallSettings(
            model.with_tools() if bound_arguments.arguments.get("tools") else model,
            bound_arguments.arguments,
            bound_arguments.forces_tool,
            resumes_bare(messages),
            options.temperature or None,  # 0 is the default of both options
            options.seed or None,
            prompt,
        )
        self._reason = self._call_settings.skip_reason
        self.failure: Exception | None = None
        self.lost_usage: Usage | None = None
        self._counter = CallCounter(self._call_settings.model.name, runner.prices, prompt)
        self.work = self._start_work()

    async def call_model(self, call: ModelCall) -> ModelReply:
        """Call the model, and count the call."""
        try:
            reply = await self._call_model(call)
        except asyncio.CancelledError:  # what it generated is not known
            self.spent += self._counter.estimate_cut_call()
            raise
        self.spent += self._counter.count(reply).spent
        return reply

    async def _call_model(self, call: ModelCall) -> ModelReply:
        started_at, model = time.perf_counter(), self._call_settings.model
        settings = self._bound_arguments.arguments if call.settings is None else call.settings
        try:
            response = await model.call(self._messages, settings)
        except Exception as error:  # noqa: BLE001 -- each provider has its own; the step may raise it
            if isinstance(error, FailedCallError):
                self.failure, self.lost_usage = error.error, error.usage
            else:
                self.failure, self.lost_usage = error, None
            return ModelReply(None, self.failure, time.perf_counter() - started_at, lost_usage=self.lost_usage)
        calls = response.message.tool_calls if self._bound_arguments.structured else []
        structured = calls[0]["args"] if calls else None
        if self._bound_arguments.structured and lacks_form(response, self._bound_arguments.arguments):
            response = replace(response, finish="failed")
        return ModelReply(response.message, None, response.usage.seconds, structured, chat_response=response)

    async def judge_answer(self, request: VerdictRequest) -> Verdict:
        """Judge a final answer."""
        verifier = self._runner.solver_model.for_conversation(self._messages).verifier
        verdict = await verifier.verify(request.question, request.attempt, request.others)
        self.spent += verdict.usage or Usage(cost=0.0)
        return verdict

    def finish(self, result: StepResult) -> AIMessage:
        """Return the kept message with the usage and the report of the step."""
        message = result.reply.message
        if message is None:  # a step raises if no call returned one
            raise RuntimeError("a step ended without a message")
        usage = to_usage_metadata(result.counts.usage or Usage())
        message = message.model_copy(update={"usage_metadata": usage})
        return attach_report(message, build_step_report(result, self._reason, self._collect_notes()))

    def _start_work(self) -> StepWork:
        if self._call_settings.skip_reason:
            return pass_through(self._counter)
        ladder, start, cache = self._choose_start(self._counter)
        self._reason = start.reason
        return Step(
            self._call_settings,
            ladder,
            start.index,
            start.reason,
            question=find_question(self._messages),
            max_escalations=self._limit_escalations(),
            is_over_limit=self._runner.is_over_limit,
            recovery=self._build_recovery(),
            counter=self._counter,
            on_event=lambda _: None,
            cache=cache,
        ).run()

    def _choose_start(self, counter: CallCounter) -> tuple[Ladder, StepStart, PromptCache]:
        """Return the rungs to use, the first of them, and what is cached of the conversation."""
        model, options = self._runner.solver_model.for_conversation(self._messages), self._runner.options
        ladder, places = select_rungs(
            self._call_settings.model, limit_ladder(model.profile.get_ladder(options), options)
        )
        start = choose_start(self._messages, ladder, places, model.profile, options=options)
        cache = PromptCache.read(self._messages, counter.model)
        if options.effort is not None or options.budget is not None:
            return ladder, start, cache
        requests = [self._call_settings.build_request(rung) for rung in ladder]
        start, cache = cache.weigh(start, ladder, requests, counter.cache_prices)
        return ladder, start, cache

    def _limit_escalations(self) -> int:
        options = self._runner.options
        if not options.adapt:
            return 0
        return DEFAULT_ESCALATIONS if options.max_attempts is None else options.max_attempts - 1

    def _build_recovery(self) -> Recovery:
        runner, options = self._runner, self._runner.options
        return Recovery(
            runner.solver_model.memory,
            self._call_settings.largest_cap,
            count_output_left(Usage(), options),
            affordable=lambda usage: not runner.is_over_limit(usage),
            pinned=options.effort is not None,
        )

    def _collect_notes(self) -> list[str]:
        """Return what was mapped, and which options are not used, in words."""
        unused = [name for name in UNUSED_OPTIONS if getattr(self._runner.options, name)]
        notes = [f"{name} is not used: with tools or a form a call is one step, not a solve" for name in unused]
        return [*self._call_settings.list_notes(), *notes]
