"""What imported attempts cost: what the log says was paid, or else by prices, if all kinds of tokens are known.

Tokens of several models do not compare, so a file with several needs the cost of every attempt, and a row that
lacks it is refused by the name of its model. A log of one model counts dollars if all costs are known, and tokens
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaptive.errors import InputError
from adaptive.learn.data.outcome import Outcome
from adaptive.prices import Prices, add_cost
from adaptive.types.model_spec import HOSTED_PROVIDERS, ModelSpec
from adaptive.types.usage import Usage


@dataclass(frozen=True)
class Pricing:
    """Prices of the models of a file.

    needed: whether every attempt needs a cost. model: the spec of attempts whose model the log does not tell; ""
    if nobody told it. lacks: why no attempt has a cost, in words; empty: every one has.
    """

    prices: Prices
    needed: bool = False
    model: str = ""
    lacks: str = ""

    @classmethod
    def for_models(
        cls, prices: Prices, models: Sequence[str], model: str | None, unpaid: Mapping[str, bool]
    ) -> Pricing:
        """Return the pricing of a file.

        Args:
            prices: The prices of models.
            models: The names that the rows tell.
            model: The spec that the user told.
            unpaid: The models of rows that do not tell what was paid, and whether a prompt of these is not
                counted (`ImportStore.find_unpaid`).

        Raises:
            InputError: There are several models, and the price of one is needed and not known.
        """
        if len(models) > 1:
            for spec in (to_model_spec(one) for one in models if one in unpaid):
                if not prices.has_price(spec):
                    raise InputError(
                        f"the price of {spec} is not known, and tokens of several models do not compare: give it "
                        f"with --price {spec}=INPUT/OUTPUT, or import one model's log into a file of its own."
                    )
            return cls(prices, needed=True)
        spec = model or (to_model_spec(models[0]) if models else "")
        lacks = ""
        if unpaid and not spec:
            lacks = "the log does not tell its model (-m names it)"
        elif unpaid and not prices.has_price(spec):
            lacks = f"the price of {spec} is not known (--price {spec}=INPUT/OUTPUT)"
        elif any(unpaid.values()):
            lacks = "some rows do not tell their prompt tokens (--map prompt_tokens=..., or --tokenizer)"
        return cls(prices, model=spec, lacks=lacks)

    @property
    def sentence(self) -> str:
        """What costs are counted in, and why."""
        return f"Costs are counted in tokens: {self.lacks}." if self.lacks else "Costs are counted in dollars."

    def add_cost(self, outcome: Outcome, model: str) -> Outcome:
        """Return an outcome with the cost of its attempt, or without any if others have none.

        Args:
            outcome: The outcome.
            model: The log's name of its model; empty if the log does not tell it.

        Raises:
            InputError: The cost is needed, and its model or its prompt tokens are not known.
        """
        usage = outcome.attempt.usage
        if self.lacks:
            usage = replace(usage, cost=None)
            return replace(outcome, attempt=replace(outcome.attempt, usage=usage))
        if self.needed:
            _require_kinds(usage, model)
        if usage.cost is None and not usage.total:
            usage = replace(usage, cost=0.0)
        elif usage.cost is None:
            usage = add_cost(usage, self.model or to_model_spec(model), self.prices)
        return replace(outcome, attempt=replace(outcome.attempt, usage=usage))


def _require_kinds(usage: Usage, model: str) -> None:
    """Raise `InputError` unless the model is known, and its prompt tokens or what was paid."""
    if not model:
        raise InputError(
            "some rows do not tell their model, and tokens of several models do not compare: name the field with "
            "--map model=..., or leave them out."
        )
    if usage.cost is None and lacks_prompt(usage.prompt, usage.estimated):
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


def name_rung_models(models: Sequence[str]) -> dict[str, str]:
    """Return the models of rungs by the log's names of several models; the first one's is "", the profile's own.

    It is empty if there is one model, or if a name is no spec that a solve can open.
    """
    specs = {name: to_model_spec(name) for name in models}
    if len(models) < 2 or not all(ModelSpec.parse(spec).is_chat for spec in specs.values()):
        return {}
    own = specs[models[0]]
    return {name: "" if spec == own else spec for name, spec in specs.items()}
