"""The tool `compare` of `adaptive mcp`: settings on one prompt, within limits that the server sets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from mcp.server.fastmcp import Context
from mcp.types import CallToolResult, TextContent
from pydantic import Field

from adaptive._util.redact import redact_address
from adaptive.cli.support.compare_models import build_messages, open_compared_models
from adaptive.cli.support.mcp_progress import ProgressSender, Update
from adaptive.compare.cache import CellCache, ComparisonRequest, get_default_cache_path
from adaptive.compare.cell import Cell, ComparisonRow
from adaptive.compare.grid import build_cells, build_grid
from adaptive.compare.run import Comparison
from adaptive.compare.summary import summarise_settings
from adaptive.compare.table import list_remarks, to_csv, to_json
from adaptive.errors import InputError
from adaptive.prices import Prices
from adaptive.types.ladder import NamedEffort
from adaptive.types.usage import Usage
from adaptive.verify import Verifier

Cap = Annotated[int, Field(ge=1, lt=2**31)]


@dataclass(frozen=True)
class CompareTool:
    """Compares settings on one prompt a call.

    Attributes:
        models: Specs of the models that clients may name; the first is the default.
        engine: The options that token engines are opened with.
        prices: The prices of tokens.
        check: Judges the answers; None to look at their form alone.
        max_cells: Maximum calls of a comparison.
        max_tokens: Maximum of the caps of its calls together; None for no limit.
        max_cost: Maximum dollars of a comparison; None for no limit.
        timeout: Seconds after which it ends with the calls that have ended; None for no limit.
    """

    models: Sequence[str]
    engine: Mapping[str, Any] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)
    check: Verifier | None = None
    max_cells: int = 12
    max_tokens: int | None = None
    max_cost: float | None = None
    timeout: float | None = None

    @property
    def description(self) -> str:
        """What a client's model reads about the tool."""
        return (
            "Asks one prompt at each combination of models, efforts and caps, and says what each setting took, "
            "which starve, and which is the cheapest that answers. Use it to choose a setting for many questions "
            f"alike. Models: {', '.join(self._specs)}. At most {self.max_cells} combinations."
        )

    @property
    def _specs(self) -> dict[str, str]:
        """The specs by the names that clients see, which have no passwords."""
        return {redact_address(spec): spec for spec in self.models}

    async def compare(
        self,
        context: Context[Any, Any, Any],
        prompt: Annotated[str, Field(min_length=1, description="The prompt.")],
        models: Annotated[list[str] | None, Field(description="Models; by default the first.")] = None,
        efforts: Annotated[tuple[NamedEffort, ...], Field(min_length=1, description="Efforts of each model.")] = (
            "low",
            "high",
        ),
        max_tokens: Annotated[
            tuple[Cap, ...],
            Field(min_length=1, description="Caps: maximum tokens of a call, thinking included."),
        ] = (4000,),
    ) -> CallToolResult:
        """Return the figures of each setting, and findings in sentences."""
        names = models or [next(iter(self._specs))]
        cells = build_cells(build_grid(dict.fromkeys(names), efforts, max_tokens), 1)
        self._check_limits(prompt, cells)
        request = ComparisonRequest(prompt, engine=self.engine)
        with CellCache(get_default_cache_path()) as cache:
            comparison = Comparison(request, cells, cache, self.prices, self.check)
            async with ProgressSender.open(context) as progress:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.timeout):
                        await self._ask_missing_cells(comparison, progress)
            return self._describe_comparison(comparison)

    def _check_limits(self, prompt: str, cells: Sequence[Cell]) -> None:
        """Raise `InputError` if a cell is not allowed, or all together may pass a limit."""
        if other := next((cell.setting.model for cell in cells if cell.setting.model not in self._specs), None):
            raise InputError(f"the model {other!r} is not served: name of {', '.join(self._specs)}.")
        if len(cells) > self.max_cells:
            raise InputError(f"{len(cells)} combinations are more than {self.max_cells}: name fewer.")
        tokens = sum(cell.setting.cap for cell in cells)
        if self.max_tokens is not None and tokens > self.max_tokens:
            raise InputError(
                f"the caps of these {len(cells)} calls are {tokens} tokens together, and {self.max_tokens} are "
                "allowed: name fewer or smaller ones."
            )
        if self.max_cost is not None:
            cost = sum(self._bound_cost(prompt, cell, self.max_cost) for cell in cells)
            if cost > self.max_cost:
                raise InputError(
                    f"these {len(cells)} calls may cost ${cost:.3g}, and ${self.max_cost:g} are allowed: name "
                    "fewer or smaller caps."
                )

    def _bound_cost(self, prompt: str, cell: Cell, limit: float) -> float:
        """Return the dollars of a cell that uses all of its cap; a token has at least one byte."""
        model = cell.setting.model
        self.prices.require_price(model, limit)
        usage = Usage(prompt=len(prompt.encode()), answer=cell.setting.cap)
        return self.prices.compute_cost(model, usage) or 0.0

    async def _ask_missing_cells(self, comparison: Comparison, progress: ProgressSender) -> None:
        await comparison.load_cached()
        total = len(comparison.cells)

        def show_row(row: ComparisonRow) -> None:
            model, effort, cap = row.cell.setting
            message = f"{model} at {effort} effort and a cap of {cap}: {row.status}"
            progress.send(Update(len(comparison.rows), total, message))

        if comparison.missing:
            _, messages = build_messages(comparison.request.prompt, ())
            models = await asyncio.to_thread(
                open_compared_models, comparison.missing, self._specs, messages, comparison.request
            )
            await comparison.run(models, show_row)

    def _describe_comparison(self, comparison: Comparison) -> CallToolResult:
        rows, checked = comparison.rows, self.check is not None
        if not rows:
            raise InputError(f"no call ended within {self.timeout:g} seconds: name smaller caps or less effort.")
        lines = list_remarks(summarise_settings(rows, checked))
        if cut := len(comparison.missing):
            lines.append(f"{cut} of {len(comparison.cells)} calls did not end within {self.timeout:g} seconds.")
        text = "\n".join([to_csv(rows, checked), *lines])
        return CallToolResult(
            content=[TextContent(type="text", text=text)],
            structuredContent=to_json(rows, checked, {"prompt": comparison.request.prompt}),
            isError=all(row.error for row in rows),
        )
