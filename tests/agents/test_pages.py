"""The pages' examples run as they stand, on the embedded reasoner, and print what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["chat-model.md", "middleware.md", "tool.md"])
def test_a_pages_examples_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = EXAMPLE.findall((DOCS / page).read_text(encoding="utf-8"))
    assert examples
    for code, printed in examples:
        exec(compile(code, page, "exec"), {"__name__": "example"})
        assert capsys.readouterr().out.strip() == printed.strip()
