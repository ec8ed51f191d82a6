"""The agent of the benchmark costs at most what it does without the middleware, at each provider's cache."""

from __future__ import annotations

import pytest

from adaptive.agents import AdaptiveThinkingMiddleware
from benchmarks.agent_cache import EASY, FAILS, HARD, MODELS, QUESTIONS, STEPS, make_profile, run_agent


@pytest.mark.parametrize("provider", MODELS)
def test_what_the_agent_costs_and_what_its_changes_of_effort_lost(provider: str) -> None:
    profile = make_profile(f"{provider}:{MODELS[provider]}")
    ours = run_agent(provider, "adaptive", [AdaptiveThinkingMiddleware(profile=profile)], QUESTIONS)
    without = run_agent(provider, "high", [], QUESTIONS, reasoning_effort="high")
    assert ours.dollars <= without.dollars
    assert without.cached - ours.cached == ours.lost > 0
    assert len(ours.efforts) == len(QUESTIONS) * STEPS
    hard = [ours.efforts[STEPS * place : STEPS * (place + 1)] for place, q in enumerate(QUESTIONS) if q == HARD]
    assert {effort for efforts in hard for effort in efforts} == {"high"}
    assert ours.efforts[FAILS + 1] == "low"  # a failed call raises it for less than the cache is worth alone
    assert QUESTIONS[-1] == EASY
    assert ours.efforts[-1] == "low"
