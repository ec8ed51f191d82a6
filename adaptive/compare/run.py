"""Runs the cells of a comparison, stores each result as soon as it is there, judges it and prices it.

Cells of local models run one at a time, so that their seconds are comparable; those of hosted ones side by side.
Settings that a model maps to the same request share one call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from adaptive._util.aio import run_concurrently
from adaptive._util.redact import explain_failure, redact_address
from adaptive.compare.backends import ComparisonBackend, EngineBackend
from adaptive.compare.cache import CellCache, ComparisonRequest
from adaptive.compare.cell import Cell, CellResult, CellSetting, ComparisonRow
from adaptive.errors import AdaptiveError
from adaptive.prices import Prices, add_cost
from adaptive.verify import Rules, Verifier

LOG = logging.getLogger("adaptive")
OnRow = Callable[[ComparisonRow], None]


@dataclass
class Comparison:
    """The cells of a comparison, and the rows of those that have ended.

    Attributes:
        request: What all cells have in common.
        cells: The cells, in the order of the grid.
        cache: The results of earlier runs; new ones are added.
        prices: The prices of tokens.
        check: Judges the answers; None to look at their form alone.
        concurrency: How many hosted cells run at once.
    """

    request: ComparisonRequest
    cells: Sequence[Cell]
    cache: CellCache
    prices: Prices
    check: Verifier | None = None
    concurrency: int = 4
    _rows_by_cell: dict[Cell, ComparisonRow] = field(default_factory=dict)
    _warned: bool = False

    @property
    def rows(self) -> list[ComparisonRow]:
        """The rows of the cells that have ended, in the order of the grid."""
        return [self._rows_by_cell[cell] for cell in self.cells if cell in self._rows_by_cell]

    @property
    def missing(self) -> list[Cell]:
        """The cells that have not ended."""
        return [cell for cell in self.cells if cell not in self._rows_by_cell]

    async def load_cached(self) -> None:
        """End the cells whose results are in the cache."""
        for cell in self.missing:
            if (result := self.cache.get(self.request, cell)) is not None:
                self._rows_by_cell[cell] = await self._build_row(cell, result, cached=True)

    async def run(self, models: Mapping[str, ComparisonBackend], on_row: OnRow) -> None:
        """Run the missing cells. A cell that fails does not stop the others. The models are closed at the end.

        Of the cells with the same request one is asked first. If it fails, the next one is.

        Args:
            models: The models by their specs.
            on_row: Called with each row when its cell ends.
        """
        local_lock = asyncio.Lock()

        async def run_cell(cell: Cell) -> None:
            model = models[cell.setting.model]
            row = await self._copy_identical(model, cell)
            if row is None:
                async with local_lock if isinstance(model, EngineBackend) else nullcontext():
                    row = await self._ask_model(model, cell)
            self._rows_by_cell[cell] = row
            on_row(row)

        try:
            while missing := self.missing:
                distinct = _pick_distinct(missing, models)
                await run_concurrently(distinct, min(self.concurrency, len(distinct)), run_cell)
        finally:
            for model in models.values():
                await model.close()

    async def _copy_identical(self, model: ComparisonBackend, cell: Cell) -> ComparisonRow | None:
        """Return the row of a cell whose request was made at another setting; None if it was not made."""
        mapped = model.map_request(cell.setting)
        for row in self.rows:
            other = row.cell.setting
            if row.result is None or (other.model, row.cell.repeat) != (cell.setting.model, cell.repeat):
                continue
            if model.map_request(other).key == mapped.key:
                note = _describe_identical(cell.setting, other)
                result = replace(row.result, notes=(*mapped.notes, note))
                self._cache_or_warn(cell, result)
                return await self._build_row(cell, result, cached=True)
        return None

    async def _ask_model(self, model: ComparisonBackend, cell: Cell) -> ComparisonRow:
        try:
            result = await model.ask(cell)
        except AdaptiveError as error:
            return ComparisonRow(cell, error=redact_address(str(error)))
        self._cache_or_warn(cell, result)
        return await self._build_row(cell, result, cached=False)

    def _cache_or_warn(self, cell: Cell, result: CellResult) -> None:
        """Cache a result. The first failure is a warning: what was paid for is shown, and no other cell stops."""
        try:
            self.cache.add(self.request, cell, result)
        except Exception as error:  # noqa: BLE001 -- whatever it is
            if not self._warned:
                self._warned = True
                LOG.warning("results are not cached, and would be paid for again: %s", explain_failure(error))

    async def _build_row(self, cell: Cell, result: CellResult, *, cached: bool) -> ComparisonRow:
        """Price and judge a result. A cached one too: prices and check may have changed since."""
        usage = add_cost(result.attempt.usage, cell.setting.model, self.prices)
        result = replace(result, attempt=replace(result.attempt, usage=usage))
        verdict = await (self.check or Rules()).verify(self.request.prompt, result.attempt, ())
        return ComparisonRow(cell, result, verdict, cached=cached)


def _pick_distinct(cells: Sequence[Cell], models: Mapping[str, ComparisonBackend]) -> list[Cell]:
    """Return the first of the cells of each request."""
    first: dict[tuple[str, str, int], Cell] = {}
    for cell in cells:
        model = cell.setting.model
        first.setdefault((model, models[model].map_request(cell.setting).key, cell.repeat), cell)
    return list(first.values())


def _describe_identical(setting: CellSetting, other: CellSetting) -> str:
    """Say that two settings of a model are one request to it."""
    return (
        f"{setting.model}: {setting.effort} effort and a cap of {setting.cap} is the same request as "
        f"{other.effort} and {other.cap}, and was paid for once"
    )
