"""The solver as a tool, so that an agent can choose to think hard about a question of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.config import get_stream_writer
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel, Field

from adaptive._util.aio import Emit, run_blocking, stream_in_context
from adaptive.agents.step.counts import sum_conversation
from adaptive.agents.step.spending_limits import SpendingLimits
from adaptive.agents.step.tenant_limits import NOTHING, TenantCall, TenantLimits, aopen_call, open_call
from adaptive.errors import InputError
from adaptive.solver.build import build_solver, find_solver
from adaptive.solver.context import find_context
from adaptive.solver.model import Model
from adaptive.solver.spending import SolveSpending
from adaptive.solver.tracing import (
    add_run_metadata,
    claim_current_run,
    describe_result,
    get_callback_manager,
    hide_from_streams,
)
from adaptive.types.events import OnEvent
from adaptive.types.ladder import NamedEffort
from adaptive.types.options import Options
from adaptive.types.result import Result

DESCRIPTION = (
    "Thinks hard about one self-contained question and checks its answer. Use it for a step that needs careful "
    "reasoning: arithmetic, logic, a puzzle. It sees nothing but the question: put every fact it needs into it."
)
QUESTION = "The question, with every fact that is needed to answer it."
EFFORT = "How hard to think; leave it out to let the question decide."
NO_ANSWER = {
    "starved": "No answer: the room for it was used up. Ask with more effort, or split the question.",
    "refused": "No answer: the model gave none. Ask in other words, or find the answer in another way.",
}


class ThinkHard(BaseModel):
    """The arguments of the tool."""

    question: str = Field(description=QUESTION)
    effort: NamedEffort | None = Field(default=None, description=EFFORT)
    state: Annotated[Any, InjectedState] = None
    """Of the agent that calls it, whose model does not see this argument."""


def adaptive_tool(
    model: Model = "embedded",
    *,
    name: str = "think_hard",
    description: str = DESCRIPTION,
    max_run_tokens: int | None = None,
    max_run_cost: float | None = None,
    max_thread_tokens: int | None = None,
    max_thread_cost: float | None = None,
    tenants: TenantLimits | None = None,
    **solver: Any,
) -> BaseTool:
    """Build the solver as a tool with the arguments `question` and, optionally, `effort`.

    Its content is the answer; if that was rejected or not verified, the content says so. Its artifact is the
    result object, whose `usage` has the tokens: no message counts them. A question that cannot be solved is an
    error in the content; the solver's own failures are raised. Events go to the custom stream of the graph that
    calls the tool, with the tool's name as `tool`.

    Args:
        model: As for `build_solver`.
        name: The tool's name.
        description: What an agent's model reads about the tool.
        max_run_tokens: All tokens since the last human message, as far as the agent's messages say: those of this
            tool and of `AdaptiveThinkingMiddleware`. A call within gets what is left; one after that is an error
            in the content. Calls side by side do not see each other. Limits of one call are `options`.
        max_run_cost: The same in dollars.
        max_thread_tokens: As `max_run_tokens`, for the whole conversation.
        max_thread_cost: As `max_run_cost`, for the whole conversation.
        tenants: Limits of each tenant, whom the context of the graph's run names. A call raises `LimitReached` if
            one is reached.
        solver: Further arguments of `build_solver`.

    Returns:
        The tool, which can be invoked and awaited.

    Raises:
        InputError: `build_solver` rejects its arguments, or a limit of money cannot be kept, because the price of
            a model is unknown.
    """
    limits = SpendingLimits.create(max_run_tokens, max_run_cost, max_thread_tokens, max_thread_cost)
    solver_tool = _SolverTool(build_solver(model, **solver), name, limits, tenants)
    solver_tool.require_prices()
    return StructuredTool.from_function(
        solver_tool.solve,
        coroutine=solver_tool.solve_async,
        name=name,
        description=description,
        args_schema=ThinkHard,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_describe_wrong_call,
    )


@dataclass(frozen=True)
class _SolverTool:
    """What the tool does when it is invoked or awaited."""

    graph: Any
    name: str
    limits: SpendingLimits
    tenants: TenantLimits | None

    async def solve_async(
        self, question: str, effort: str | None = None, state: Any = None
    ) -> tuple[str, dict[str, Any]]:
        async with aopen_call(self.tenants) as call:
            options = self._choose_options(effort, state, call)
            return await self._run_solver(question, options, _get_writer(), call)

    def solve(self, question: str, effort: str | None = None, state: Any = None) -> tuple[str, dict[str, Any]]:
        with open_call(self.tenants) as call:
            options = self._choose_options(effort, state, call)
            return run_blocking(self._run_solver(question, options, _get_writer(), call))

    def require_prices(self) -> None:
        """Raise `InputError` if a limit of money cannot be kept."""
        if solver := find_solver(self.graph):
            for model in solver.models:
                self.limits.after(NOTHING, NOTHING).require_price(model.name, solver.prices)

    def _choose_options(self, effort: str | None, state: Any, call: TenantCall) -> dict[str, Any]:
        """Return the options of a call within what is left of the agent's run and thread, and of the tenant."""
        messages = state.get("messages", ()) if isinstance(state, Mapping) else getattr(state, "messages", ())
        remaining = self.limits.after(*sum_conversation(messages)).within(call.scope)
        if reached := remaining.find_reached():
            raise ToolException(f"{reached}: go on without {self.name}.")
        solver, context = find_solver(self.graph), find_context()
        own = (solver.options if solver else Options()).with_settings(context.to_settings() if context else {})
        return remaining.bound({"effort": effort} if effort else {}, own)

    async def _run_solver(
        self, question: str, options: dict[str, Any], on_event: OnEvent, call: TenantCall
    ) -> tuple[str, dict[str, Any]]:
        """Return content and artifact; events are passed on as they come."""
        inputs = {"messages": [("user", question)], "adaptive_options": options}
        state: dict[str, Any] = {}
        spending = SolveSpending(find_solver(self.graph), [HumanMessage(question)])
        context, manager = find_context(), get_callback_manager()
        claim_current_run("call")

        async def run(emit: Emit[tuple[str, Any]]) -> None:
            async for part in self.graph.astream(inputs, context=context, stream_mode=["custom", "values"]):
                emit(part)

        try:
            with hide_from_streams() as traced:
                async for mode, data in stream_in_context(run, traced):
                    if mode == "custom":
                        spending.count_event(data)
                        on_event({**data, "tool": self.name})
                    else:
                        state = data
                        spending.read_state(state)
        except InputError as error:
            raise ToolException(str(error)) from error
        finally:
            call.spent = spending.sum_usage()
        result = Result.of(state)
        call.spent = result.usage
        facts = {**describe_result(result), "adaptive_usage": result.usage.to_json()}
        add_run_metadata(manager, manager.parent_run_id, facts)
        return describe_for_agent(result), state["adaptive_result"]


def _get_writer() -> OnEvent:
    """Return the writer of the calling graph's custom stream; outside of a graph, one that does nothing."""
    try:
        return get_stream_writer()
    except (KeyError, RuntimeError):  # in a chain, and in nothing
        return lambda _: None


def describe_for_agent(result: Result) -> str:
    """Return the answer for an agent, and what is wrong with it if it was not accepted or not verified."""
    answer = (result.text if result.answer is None else result.answer).strip()
    if result.status in NO_ANSWER:
        return NO_ANSWER[result.status] + (f" The model said: {answer}" if answer else "")
    verdict = result.best.verdict
    if verdict is None or verdict.accepted:
        return answer
    if not verdict.decided:
        return f"{answer}\n\nThis answer is {verdict.reason}."
    return f"{answer}\n\nThis answer was not accepted ({verdict.reason}): check it in another way before use."


def _describe_wrong_call(error: Any) -> str:
    """Return what is wrong with the arguments, in one sentence for the agent."""
    faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"the tool was called wrongly: {faults}."
