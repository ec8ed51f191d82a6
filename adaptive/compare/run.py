"""A comparison run: cells asked some at once, kept as soon as each is paid for, judged and priced.

Local models are asked one cell at a time, so that the seconds of a cell are its own; hosted ones side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace

from adaptive._util.aio import at_once
from adaptive._util.redact import masked
from adaptive.compare.backends import Local, Model
from adaptive.compare.cache import Asking, Cache
from adaptive.compare.cell import Bought, Cell, Row
from adaptive.errors import AdaptiveError
from adaptive.prices import Prices, priced
from adaptive.types.verdict import Verdict
from adaptive.verify import Rules, Verifier

OnRow = Callable[[Row], None]


@dataclass
class Comparison:
    """The cells of a comparison, and those of them that have ended.

    check: what judges answers; without one it is the form alone. concurrency: hosted cells asked at once.
    """

    asking: Asking
    cells: Sequence[Cell]
    cache: Cache
    prices: Prices
    check: Verifier | None = None
    concurrency: int = 4
    _ended: dict[Cell, Row] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """The cells that have ended, in the order of the grid."""
        return [self._ended[cell] for cell in self.cells if cell in self._ended]

    @property
    def missing(self) -> list[Cell]:
        """The cells that have not."""
        return [cell for cell in self.cells if cell not in self._ended]

    async def recall(self) -> None:
        """End the cells that were paid for in an earlier run."""
        for cell in self.missing:
            if (bought := self.cache.get(self.asking, cell)) is not None:
                self._ended[cell] = await self._row(cell, bought, cached=True)

    async def run(self, models: Mapping[str, Model], on_row: OnRow) -> None:
        """Ask what is missing of these models, by their specs; one that fails keeps none from being asked."""
        alone = asyncio.Lock()

        async def one(cell: Cell) -> None:
            model = models[cell.setting.model]
            turn: AbstractAsyncContextManager[object] = alone if isinstance(model, Local) else nullcontext()
            async with turn:
                row = await self._asked(model, cell)
            self._ended[cell] = row
            on_row(row)

        missing = self.missing
        try:
            await at_once(missing, min(self.concurrency, len(missing)), one)
        finally:
            for model in models.values():
                await model.close()

    async def _asked(self, model: Model, cell: Cell) -> Row:
        try:
            bought = await model.ask(cell)
        except AdaptiveError as error:
            return Row(cell, error=masked(str(error)))
        self.cache.add(self.asking, cell, bought)
        return await self._row(cell, bought, cached=False)

    async def _row(self, cell: Cell, bought: Bought, *, cached: bool) -> Row:
        """What was bought, priced and judged now: prices and checks may be others than when it was paid for."""
        usage = priced(bought.attempt.usage, cell.setting.model, self.prices)
        bought = replace(bought, attempt=replace(bought.attempt, usage=usage))
        return Row(cell, bought, await self._judged(bought), cached=cached)

    async def _judged(self, bought: Bought) -> Verdict:
        judge = self.check or Rules()
        return await judge.verify(self.asking.prompt, bought.attempt, ())
