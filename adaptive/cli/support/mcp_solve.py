"""The tool `solve` of `adaptive mcp`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server.fastmcp import Context
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from adaptive.agents.tool import DESCRIPTION, EFFORT, QUESTION, describe_for_agent
from adaptive.cli.support.mcp_progress import ProgressSender
from adaptive.cli.support.signals import solve_one
from adaptive.solve_log import SolveLog
from adaptive.types.ladder import NamedEffort
from adaptive.types.result import Result


class SolveAnswer(BaseModel):
    """What a client gets beside the text."""

    answer: str | None = Field(description="The final answer; null if there is none.")
    text: str = Field(description="All that the model wrote after its thinking.")
    status: str = Field(description="answered, starved (no room was left for the answer) or refused.")
    accepted: bool | None = Field(description="The verdict on the answer; null if nothing could verify it.")
    reason: str | None = Field(description="Why the verdict is so.")
    model: str = Field(description="The model that gave the answer.")
    difficulty: str = Field(description="easy, medium, hard or unknown.")
    effort: str = Field(description="The effort of the attempt that gave the answer.")
    budget: int = Field(description="Its budget of thinking tokens.")
    attempts: int = Field(description="The number of attempts.")
    stopped: str = Field(description="Why the solve ended.")
    notes: list[str] = Field(description="What could not be done as asked.")
    tokens: int = Field(description="All tokens of all attempts.")
    thinking_tokens: int | None = Field(description="Those of thinking; null if they are not counted apart.")
    cost: float | None = Field(description="Dollars; null if the price is not known.")
    seconds: float = Field(description="Seconds that the models took.")

    @classmethod
    def of(cls, result: Result) -> SolveAnswer:
        """Return what is said of a result."""
        best, usage = result.best, result.usage
        return cls(
            answer=result.answer, text=result.text, status=result.status, accepted=result.accepted,
            reason=best.verdict.reason if best.verdict else None, model=result.models[best.model],
            difficulty=result.difficulty.level, effort=best.effort, budget=best.budget,
            attempts=len(result.attempts), stopped=result.stopped, notes=list(result.notes), tokens=usage.total,
            thinking_tokens=usage.thinking, cost=usage.cost, seconds=round(usage.seconds, 3),
        )  # fmt: skip


@dataclass(frozen=True)
class SolveTool:
    """Solves one question a call.

    Attributes:
        solver: The compiled graph, with the limits of each call.
        log: The log of solves; None to log nothing.
        description: What a client's model reads about the tool.
    """

    solver: Any
    log: SolveLog | None
    description: str = DESCRIPTION

    async def solve(
        self,
        context: Context[Any, Any, Any],
        question: Annotated[str, Field(description=QUESTION)],
        effort: Annotated[NamedEffort | None, Field(description=EFFORT)] = None,
    ) -> Annotated[CallToolResult, SolveAnswer]:
        """Return the answer, and what is wrong with it if it was not accepted or not verified."""
        settings = {"effort": effort} if effort else {}
        async with ProgressSender.open(context) as progress:
            finished = await solve_one(self.solver, question, progress.show_event, settings=settings)
        if self.log:
            await asyncio.to_thread(self.log.add_or_warn, finished)  # a log that is locked is waited for
        result = Result.of(finished)
        return CallToolResult(
            content=[TextContent(type="text", text=describe_for_agent(result))],
            structuredContent=SolveAnswer.of(result).model_dump(),
        )
