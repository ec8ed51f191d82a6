"""Plain JSON into dataclasses: what converts, and that what does not is one sentence with its place and value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any

import pytest

from adaptive.errors import InputError
from adaptive.types.from_json import check_fields, convert_value, dataclass_from_json
from adaptive.types.policy import Payoff, Policy
from adaptive.types.setting import Setting

PAYOFF = Payoff(arm="wait", after="cut", right=0.5, mends=0.1, breaks=0, tokens=10)
ROW = asdict(PAYOFF)


@dataclass(frozen=True)
class Sample:
    """A dataclass with the kinds of fields that ours have."""

    name: str
    counts: tuple[int, ...] = ()
    extra: dict[str, Any] | None = None


@dataclass(frozen=True)
class Refusing:
    """A dataclass that checks more than its types."""

    even: int

    def __post_init__(self) -> None:
        check_fields(Refusing, vars(self))
        if self.even % 2:
            raise InputError(f"even must be even, got {self.even}.")


def test_a_policy_survives_json() -> None:
    policy = Policy(payoffs=(PAYOFF,), accept={"none": None, "low": 1})
    assert dataclass_from_json(Policy, json.loads(json.dumps(asdict(policy))), "the policy") == policy


def test_lists_become_tuples_and_defaults_may_be_left_out() -> None:
    assert dataclass_from_json(Sample, {"name": "a", "counts": [1, 2]}, "x") == Sample("a", (1, 2))
    assert dataclass_from_json(Sample, {"name": "a", "extra": {"b": [1]}}, "x") == Sample("a", extra={"b": [1]})


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (Sample, [], "x must be an object, got []."),
        (Sample, {}, "x has no key 'name'."),
        (Sample, {"nmae": "a"}, "x has the unknown key 'nmae': it may have name, counts, extra."),
        (Sample, {"name": 3}, "'name' in x must be text, got 3."),
        (Sample, {"name": "a", "counts": "1"}, "'counts' in x must be a list, got '1'."),
        (Sample, {"name": "a", "counts": [1, True]}, "item 1 of 'counts' in x must be a whole number, got True."),
        (Sample, {"name": "a", "counts": [1.5]}, "item 0 of 'counts' in x must be a whole number, got 1.5."),
        (Sample, {"name": "a", "extra": 5}, "'extra' in x must be an object or null, got 5."),
        (Sample, {"name": "a", "extra": "b" * 90},
         f"'extra' in x must be an object or null, got '{'b' * 56}...."),
        (Sample | None, "a", "x must be an object or null, got 'a'."),
        (float, float("nan"), "x must be a finite number, got nan."),
        (float, "1", "x must be a number, got '1'."),
        (Policy, {"payoffs": [ROW | {"after": "cat"}]},
         "'after' in item 0 of 'payoffs' in x must be one of direct, cut, ended, got 'cat'."),
        (Policy, {"payoffs": [ROW | {"right": 2}]},
         "'right' in item 0 of 'payoffs' in x must be between 0 and 1, got 2."),
        (Policy, {"agreement": -1}, "'agreement' in x must be between 0 and 1 or null, got -1."),
        (Policy, {"vote_temperature": 0}, "'vote_temperature' in x must be more than 0 and at most 2, got 0."),
        (Refusing, {"even": 3}, "x is not valid: even must be even, got 3."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(kind: Any, value: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        convert_value(kind, value, "x")
    assert str(caught.value) == sentence


def test_what_json_does_not_have_is_refused_too() -> None:
    with pytest.raises(InputError, match=r"^x cannot be datetime.date\(2026, 1, 1\): .* not JSON serializable\.$"):
        convert_value(str, date(2026, 1, 1), "x")


def test_a_python_caller_is_told_in_words_of_python() -> None:
    with pytest.raises(InputError, match=r"^counts must be a tuple, got \[1\]\.$"):
        check_fields(Sample, {"counts": [1]})
    with pytest.raises(InputError, match=r"^extra must be an object or None, got 1\.$"):
        check_fields(Sample, {"extra": 1})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (Setting("", ge=0), "0 or more"),
        (Setting("", gt=0), "more than 0"),
        (Setting("", ge=0, le=2), "between 0 and 2"),
        (Setting("", gt=0, le=2), "more than 0 and at most 2"),
        (Setting("", ge=0, le=2**31 - 1), "between 0 and 2147483647"),
    ],
)
def test_a_range_in_words(setting: Setting, words: str) -> None:
    assert setting.format_range() == words
    with pytest.raises(InputError, match=f"^x must be {words}, got -1.0.$"):
        convert_value(Annotated[float, setting], -1.0, "x")
