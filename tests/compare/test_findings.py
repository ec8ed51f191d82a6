"""The cheapest that answers, and what a lever bought."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.compare.cell import ComparisonRow
from adaptive.compare.findings import PROSE, list_findings
from adaptive.compare.summary import find_cheapest_setting, summarise_settings
from tests.compare.rows import row, rows

LONG = "word " * PROSE + "end"


@given(rows(), st.booleans())
def test_the_cheapest_answers_most_reliably_and_none_of_those_is_cheaper(
    made: list[ComparisonRow], checked: bool
) -> None:
    compared = summarise_settings(made, checked)
    found = find_cheapest_setting(compared)
    if found is None:
        assert not any(one.good_rows for one in compared)
        return
    assert found.summary.good_rows
    assert found.summary.success_rate == max(one.success_rate for one in compared)
    rivals = [one for one in compared if one.success_rate == found.summary.success_rate]
    assert found.by == ("tokens" if any(one.cost is None for one in rivals) else "cost")
    for one in rivals:
        if found.by == "cost":
            assert (found.summary.cost or 0) <= (one.cost or 0)
        else:
            assert found.summary.total <= one.total


@given(rows(), st.booleans(), st.randoms())
def test_which_is_cheapest_does_not_hang_on_the_order(
    made: list[ComparisonRow], checked: bool, random: object
) -> None:
    def worth(these: list[ComparisonRow]) -> object:
        found = find_cheapest_setting(summarise_settings(these, checked))
        return found and (found.by, found.summary.cost if found.by == "cost" else found.summary.total)

    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert worth(shuffled) == worth(made)


@given(rows(), st.booleans())
def test_findings_claim_no_more_than_the_rows_show(made: list[ComparisonRow], checked: bool) -> None:
    compared = summarise_settings(made, checked)
    said = list_findings(compared)
    assert any(s.startswith("the cheapest") for s in said) == any(one.good_rows for one in compared)
    for one in compared:
        model, effort, cap = one.setting
        starved = f"a cap of {cap} starves {model} at {effort} effort"
        assert any(s.startswith(starved) for s in said) == any(r.status == "starved" for r in one.rows)
    if not any(len((r.answer or "").split()) > PROSE for r in made):
        assert not any("another wording" in s for s in said)
    assert all("\n" not in s and not s.endswith(".") for s in said)


@given(st.lists(st.integers(0, 10**5), min_size=1, max_size=7))
def test_repeats_are_medians(counts: list[int]) -> None:
    (one,) = summarise_settings([row(repeat=n, reasoning=count) for n, count in enumerate(counts)])
    assert one.reasoning == median(counts)
    assert one.total == median(counts) + 40


def test_one_unknown_cost_makes_it_tokens() -> None:
    dear = row("a", cost=2.0, reasoning=1)
    cheap = row("b", cost=1.0, reasoning=9)
    assert (found := find_cheapest_setting(summarise_settings([dear, cheap])))
    assert (found.summary.setting.model, found.by) == ("b", "cost")
    assert (found := find_cheapest_setting(summarise_settings([dear, cheap, row("c", reasoning=5)])))
    assert (found.summary.setting.model, found.by) == ("a", "tokens")


def test_one_that_always_answers_is_before_a_cheaper_one_that_does_not() -> None:
    often = [row("a", repeat=0, reasoning=1), row("a", repeat=1, answer=None, reasoning=1)]
    always = [row("b", repeat=n, reasoning=900) for n in (0, 1)]
    assert (found := find_cheapest_setting(summarise_settings([*often, *always])))
    assert found.summary.setting.model == "b"
    assert "it answered 1 of 2 times, and none more often" in list_findings(summarise_settings(often))[0]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (row(), row(effort="high", reasoning=110), "high effort on m: +10 tokens, same answer"),
        (row(), row(effort="high", reasoning=90), "high effort on m: -10 tokens, same answer"),
        (row(), row(effort="high", answer="7.0"), "high effort on m: +0 tokens, same answer"),
        (row(), row(effort="high", answer="8"), "high effort on m: +0 tokens, another answer"),
        (row(answer=LONG), row(effort="high", answer=LONG + "ing"),
         "high effort on m: +0 tokens, another wording"),
        (row(), row(effort="high", answer=LONG), "high effort on m: +0 tokens, another wording"),
        (row(answer=None), row(effort="high"),
         "high effort on m: +0 tokens, and an answer where low effort has none"),
        (row(), row(effort="high", answer=None),
         "high effort on m: +0 tokens, and no answer where low effort has one"),
        (row(cap=4000), row(cap=40000, reasoning=150),
         "a cap of 40000 on m at low effort, after 4000: +50 tokens, same answer"),
        (row(answer=None, reasoning=3990), row(effort="high"),
         "a cap of 4000 starves m at low effort: 4000 tokens spent, no answer"),
        (row(answer=None, text="It is"), row(effort="high"),
         "a cap of 4000 cuts off the answer of m at low effort"),
        (row(), row("n", reasoning=101),
         "low effort on n at 4000 answers, with the most tokens of those that do: 111 beside the prompt"),
    ],
)  # fmt: skip
def test_what_a_lever_bought(low: ComparisonRow, high: ComparisonRow, said: str) -> None:
    for order in ([low, high], [high, low]):
        assert any(s.startswith(said) for s in list_findings(summarise_settings(order))), list_findings(
            summarise_settings(order)
        )


def test_nothing_is_said_of_a_lever_whose_other_end_failed_or_never_answers() -> None:
    failed = list_findings(summarise_settings([row(), row(effort="high", error="it broke.")]))
    assert [s[:12] for s in failed] == ["the cheapest"]
    starved = list_findings(summarise_settings([row(answer=None), row(effort="high", answer=None)]))
    assert all("starves" in s for s in starved)


def test_with_a_check_only_right_answers_count() -> None:
    compared = summarise_settings([row(accepted=False, reasoning=1), row(effort="high")], checked=True)
    said = list_findings(compared)
    assert said[0].startswith("the cheapest that is right is m at high effort")
    assert said[1] == "high effort on m: +99 tokens, and a right answer where low effort has none"


def test_repeats_that_differ_are_said_to() -> None:
    low = [row(repeat=n, answer=a) for n, a in enumerate(("7", "7", "8"))]
    high = [row(effort="high", repeat=n, answer=a) for n, a in enumerate(("7", "7", None))]
    said = list_findings(summarise_settings([*low, *high]))
    assert "high effort on m: +0 tokens, same answer most often, in 2 of 3 calls after 3 of 3" in said
    assert "a cap of 4000 starves m at high effort in 1 of 3 calls: 110 tokens spent, no answer" in said
