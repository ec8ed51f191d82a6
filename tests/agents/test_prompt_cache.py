"""When an effort is held for the provider's prompt cache, and what a change of it is said to have lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from adaptive.agents.step.prompt_cache import SECONDS_WARM, CachePrices, PromptCache
from adaptive.agents.step.start import StepStart
from adaptive.chat.request import ChatRequest
from adaptive.prices import Price, Prices
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.usage import Usage

LADDER = Ladder((Rung("low", 1000), Rung("high", 4000)))
REQUESTS = [ChatRequest(rung.effort, rung.budget, rung.budget + 100) for rung in LADDER]
PRICE = Price(input=1, cached=0.1, output=8)
PRICES = CachePrices("m", Prices({"m": PRICE}))


@dataclass
class Conversation:
    """Steps at a provider whose cache begins with the effort; thinking is as long as the budgets say.

    holds: whether the cache counts. dollars: what was billed. lost: of it, what changes to a lower effort cost.
    """

    holds: bool = True
    dollars: float = 0.0
    lost: float = 0.0
    cache: PromptCache = field(default_factory=lambda: PromptCache("m", drops=True))
    warm: dict[int, int] = field(default_factory=dict)

    def step(self, planned: int, prompt: int, thinking: int) -> int:
        """Make a step, and return its rung. `thinking`: at the high rung."""
        start, cache = StepStart(planned, "why"), self.cache
        if self.holds:
            start, cache = cache.weigh(start, LADDER, REQUESTS, PRICES)
        rung, effort = start.index, LADDER[start.index].effort
        thought = thinking * LADDER[rung].budget // LADDER[1].budget
        cached = min(self.warm.get(rung, 0), prompt)
        cost = PRICE.compute_cost(Usage(prompt, cached, answer=thought))
        if rung == 0 and self.cache.setting == "high":
            self.lost += PRICES.price_loss(cache.count_lost("low"), written=False) or 0.0
        self.dollars += cost
        self.warm[rung] = prompt
        warm = {**cache.warm, effort: prompt}
        self.cache = replace(cache, setting=effort, warm=warm, thinking=thought, cost=cost)
        return rung


def run(steps: list[tuple[int, int, int]], holds: bool = True) -> tuple[Conversation, list[int]]:
    """The conversation and the rungs of steps: planned rung, new tokens of the prompt, thinking."""
    one, prompt, rungs = Conversation(holds), 0, []
    for planned, more, thinking in steps:
        prompt += more
        rungs.append(one.step(planned, prompt, thinking))
    return one, rungs


sizes = st.integers(0, 50_000)
traces = st.lists(st.tuples(st.integers(0, 1), sizes, sizes), min_size=1, max_size=25)


@given(traces)
def test_no_step_has_less_effort_than_its_question_asks_for(steps: list[tuple[int, int, int]]) -> None:
    _, rungs = run(steps)
    assert all(rung >= planned for rung, (planned, _, _) in zip(rungs, steps, strict=True))


@given(traces)
def test_changes_to_a_lower_effort_lose_no_more_than_holding_had_cost(steps: list[tuple[int, int, int]]) -> None:
    """What holding costs is estimated by what the step before has thought."""
    one, _ = run(steps)
    before = [thinking for (_, _, thinking), (planned, _, _) in pairwise(steps) if planned == 0]
    assert one.lost <= sum(PRICE.compute_cost(Usage(answer=thinking)) for thinking in before) + 1e-9


@given(st.lists(st.tuples(sizes, st.just(3000)), min_size=1, max_size=25), st.integers(0, 25))
def test_a_conversation_that_becomes_easy_costs_at_most_what_it_costs_without(
    steps: list[tuple[int, int]], hard: int
) -> None:
    """It costs no more than at high effort throughout, but for a change that its end did not repay any more."""
    trace = [(int(number < hard), more, thinking) for number, (more, thinking) in enumerate(steps)]
    held, without = run(trace)[0], run([(1, more, thinking) for _, more, thinking in trace])[0]
    free = run(trace, holds=False)[0]
    assert held.dollars <= without.dollars + held.lost + 1e-9
    assert held.dollars <= 2 * min(without.dollars, free.dollars) + 1e-9


def test_a_change_that_costs_more_than_it_saves_waits_until_holding_has_cost_as_much() -> None:
    # A change costs 20,000 x $0.9 = $0.018; a step at high effort costs 3,000 x $8 = $0.024 more than at low.
    assert run([(1, 20_000, 4000), (0, 0, 4000)])[1] == [1, 0]
    # Of 1,000 tokens the saving is $0.006 a step: the third one pays.
    steps = [(1, 20_000, 1000), *[(0, 0, 1000)] * 4]
    assert run(steps)[1] == [1, 1, 1, 0, 0]
    # The plan asks for high effort in between: the count begins anew.
    assert run([*steps[:3], (1, 0, 1000), *steps[1:]])[1] == [1, 1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(("cost", "rung"), [(0.01, 0), (0.02, 1), (None, 1)])
def test_a_failed_tool_call_raises_the_effort_if_a_step_costs_as_much_as_the_change(
    cost: float | None, rung: int
) -> None:
    cache = PromptCache("m", "low", {"low": 20_000}, drops=True, cost=cost)
    start, _ = cache.weigh(StepStart(1, "why", unraised=0), LADDER, REQUESTS, PRICES)
    assert start.index == rung
    assert ("effort low is held" in start.reason) == (rung == 0)


@pytest.mark.parametrize(
    "cache",
    [
        PromptCache("m", "high", {"high": 20_000}, thinking=10),  # a provider of which nothing is known
        PromptCache("m", "high", {"high": 20_000, "low": 20_000}, drops=True, thinking=10),  # both are cached
        PromptCache("m", "max", {"max": 20_000}, drops=True, thinking=10),  # no effort of this ladder
        PromptCache("m", "high", {}, drops=True, thinking=10),  # nothing is cached
    ],
)
def test_a_change_that_loses_nothing_is_made(cache: PromptCache) -> None:
    assert cache.weigh(StepStart(0, "why"), LADDER, REQUESTS, PRICES)[0] == StepStart(0, "why")


def test_without_a_price_nothing_is_held() -> None:
    cache = PromptCache("m", "high", {"high": 20_000}, drops=True, thinking=10)
    start, _ = cache.weigh(StepStart(0, "why"), LADDER, REQUESTS, CachePrices("m", Prices()))
    assert start.index == 0


def test_a_cache_is_read_from_the_last_report_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    cache = PromptCache("m", "high", {"high": 20_000}, drops=True, at=1000.0)
    message = AIMessage("It is 4.", response_metadata={"adaptive": {"cache": {**cache.to_json(), "new": 1}}})
    assert PromptCache.read([message], "m") == cache
    assert PromptCache.read([message], "another") == PromptCache()
    assert PromptCache.read([AIMessage("It is 4.")], "m") == PromptCache()
    monkeypatch.setattr("time.time", lambda: 1000.0 + SECONDS_WARM + 1)
    assert PromptCache.read([message], "m") == PromptCache()
