from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from adaptive.engines.chains import ChainPool
from adaptive.engines.onnx_genai import FIRST_ROOM, GeneratorChain

WINDOW = 4 * FIRST_ROOM


class Recorder:
    """A generator that only keeps account: its logits are the last id and the length."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.ids: list[int] = []
        self.computed = 0

    def append_tokens(self, ids: Sequence[int]) -> None:
        self.ids += [int(i) for i in ids]
        self.computed += len(ids)
        assert len(self.ids) <= self.room

    def rewind_to(self, length: int) -> None:
        assert length < len(self.ids)
        del self.ids[length:]

    def get_logits(self) -> np.ndarray:
        return np.array([[[self.ids[-1], len(self.ids)]]], dtype=np.float32)


class Bench:
    """A chain on recorders, moved about the way an engine does."""

    def __init__(self) -> None:
        self.made: list[Recorder] = []
        self.chain = GeneratorChain(self._make, WINDOW)

    def _make(self, room: int) -> Recorder:
        self.made.append(Recorder(room))
        return self.made[-1]

    def go(self, ids: Sequence[int], *, room: int = 100) -> int:
        """Make the chain hold exactly `ids`; returns how many of them were computed."""
        self.chain.reserve(room)
        shared = self.chain.reuse_prefix(ids)
        if shared < len(ids):
            self.chain.append(ids[shared:])
        self.chain.mark()
        assert self.chain.ids == list(ids) == self.made[-1].ids
        assert self.chain.logits is not None
        assert self.chain.logits.tolist() == [ids[-1], len(ids)]
        return len(ids) - shared


@pytest.mark.parametrize(
    ("steps", "computed"),
    [
        (["abc"], [3]),
        (["abc", "abcd"], [3, 1]),
        (["abc", "abc"], [3, 0]),
        (["abc", "abcde", "abcxy"], [3, 2, 2]),
        (["abc", "abcde", "abc"], [3, 2, 0]),  # back to a mark
        (["abcde", "abc"], [5, 1]),  # back to where no mark is
        (["abcde", "abc", "abcde"], [5, 1, 2]),
        (["abc", "xyz"], [3, 3]),
        (["abc", "a", "abc", "a"], [3, 1, 2, 0]),
        (["abc", "axc", "abc"], [3, 2, 2]),  # a mark past a fork is gone
    ],
)
def test_a_chain_computes_only_what_it_does_not_hold(steps: list[str], computed: list[int]) -> None:
    bench = Bench()
    assert [bench.go([ord(c) for c in step]) for step in steps] == computed
    assert bench.made[0].computed == sum(computed)


def test_the_oldest_marks_are_given_up() -> None:
    bench = Bench()
    for length in range(1, 12):
        bench.go(list(range(length)))
    assert bench.go([0, 1, 2, 3, 4]) == 0
    assert bench.go([0]) == 1


def test_room_grows_by_doubling_up_to_the_window() -> None:
    bench = Bench()
    for length, made in [(5, 1), (FIRST_ROOM, 1), (FIRST_ROOM + 1, 2), (2 * FIRST_ROOM, 2), (WINDOW, 3)]:
        bench.go([1, 2, 3], room=length)
        assert len(bench.made) == made
    assert [one.room for one in bench.made] == [FIRST_ROOM, 2 * FIRST_ROOM, WINDOW]
    assert [one.computed for one in bench.made] == [3, 3, 3]


@pytest.fixture
def pool() -> ChainPool:
    return ChainPool(lambda: GeneratorChain(Recorder, WINDOW), size=2)


def lent(pool: ChainPool, session: str) -> GeneratorChain:
    with pool.lend(session) as chain:
        return chain


def test_a_session_gets_its_chain_back(pool: ChainPool) -> None:
    assert lent(pool, "a") is lent(pool, "a")
    assert lent(pool, "a") is not lent(pool, "b")


def test_the_session_not_used_for_longest_is_dropped(pool: ChainPool) -> None:
    first, *_ = (lent(pool, session) for session in "aba")
    lent(pool, "c")
    assert len(pool) == 2
    assert lent(pool, "a") is first


def test_a_chain_is_never_lent_twice_and_the_later_one_stays(pool: ChainPool) -> None:
    with pool.lend("a") as first, pool.lend("a") as second:
        assert second is not first
    assert lent(pool, "a") is second


def test_a_chain_whose_call_failed_is_dropped(pool: ChainPool) -> None:
    before = lent(pool, "a")
    with pytest.raises(RuntimeError, match="boom"), pool.lend("a"):
        raise RuntimeError("boom")
    assert len(pool) == 0
    assert lent(pool, "a") is not before


@pytest.mark.parametrize("while_lent", [True, False])
def test_a_dropped_session_starts_anew(pool: ChainPool, while_lent: bool) -> None:
    with pool.lend("a") as before:
        if while_lent:
            pool.drop("a")
    pool.drop("a")
    assert lent(pool, "a") is not before


def test_a_cleared_pool_takes_nothing_back(pool: ChainPool) -> None:
    lent(pool, "b")
    with pool.lend("a"):
        pool.clear()
    assert len(pool) == 0
