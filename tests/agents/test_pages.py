"""The pages' examples run as they stand, on the embedded reasoner, and print what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


SERVED = pytest.param("serve.md", marks=pytest.mark.slow)  # a server of its own


@pytest.mark.parametrize("page", ["chat-model.md", "middleware.md", "tool.md", SERVED])
def test_a_pages_examples_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = EXAMPLE.findall((DOCS / page).read_text(encoding="utf-8"))
    assert examples
    names = {"__name__": "example"}  # an example may go on with the one before it
    for code, printed in examples:
        exec(compile(code, page, "exec"), names)
        assert capsys.readouterr().out.strip() == printed.strip()
