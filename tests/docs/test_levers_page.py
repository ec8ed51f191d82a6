"""docs/reference/levers.md is what the tests hold the clients to."""

from __future__ import annotations

from tests.docs.levers import PAGE, render_page


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == render_page(), "run `python -m tests.docs.levers` and commit the page"
