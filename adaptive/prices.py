"""What a model's tokens cost, in US dollars: by what the user says of it, or else by the table of `genai-prices`.

Prompts and injected tokens are read, so they cost what input does, and the cached part of a prompt what cached
input does. Thinking, answers and probes are made, so they cost what output does (of a probe some are read: the
dearer side is taken for all). So do a verifier's tokens where no more is known of them. Each token is paid once.
Tokens written to a cache, for which some providers ask more than for input, are not told apart.

The table comes with the installed package (https://github.com/pydantic/genai-prices), and nothing is fetched. It
has list prices: a discount, a batch or a deployment of one's own is for the user to say.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adaptive._util.redact import redact_address
from adaptive.errors import InputError
from adaptive.types.from_json import dataclass_from_json
from adaptive.types.model_spec import ModelSpec
from adaptive.types.usage import Usage

MILLION = 1e6


PROVIDER_ALIASES = {"azure_openai": "azure", "azure_ai": "azure"}
"""LangChain's names of providers that the table would take for another, or not find."""
PRICE_FORM = "MODEL=INPUT/OUTPUT or MODEL=INPUT/CACHED/OUTPUT, in dollars for a million tokens"


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens, read, made, and read from a cache (None: as any that are read)."""

    input: float
    output: float
    cached: float | None = None

    def __post_init__(self) -> None:
        wrong = next((p for p in (self.input, self.output, self.cached or 0.0) if not 0 <= p < math.inf), None)
        if wrong is not None:
            raise InputError(f"a price must be 0 or more dollars for a million tokens, got {wrong}.")

    def compute_cost(self, usage: Usage) -> float:
        """What a usage costs, in dollars."""
        read, cached, made = _split_tokens(usage)
        held = self.input if self.cached is None else self.cached
        return ((read - cached) * self.input + cached * held + made * self.output) / MILLION


@dataclass(frozen=True)
class Prices:
    """The prices of models. given: what the user says, by model spec (`openai:o4-mini`), before the table."""

    by_model: Mapping[str, Price] = field(default_factory=dict)

    @classmethod
    def load(cls, file: str | Path | None = None, options: Sequence[str] = ()) -> Prices:
        """Those of a TOML or JSON file, each `model -> {input, output, cached}`, and of options written `PRICE_FORM`.

        An option goes before the file. A password in an address is left out. Raises `InputError` for what
        cannot be read or is no price.
        """
        given = {**(_read_price_file(Path(file)) if file else {}), **dict(map(parse_price, options))}
        return cls({redact_address(model): price for model, price in given.items()})

    def compute_cost(self, model: str, usage: Usage) -> float | None:
        """What a usage of a model costs, in dollars; None where its price is not known, never 0 for that.

        Prices that rise with the length of a prompt take all of the usage for one call.
        """
        if model in self.by_model:
            return self.by_model[model].compute_cost(usage)
        return None if ModelSpec.parse(model).is_local else _compute_list_cost(model, usage)

    def has_price(self, model: str) -> bool:
        """Whether the price of a model is known."""
        return self.compute_cost(model, Usage()) is not None

    def note_unknown_price(self, model: str) -> str:
        """That the price of a hosted model is not known, in words; "" where it is, and for a local model."""
        return (
            ""
            if ModelSpec.parse(model).is_local or self.has_price(model)
            else f"{_describe_unknown_price(model)}: {_REMEDY}"
        )

    def require_price(self, model: str, limit: float) -> None:
        """Raise `InputError` where a limit of money cannot be kept, for the model's price is not known."""
        if not self.has_price(model):
            raise InputError(f"a limit of ${limit:g} cannot be kept: {_describe_unknown_price(model)}, {_REMEDY}.")


def add_cost(usage: Usage, model: str, prices: Prices) -> Usage:
    """A usage of a model with its cost; as it is where it has one already, or the price is not known.

    The cost of tokens that were estimated is estimated too.
    """
    cost = prices.compute_cost(model, usage) if usage.cost is None else usage.cost
    if cost is None or not usage.estimated:
        return replace(usage, cost=cost)
    return replace(usage, cost=cost, estimated=tuple(sorted({*usage.estimated, "cost"})))


def parse_price(text: str) -> tuple[str, Price]:
    """The model and the price of an option written `PRICE_FORM`; raises `InputError`."""
    model, _, figures = text.rpartition("=")  # a server's address may hold a "=" of its own
    parts = figures.split("/")
    if not model.strip() or len(parts) not in (2, 3):
        raise InputError(f"the price {text!r} must be {PRICE_FORM}.")
    try:
        first, *cached, last = map(float, parts)
        return model.strip(), Price(first, last, *cached)
    except (ValueError, InputError):
        raise InputError(f"the price {text!r} must be {PRICE_FORM}, each 0 or more.") from None


def _split_tokens(usage: Usage) -> tuple[int, int, int]:
    """Tokens read, those of them that were cached, and tokens made."""
    read = usage.prompt + usage.injected
    return read, min(usage.cached, read), usage.thinking + usage.answer + usage.probe + usage.verifier


def _compute_list_cost(model: str, usage: Usage) -> float | None:
    """What it costs by the table. The import is here: it takes a moment, and local models need none."""
    import genai_prices

    spec = ModelSpec.parse(model)
    read, cached, made = _split_tokens(usage)
    tokens = genai_prices.Usage(input_tokens=read, cache_read_tokens=cached, output_tokens=made)
    try:
        found = genai_prices.calc_price(tokens, spec.name, provider_id=PROVIDER_ALIASES.get(spec.kind, spec.kind))
    except LookupError:
        return None
    whole = found.model_price.input_mtok is not None and found.model_price.output_mtok is not None
    return float(found.total_price) if whole else None  # what has no price for a side would look free


def _read_price_file(path: Path) -> dict[str, Price]:
    try:
        text = path.read_text(encoding="utf-8")
        data: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"the prices {path} cannot be read ({error.strerror}).") from error
    except ValueError as error:  # both formats' errors are, and text that is no UTF-8
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


_REMEDY = "give it with --price or in ADAPTIVE_PRICES"
