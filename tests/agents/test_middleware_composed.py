"""The middleware with others around and inside of it, with structured answers, and where calls fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware, ModelRetryMiddleware
from langchain.agents.structured_output import ProviderStrategy, StructuredOutputValidationError, ToolStrategy
from langchain_core.exceptions import ModelAPIError, ModelInvalidRequestError
from langchain_core.messages import AIMessage, ToolCall
from pydantic import BaseModel

from adaptive.agents import read_spending
from tests.agents.asking import CALL, LARGER, LOW, WAYS, accepts, agent, ask, efforts, last, report
from tests.agents.toy import ToyReasoner, toy


class Sum(BaseModel):
    """A sum."""

    total: int


class Sets(AgentMiddleware):
    """Overrides the request before us."""

    def __init__(self, **what: Any) -> None:
        super().__init__()
        self.what = what

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        return handler(request.override(**self.what))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        return await handler(request.override(**self.what))


@pytest.mark.parametrize("way", WAYS)
def test_an_effort_of_the_users_own_is_kept_and_nothing_is_adapted(way: str) -> None:
    model = toy()
    before = Sets(model_settings={"reasoning_effort": "high"})
    done = ask(agent(model, around=[before], check=accepts("none")), way)
    assert efforts(model) == ["high"]
    assert model.calls[0]["cap"] == 100_000  # the model's own
    assert report(done)["notes"] == ["model_settings set reasoning_effort: they are kept, and nothing is adapted"]


def test_a_cap_of_the_users_own_is_kept() -> None:
    model = toy()
    done = ask(agent(model, around=[Sets(model_settings={"max_tokens": 900})], check=accepts("medium")))
    assert [(c["effort"], c["cap"]) for c in model.calls] == [("low", 900), ("medium", 900)]
    assert "model_settings set a cap of 900 tokens: it is kept" in report(done)["notes"]


def test_other_settings_of_the_user_stay() -> None:
    model = toy()
    ask(agent(model, around=[Sets(model_settings={"user": "u1"})]))
    assert (model.calls[0]["user"], model.calls[0]["effort"]) == ("u1", "low")


def test_a_model_that_others_chose_before_us_is_the_one_that_is_set() -> None:
    first, chosen = toy(), toy()
    done = ask(agent(first, around=[Sets(model=chosen)], check=accepts("medium")))
    assert (first.calls, efforts(chosen)) == ([], ["low", "medium"])
    assert last(done).text == "medium"


@pytest.mark.parametrize("way", WAYS)
def test_a_retry_inside_of_us_mends_each_of_our_calls(way: str) -> None:
    model = toy(fails={1: ModelAPIError("down"), 3: ModelAPIError("down")})
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)
    done = ask(agent(model, inside=[retry], check=accepts("medium")), way)
    assert efforts(model) == ["low", "low", "medium", "medium"]
    assert last(done).text == "medium"


@pytest.mark.parametrize("way", WAYS)
def test_a_retry_around_us_begins_the_step_again(way: str) -> None:
    model = toy(fails={1: ModelAPIError("down")})
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)
    done = ask(agent(model, around=[retry], check=accepts("medium")), way)
    assert efforts(model) == ["low", "low", "medium"]
    assert last(done).text == "medium"


def test_a_limit_of_steps_counts_steps_and_not_our_calls() -> None:
    model = toy()
    done = ask(agent(model, around=[ModelCallLimitMiddleware(run_limit=1)], check=accepts("high")))
    assert (last(done).text, len(model.calls)) == ("high", 3)


@pytest.mark.parametrize("way", WAYS)
def test_the_first_call_fails_as_it_would_without_us(way: str) -> None:
    with pytest.raises(ModelAPIError, match="down"):
        ask(agent(toy(fails={1: ModelAPIError("down")})), way)


def test_an_escalation_that_fails_leaves_the_answer_and_is_noted() -> None:
    done = ask(agent(toy(fails={2: ModelAPIError("down")}), check=accepts("medium")))
    assert last(done).text == "low"
    assert "asking again failed (ModelAPIError: down): what was there before is kept" in report(done)["notes"]
    assert read_spending(done)["run"]["calls"] == 2


def test_a_mistake_of_others_is_not_taken_for_a_failing_provider() -> None:
    with pytest.raises(KeyError):
        ask(agent(toy(fails={2: KeyError("x")}), check=accepts("medium")))


def test_a_recovery_that_fails_leaves_the_starved_message() -> None:
    thinks = {"low": 90_000, "medium": 90_000, "high": 90_000}
    done = ask(agent(toy(thinks=thinks, fails={2: ModelAPIError("down")})))
    assert report(done)["status"] == "starved"
    assert "ModelAPIError" in report(done)["notes"][0]


def test_a_refused_effort_is_learned_and_the_call_made_without_it() -> None:
    said = "Unsupported value: 'reasoning_effort' does not support 'low'. Supported values are: 'medium', 'high'."
    model = toy(fails={1: ModelInvalidRequestError(said)})
    done = ask(agent(model))
    assert efforts(model) == ["low", "medium"]
    assert "it does not take effort low with tools: it takes medium, high" in report(done)["notes"][0]


STRUCTURED = {"structured_output": True}


def test_a_structured_answer_that_starved_is_made_once_more() -> None:
    """LangChain raises where a structured answer cannot be read, an empty one too."""
    model = toy(
        thinks={"low": 14_000, "medium": 1, "high": 1}, answers={"low": '{"total": 4}'}, profile=STRUCTURED
    )
    done = ask(agent(model, more={"response_format": ProviderStrategy(Sum)}))
    assert done["structured_response"] == Sum(total=4)
    assert [c["cap"] for c in model.calls] == [LOW, LARGER]


@pytest.mark.parametrize("way", WAYS)
def test_a_structured_answer_that_cannot_be_read_is_rejected(way: str) -> None:
    model = toy(answers={"low": "four", "medium": '{"total": 4}'}, profile=STRUCTURED)
    done = ask(agent(model, more={"response_format": ProviderStrategy(Sum)}), way)
    assert done["structured_response"] == Sum(total=4)
    assert read_spending(done)["run"]["escalations"] == 1


def test_where_no_structured_answer_can_be_read_the_error_is_langchains() -> None:
    model = toy(answers={"low": "four", "medium": "four", "high": "four"}, profile=STRUCTURED)
    with pytest.raises(StructuredOutputValidationError):
        ask(agent(model, more={"response_format": ProviderStrategy(Sum)}))
    assert len(model.calls) == 3


class Sums(ToyReasoner):
    """Gives its answer as the call of a tool."""

    def _said(self, messages: Any, effort: str) -> Any:
        self.tool = ToolCall(name="Sum", args={"total": len(self.calls)}, id=f"sum-{effort}", type="tool_call")
        return super()._said(messages, effort)


def test_a_structured_answer_that_comes_as_a_tool_call_is_verified() -> None:
    model = Sums(profile=toy().profile, model_name="sums")
    done = ask(agent(model, tools=(), check=accepts('{"total": 2}'), more={"response_format": ToolStrategy(Sum)}))
    assert done["structured_response"] == Sum(total=2)
    assert [m.tool_calls[0]["id"] for m in done["messages"] if isinstance(m, AIMessage)] == ["sum-medium"]
    assert done["messages"][-1].tool_call_id == "sum-medium"


def test_a_tool_call_beside_a_structured_agent_is_left_alone() -> None:
    model = toy(tool=CALL, answers={"low": '{"total": 4}'}, profile=STRUCTURED)
    done = ask(agent(model, more={"response_format": ProviderStrategy(Sum)}))
    assert (efforts(model), done["structured_response"]) == (["low", "low"], Sum(total=4))
