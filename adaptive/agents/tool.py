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
from adaptive.types.ladder import Effort

DESCRIPTION = (
    "Thinks hard about one self-contained question and checks its answer. Use it for a step that needs careful "
    "reasoning: arithmetic, logic, a puzzle. It sees nothing but the question: put every fact it needs into it."
)
NO_ANSWER = {
    "starved": "No answer: the room for it was used up. Ask with more effort, or part the question.",
    "refused": "No answer: the model gave none. Ask in other words, or find the answer in another way.",
}


class ThinkHard(BaseModel):
    """What an agent asks for."""

    question: str = Field(description="The question, with every fact that is needed to answer it.")
    effort: Effort | None = Field(
        default=None, description="How hard to think; leave it out to let the question decide."
    )


def adaptive_tool(
    model: Model = "embedded",
    *,
    name: str = "think_hard",
    description: str = DESCRIPTION,
    **solver: Any,
) -> BaseTool:
    """The solver as a tool with the arguments `question` and, if wanted, `effort`.

    `model` and `solver` go to `build_solver`. The tool's content is the answer, with what an agent must know of it
    where it was not accepted; its artifact is the result object. A question that cannot be solved is said in the
    content too, as an error; the solver's own failures are raised. Its tokens are in the artifact's `usage`: no
    message counts them. Its events go to the custom stream of the graph that it is called in, with the tool's name
    as `tool`. Raises `InputError` for what `build_solver` refuses.
    """
    solving = _SolverTool(build_solver(model, **solver), name)
    return StructuredTool.from_function(
        solving.solve,
        coroutine=solving.solve_async,
        name=name,
        description=description,
        args_schema=ThinkHard,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_describe_wrong_call,
    )


@dataclass(frozen=True)
class _SolverTool:
    """What the tool does when it is called, in either way."""

    graph: Any
    name: str

    async def solve_async(self, question: str, effort: str | None = None) -> tuple[str, dict[str, Any]]:
        return await self._run_solver(question, effort, _get_writer())

    def solve(self, question: str, effort: str | None = None) -> tuple[str, dict[str, Any]]:
        return run_blocking(self._run_solver(question, effort, _get_writer()))

    async def _run_solver(
        self, question: str, effort: str | None, on_event: OnEvent
    ) -> tuple[str, dict[str, Any]]:
        """Content and artifact; events are written as they come."""
        asked = {"messages": [("user", question)], "adaptive_options": {"effort": effort} if effort else {}}
        state: dict[str, Any] = {}

        async def run(tell: Emit[tuple[str, Any]]) -> None:
            async for part in self.graph.astream(asked, stream_mode=["custom", "values"]):
                tell(part)

        try:
            async for mode, data in stream_isolated(run):
                if mode == "custom":
                    on_event({**data, "tool": self.name})
                else:
                    state = data
        except InputError as error:
            raise ToolException(str(error)) from error
        return describe_for_agent(state["adaptive_result"]), state["adaptive_result"]


def _get_writer() -> OnEvent:
    """The custom stream of the graph that the tool is called in; nobody's outside of one."""
    try:
        return get_stream_writer()
    except (KeyError, RuntimeError):  # within a chain, and within nothing
        return lambda _: None


def describe_for_agent(result: dict[str, Any]) -> str:
    """What an agent is told of a result: the answer, and what is wrong with it where it was not accepted."""
    answer = str(result["text"] if result["answer"] is None else result["answer"]).strip()
    if result["status"] in NO_ANSWER:
        said = f" What was said: {answer}" if answer else ""
        return f"{NO_ANSWER[result['status']]}{said}"
    if result["accepted"]:
        return answer
    verdict = result["attempts"][result["kept"]]["verdict"]
    return f"{answer}\n\nThis answer was not accepted ({verdict['reason']}): check it in another way before use."


def _describe_wrong_call(error: Any) -> str:
    """What is wrong with the arguments, a sentence for the agent."""
    wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"the tool was called wrongly: {wrong}."
