"""Thought: what a chain is charged, its waits, its stretches, and cutting it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.reason.chain import Thought
from adaptive.types.attempt import Round

ENDS = st.sampled_from(["natural", "budget", "context", "loop", "converged"])
STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), ENDS), max_size=8)


def built(steps: list[tuple[int, int, str]]) -> Thought:
    """A chain of rounds of (injected, generated, end); only after a natural end is anything injected."""
    thought = Thought()
    for injected, generated, end in steps:
        waited = injected if thought.ended else 0
        thought = thought.with_round((7,) * waited, tuple(range(100, 100 + generated)), end)  # type: ignore[arg-type]
    return thought


def test_the_charge_is_every_id_and_every_sampled_end() -> None:
    thought = (
        Thought()
        .with_round((), (1, 2, 3), "natural")
        .with_round((7, 7), (4,), "natural")
        .with_round((7,), (5, 6), "budget")
    )
    assert thought.ids == (1, 2, 3, 7, 7, 4, 7, 5, 6)
    assert thought.rounds == (Round(4, 0, "natural"), Round(4, 2, "natural"), Round(3, 1, "budget"))
    assert (thought.charged, thought.waits, thought.ended) == (11, 2, False)
    assert [thought.get_round_ids(i) for i in (0, 1, -1)] == [(1, 2, 3), (4,), (5, 6)]


def test_going_on_after_a_cut_is_no_wait() -> None:
    assert Thought().with_round((), (1,), "budget").with_round((), (2,), "natural").waits == 0


def test_an_empty_wait_is_one_too() -> None:
    assert Thought().with_round((), (1,), "natural").with_round((), (2,), "natural").waits == 1


def test_rounds_that_do_not_account_for_the_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="the rounds of a thought hold 0 ids, the thought has 2"):
        Thought((1, 2))
    with pytest.raises(ValueError, match="hold 4 ids, the thought has 3"):
        Thought((1, 2, 3), (Round(4, 0, "budget"),))


def test_cutting_before_a_sampled_end_leaves_an_open_chain() -> None:
    thought = Thought().with_round((), (1, 2, 3), "natural")
    assert thought.truncate(4, "budget") == thought
    assert thought.truncate(3, "budget") == Thought((1, 2, 3), (Round(3, 0, "budget"),))
    assert thought.truncate(0, "budget") == Thought()


def test_cutting_within_a_wait_drops_it() -> None:
    first = Thought().with_round((), (1, 2, 3), "natural")
    thought = first.with_round((7, 7), (4, 5), "natural")
    assert [thought.truncate(n, "budget") for n in (4, 5, 6)] == [first] * 3
    assert thought.truncate(7, "context").rounds[-1] == Round(3, 2, "context")


@given(STEPS, st.integers(0, 120))
def test_cutting_keeps_a_prefix_within_the_limit(steps: list[tuple[int, int, str]], limit: int) -> None:
    thought = built(steps)
    cut = thought.truncate(limit, "budget")
    assert cut.charged <= limit
    assert cut.ids == thought.ids[: len(cut.ids)]
    assert thought.charged > limit or cut == thought
    assert cut.truncate(limit, "budget") == cut


@given(STEPS)
def test_the_charge_adds_up(steps: list[tuple[int, int, str]]) -> None:
    thought = built(steps)
    sampled_ends = sum(r.end in ("natural", "loop", "converged") for r in thought.rounds)
    assert thought.charged == len(thought.ids) + sampled_ends
