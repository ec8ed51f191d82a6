"""What imported attempts cost: by the prices of their models, if the kinds of their tokens are known.

Tokens of several models do not compare, so a file with several needs the cost of every attempt, and a row that
lacks it is refused by the name of its model. A log of one model counts dollars if all costs are known, and tokens
else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.errors import InputError
from adaptive.learn.data.outcome import Outcome
from adaptive.prices import Prices, add_cost
from adaptive.types.model_spec import HOSTED_PROVIDERS


@dataclass(frozen=True)
class Pricing:
    """Prices of the models of a file.

    needed: whether every attempt needs a cost. model: the spec of attempts whose model the log does not tell; ""
    if nobody told it. counts_dollars: whether costs are added at all.
    """

    prices: Prices
    needed: bool = False
    model: str = ""
    counts_dollars: bool = True

    @classmethod
    def for_models(cls, prices: Prices, models: Sequence[str], model: str | None, knows_prompts: bool) -> Pricing:
        """Return the pricing of a file.

        Args:
            prices: The prices of models.
            models: The names that the rows tell.
            model: The spec that the user told.
            knows_prompts: Whether the prompt tokens of all rows are known.

        Raises:
            InputError: There are several models, and the price of one is not known.
        """
        if len(models) > 1:
            specs = list(map(to_model_spec, models))
            for spec in specs:
                if not prices.has_price(spec):
                    raise InputError(
                        f"the price of {spec} is not known, and tokens of several models do not compare: give it "
                        f"with --price {spec}=INPUT/OUTPUT, or import one model's log into a file of its own."
                    )
            return cls(prices, needed=True)
        spec = model or (to_model_spec(models[0]) if models else "")
        return cls(prices, model=spec, counts_dollars=knows_prompts and bool(spec) and prices.has_price(spec))

    def add_cost(self, outcome: Outcome, model: str) -> Outcome:
        """Return an outcome with the cost of its attempt.

        Args:
            outcome: The outcome.
            model: The log's name of its model; empty if the log does not tell it.

        Raises:
            InputError: The cost is needed, and its model or its prompt tokens are not known.
        """
        if not self.counts_dollars:
            return outcome
        if self.needed:
            _require_kinds(outcome, model)
        spec = self.model or to_model_spec(model)
        usage = add_cost(outcome.attempt.usage, spec, self.prices)
        return replace(outcome, attempt=replace(outcome.attempt, usage=usage))


def _require_kinds(outcome: Outcome, model: str) -> None:
    """Raise `InputError` unless the model and its prompt tokens are known."""
    if not model:
        raise InputError(
            "some rows do not tell their model, and tokens of several models do not compare: name the field with "
            "--map model=..., or leave them out."
        )
    if lacks_prompt(outcome.attempt.usage.prompt, outcome.attempt.usage.estimated):
        raise InputError(
            f"rows of {model} do not tell their prompt tokens, so what they cost is not known, and tokens of "
            "several models do not compare: name the field with --map prompt_tokens=..., or a tokenizer with "
            "--tokenizer."
        )


def lacks_prompt(prompt: int, estimated: Sequence[str]) -> bool:
    """Return whether the prompt tokens of an attempt are neither told nor counted."""
    return not prompt and "prompt" in estimated


def to_model_spec(name: str) -> str:
    """Return a log's name of a model as a spec: "openai/o4-mini" is "openai:o4-mini"."""
    provider, slash, rest = name.partition("/")
    return f"{provider}:{rest}" if slash and provider in HOSTED_PROVIDERS else name
