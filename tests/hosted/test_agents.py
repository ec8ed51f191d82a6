"""An agent of five steps with three tools at each provider: nothing is refused, nothing lost, all of it counted.

The server refuses what the providers refuse, among it tool calls that come back without their thinking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_anthropic.middleware import AnthropicPromptCachingMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from adaptive.agents import AdaptiveThinkingMiddleware, read_spending
from adaptive.prices import Prices
from benchmarks.agent_cache import EASY, HARD, make_profile
from tests.hosted.brains import UNITS
from tests.hosted.caching import Caching
from tests.hosted.clients import PROVIDERS, client
from tests.hosted.script import Asked, Body, Brain, Spoken, Tool
from tests.hosted.server import Hosted

SYSTEM = "rule " * 2000
THREAD: Any = {"configurable": {"thread_id": "one"}}
STEPS = (
    Tool("look_up", {"word": "sum"}),
    Tool("add", {"one": 2, "other": 3}),
    None,
    Tool("note", {"text": "five"}),
    None,
)
"""What each step calls; None where it answers. Three are of an easy question, then two of a hard one."""
EFFORTS = ("low", "low", "low", "high", "high")


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word}: two and three"


@tool
def add(one: int, other: int) -> int:
    """Add two numbers."""
    return one + other


@tool
def note(text: str) -> str:
    """Note a text."""
    return "noted"


def find_anthropic(body: Body) -> list[str]:
    blocks = [b for m in body["messages"] if m["role"] == "assistant" for b in m["content"] if isinstance(b, dict)]
    return [f"{b['thinking']} {b['signature']}" for b in blocks if b["type"] == "thinking"]


def find_responses(body: Body) -> list[str]:
    return [item["id"] for item in body["input"] if item.get("type") == "reasoning"]


def find_gemini(body: Body) -> list[str]:
    return [part["thoughtSignature"] for content in body["contents"] for part in content["parts"]
            if "thoughtSignature" in part]  # fmt: skip


def find_deepseek(body: Body) -> list[str]:
    """Of tool calls alone: it wants none of other turns."""
    return [m["reasoning_content"] for m in body["messages"] if m.get("reasoning_content")]


def find_nothing(body: Body) -> list[str]:
    return []


@dataclass(frozen=True)
class Row:
    """A provider.

    spec: of its model. kept: what a request holds of the thinking of earlier steps, and `keeps` how much of it
    each step has. efforts: that the server is sent. package, cls, settings: of a client that `PROVIDERS` does not
    have; without the package the row is skipped.
    """

    spec: str
    kept: Callable[[Body], list[str]] = find_nothing
    keeps: tuple[int, ...] = (0, 0, 0, 0, 0)
    efforts: tuple[str, ...] = EFFORTS
    package: str = ""
    cls: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def open(self, name: str, hosted: Hosted) -> BaseChatModel:
        model = self.spec.partition(":")[2]
        if name in PROVIDERS:
            return client(name, hosted, model=model)
        kind = getattr(pytest.importorskip(self.package), self.cls)
        address = {key: f"{hosted.url}{path}" for key, path in self.settings.items()}
        chat: BaseChatModel = kind(model=model, api_key=hosted.key, max_retries=0, **address)
        return chat


ALL = (0, 1, 2, 3, 4)
ROWS = {
    "openai": Row("openai:gpt-5"),
    "openai_responses": Row("openai:gpt-5", find_responses, ALL),
    "azure_openai": Row("azure_openai:gpt-5"),
    "anthropic": Row("anthropic:claude-opus-5", find_anthropic, ALL),
    "anthropic, by budgets": Row("anthropic:claude-sonnet-4-6", find_anthropic, ALL),
    "google_genai": Row("google_genai:gemini-3-flash-preview", find_gemini, ALL),
    "deepseek": Row(
        "deepseek:deepseek-v4-pro", find_deepseek, (0, 1, 2, 2, 3), package="langchain_deepseek",
        cls="ChatDeepSeek", settings={"api_base": "/v1"},
    ),
    "groq": Row(
        "groq:openai/gpt-oss-120b", package="langchain_groq", cls="ChatGroq", settings={"base_url": ""}
    ),
    "mistral": Row(
        "mistralai:mistral-small-latest", efforts=("high",) * 5, package="langchain_mistralai",
        cls="ChatMistralAI", settings={"base_url": "/v1"},
    ),
    "openrouter": Row(
        "openrouter:openai/gpt-5.4", package="langchain_openrouter", cls="ChatOpenRouter",
        settings={"base_url": "/v1"},
    ),
    "xai": Row("xai:grok-4.3", package="langchain_xai", cls="ChatXAI", settings={"base_url": "/v1"}),
    "together": Row(
        "together:openai/gpt-oss-120b", package="langchain_together", cls="ChatTogether",
        settings={"base_url": "/v1"},
    ),
    "fireworks": Row(
        "fireworks:accounts/fireworks/models/deepseek-v4-pro", package="langchain_fireworks",
        cls="ChatFireworks", settings={"base_url": ""},
    ),
    "litellm": Row(
        "litellm:openai/gpt-5", package="langchain_litellm", cls="ChatLiteLLM", settings={"api_base": "/v1"}
    ),
}  # fmt: skip


def make_brain() -> Brain:
    """The steps in order; each thinks a little longer than the one before."""
    numbers = count()

    def brain(asked: Asked) -> Spoken:
        number = next(numbers)
        thought = round((100 + number) * UNITS[asked.effort or "medium"])
        call = STEPS[number]
        return Spoken("" if call else "It is five.", f"thought {number}", thought, tools=(call,) if call else ())

    return brain


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ROWS)
def test_an_agent_of_five_steps_with_three_tools(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it is fetched
    row = ROWS[name]
    ours = AdaptiveThinkingMiddleware(profile=make_profile(row.spec))
    caching = Caching(make_brain())
    around = [AnthropicPromptCachingMiddleware()] if name.startswith("anthropic") else []
    with Hosted(caching) as hosted:
        chat = row.open(name.partition(",")[0], hosted)
        tools, middleware = [look_up, add, note], [*around, ours]
        agent: Any = create_agent(
            chat, tools, system_prompt=SYSTEM, middleware=middleware, checkpointer=InMemorySaver()
        )
        for question in (EASY, HARD):
            done = agent.invoke({"messages": [("user", question)]}, THREAD)
        asked = hosted.asked
    assert "".join(m.type[0] for m in done["messages"]) == "hatatahata"
    assert [m.text for m in done["messages"] if m.type == "tool"] == ["sum: two and three", "5", "noted"]
    assert len(asked) == len(STEPS)  # nothing was refused, nothing asked twice
    assert tuple(one.effort for one in asked) == row.efforts
    kept = [row.kept(one.body) for one in asked]
    assert tuple(map(len, kept)) == row.keeps
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(kept)), kept
    spent = read_spending(done)["thread"]
    assert (spent["steps"], spent["calls"], spent["starved"]) == (5, 5, 0)
    costs = [Prices().compute_cost(row.spec, usage) for usage in caching.billed]
    assert spent["usage"]["cost"] == pytest.approx(sum(cost or 0.0 for cost in costs), rel=1e-9)
    assert spent["usage"]["cached"] == sum(usage.cached for usage in caching.billed) > 0
    assert spent["usage"]["written"] == sum(usage.written for usage in caching.billed)
    assert spent["usage"]["prompt"] == sum(one.prompt for one in asked)
