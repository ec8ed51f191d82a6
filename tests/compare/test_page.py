"""The page of a comparison: all answers side by side, and nothing of theirs is markup."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest

from adaptive.compare.cell import ComparisonRow
from adaptive.compare.page import render_comparison_page
from tests.compare.rows import row

EVIL = "<script>alert('&')</script> is \"7\""


def read_cards(page: str) -> list[str]:
    return [html.unescape(card) for card in re.findall(r"<article>(.*?)</article>", page, re.DOTALL)]


def test_each_answer_is_a_card_with_its_outcome_and_cost() -> None:
    made = [
        row(cost=0.024, text="It is 7."),
        row(repeat=1, accepted=False, text="It is 8."),
        row(effort="high", accepted=None),
        row("n", answer=None),
        row("o", error="it broke."),
    ]
    for checked, outcomes in (
        (True, ("right", "wrong", "unknown", "starved", "failed")),
        (False, ("answered", "answered", "answered", "starved", "failed")),
    ):
        cards = read_cards(render_comparison_page("What?", made, checked))
        for card, text in zip(cards, ("It is 7.", "It is 8.", "7", "(no text)", "it broke."), strict=True):
            assert f"<pre>{text}</pre>" in card
        assert ("$0.024" in cards[0], "m, low effort, cap 4000, repeat 2" in cards[1]) == (True, True)
        assert [re.findall(r"<b class=.*?>(.*?)</b>", card) for card in cards] == [[end] for end in outcomes]


def test_texts_are_escaped_and_the_page_loads_nothing() -> None:
    page = render_comparison_page(EVIL, [row(EVIL, text=EVIL, cost=1.0), row(error=EVIL)], False)
    tags: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            assert all(not (value or "").startswith("http") for name, value in attrs if name in ("src", "href"))

    Reader().feed(page)
    assert not tags & {"script", "link", "img", "iframe"}
    assert html.unescape(page).count(EVIL) >= 4


@pytest.mark.parametrize(("cost", "plots"), [(None, 1), (0.5, 2)])
def test_cost_is_plotted_if_one_is_known(cost: float | None, plots: int) -> None:
    made: list[ComparisonRow] = [row(cost=cost), row("n")]
    page = render_comparison_page("What?", made, False)
    assert page.count("<svg") == plots
    identifiers = re.findall(r'\sid="([^"]*)"', page)
    assert len(identifiers) == len(set(identifiers))


def test_the_headline_is_said_once_whatever_stands_before_it() -> None:
    page = render_comparison_page("What?", [row(), row(repeat=1)], False)
    assert page.count("The cheapest that answers is m") == 1
    assert "Figures are medians" in page
    assert "No setting answers." in render_comparison_page("What?", [row(answer=None)], False)
