"""Limits of what a tenant may spend, in all of its runs and threads, and after a restart.

What was spent is in LangGraph's store. A store has no sums, so each process writes rows of its own and the sum of
all rows counts: no two processes write the same row, and within a process one writes after the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from adaptive.agents.step.spending_limits import Scope
from adaptive.errors import InputError, LimitReached
from adaptive.types.from_json import check_fields
from adaptive.types.options import Options
from adaptive.types.setting import Setting
from adaptive.types.usage import Usage

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore, Item, SearchItem

NAMESPACE = "adaptive_spending"
"""The first label of the namespaces in the store."""
PAGE = 100
"""Rows that are read at once."""
POLL_SECONDS = 0.002
"""How often a waiting write looks whether it is its turn: it must not hold the event loop up."""
NOTHING = Usage(cost=0.0)


@dataclass(frozen=True, kw_only=True)
class TenantLimits:
    """How much each tenant may spend, in all runs and threads together.

    A run's context says whose it is: `agent.invoke(..., context={"tenant": "alice"})`. What a tenant has spent is
    kept in the graph's store (`create_agent(..., store=...)`). Once a limit is reached, each call raises
    `LimitReached`; what runs already is finished, so a limit is exceeded by that at most. A limit for a month has
    the month in the tenant's name.

    Args:
        key: The key, or attribute, of the context that holds the tenant's name.
        max_tokens: All tokens of a tenant.
        max_cost: The same in dollars.

    Raises:
        InputError: A value is out of range, or there is no limit.
    """

    key: str = "tenant"
    max_tokens: Annotated[int | None, Setting("Tokens of a tenant.", ge=1)] = None
    max_cost: Annotated[float | None, Setting("Dollars of a tenant.", gt=0)] = None

    def __post_init__(self) -> None:
        check_fields(TenantLimits, vars(self), "the limits of tenants")
        if self.max_tokens is None and self.max_cost is None:
            raise InputError("the limits of tenants have neither max_tokens nor max_cost: set one of them.")

    def find_account(self, runtime: Any = None) -> Account:
        """Return the account of the tenant of a run.

        Args:
            runtime: LangGraph's runtime of the run; None for that of the current node.

        Raises:
            InputError: The run has no store, or its context no tenant.
        """
        runtime = _find_runtime() if runtime is None else runtime
        store = getattr(runtime, "store", None)
        if store is None:
            raise InputError(
                "what tenants spend is kept in LangGraph's store, and this run has none: build the graph with "
                "one, as in create_agent(..., store=store)."
            )
        context = getattr(runtime, "context", None)
        tenant = context.get(self.key) if isinstance(context, Mapping) else getattr(context, self.key, None)
        if not isinstance(tenant, str) or not tenant.strip():
            raise InputError(
                f"{self.key!r} in the context must name the tenant, got {tenant!r}: give it, as in "
                f'invoke(..., context={{"{self.key}": "alice"}}).'
            )
        return Account(self, store, tenant)


@dataclass(frozen=True)
class Account:
    """What one tenant has spent, in a store."""

    limits: TenantLimits
    store: BaseStore
    tenant: str

    @property
    def namespace(self) -> tuple[str, str]:
        """Where the rows are. A digest: a label takes no point, and `LIKE` must not read a name as a pattern."""
        return NAMESPACE, hashlib.sha256(self.tenant.encode("utf-8", "surrogatepass")).hexdigest()

    def read(self) -> Usage:
        """Return what was spent so far."""
        rows: list[SearchItem] = []
        while page := self.store.search(self.namespace, limit=PAGE, offset=len(rows)):
            rows += page
        return _sum_rows(rows)

    async def aread(self) -> Usage:
        """As `read`, awaited."""
        rows: list[SearchItem] = []
        while page := await self.store.asearch(self.namespace, limit=PAGE, offset=len(rows)):
            rows += page
        return _sum_rows(rows)

    def open_scope(self) -> Scope:
        """Return the tenant's limits and what was spent; raise `LimitReached` if one is reached."""
        return self._check_scope(self.read())

    async def aopen_scope(self) -> Scope:
        """As `open_scope`, awaited."""
        return self._check_scope(await self.aread())

    def charge(self, usage: Usage) -> None:
        """Add what was spent."""
        with _BLOCKING_LOCK:
            key = _find_row("blocking")
            self.store.put(self.namespace, key, self._add(self.store.get(self.namespace, key), usage), index=False)

    async def acharge(self, usage: Usage) -> None:
        """As `charge`, awaited. It is finished even if the caller is cancelled: the tokens are spent."""
        await asyncio.shield(self._acharge(usage))

    async def _acharge(self, usage: Usage) -> None:
        async with _take_turn():
            key = _find_row("awaited")
            value = self._add(await self.store.aget(self.namespace, key), usage)
            await self.store.aput(self.namespace, key, value, index=False)

    def _add(self, row: Item | None, usage: Usage) -> dict[str, Any]:
        return {"tenant": self.tenant, "usage": (_sum_rows([row] if row else []) + usage).to_json()}

    def _check_scope(self, spent: Usage) -> Scope:
        limits = Options(max_tokens=self.limits.max_tokens, max_cost=self.limits.max_cost)
        scope = Scope("tenant", limits, spent)
        if reached := scope.find_reached(NOTHING):
            raise LimitReached(f"tenant {self.tenant!r}: {reached}: raise its limit to go on.")
        return scope


@dataclass
class TenantCall:
    """A call that a tenant is charged for.

    Attributes:
        scope: The tenant's limits and what was spent before; None without limits of tenants.
        spent: By the call; set before its end.
    """

    scope: Scope | None = None
    spent: Usage = NOTHING

    def count_also(self, on_spent: Callable[[Usage], None] | None) -> Callable[[Usage], None]:
        """Return a listener that counts what was spent, and tells another one."""

        def listen(usage: Usage) -> None:
            self.spent += usage
            if on_spent is not None:
                on_spent(usage)

        return listen


@contextmanager
def open_call(tenants: TenantLimits | None, runtime: Any = None) -> Iterator[TenantCall]:
    """Yield a call within its tenant's limits, and charge the tenant for it.

    Args:
        tenants: The limits; without them nothing is charged.
        runtime: As in `find_account`.

    Raises:
        InputError: The run has no store, or its context no tenant.
        LimitReached: A limit was reached before the call.
    """
    if tenants is None:
        yield TenantCall()
        return
    account = tenants.find_account(runtime)
    call = TenantCall(account.open_scope())
    try:
        yield call
    finally:
        account.charge(call.spent)


@asynccontextmanager
async def aopen_call(tenants: TenantLimits | None, runtime: Any = None) -> AsyncIterator[TenantCall]:
    """As `open_call`, awaited."""
    if tenants is None:
        yield TenantCall()
        return
    account = tenants.find_account(runtime)
    call = TenantCall(await account.aopen_scope())
    try:
        yield call
    finally:
        await account.acharge(call.spent)


def _sum_rows(rows: Sequence[Item]) -> Usage:
    return sum((Usage.from_json(row.value["usage"]) for row in rows), NOTHING)


def _find_runtime() -> Any:
    """Return the runtime of the current node; None outside of a graph."""
    from langgraph.runtime import get_runtime  # loaded when it is needed, as all of LangGraph

    try:
        return get_runtime()
    except (KeyError, RuntimeError):
        return None


# Calls that block and calls that are awaited have rows of their own, so that neither waits for the other. Code
# that calls a graph without awaiting it, on the thread of an event loop, would otherwise wait for a task of
# that loop.
_BLOCKING_LOCK = threading.Lock()
_AWAITED_LOCK = threading.Lock()  # of threads: several event loops may run
_rows: dict[tuple[int, str], str] = {}


def _find_row(kind: str) -> str:
    """Return the key of this process's row; a forked process has its own."""
    return _rows.setdefault((os.getpid(), kind), uuid.uuid4().hex)


@asynccontextmanager
async def _take_turn() -> AsyncIterator[None]:
    while not _AWAITED_LOCK.acquire(blocking=False):
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        _AWAITED_LOCK.release()
