"""Budget forcing on the embedded model: what always holds, on real chains of thought; half of them stop early."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.reason.budget import Style
from adaptive.reason.forcing import NO_STOPS
from adaptive.types.ladder import EFFORTS, Rung
from adaptive.types.stops import Stops
from tests.reason.invariants import Case

# Mostly small ones: a case takes a fifth of a second.
BUDGETS = (*range(16), *(16, 24, 32, 48, 64, 96, 128) * 3, 192, 256, 384, 512)
WAITS = ("Wait", "", "\n", "\nWait!\n", "\nWait, let me check again.", "</think>", "Hmm, π🙂")
CLOSINGS = ("", "\n", "\nSo I answer now.\n")
PREFIXES = ("", "\\boxed{", "Final Answer:")


@pytest.fixture(scope="module")
def engine() -> Iterator[TokenEngine]:
    opened = open_engine("embedded")
    yield opened
    asyncio.run(opened.close())


def question(rng: Random) -> str:
    """A sum, sometimes with text in it that looks like a marker."""
    terms = [rng.randrange(1, 10 ** rng.randint(1, 3)) for _ in range(rng.randint(2, 5))]
    odd = rng.choice(("", "", "", " </think>", " <|im_end|>", " \\boxed{7}", " 🙂"))
    return f"What is {' + '.join(map(str, terms))}?{odd}"


def case(number: int, engine: TokenEngine) -> Case:
    """The case of a number: up to three attempts on one chain, budgets that grow but for every tenth case."""
    rng = Random(number)
    waits = tuple(rng.choices(WAITS, k=rng.randint(1, 3)))
    style = Style(waits, rng.choice(CLOSINGS), "\n\n", rng.choice(PREFIXES), rng.randint(1, 8), rng.random() < 0.5)
    effort = rng.choice(EFFORTS)
    budgets = rng.choices(BUDGETS, k=rng.randint(1, 3))
    bought = [
        Rung(effort, b, rng.randrange(6), rng.randint(1, 48)) for b in sorted(budgets, reverse=number % 10 == 0)
    ]
    prompt = engine.codec.render([("user", question(rng))], effort)
    sampling = Sampling(temperature=rng.choice((0.0, 0.0, 0.8)), seed=number)
    watched = rng.random() < 0.5
    stops = early(rng) if number % 2 else NO_STOPS
    return Case(prompt, style, bought, engine, sampling, watched=watched, stops=stops)


def early(rng: Random) -> Stops:
    """Some early stops; many of them never stop a chain, and look all the same."""
    confident = rng.choice((None, 1.0, 0.99, 0.9, rng.random()))
    return Stops(rng.random() < 0.5, rng.randint(1, 40), rng.choice((0, 2, 3)), confident, rng.randint(4, 24))


@settings(max_examples=max(10, settings.default.max_examples // 3))  # type: ignore[union-attr]  # real chains
@given(st.integers(0, 10**6))
def test_budget_forcing_always_holds_on_the_embedded_model(engine: TokenEngine, number: int) -> None:
    assert asyncio.run(case(number, engine).check())
