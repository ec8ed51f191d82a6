"""The solver as a tool, so that an agent can choose to think hard about a question of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.config import get_stream_writer
from pydantic import BaseModel, Field

from adaptive._util.aio import Emit, run_blocking, stream_isolated
from adaptive.errors import InputError
from adaptive.solver.build import build_solver
from adaptive.solver.model import Model
from adaptive.types.events import OnEvent
from adaptive.types.ladder import NamedEffort
from adaptive.types.result import Result

DESCRIPTION = (
    "Thinks hard about one self-contained question and checks its answer. Use it for a step that needs careful "
    "reasoning: arithmetic, logic, a puzzle. It sees nothing but the question: put every fact it needs into it."
)
NO_ANSWER = {
    "starved": "No answer: the room for it was used up. Ask with more effort, or split the question.",
    "refused": "No answer: the model gave none. Ask in other words, or find the answer in another way.",
}


class ThinkHard(BaseModel):
    """The arguments of the tool."""

    question: str = Field(description="The question, with every fact that is needed to answer it.")
    effort: NamedEffort | None = Field(
        default=None, description="How hard to think; leave it out to let the question decide."
    )


def adaptive_tool(
    model: Model = "embedded",
    *,
    name: str = "think_hard",
    description: str = DESCRIPTION,
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
        solver: Further arguments of `build_solver`.

    Returns:
        The tool, which can be invoked and awaited.

    Raises:
        InputError: `build_solver` rejects its arguments.
    """
    solver_tool = _SolverTool(build_solver(model, **solver), name)
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

    async def solve_async(self, question: str, effort: str | None = None) -> tuple[str, dict[str, Any]]:
        return await self._run_solver(question, effort, _get_writer())

    def solve(self, question: str, effort: str | None = None) -> tuple[str, dict[str, Any]]:
        return run_blocking(self._run_solver(question, effort, _get_writer()))

    async def _run_solver(
        self, question: str, effort: str | None, on_event: OnEvent
    ) -> tuple[str, dict[str, Any]]:
        """Return content and artifact; events are passed on as they come."""
        inputs = {"messages": [("user", question)], "adaptive_options": {"effort": effort} if effort else {}}
        state: dict[str, Any] = {}

        async def run(emit: Emit[tuple[str, Any]]) -> None:
            async for part in self.graph.astream(inputs, stream_mode=["custom", "values"]):
                emit(part)

        try:
            async for mode, data in stream_isolated(run):
                if mode == "custom":
                    on_event({**data, "tool": self.name})
                else:
                    state = data
        except InputError as error:
            raise ToolException(str(error)) from error
        return describe_for_agent(Result.of(state)), state["adaptive_result"]


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
