"""Exploration: a share of the solves also tries the other rungs, so that a model is measured by being used.

It begins once the answer is decided and changes nothing of it. What it takes is counted in the solve's usage, and
the limits of the solve hold. The attempts are kept in the result apart from the others, judged by nobody, and
`adaptive fit --from-log` learns from them. Whether a solve explores depends on its question and its seed alone:
the same solve explores each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from adaptive._util.aio import run_in_context
from adaptive._util.deadline import DeadlineExceeded
from adaptive.engines.protocol import Sampling
from adaptive.errors import AdaptiveError
from adaptive.policy import limits
from adaptive.policy.arms import Plan
from adaptive.policy.ladder import map_efforts
from adaptive.prices import Prices, add_cost
from adaptive.solver.approval import needs_approval
from adaptive.solver.conversation import read_shape
from adaptive.solver.protocol import AttemptContext, SolverModel
from adaptive.solver.spent import SpentTokens
from adaptive.solver.state import SolveView
from adaptive.solver.streaming import make_message_id
from adaptive.solver.tracing import hide_from_streams
from adaptive.types.attempt import Attempt
from adaptive.types.conversation import ALONE
from adaptive.types.events import OnEvent
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.result import Exploration, Result
from adaptive.types.usage import Usage

REASON = "explored: it measures the model, and changes nothing"
LAST_STEP = 1
"""The step after exploration: LangGraph's last one, which finds nothing to do."""


def is_explored(share: float | None, question: str, seed: int) -> bool:
    """Return whether a solve explores, by a hash of its question and its seed.

    Args:
        share: The share of solves that do, in 0..1; None for none.
        question: The text of the question.
        seed: The seed of the solve.
    """
    if not share:
        return False
    digest = hashlib.sha256(f"explore {seed} {question}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6]) < share * 2**48


def list_missing_rungs(ladder: Ladder, result: Result) -> list[int]:
    """Return the rungs that a solve did not try from scratch, the dearest first: a limit may leave out others."""
    made = result.rung_attempts
    return [i for i in reversed(range(len(ladder))) if ladder[i].setting not in made]


@dataclass(frozen=True)
class Explorer:
    """Explores in one solve."""

    view: SolveView
    prices: Prices

    @cached_property
    def models(self) -> dict[str, SolverModel]:
        """The solver's own model, and those that share its profile, as rungs name them."""
        own, *after = self.view.models
        return {"": own, **{one.rung_model: one for one in takewhile(_shares_profile, after)}}

    @cached_property
    def ladder(self) -> Ladder:
        """The rungs to measure: those of the profile, without Waits."""
        ladder = self.models[""].profile.ladder
        for name in ladder.models:
            ladder = map_efforts(ladder, self.models[name].efforts, name)[0]
        return Ladder(tuple(replace(rung, waits=0) for rung in ladder))

    def choose_rungs(self, result: Result) -> list[int]:
        """Return the rungs to try, in their order; none if the solve does not explore.

        A caller who fixed the attempts gets no others, and only a question alone can be learned from.
        """
        options, view = self.view.options, self.view
        fixed = not options.adapt or options.effort is not None or options.budget is not None
        fixed = fixed or options.answer_schema is not None
        alone = read_shape(view.state["messages"]) == ALONE
        if fixed or not alone or not is_explored(options.explore, view.question, options.seed):
            return []
        missing = list_missing_rungs(self.ladder, result)
        rungs = [i for i in missing if not needs_approval(self._plan(i), options)]
        return [] if view.find_step_limit(len(rungs) + LAST_STEP) else rungs

    async def explore_next(self, left: Sequence[int], result: Result, on_event: OnEvent) -> Result:
        """Try a rung, if the limits allow it, and return the result with it.

        Args:
            left: The rungs that are left; the first is tried.
            result: The result so far.
            on_event: Hears of the attempt when it is over.
        """
        explored = result.explored or Exploration(self.ladder, ())
        result = await self._try_rung(left[0], replace(result, explored=explored), on_event)
        return result if len(left) > 1 else _add_note(result, _summarise(result))

    async def _try_rung(self, index: int, result: Result, on_event: OnEvent) -> Result:
        rung, options = self.ladder[index], self.view.options
        most = rung.budget + rung.answer_room + max(a.usage.prompt + a.usage.injected for a in result.attempts)
        if limit := find_exploration_limit(result.usage, most, options, self.view.elapsed):
            return _leave_out(result, rung, limit)
        spent = SpentTokens()
        try:
            async with self.view.deadline.enforce():
                attempt = await self._make_attempt(index, result, spent)
        except DeadlineExceeded:
            cut = spent.to_usage(self.view.deadline.elapsed - self.view.elapsed)
            result = replace(result, cut=result.cut + cut if result.cut else cut, usage=result.usage + cut)
            return _leave_out(result, rung, limits.describe_timeout(options))
        except AdaptiveError as error:  # the answer is there already, and must not be lost
            return _leave_out(result, rung, str(error).rstrip("."))
        on_event({"event": "explore", "attempt": self._count(result), "rung": index, "effort": rung.effort,
                  "budget": rung.budget, "answer": attempt.answer, "tokens": attempt.usage.total})  # fmt: skip
        return _add_attempt(result, attempt, self.models[rung.model].name)

    async def _make_attempt(self, index: int, result: Result, spent: SpentTokens) -> Attempt:
        options, number, plan = self.view.options, self._count(result), self._plan(index)
        model = self.models[plan.rung.model]
        session = f"{self.view.solve_id}/explore"
        sampling = Sampling(temperature=options.temperature, seed=options.seed)
        context = AttemptContext(
            _subtract(options, result.usage), sampling, session, spent.count_event, number,
            make_message_id(self.view.solve_id, number), self.prices,
        )  # fmt: skip
        try:
            work = model.make_attempt(self.view.state["messages"], plan, (), context)
            with hide_from_streams() as traced:  # its tokens are not part of the reply that LangGraph streams
                attempt = await run_in_context(work, traced)
        finally:
            await model.release(session)
        usage = add_cost(attempt.usage, model.name, self.prices)
        return replace(attempt, usage=usage, trace=(), turns=())

    def _plan(self, index: int) -> Plan:
        rung = self.ladder[index]
        return Plan(index, rung, "first", REASON, model=list(self.models).index(rung.model))

    def _count(self, result: Result) -> int:
        return len(result.attempts) + (len(result.explored.attempts) if result.explored else 0)


def _shares_profile(model: SolverModel) -> bool:
    return bool(model.rung_model)


def find_exploration_limit(spent: Usage, most: int, options: Options, seconds: float) -> str:
    """Say which limit forbids trying a rung; empty if none does.

    An attempt for the answer may exceed a limit of tokens by what it takes itself, one that only measures may not.

    Args:
        spent: What the solve has spent.
        most: The most tokens that the rung may take.
        options: The limits.
        seconds: How long the solve has run.
    """
    if reached := limits.find_spending_limit(spent, options):
        return reached
    if options.timeout is not None and seconds >= options.timeout:
        return limits.describe_timeout(options)
    if options.max_tokens is not None and spent.total + most > options.max_tokens:
        return f"it might exceed the limit of {options.max_tokens} tokens, {spent.total} spent"
    if options.max_output_tokens is not None and spent.output + most > options.max_output_tokens:
        return f"it might exceed the limit of {options.max_output_tokens} output tokens, {spent.output} spent"
    return ""


def _subtract(options: Options, spent: Usage) -> Options:
    """Return the options with what is left of their limits; there is something left."""
    tokens, output, cost = options.max_tokens, options.max_output_tokens, options.max_cost
    return replace(
        options,
        max_tokens=None if tokens is None else tokens - spent.total,
        max_output_tokens=None if output is None else output - spent.output,
        max_cost=None if cost is None or spent.cost is None else cost - spent.cost,
    )


def _add_attempt(result: Result, attempt: Attempt, model: str) -> Result:
    """Return the result with an explored attempt of a model, which a result names among its own."""
    assert result.explored is not None
    models = tuple(dict.fromkeys([*result.models, model]))
    attempts = (*result.explored.attempts, replace(attempt, model=models.index(model)))
    explored = replace(result.explored, attempts=attempts)
    return replace(result, models=models, explored=explored, usage=result.usage + attempt.usage)


def _leave_out(result: Result, rung: Rung, why: str) -> Result:
    return _add_note(result, f"not explored: {rung.effort} {rung.budget}, {why}")


def _summarise(result: Result) -> str:
    assert result.explored is not None
    attempts = result.explored.attempts
    tokens = sum(one.usage.total for one in attempts)
    return f"explored {len(attempts)} more rungs to measure the model, {tokens} tokens: the answer is not theirs"


def _add_note(result: Result, note: str) -> Result:
    return replace(result, notes=(*result.notes, note))
