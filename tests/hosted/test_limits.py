"""Limits of tokens, money and seconds on hosted models: none is passed by more than the calls in flight."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive import build_solver
from adaptive.errors import NoAnswerInTime
from adaptive.prices import Price, Prices
from adaptive.types.options import Options
from adaptive.verify.check import parse_check
from tests.hosted.brains import always, in_order
from tests.hosted.clients import NAMES, client
from tests.hosted.script import Asked, Fault, Spoken, said
from tests.hosted.server import Hosted
from tests.hosted.test_loop import ASK, CHECK, RIGHT, WRONG, model, solved
from tests.support.clock import LIMIT, LeapingClock

pytestmark = pytest.mark.crossed

NEVER = "re:nothing is good enough"
A_MILLIONTH = Prices({f"openai:{name}": Price(1, 1, 1) for name in ("gpt-5", "gpt-5-mini")})
"""A token costs a millionth of a dollar, whatever it is."""
LEFT = 30  # seconds that a test waits for what must come
LATER = 3.0  # seconds: enough for calls that do not hang, on a busy machine too

each_client = pytest.mark.parametrize("name", NAMES)
streamed = pytest.mark.parametrize("streams", [True, False], ids=["streaming", "whole"])


class Scripted:
    """Thinks so many tokens in each call, the last number again and again; says another answer each time.

    spent: the tokens of each call, as the server counts them, in order of arrival.
    """

    def __init__(self, thoughts: Sequence[int]) -> None:
        self._thoughts, self._numbers, self._lock = thoughts, count(), threading.Lock()
        self.spent: list[int] = []

    def __call__(self, asked: Asked) -> Spoken:
        with self._lock:
            number = next(self._numbers)
            spoken = Spoken(f"It is {number}.", thought=self._thoughts[min(number, len(self._thoughts) - 1)])
            self.spent.append(asked.prompt + said(asked, spoken).completion)
        return spoken


@pytest.fixture(scope="module")
def hosted() -> Iterator[Hosted]:
    with Hosted(always(RIGHT)) as server:
        yield server


@pytest.fixture(scope="module")
def pair(hosted: Hosted) -> tuple[Any, Any]:
    """A small model and a better one, whose clients all examples share."""
    return client("openai", hosted, model="gpt-5-mini"), client("openai", hosted)


async def bought(solver: Any) -> tuple[list[int], dict[str, Any]]:
    """Tokens of each purchase in order, an attempt or what of a vote was drawn side by side; and the result."""
    purchases, batch, result = [], 0, {}
    async for update in solver.astream(ASK, stream_mode="updates"):
        ((node, made),) = update.items()
        if node == "think" and "adaptive_attempts" in made:
            purchases.append(made["adaptive_attempts"][-1]["usage"]["total"])
        elif node == "sample":
            batch += made["adaptive_samples"][0]["attempt"]["usage"]["total"]
        elif node == "tally":
            purchases.append(batch)
            batch = 0
        elif node == "finish":
            result = made["adaptive_result"]
    return purchases, result


def only_the_last_passes(spent: Sequence[int], limit: int) -> bool:
    """Whether each began with some of the limit left."""
    return all(before < limit for before in accumulate(spent[:-1]))


@settings(max_examples=max(15, settings.default.max_examples // 6))  # type: ignore[union-attr]  # whole solves
@given(
    thoughts=st.lists(st.integers(0, 6000), min_size=1, max_size=6),
    limit=st.integers(1, 30_000),
    money=st.booleans(),
    waits=st.integers(0, 3),
    samples=st.sampled_from([0, 3, 5]),
    budget=st.none() | st.sampled_from([500, 3000]),
    adapt=st.booleans(),
)
def test_no_purchase_and_no_call_begins_where_a_limit_is_reached(
    hosted: Hosted, pair: tuple[Any, Any], thoughts: list[int], limit: int, money: bool, waits: int, samples: int,
    budget: int | None, adapt: bool,
) -> None:  # fmt: skip
    hosted.brain = brain = Scripted(thoughts)
    limits: dict[str, Any] = {"max_cost": limit / 1e6} if money else {"max_tokens": limit}
    options = Options(waits=waits, samples=samples, budget=budget, adapt=adapt, max_attempts=12, **limits)
    small, better = pair
    solver = build_solver(
        small, stronger=better, options=options, check=parse_check(NEVER, 30), prices=A_MILLIONTH
    )
    purchases, result = asyncio.run(bought(solver))
    assert result["usage"]["total"] == sum(brain.spent) == sum(purchases)
    assert result["usage"]["cost"] == pytest.approx(sum(brain.spent) / 1e6)
    assert only_the_last_passes(purchases, limit), (purchases, limit)
    if not any(a["arm"] == "vote" for a in result["attempts"]):  # of calls side by side none knows of the others
        assert only_the_last_passes(brain.spent, limit), (brain.spent, limit)
    if sum(purchases) >= limit and adapt:
        assert result["stopped"].startswith("reached the limit of")


async def test_follow_up_turns_of_one_attempt_end_at_the_limit() -> None:
    """The purchase is one, of four calls: each asks anew whether there is room."""
    brain = Scripted([1000])
    with Hosted(brain) as server:
        await solved(client("openai", server), adapt=False, waits=3, check=NEVER)
        unlimited = len(brain.spent)
        server.brain = brain = Scripted([1000])
        await solved(client("openai", server), adapt=False, waits=3, check=NEVER, max_tokens=1500)
    assert (unlimited, len(brain.spent)) == (4, 2)


async def test_money_ends_a_solve_before_its_next_call() -> None:
    with Hosted(in_order(WRONG, RIGHT)) as server:
        chat = client("openai", server, model="o4-mini")
        result = await solved(chat, check=CHECK, max_cost=0.0001)
        asked = len(server.asked)
    cost = result["usage"]["cost"]
    assert (asked, result["answer"], result["accepted"]) == (1, "It is 41.", False)
    assert cost == pytest.approx((server.asked[0].prompt * 1.10 + 33 * 4.40) / 1e6)
    assert result["stopped"] == f"reached the limit of $0.0001, ${cost:.6g} spent"


@pytest.mark.parametrize(("most", "calls", "status"), [(0.05, 1, "starved"), (5.0, 2, "answered")])
async def test_a_starved_call_is_made_again_only_where_that_can_be_paid(
    most: float, calls: int, status: str
) -> None:
    """It took 9692 tokens and cost $0.0426; half as much again is more than what is left of five cents."""
    with Hosted(always(Spoken("42", thought=20_000))) as server:
        chat = client("openai", server, model="o4-mini")
        result = await solved(chat, effort="high", budget=1500, max_attempts=1, max_cost=most)
        asked = server.asked
    assert (len(asked), result["status"]) == (calls, status)
    assert result["attempts"][0]["advice"].startswith("effort high with a cap of") == (status == "starved")


async def say_too_late(chat: Any, clock: LeapingClock, fault: Fault, awaited: bool = True) -> str:
    """What is said when the first call of a solve meets the fault, and the client has left it.

    It is the second solve: what the first one imports holds up the loop, and `leap_soon` says why that matters.
    """
    with Hosted(always(RIGHT)) as server:
        model = chat(server)
        await solved(model)
        server.brain, server.on_hang = always(fault), clock.leap_soon
        with pytest.raises(NoAnswerInTime) as caught:
            await solved(model, awaited, timeout=LIMIT)
        assert server.left.acquire(timeout=LEFT)
        assert len(server.asked) == 2
    return str(caught.value)


@streamed
@each_client
async def test_a_first_call_that_hangs_is_no_answer_in_time(name: str, streams: bool, clock: LeapingClock) -> None:
    said = await say_too_late(lambda server: model(name, server, streams), clock, Fault("hang"))
    assert said.startswith("no answer within 1000 s, ")
    assert said.endswith("raise timeout or lower the budget.")


async def test_one_that_hangs_in_a_graph_that_is_not_awaited_too(clock: LeapingClock) -> None:
    said = await say_too_late(lambda server: client("openai", server), clock, Fault("hang"), awaited=False)
    assert said.startswith("no answer within 1000 s, ")


@each_client
async def test_a_stream_that_hangs_midway_is_left(name: str, clock: LeapingClock) -> None:
    said = await say_too_late(lambda server: client(name, server), clock, Fault("hang", midway=True))
    assert said.startswith("no answer within 1000 s, ")


@pytest.mark.parametrize("midway", [True, False])
@pytest.mark.parametrize("name", ["openai", "anthropic", "google_genai"])
async def test_a_second_call_that_hangs_leaves_the_first_answer(
    name: str, midway: bool, clock: LeapingClock
) -> None:
    with Hosted(in_order(WRONG, Fault("hang", midway=midway))) as server:
        server.on_hang = clock.leap_soon
        result = await solved(client(name, server), check=CHECK, timeout=LIMIT, waits=1, effort="low")
        assert server.left.acquire(timeout=LEFT)
        assert len(server.asked) == 2
    assert (result["status"], result["answer"], result["accepted"]) == ("answered", "It is 41.", False)
    assert result["stopped"] == "reached the limit of 1000 s"
    assert result["usage"]["total"] == server.asked[0].prompt + 33
    assert {"answer", "thinking"} <= set(result["usage"]["estimated"])  # what the cut call took nobody knows


async def test_what_a_starved_call_took_is_not_lost_with_the_retry_that_hangs(clock: LeapingClock) -> None:
    starved = Spoken("42", thought=10**9)
    with Hosted(in_order(WRONG, starved, Fault("hang"))) as server:
        server.on_hang = clock.leap
        how = {"effort": "low", "samples": 0, "waits": 1}  # so one call comes after the other, each with a cap
        result = await solved(client("openai", server), check=CHECK, timeout=LIMIT, **how)
        caps = [asked.cap for asked in server.asked]
    assert len(caps) == 3
    assert result["usage"]["thinking"] == 30 + caps[1]


async def test_a_vote_with_one_sample_that_hangs_counts_the_others() -> None:
    def brain(asked: Asked) -> Any:
        with lock:
            return Fault("hang") if next(numbers) == 2 else Spoken(r"\boxed{41}", thought=9)

    lock, numbers = threading.Lock(), count()
    with Hosted(brain) as server:
        chat = client("openai", server)
        result = await solved(chat, check=CHECK, samples=3, waits=0, effort="low", timeout=LATER, max_attempts=2)
        assert server.left.acquire(timeout=LEFT)
    assert result["stopped"] == "reached the limit of 3 s"
    assert len([a for a in result["attempts"] if a["arm"] == "vote"]) >= 1


async def test_a_rate_limit_that_asks_to_wait_does_not_outlast_the_time() -> None:
    """The pause between two tries is cut off as a call is."""
    with Hosted(always(Fault("rate", after="30"))) as server:
        with pytest.raises(NoAnswerInTime, match="no answer within 3 s"):
            await solved(client("openai", server), timeout=LATER)
        assert len(server.asked) == 1
