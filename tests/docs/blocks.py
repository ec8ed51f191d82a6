"""The Python blocks of a page, run in their order in one namespace: what a page shows works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str]]:
    """Each block with the number of the line that it starts on."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)) + 1, found[1]) for found in BLOCK.finditer(text)]


def run(page: Path) -> dict[str, Any]:
    """Run them all; the namespace after the last. Errors name the page and the line."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for line, code in blocks(page):
        exec(compile("\n" * (line - 1) + code, str(page), "exec", dont_inherit=True), namespace)
    return namespace
