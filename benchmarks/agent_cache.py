"""What an agent of 20 steps costs with the middleware and without it, at a provider that caches prompts.

    python -m benchmarks.agent_cache

Four questions of five steps each in one thread, hard and easy ones in turn: the real clients of Anthropic and
OpenAI, and a server of this machine that plays their prompt caches (`tests/hosted/caching.py`). The model
thinks for a number of tokens that follows from the effort alone, so that all rows run through the same steps.
The profile asks for high effort on a hard question and for low on an easy one; one tool call of the second
question fails. Dollars are list prices of what the server billed. "adaptive, at any price" is the middleware
as if cached input cost as much as new input: it changes the effort whenever the question asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from langchain.agents import create_agent
from langchain_anthropic.middleware import AnthropicPromptCachingMiddleware
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver

from adaptive.agents import AdaptiveThinkingMiddleware, read_spending
from adaptive.prices import Price, Prices
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import EFFORT_BUDGETS
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy
from tests.hosted.brains import UNITS
from tests.hosted.caching import Caching
from tests.hosted.clients import client
from tests.hosted.script import Asked, Brain, Spoken, Tool
from tests.hosted.server import Hosted

MODELS = {"anthropic": "claude-opus-5", "openai": "gpt-5"}
EFFORTS = ("low", "medium", "high")
HARD, EASY = "Why does the tenth report contradict the first?", "What is the first report about?"
QUESTIONS = (HARD, EASY, HARD, EASY)
STEPS = 5
"""Of each question: all but the last call a tool."""
SYSTEM, PAGE = "rule " * 8000, "word " * 600
"""The system prompt, and what a tool returns."""
THOUGHT = 800
"""Tokens of thinking of a step at medium effort."""
FAILS = 7
"""The step whose tool call fails."""


@tool
def read_page(number: int) -> str:
    """Read a page."""
    if number == FAILS:
        raise ToolException("there is no such page")
    return PAGE


read_page.handle_tool_error = True


@dataclass(frozen=True)
class Row:
    """What the agent took in one way.

    Attributes:
        way: How its efforts are chosen.
        efforts: The effort of each step, as the server was sent it.
        dollars: What the server billed.
        cached: Prompt tokens that were read from the cache.
        lost: Prompt tokens that the middleware says a change of effort dropped.
    """

    way: str
    efforts: tuple[str | None, ...]
    dollars: float
    cached: int
    lost: int = 0


class Difficulty:
    """Predicts that an easy question is solved at any effort, and a hard one at high effort alone."""

    def p_solved(self, questions: Sequence[str]) -> Any:
        return np.array([[0.9, 0.9, 0.95] if question == EASY else [0.1, 0.3, 0.95] for question in questions])

    def forecast(self, questions: Sequence[str]) -> Any:
        return self.p_solved(questions), None


def make_profile(model: str) -> Profile:
    """Return a measured profile, of which a right answer is worth the most thinking of a step."""
    rungs = (
        Rung(effort, budget, answer_room=8192) for effort, budget in EFFORT_BUDGETS.items() if effort in EFFORTS
    )
    return Profile(
        "planted", model, Ladder(tuple(rungs)), policy=Policy(worth=40_000.0), difficulty_model=Difficulty
    )


def make_brain() -> Brain:
    """Return a model that calls the tool in all steps of a question but the last."""
    numbers = count()

    def brain(asked: Asked) -> Spoken:
        number, thought = next(numbers), round(THOUGHT * UNITS[asked.effort or "medium"])
        if number % STEPS == STEPS - 1:
            return Spoken("It is done.", thinking="let me see", thought=thought)
        return Spoken(tools=(Tool("read_page", {"number": number}),), thinking="let me see", thought=thought)

    return brain


def run_agent(
    provider: str, way: str, middleware: Sequence[Any], questions: Sequence[str], **settings: Any
) -> Row:
    """Run the agent through the questions of one thread.

    Args:
        provider: Whose client and cache it is.
        way: What the row is called.
        middleware: Of the agent; the one that asks for Anthropic's cache comes before it.
        questions: The user's turns.
        settings: Of the client.

    Returns:
        What it took.
    """
    caching = Caching(make_brain())
    asks_for_cache = [AnthropicPromptCachingMiddleware()] if provider == "anthropic" else []
    with Hosted(caching) as hosted:
        chat = client(provider, hosted, model=MODELS[provider], **settings)
        agent: Any = create_agent(
            chat, [read_page], system_prompt=SYSTEM, checkpointer=InMemorySaver(),
            middleware=[*asks_for_cache, *middleware],
        )  # fmt: skip
        done: dict[str, Any] = {}
        for question in questions:
            done = agent.invoke({"messages": [("user", question)]}, {"configurable": {"thread_id": "one"}})
        efforts = tuple(asked.effort for asked in hosted.asked)
    costs = [Prices().compute_cost(f"{provider}:{MODELS[provider]}", usage) for usage in caching.billed]
    return Row(
        way, efforts, sum(cost or 0.0 for cost in costs), sum(usage.cached for usage in caching.billed),
        read_spending(done)["thread"]["cache_lost"],
    )  # fmt: skip


def run_provider(provider: str, questions: Sequence[str] = QUESTIONS) -> dict[str, Row]:
    """Return the rows of a provider: each effort alone, and the middleware."""
    model = f"{provider}:{MODELS[provider]}"
    blind, profile = Prices({model: Price(1, 1, 1)}), make_profile(model)
    rows = [run_agent(provider, effort, [], questions, reasoning_effort=effort) for effort in EFFORTS]
    for way, prices in (("adaptive, at any price", blind), ("adaptive", Prices())):
        rows.append(
            run_agent(provider, way, [AdaptiveThinkingMiddleware(profile=profile, prices=prices)], questions)
        )
    return {row.way: row for row in rows}


def format_rows(provider: str, rows: dict[str, Row]) -> str:
    """Return a Markdown table."""
    head = f"{provider}:{MODELS[provider]}, {len(QUESTIONS) * STEPS} steps"
    lines = [
        f"| {head} | dollars | cached tokens | lost by changes | changes of effort |",
        "|---|---|---|---|---|",
    ]
    for row in rows.values():
        changes = sum(a != b for a, b in zip(row.efforts, row.efforts[1:], strict=False))
        lines.append(f"| {row.way} | {row.dollars:.4f} | {row.cached} | {row.lost} | {changes} |")
    return "\n".join(lines)


def main() -> None:
    for provider in MODELS:
        print(format_rows(provider, run_provider(provider)), end="\n\n")


if __name__ == "__main__":
    main()
