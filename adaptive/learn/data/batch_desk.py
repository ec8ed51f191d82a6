"""Sends the calls of attempts that run side by side to a provider's batch API.

An attempt runs as ever, and its call waits here. Once all attempts wait, those calls that fit in the limit of
money leave as one batch. The replies let the attempts go on, to their end or to another call, which is in the next
batch.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol, TypeVar

from adaptive.chat.batch_api import NO_REPLY, BatchApi, BatchStatus
from adaptive.chat.call_transport import WireReply, WireRequest
from adaptive.chat.errors import ChatError
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.batch_journal import BatchJournal, OpenBatch
from adaptive.learn.data.spending import SpendingLimitError, explain_limit

T = TypeVar("T")
MOST_ATTEMPTS = 5_000
"""How many attempts run side by side: each holds some 50 KB while it waits."""
FIRST_POLL, LONGEST_POLL = 1.0, 60.0
"""Seconds between two looks at a batch; they double."""
OK = 200


class UnansweredError(AdaptiveError):
    """A request failed in its batch, or expired: it may be made again in another."""


class BatchListener(Protocol):
    """Is told what becomes of batches."""

    def on_batch(self, batch: OpenBatch, *, resumed: bool) -> None:
        """A batch was submitted, or a former run's is waited for."""
        ...

    def on_status(self, status: BatchStatus) -> None:
        """A batch was looked at."""
        ...

    def on_unanswered(self, error: UnansweredError) -> None:
        """An attempt cannot be made in this run, since a request failed."""
        ...


@dataclass
class BatchCall:
    """A call of an attempt.

    attempt: the name of the attempt in the file. model: the spec of its model. most: the most dollars that the
    call may cost; None if its price is not known. number: that of its last request in the journal. refusal: why it
    was not made.
    """

    attempt: str
    model: str
    most: float | None
    number: int = 0
    refusal: AdaptiveError | None = None


@dataclass(frozen=True)
class _Waiting:
    """A request that waits for its batch, and then for its reply."""

    call: BatchCall
    request: WireRequest
    digest: str
    reply: asyncio.Future[WireReply] = field(default_factory=asyncio.Future)


_CALL: ContextVar[BatchCall] = ContextVar("_CALL")
"""The call that a request is part of: its client knows nothing of attempts."""


class BatchDesk:
    """Collects the requests of attempts, and sends them in batches.

    Args:
        apis: The batch API of each model, by its spec.
        journal: Keeps what was submitted.
        limit: The most dollars that all calls in the journal may cost; None for no limit.
        listener: Is told of every batch.
    """

    def __init__(
        self, apis: Mapping[str, BatchApi], journal: BatchJournal, limit: float | None, listener: BatchListener
    ) -> None:
        self._apis, self.journal, self._limit, self._listener = apis, journal, limit, listener
        self._running = 0
        self._waiting: list[_Waiting] = []
        self._idle = asyncio.Event()

    async def run(self, items: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
        """Call `do` with each item, side by side, and send what they ask for until all are done.

        Batches of former runs are waited for first: their replies are then there for the attempts.

        Raises:
            AdaptiveError: A batch cannot be sent or read. It goes on, and the next run with it.
        """
        for batch in self.journal.list_open():
            self._listener.on_batch(batch, resumed=True)
            await self._finish(batch)
        left = iter(items)
        while wave := list(islice(left, MOST_ATTEMPTS)):
            await self._run_wave(wave, do)

    async def make_call(self, call: BatchCall, work: Awaitable[T]) -> T:
        """Return the result of `work`, whose requests come to `send` as part of a call.

        Raises:
            SpendingLimitError: The call does not fit in the limit.
            UnansweredError: Its request failed in a way that may pass.
            InputError: The provider does not take it.
        """
        token = _CALL.set(call)
        try:
            return await work
        except AdaptiveError as error:
            self.journal.drop_reply(call.number)
            if isinstance(error, ChatError):
                raise call.refusal or UnansweredError(str(error)) from None
            raise
        finally:
            _CALL.reset(token)

    async def send(self, request: WireRequest) -> WireReply:
        """Return the reply to a request: a stored one, or that of the next batch."""
        call = _CALL.get()
        digest = _make_digest(call, request)
        if stored := self.journal.find_reply(digest):
            call.number = stored.call
            return WireReply(OK, stored.body)
        waiting = _Waiting(call, request, digest)
        self._waiting.append(waiting)
        self._check_idle()
        return await waiting.reply

    async def _run_wave(self, wave: Sequence[T], do: Callable[[T], Awaitable[None]]) -> None:
        self._running = len(wave)
        try:
            async with asyncio.TaskGroup() as group:
                for item in wave:
                    group.create_task(self._run_one(do, item))
                while self._running:
                    await self._idle.wait()
                    self._idle.clear()
                    await self._send_waiting()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _run_one(self, do: Callable[[T], Awaitable[None]], item: T) -> None:
        try:
            await do(item)
        finally:
            self._running -= 1
            self._check_idle()

    def _check_idle(self) -> None:
        """Note if all attempts wait, or none is left."""
        if len(self._waiting) == self._running:
            self._idle.set()

    async def _send_waiting(self) -> None:
        """Send what waits and fits in the limit, and hand out the replies; refuse all if nothing fits."""
        fitting = self._count_fitting()
        leaving, staying = self._waiting[:fitting], self._waiting[fitting:]
        self._waiting = staying if leaving else []
        if not leaving:
            for one in staying:
                self._refuse(one)
        batches = [(await self._submit(part), part) for part in self._split(leaving)]
        for batch, part in batches:
            replies = await self._finish(batch)
            for place, one in enumerate(part):
                one.reply.set_result(replies.get(place) or WireReply(NO_REPLY, {}))

    def _count_fitting(self) -> int:
        """Return how many of the waiting calls fit in the limit together, in order."""
        if self._limit is None:
            return len(self._waiting)
        spent = self.journal.sum_costs()
        for count, one in enumerate(self._waiting):
            assert spent is not None  # a limit needs prices: the command checks it
            assert one.call.most is not None
            spent += one.call.most
            if spent > self._limit:
                return count
        return len(self._waiting)

    def _refuse(self, one: _Waiting) -> None:
        spent, limit = self.journal.sum_costs() or 0.0, self._limit or 0.0
        one.call.refusal = SpendingLimitError(explain_limit(one.call.most or 0.0, spent, limit))
        # Through the client, which would turn an exception into one of its own.
        one.reply.set_result(WireReply(NO_REPLY, {}))

    def _split(self, leaving: Sequence[_Waiting]) -> Iterator[list[_Waiting]]:
        """Yield the requests in parts that a batch may have: of one model, to one address, and not too large."""
        part: list[_Waiting] = []
        size = 0
        for one in sorted(leaving, key=_get_target):
            api = self._apis[one.call.model]
            more = 2 * len(json.dumps(one.request.body))  # with its custom id, and to spare
            is_full = len(part) == api.most_requests or size + more > api.most_bytes
            if part and (is_full or _get_target(one) != _get_target(part[0])):
                yield part
                part, size = [], 0
            part.append(one)
            size += more
        if part:
            yield part

    async def _submit(self, part: Sequence[_Waiting]) -> OpenBatch:
        model = part[0].call.model
        batch, calls = self.journal.begin_batch(
            secrets.token_hex(8), [(one.digest, one.call.attempt, one.call.most) for one in part], model
        )
        for one, number in zip(part, calls, strict=True):
            one.call.number = number
        try:
            id = await self._apis[model].submit(batch.token, [one.request for one in part])
        except InputError:
            self.journal.cancel_batch(batch)
            raise
        self.journal.name_batch(batch.number, id)
        batch = replace(batch, id=id)
        self._listener.on_batch(batch, resumed=False)
        return batch

    async def _finish(self, batch: OpenBatch) -> dict[int, WireReply]:
        """Wait for a batch, keep its replies and return them by place; none if the provider does not have it."""
        api = self._apis[batch.model]
        ids = [batch.id] if batch.id else await api.find(batch.token, batch.count, batch.started)
        for id in ids:
            if not (status := await self._wait(id, api)):
                continue
            if status.problem:
                self.journal.cancel_batch(batch)
                raise AdaptiveError(
                    f"{batch.model}: the provider does not take the batch {id} ({status.problem}): try again "
                    "later, or with fewer questions (--limit)."
                )
            replies = {place: reply async for place, reply in api.read_replies(id, batch.token)}
            if replies or batch.id:
                bodies = {place: one.body if one.status == OK else None for place, one in replies.items()}
                self.journal.end_batch(batch.number, bodies)
                return replies
        if batch.id:
            self.journal.end_batch(batch.number, {})
        else:
            self.journal.cancel_batch(batch)
        return {}

    async def _wait(self, id: str, api: BatchApi) -> BatchStatus | None:
        """Return the status of a batch once it has ended; None if the provider does not know it."""
        seconds = FIRST_POLL
        while (status := await api.read_status(id)) is not None:
            self._listener.on_status(status)
            if status.ended:
                break
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, LONGEST_POLL)
        return status


def _get_target(one: _Waiting) -> tuple[str, str]:
    """Return what the requests of a batch have in common: the model, and the address."""
    return one.call.model, one.request.path


def _make_digest(call: BatchCall, request: WireRequest) -> str:
    """Return what a request is found by again: samples of a question may have the same body."""
    text = json.dumps([call.attempt, request.path, request.body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
