"""The Python blocks of the README and the docs run, and pass mypy --strict as the program of a user would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import adaptive
from tests.docs.blocks import ROOT, blocks, run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = {page: re.sub(r"\W", "_", str(page.relative_to(ROOT).with_suffix(""))) for page in PAGES}


def write_program(page: Path, package: Path) -> Path | None:
    """Write the blocks of a page into one module, on the lines that they have on the page."""
    lines: list[str] = []
    for line, code in blocks(page):
        lines += [""] * (line - 1 - len(lines)) + code.splitlines()
    if not lines:
        return None
    program = package / f"{NAMES[page]}.py"
    program.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return program


@pytest.mark.parametrize("page", ["escalation", "server"])
def test_the_examples_run(page: str) -> None:
    run(ROOT / "docs" / f"{page}.md")  # the other pages have tests of their own


def test_the_reference_names_what_is_public() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    public = {name for name in adaptive.__all__ if not name.startswith("_")}
    assert public == set(re.findall(r"^::: adaptive\.(\w+)$", page, re.MULTILINE))


@pytest.mark.slow
def test_the_examples_are_typed(tmp_path: Path) -> None:
    package = tmp_path / "examples"
    package.mkdir()
    programs = [program for page in PAGES if (program := write_program(page, package))]
    assert len(programs) >= 8
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--no-error-summary"]
    # Errors inside other packages are not the reader's; imports without types are not ours.
    command += ["--follow-untyped-imports", "--cache-dir", str(tmp_path / "cache")]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    checked = subprocess.run(
        [*command, *map(str, programs)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
