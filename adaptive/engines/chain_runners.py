"""What runs calls on chains: each in a thread of its own, or all side by side in batches."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Protocol

from adaptive.engines.chains import Chain, ChainCall, ChainPool, Steps
from adaptive.engines.protocol import Generation

# Pieces of prompts that are computed between two steps of a batch: the tokens of the others wait for them.
_PIECES = 8


class ChainRunner(ABC):
    """Runs calls on the chains of a pool, in threads. Safe to use from any thread.

    Args:
        pool: The chains.
        threads: How many threads there are; None for as many as there are cores.
    """

    def __init__(self, pool: ChainPool, threads: int | None) -> None:
        self._pool = pool
        self._threads = ThreadPoolExecutor(threads or os.cpu_count(), thread_name_prefix="adaptive-engine")

    @abstractmethod
    def submit(self, call: ChainCall, session: str) -> Future[Generation]:
        """Start a call on the chain of `session`."""

    def drop(self, session: str) -> None:
        """Forget the chain of `session`."""
        self._pool.drop(session)

    def shut_down(self) -> None:
        """Forget all chains, and wait until the running calls have ended."""
        self._pool.clear()
        self._threads.shutdown()

    def _run(self, call: ChainCall, session: str) -> Steps:
        with self._pool.lend(session) as chain:
            return (yield from call.run(chain))


class ThreadRunner(ChainRunner):
    """Runs each call in a thread, as many at once as there are cores.

    Args:
        pool: The chains.
    """

    def __init__(self, pool: ChainPool) -> None:
        super().__init__(pool, None)

    def submit(self, call: ChainCall, session: str) -> Future[Generation]:
        """Start a call on the chain of `session`, once a thread is free."""
        return self._threads.submit(self._complete, call, session)

    def _complete(self, call: ChainCall, session: str) -> Generation:
        with closing(self._run(call, session)) as steps:
            while True:
                try:
                    chain, ids = next(steps)
                except StopIteration as end:
                    generation: Generation = end.value
                    return generation
                chain.append(ids)


class ChainBatch(Protocol):
    """Appends to many chains at once."""

    def append(self, chains: Sequence[Chain], tokens: Sequence[int]) -> None:
        """Append one token to each chain. The result is that of `Chain.append`, to the last bit."""
        ...


class BatchRunner(ChainRunner):
    """Runs all calls side by side, in one thread: each step appends a token to every chain at once.

    Calls join and leave between two steps. Prompts are computed one chain at a time, a few pieces between steps.

    Args:
        pool: The chains.
        batch: Appends to many of them at once.
        rows: How many calls run side by side; further ones wait.
    """

    def __init__(self, pool: ChainPool, batch: ChainBatch, rows: int) -> None:
        super().__init__(pool, 1)
        self._batch, self._rows = batch, rows
        self._lock = threading.Lock()
        self._waiting: deque[_RunningCall] = deque()
        self._serving = False

    def submit(self, call: ChainCall, session: str) -> Future[Generation]:
        """Start a call on the chain of `session`, at the next step."""
        row = _RunningCall(self._run(call, session))
        with self._lock:
            if not self._serving:
                self._threads.submit(self._serve)
                self._serving = True
            self._waiting.append(row)
        return row.future

    def _serve(self) -> None:
        """Run calls until none is left."""
        running: list[_RunningCall] = []
        while True:
            with self._lock:
                room = self._rows - len(running)
                joining = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
                self._serving = bool(running or joining)
                if not self._serving:
                    return
            for row in joining:
                row.start()
            running = [row for row in (*running, *joining) if not row.future.done()]
            self._append_next(running)

    def _append_next(self, running: Sequence[_RunningCall]) -> None:
        """Append what the calls want appended next, prompts in turns."""
        for row in [row for row in running if len(row.ids) > 1][:_PIECES]:
            _append_and_advance([row], lambda rows: rows[0].chain.append(rows[0].ids))
        _append_and_advance([row for row in running if len(row.ids) == 1], self._append_tokens)

    def _append_tokens(self, rows: Sequence[_RunningCall]) -> None:
        self._batch.append([row.chain for row in rows], [row.ids[0] for row in rows])


class _RunningCall:
    """A call in a batch. `ids` are to be appended to `chain` next; none if the call is over."""

    chain: Chain

    def __init__(self, steps: Steps) -> None:
        self.future: Future[Generation] = Future()
        self.ids: tuple[int, ...] = ()
        self._steps = steps

    def start(self) -> None:
        """Go to the first ids, unless the call was cancelled while it waited."""
        if self.future.set_running_or_notify_cancel():
            self.advance()

    def advance(self) -> None:
        """Go to the next ids, or end the call."""
        self.ids = ()
        try:
            self.chain, self.ids = next(self._steps)
        except StopIteration as end:
            self.future.set_result(end.value)
        except Exception as error:  # noqa: BLE001 -- as in an executor: it is raised where the call is awaited
            self.future.set_exception(error)

    def fail(self, error: Exception) -> None:
        """End the call with an error, and drop its chain."""
        self.ids = ()
        self._steps.close()
        self.future.set_exception(error)


def _append_and_advance(rows: Sequence[_RunningCall], append: Callable[[Sequence[_RunningCall]], None]) -> None:
    """Append to some calls' chains; an error is theirs alone."""
    if not rows:
        return
    try:
        append(rows)
    except Exception as error:  # noqa: BLE001 -- as in an executor: it is raised where the calls are awaited
        for row in rows:
            row.fail(error)
    else:
        for row in rows:
            row.advance()
