"""docs/reference/command-line.md is what the commands say today."""

from __future__ import annotations

from tests.docs.command_line import PAGE, render_page


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == render_page(), "run `python -m tests.docs.command_line` and commit the page"
