"""The Python blocks of the docs run (`test_types` checks their types)."""

from __future__ import annotations

import re

import pytest

import adaptive
from tests.docs.blocks import ROOT, run


@pytest.mark.parametrize("page", ["escalation", "server"])
def test_the_examples_run(page: str) -> None:
    run(ROOT / "docs" / f"{page}.md")  # the other pages have tests of their own


def test_the_reference_names_what_is_public() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    public = {name for name in adaptive.__all__ if not name.startswith("_")}
    assert public == set(re.findall(r"^::: adaptive\.(\w+)$", page, re.MULTILINE))
