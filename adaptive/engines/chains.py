"""Chain: one sequence with its cache, whatever computes it. ChainPool: many of them, by session."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.engines.generation import GrowingGeneration
from adaptive.engines.protocol import Generation
from adaptive.engines.sampling import sample_token

# A generator allocates its whole cache at once, so a chain starts with this room and doubles when it has to.
FIRST_ROOM = 4096
# Logits kept at places that a later call may go back to; each is 4 bytes a vocabulary entry.
_MARKS = 8


class Chain(ABC):
    """One sequence: `ids` as the cache holds them, and `logits` after the last one, shape (vocabulary,).

    If a method raises, what the cache holds is unknown and the chain must be dropped.
    """

    def __init__(self) -> None:
        self._marks: dict[int, NDArray[np.float32]] = {}
        self.ids: list[int] = []
        self.logits: NDArray[np.float32] | None = None

    @abstractmethod
    def reserve(self, length: int) -> None:
        """Have room for `length` ids; where the room has to grow, the cache may be lost."""

    @abstractmethod
    def _compute(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Append `ids` to the cache; the logits after the last of them."""

    @abstractmethod
    def _crop(self, length: int) -> int:
        """Shorten the cache to `length` ids, or to fewer where it cannot; returns how many it holds."""

    def reuse_prefix(self, ids: Sequence[int]) -> int:
        """Go back to the longest start of `ids` that the cache holds; returns its length.

        Logits are known only after the last id and at marks: where all of `ids` is held but its logits are
        gone, the last id is left to be computed again.
        """
        length = _count_shared(self.ids, ids)
        if length == len(ids) and length != len(self.ids) and length not in self._marks:
            length -= 1
        if length < len(self.ids):
            self._rewind(length)
        return len(self.ids)

    def append(self, ids: Sequence[int]) -> None:
        """Compute `ids` after what is held."""
        self.logits = self._compute(ids)
        self.ids += ids

    def mark(self) -> None:
        """Keep the logits of this place, so that coming back to it costs nothing."""
        if self.logits is not None:
            self._marks.pop(len(self.ids), None)
            self._marks[len(self.ids)] = self.logits
        if len(self._marks) > _MARKS:
            self._marks.pop(next(iter(self._marks)))

    def _forget(self) -> None:
        """Nothing is held any more."""
        self._marks.clear()
        self.ids, self.logits = [], None

    def _rewind(self, length: int) -> None:
        length = self._crop(length)
        del self.ids[length:]
        self._marks = {place: logits for place, logits in self._marks.items() if place <= length}
        self.logits = self._marks.get(length)


class OnnxChain(Chain):
    """A chain on a generator of ONNX Runtime GenAI.

    make: gives a new generator with room for so many ids. window: the most ids it may ever be asked for.
    """

    def __init__(self, make: Callable[[int], Any], window: int) -> None:
        super().__init__()
        self._make = make
        self._window = window
        self._room = 0
        self._generator: Any = None

    def reserve(self, length: int) -> None:
        """Have room for `length` ids; where the room has to grow, the cache is lost."""
        if length > self._room:
            self._room = min(self._window, max(FIRST_ROOM, 1 << (length - 1).bit_length()))
            self._generator = self._make(self._room)
            self._forget()

    def _compute(self, ids: Sequence[int]) -> NDArray[np.float32]:
        self._generator.append_tokens(np.array(ids, dtype=np.int32))
        logits: NDArray[np.float32] = self._generator.get_logits()[0, -1]
        return logits

    def _crop(self, length: int) -> int:
        # No get_logits after this and before an append: it would run the queued last token a second time.
        self._generator.rewind_to(length)
        return length


def _count_shared(held: Sequence[int], ids: Sequence[int]) -> int:
    """The length of the longest common start."""
    for place, (mine, yours) in enumerate(zip(held, ids, strict=False)):
        if mine != yours:
            return place
    return min(len(held), len(ids))


class ChainPool:
    """Chains by session, at most `size` of them idle; the one not used for longest is dropped first.

    A chain is lent to one call at a time. A second call with the same session gets a chain of its own, and
    the chain of the later call stays. Safe to use from several threads.
    """

    def __init__(self, make: Callable[[], Chain], size: int) -> None:
        self._make = make
        self._size = size
        self._lock = threading.Lock()
        self._idle: OrderedDict[str, Chain] = OrderedDict()
        self._lent: dict[str, Chain] = {}

    @contextmanager
    def lend(self, session: str) -> Iterator[Chain]:
        """The chain of `session`, out of the pool meanwhile; it is dropped if the block raises."""
        with self._lock:
            chain = self._idle.pop(session, None) or self._make()
            self._lent[session] = chain
        whole = False
        try:
            yield chain
            whole = True
        finally:
            self._take_back(session, chain, whole)

    def drop(self, session: str) -> None:
        """Forget the chain of `session`; one that is lent is not taken back."""
        with self._lock:
            self._idle.pop(session, None)
            self._lent.pop(session, None)

    def clear(self) -> None:
        """Forget all chains."""
        with self._lock:
            self._idle.clear()
            self._lent.clear()

    def __len__(self) -> int:
        """How many chains are idle."""
        return len(self._idle)

    def _take_back(self, session: str, chain: Chain, whole: bool) -> None:
        with self._lock:
            if self._lent.get(session) is not chain:
                return
            del self._lent[session]
            if whole:
                self._idle[session] = chain
            while len(self._idle) > self._size:
                self._idle.popitem(last=False)


# Ids computed at once: no slower than a whole prompt, and Python's lock is held no longer than this takes.
_PIECE = 64


@dataclass
class ChainCall:
    """A generation that grows on a chain, and `halted`, which stops it within one token.

    Every token that is kept is computed at once, the last one too: the next call finds it in the cache.
    """

    growing: GrowingGeneration
    halted: threading.Event = field(default_factory=threading.Event)

    def run(self, chain: Chain) -> Generation:
        """Continue the ids on a chain; what comes back after `halted` was set is of no use."""
        asked = self.growing.request
        chain.reserve(len(asked.ids) + asked.room)
        cached = chain.reuse_prefix(asked.ids)
        self._prefill(chain, cached)
        self._extend(chain)
        chain.mark()
        return self.growing.finish(cached)

    def _prefill(self, chain: Chain, start: int) -> None:
        ids = self.growing.request.ids
        for place in range(start, len(ids), _PIECE):
            if self.halted.is_set():
                return
            chain.append(ids[place : place + _PIECE])
        chain.mark()

    def _extend(self, chain: Chain) -> None:
        """Add tokens until no more are wanted."""
        # There are no logits only if the prefill was halted.
        while not self.growing.is_complete and not self.halted.is_set() and chain.logits is not None:
            token, logprob = sample_token(chain.logits, self.growing.request.sampling, len(chain.ids))
            self.growing.add((token,), (logprob,))
            if self.growing.stop is None:
                chain.append((token,))
