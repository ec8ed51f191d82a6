"""Plain JSON into dataclasses: what converts, and that what does not is one sentence with its place and value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any

import pytest

from adaptive.errors import InputError
from adaptive.types.from_json import check_fields, convert_value, dataclass_from_json
from adaptive.types.ladder import EFFORTS, Rung
from adaptive.types.policy import Evidence, FollowUp, Policy
from adaptive.types.routine import Routine
from adaptive.types.setting import Setting

FOLLOW_UP = FollowUp("wait", source=1, rung=3, right=0.5, bias=-2.0, slope=0.4, breaks=0, cost=1.5, count=30)
ROW = asdict(FOLLOW_UP)
ROUTINE = Routine(Rung("low", 8, waits=3), 4)
LOW = asdict(Rung("low", 8))


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
    measured = {"follow_ups": (FOLLOW_UP,), "evidence": (Evidence(0, (-0.5, 2.0), (-6.0,)),)}
    for policy in (Policy(worth=80, accept={"none": None, "low": 1}, **measured), Policy(always=ROUTINE)):
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
        (Policy, {"follow_ups": [ROW | {"arm": "x"}]},
         "'arm' in item 0 of 'follow_ups' in x must be one of first, wait, budget, vote, effort, model, got 'x'."),
        (Policy, {"follow_ups": [ROW, ROW | {"right": 2}]},
         "'right' in item 1 of 'follow_ups' in x must be between 0 and 1, got 2."),
        (Policy, {"follow_ups": [ROW | {"cost": 0}]},
         "'cost' in item 0 of 'follow_ups' in x must be more than 0, got 0."),
        (Policy, {"follow_ups": [ROW | {"source": -1}]},
         "'source' in item 0 of 'follow_ups' in x must be 0 or more, got -1."),
        (Policy, {"evidence": [{"rung": 0, "right": [0.5], "wrong": ["1"]}]},
         "item 0 of 'wrong' in item 0 of 'evidence' in x must be a number, got '1'."),
        (Policy, {"worth": 0}, "'worth' in x must be more than 0, got 0."),
        (Policy, {"always": 2}, "'always' in x must be an object or null, got 2."),
        (Policy, {"always": {}}, "'always' in x has no key 'rung'."),
        (Policy, {"always": {"rung": LOW, "vote": 3}},
         "'always' in x has the unknown key 'vote': it may have rung, samples, after_direct, early_stops."),
        (Policy, {"always": {"rung": {**LOW, "effort": "huge"}}},
         f"'effort' in 'rung' in 'always' in x must be one of {', '.join(EFFORTS)}, default, got 'huge'."),
        (Policy, {"always": {"rung": {**LOW, "waits": -1}}}, "x is not valid: waits must be 0 or more, got -1."),
        (Policy, {"always": {"rung": LOW, "samples": -1}},
         "'samples' in 'always' in x must be 0 or more, got -1."),
        (Policy, {"always": {"rung": LOW, "samples": 2, "after_direct": True}},
         "x is not valid: after_direct is for one attempt at a rung that thinks: set it to false, or samples to 0 "
         "and the effort and the budget of such a rung (samples 2, effort low, budget 8)."),
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
