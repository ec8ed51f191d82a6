"""A comparison run: cells asked some at once, kept as soon as each is paid for, judged and priced.

Local models are asked one cell at a time, so that the seconds of a cell are its own; hosted ones side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace

from adaptive._util.aio import run_concurrently
from adaptive._util.redact import redact_address
from adaptive.compare.backends import ComparisonBackend, EngineBackend
from adaptive.compare.cache import CellCache, ComparisonRequest
from adaptive.compare.cell import Cell, CellResult, ComparisonRow
from adaptive.errors import AdaptiveError
from adaptive.prices import Prices, add_cost
from adaptive.types.verdict import Verdict
from adaptive.verify import Rules, Verifier

OnRow = Callable[[ComparisonRow], None]


@dataclass
class Comparison:
    """The cells of a comparison, and those of them that have ended.

    check: what judges answers; without one it is the form alone. concurrency: hosted cells asked at once.
    """

    asking: ComparisonRequest
    cells: Sequence[Cell]
    cache: CellCache
    prices: Prices
    check: Verifier | None = None
    concurrency: int = 4
    _rows_by_cell: dict[Cell, ComparisonRow] = field(default_factory=dict)

    @property
    def rows(self) -> list[ComparisonRow]:
        """The cells that have ended, in the order of the grid."""
        return [self._rows_by_cell[cell] for cell in self.cells if cell in self._rows_by_cell]

    @property
    def missing(self) -> list[Cell]:
        """The cells that have not."""
        return [cell for cell in self.cells if cell not in self._rows_by_cell]

    async def load_cached(self) -> None:
        """End the cells that were paid for in an earlier run."""
        for cell in self.missing:
            if (bought := self.cache.get(self.asking, cell)) is not None:
                self._rows_by_cell[cell] = await self._build_row(cell, bought, cached=True)

    async def run(self, models: Mapping[str, ComparisonBackend], on_row: OnRow) -> None:
        """Ask what is missing of these models, by their specs; one that fails keeps none from being asked."""
        alone = asyncio.Lock()

        async def one(cell: Cell) -> None:
            model = models[cell.setting.model]
            turn: AbstractAsyncContextManager[object] = (
                alone if isinstance(model, EngineBackend) else nullcontext()
            )
            async with turn:
                row = await self._ask_model(model, cell)
            self._rows_by_cell[cell] = row
            on_row(row)

        missing = self.missing
        try:
            await run_concurrently(missing, min(self.concurrency, len(missing)), one)
        finally:
            for model in models.values():
                await model.close()

    async def _ask_model(self, model: ComparisonBackend, cell: Cell) -> ComparisonRow:
        try:
            bought = await model.ask(cell)
        except AdaptiveError as error:
            return ComparisonRow(cell, error=redact_address(str(error)))
        self.cache.add(self.asking, cell, bought)
        return await self._build_row(cell, bought, cached=False)

    async def _build_row(self, cell: Cell, result: CellResult, *, cached: bool) -> ComparisonRow:
        """What was bought, priced and judged now: prices and checks may be others than when it was paid for."""
        usage = add_cost(result.attempt.usage, cell.setting.model, self.prices)
        result = replace(result, attempt=replace(result.attempt, usage=usage))
        return ComparisonRow(cell, result, await self._judge_result(result), cached=cached)

    async def _judge_result(self, result: CellResult) -> Verdict:
        judge = self.check or Rules()
        return await judge.verify(self.asking.prompt, result.attempt, ())
