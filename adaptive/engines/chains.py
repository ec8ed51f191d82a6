"""Chain: one sequence with its cache, whatever computes it. ChainPool: the chains of all sessions."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from adaptive.engines.generation import GrowingGeneration
from adaptive.engines.protocol import Generation
from adaptive.engines.sampling import sample_token

# Places whose logits are kept, since a later call may go back to them; each takes 4 bytes a vocabulary entry.
_MARKS = 8
# Ids computed at once: no slower than a whole prompt, and Python's lock is held no longer than this takes.
_PIECE = 64
_FEWEST_IDLE = 2


class Chain(ABC):
    """One sequence: `ids` as the cache holds them, and `logits` after the last one, shape (vocabulary,).

    If a method raises, the content of the cache is unknown and the chain must be dropped.
    """

    def __init__(self) -> None:
        self._marks: dict[int, NDArray[np.float32]] = {}
        self.ids: list[int] = []
        self.logits: NDArray[np.float32] | None = None

    @property
    def nbytes(self) -> int:
        """The memory that it takes, if that is known."""
        return 0

    @abstractmethod
    def reserve(self, length: int) -> None:
        """Make room for `length` ids. The cache may be lost if the room has to grow."""

    @abstractmethod
    def _compute(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Append `ids` to the cache; return the logits after the last of them."""

    @abstractmethod
    def _crop(self, length: int) -> int:
        """Shorten the cache to `length` ids, or to fewer if it cannot; return how many it holds."""

    def reuse_prefix(self, ids: Sequence[int]) -> int:
        """Go back to the longest start of `ids` that the cache holds; return its length.

        Logits are known only after the last id and at marks. If the cache holds all of `ids` without its logits,
        the last id is left to be computed again.
        """
        length = _count_shared(self.ids, ids)
        if length == len(ids) and length != len(self.ids) and length not in self._marks:
            length -= 1
        if length < len(self.ids):
            length = self._crop(length)
            del self.ids[length:]
            self._marks = {place: logits for place, logits in self._marks.items() if place <= length}
            self.logits = self._marks.get(length)
        return len(self.ids)

    def append(self, ids: Sequence[int]) -> None:
        """Compute `ids` after those that the cache holds."""
        self.add(ids, self._compute(ids))

    def add(self, ids: Sequence[int], logits: NDArray[np.float32]) -> None:
        """Note that the cache holds `ids` too, and the logits after the last of them."""
        self.logits = logits
        self.ids += ids

    def mark(self) -> None:
        """Keep the logits of this place, so that coming back to it costs nothing."""
        if self.logits is not None:
            self._marks.pop(len(self.ids), None)
            self._marks[len(self.ids)] = self.logits
        if len(self._marks) > _MARKS:
            self._marks.pop(next(iter(self._marks)))

    def _forget(self) -> None:
        """Note that the cache is empty."""
        self._marks.clear()
        self.ids, self.logits = [], None


Step = tuple[Chain, tuple[int, ...]]
"""A chain and the ids to append to it next."""
Steps = Generator[Step, None, Generation]


@dataclass
class ChainCall:
    """A generation on a chain. Setting `halted` stops it within one token.

    Every token that is kept is computed at once, the last one too: the next call finds it in the cache.
    """

    growing: GrowingGeneration
    halted: threading.Event = field(default_factory=threading.Event)

    def run(self, chain: Chain) -> Steps:
        """Continue the ids on a chain: yield what is to be appended to it next, return the generation.

        Whoever runs it appends the ids before it goes on. The result is of no use once `halted` is set.
        """
        request = self.growing.request
        chain.reserve(len(request.ids) + request.room)
        cached = chain.reuse_prefix(request.ids)
        yield from self._prefill(chain, cached)
        yield from self._extend(chain)
        chain.mark()
        return self.growing.finish(cached)

    def _prefill(self, chain: Chain, start: int) -> Iterator[Step]:
        ids = self.growing.request.ids
        for place in range(start, len(ids), _PIECE):
            if self.halted.is_set():
                return
            yield chain, ids[place : place + _PIECE]
        chain.mark()

    def _extend(self, chain: Chain) -> Iterator[Step]:
        # There are no logits only if the prefill was halted.
        while not self.growing.is_complete and not self.halted.is_set() and chain.logits is not None:
            token, logprob = sample_token(chain.logits, self.growing.request.sampling, len(chain.ids))
            self.growing.add((token,), (logprob,))
            if self.growing.stop is None:
                yield chain, (token,)


class ChainPool:
    """Chains by session; of those that are idle the least recently used is dropped first.

    A chain is lent to one call at a time. A second call with the same session gets a new chain, and the chain of
    the later call stays. Safe to use from several threads.

    Args:
        make: Makes an empty chain.
        size: The most idle chains.
        memory: The most bytes of idle chains; two are kept in any case, since a solve forks at least once.
    """

    def __init__(self, make: Callable[[], Chain], size: int, memory: float = inf) -> None:
        self._make = make
        self._size, self._memory = size, memory
        self._lock = threading.Lock()
        self._idle: OrderedDict[str, Chain] = OrderedDict()
        self._lent: dict[str, Chain] = {}

    @contextmanager
    def lend(self, session: str) -> Iterator[Chain]:
        """Take the chain of `session` out of the pool for the block; it is dropped if the block raises."""
        with self._lock:
            chain = self._idle.pop(session, None) or self._make()
            self._lent[session] = chain
        intact = False
        try:
            yield chain
            intact = True
        finally:
            self._take_back(session, chain, intact)

    def drop(self, session: str) -> None:
        """Forget the chain of `session`; if it is lent, it is not taken back."""
        with self._lock:
            self._idle.pop(session, None)
            self._lent.pop(session, None)

    def clear(self) -> None:
        """Forget all chains."""
        with self._lock:
            self._idle.clear()
            self._lent.clear()

    def __len__(self) -> int:
        """Return how many chains are idle."""
        return len(self._idle)

    def _take_back(self, session: str, chain: Chain, intact: bool) -> None:
        with self._lock:
            if self._lent.get(session) is not chain:
                return
            del self._lent[session]
            if intact:
                self._idle[session] = chain
            while len(self._idle) > self._size or (len(self._idle) > _FEWEST_IDLE and self._is_full()):
                self._idle.popitem(last=False)

    def _is_full(self) -> bool:
        return sum(chain.nbytes for chain in self._idle.values()) > self._memory


def _count_shared(cached: Sequence[int], ids: Sequence[int]) -> int:
    """Return the length of the longest common start."""
    for place, (mine, yours) in enumerate(zip(cached, ids, strict=False)):
        if mine != yours:
            return place
    return min(len(cached), len(ids))
