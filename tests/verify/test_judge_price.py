"""What a judge costs: its own price, for what it read and what it wrote; unknown where that is."""

from __future__ import annotations

from typing import Any

import pytest

from adaptive.prices import Price, Prices
from adaptive.types.verdict import Verdict
from adaptive.verify.judge import Judge
from tests.support.judging import ScriptedJudge, opinion
from tests.verify.attempts import attempt as answered

USED: Any = {"input_tokens": 100, "output_tokens": 30, "total_tokens": 130,
             "input_token_details": {"cache_read": 40}}  # fmt: skip
PRICES = Prices({"some:judge": Price(1.0, 10.0, 0.5)})


async def verdict_of(usage: Any, **options: Any) -> Verdict:
    return await Judge(ScriptedJudge(reply=opinion(0.9, usage=usage)), **options).verify("2+2?", answered("4"), [])


async def test_what_it_read_and_wrote_is_paid_at_its_own_price() -> None:
    usage = (await verdict_of(USED, spec="some:judge", prices=PRICES)).usage
    assert usage
    assert (usage.verifier, usage.total, usage.estimated) == (130, 130, ())
    assert usage.cost == pytest.approx((60 * 1.0 + 40 * 0.5 + 30 * 10.0) / 1e6)


async def test_what_is_estimated_costs_an_estimate() -> None:
    usage = (await verdict_of(None, spec="some:judge", prices=PRICES)).usage
    assert usage
    assert usage.cost
    assert usage.estimated == ("cost", "verifier")


async def test_a_model_without_a_price_costs_nobody_knows_what() -> None:
    usage = (await verdict_of(USED)).usage
    assert usage
    assert (usage.verifier, usage.cost) == (130, None)
