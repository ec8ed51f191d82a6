"""What a model's tokens cost in US dollars: by the user's prices, or else by the table of `genai-prices`.

Prompts and injected tokens cost as input, and the cached part of a prompt as cached input. Thinking, answers and
probes cost as output (part of a probe is input: the dearer price is used for all of it). So do a verifier's
tokens unless more is known about them. Each token is paid once. Tokens that a provider writes to its cache have
their own price too.

The table comes with the installed package (https://github.com/pydantic/genai-prices); nothing is fetched. It has
list prices, those of batches and of the service tiers flex and priority among them: the user has to set a discount
or the price of an own deployment. What a provider says that a call cost comes before any price.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from adaptive._util.files import read_named
from adaptive._util.redact import redact_address
from adaptive.errors import InputError
from adaptive.types.from_json import dataclass_from_json
from adaptive.types.model_spec import ModelSpec
from adaptive.types.usage import MILLION, Usage

PROVIDER_ALIASES = {"azure_openai": "azure", "azure_ai": "azure"}
"""LangChain's names of providers that the table does not know or takes for another."""
_TIER_CONTEXTS = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""How the table names service tiers (`Usage.tier`)."""
PRICE_FORM = "MODEL=INPUT/OUTPUT or MODEL=INPUT/CACHED/OUTPUT, in dollars for a million tokens"
_REMEDY = "give it with --price or in ADAPTIVE_PRICES"


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens.

    Attributes:
        input: For tokens that the model reads.
        output: For tokens that the model generates.
        cached: For input from a cache; None for the price of input.
        written: For input that is written to a cache; None for the price of input.
    """

    input: float
    output: float
    cached: float | None = None
    written: float | None = None

    def __post_init__(self) -> None:
        prices = (self.input, self.output, self.cached or 0.0, self.written or 0.0)
        wrong = next((p for p in prices if not 0 <= p < math.inf), None)
        if wrong is not None:
            raise InputError(f"a price must be 0 or more dollars for a million tokens, got {wrong}.")

    def compute_cost(self, usage: Usage) -> float:
        """Return the cost of a usage in dollars."""
        tokens = _split_tokens(usage)
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.written is None else self.written
        new = tokens.read - tokens.cached - tokens.written
        dollars = new * self.input + tokens.cached * cached + tokens.written * written
        return (dollars + tokens.generated * self.output) / MILLION


@dataclass(frozen=True)
class Prices:
    """The prices of models. Those of the user, by model spec (`openai:o4-mini`), come before the table."""

    by_model: Mapping[str, Price] = field(default_factory=dict)

    @classmethod
    def load(cls, file: str | Path | None = None, options: Sequence[str] = ()) -> Prices:
        """Read the user's prices. Passwords in addresses are left out.

        Args:
            file: A TOML or JSON file of `model -> {input, output, cached, written}`.
            options: Prices written `PRICE_FORM`; they come before the file's.

        Raises:
            InputError: The file cannot be read, or something is no price.
        """
        prices = {**(_read_price_file(Path(file)) if file else {}), **dict(map(parse_price, options))}
        return cls({redact_address(model): price for model, price in prices.items()})

    def compute_cost(self, model: str, usage: Usage) -> float | None:
        """Return the cost of a usage of a model in dollars; None, and never 0, if its price is unknown.

        Prices that rise with the length of a prompt treat the whole usage as one call.
        """
        if model in self.by_model:
            return self.by_model[model].compute_cost(usage)
        return None if ModelSpec.parse(model).is_local else _compute_list_cost(model, usage)

    def has_price(self, model: str) -> bool:
        """Return whether the price of a model is known."""
        return self.compute_cost(model, Usage()) is not None

    def note_unknown_price(self, model: str) -> str:
        """Return a note that a hosted model's price is unknown; "" if it is known, or the model is local."""
        return (
            ""
            if ModelSpec.parse(model).is_local or self.has_price(model)
            else f"{_describe_unknown_price(model)}: {_REMEDY}"
        )

    def require_price(self, model: str, limit: float) -> None:
        """Raise `InputError` if the model's price is unknown, so that a limit in dollars cannot be kept."""
        if not self.has_price(model):
            raise InputError(f"a limit of ${limit:g} cannot be kept: {_describe_unknown_price(model)}, {_REMEDY}.")


def add_cost(usage: Usage, model: str, prices: Prices) -> Usage:
    """Return a usage of a model with its cost, unless it has one already or the price is unknown.

    If its tokens are estimated, the cost is estimated too.
    """
    cost = prices.compute_cost(model, usage) if usage.cost is None else usage.cost
    if cost is None or not usage.estimated:
        return replace(usage, cost=cost)
    return replace(usage, cost=cost, estimated=tuple(sorted({*usage.estimated, "cost"})))


def parse_price(text: str) -> tuple[str, Price]:
    """Parse an option written `PRICE_FORM` into a model and its price; raise `InputError` if it is none."""
    model, _, figures = text.rpartition("=")  # a server's address may contain a "=" too
    parts = figures.split("/")
    if not model.strip() or len(parts) not in (2, 3):
        raise InputError(f"the price {text!r} must be {PRICE_FORM}.")
    try:
        first, *cached, last = map(float, parts)
        return model.strip(), Price(first, last, *cached)
    except (ValueError, InputError):
        raise InputError(f"the price {text!r} must be {PRICE_FORM}, each 0 or more.") from None


class _PaidTokens(NamedTuple):
    """Tokens that were read, those of them from a cache and to one (`hour`: for an hour), and generated ones."""

    read: int
    cached: int
    written: int
    hour: int
    generated: int


def _split_tokens(usage: Usage) -> _PaidTokens:
    read = usage.prompt + usage.injected
    cached = min(usage.cached, read)
    written = min(usage.written, read - cached)
    generated = usage.generated + usage.probe + usage.verifier
    return _PaidTokens(read, cached, written, min(usage.written_1h, written), generated)


def _compute_list_cost(model: str, usage: Usage) -> float | None:
    """Return the cost by the table; None if the table lacks the model."""
    import genai_prices  # takes a moment, and local models do not need it

    spec = ModelSpec.parse(model)
    paid = _split_tokens(usage)
    tokens = genai_prices.Usage(
        input_tokens=paid.read,
        cache_read_tokens=paid.cached,
        cache_write_tokens=paid.written,
        cache_write_1h_tokens=paid.hour,
        output_tokens=paid.generated,
    )
    provider = PROVIDER_ALIASES.get(spec.kind, spec.kind)
    try:
        result = genai_prices.calc_price(
            tokens, spec.name, provider_id=provider, price_context=_TIER_CONTEXTS.get(usage.tier)
        )
    except (LookupError, ValueError, ArithmeticError):  # the table's library refuses some counts
        return None
    # Without a price for one side, that side would look free.
    complete = result.model_price.input_mtok is not None and result.model_price.output_mtok is not None
    return float(result.total_price) if complete else None


def _read_price_file(path: Path) -> dict[str, Price]:
    try:
        text = read_named(path).decode()
        data: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"the prices {path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # ValueError: of both formats, and of text that is not UTF-8
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise InputError(f"the prices {path} are no {kind} ({' '.join(str(error).split())}).") from error
    if not isinstance(data, dict):
        raise InputError(f"the prices {path} must be an object with a model for each key.")
    return {
        model: dataclass_from_json(Price, price, f"the price of {model!r} in {path}")
        for model, price in data.items()
    }


def _describe_unknown_price(model: str) -> str:
    return f"the price of {model} is not known"
