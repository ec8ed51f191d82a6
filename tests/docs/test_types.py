"""A user's program: what the docs show passes mypy --strict; mypy and pyright reject a wrong name or option."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from mypy import api

from tests.docs.blocks import ROOT, blocks

pytestmark = pytest.mark.slow  # mypy reads LangGraph and all of us from nothing

PROGRAMS = sorted(Path(__file__).with_name("programs").glob("*.py"))
WRONG = {
    "wrong_context": ("call-overload", "reportArgumentType"),
    "wrong_effort": ("arg-type", "reportArgumentType"),
    "wrong_field": ("attr-defined", "reportAttributeAccessIssue"),
    "wrong_name": ("attr-defined", "reportAttributeAccessIssue"),
    "wrong_option": ("call-arg", "reportCallIssue"),
}
"""What mypy and pyright call the one error of each program."""

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
Errors = dict[str, list[str]]


def write_program(page: Path, folder: Path) -> Path | None:
    """Write the blocks of a page into one module, on the lines that they have on the page.

    A block that imports a package that is not installed here is left out: not all are of the tests' extra.
    """
    lines: list[str] = []
    for line, code in blocks(page):
        if not all(map(find_spec, re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE))):
            continue
        lines += [""] * (line - 1 - len(lines)) + code.splitlines()
    if not lines:
        return None
    program = folder / f"page_{re.sub(r'[^a-z]', '_', str(page.relative_to(ROOT).with_suffix('')).lower())}.py"
    program.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return program


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The programs of all pages that show any."""
    folder = tmp_path_factory.mktemp("pages")
    return [program for page in PAGES if (program := write_program(page, folder))]


@pytest.fixture(scope="module")
def mypy_errors(pages: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Errors:
    """The errors of each program, by its name; the settings of our own pyproject.toml do not count."""
    # Imports without types, and errors inside other packages, are not the reader's.
    settings = ["--strict", "--config-file=", "--follow-imports=silent", "--follow-untyped-imports"]
    cache = tmp_path_factory.mktemp("mypy")
    out, failure, _ = api.run([*settings, f"--cache-dir={cache}", *map(str, [*PROGRAMS, *pages])])
    assert not failure
    found: Errors = {}
    for file, error in re.findall(r"(\w+)\.py:(\d+: error: .*)$", out, re.MULTILINE):
        found.setdefault(file, []).append(error)
    return found


@pytest.fixture(scope="module")
def pyright_errors(tmp_path_factory: pytest.TempPathFactory) -> Errors:
    """The same by pyright, as its fork on PyPI runs it, which needs no network."""
    pytest.importorskip("basedpyright", reason="basedpyright is not installed")
    config = tmp_path_factory.mktemp("pyright") / "pyrightconfig.json"
    programs = str(PROGRAMS[0].parent)
    config.write_text(
        json.dumps({"include": [programs], "typeCheckingMode": "standard", "extraPaths": [str(ROOT)]})
    )
    command = [sys.executable, "-m", "basedpyright", "-p", str(config), "--pythonpath", sys.executable]
    done = subprocess.run([*command, "--outputjson"], capture_output=True, text=True, check=False, cwd=ROOT)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(PROGRAMS), done.stderr
    found: Errors = {}
    for one in report["generalDiagnostics"]:
        if one["severity"] == "error":
            found.setdefault(Path(one["file"]).stem, []).append(one["rule"])
    return found


def test_every_program_is_expected() -> None:
    assert {program.stem for program in PROGRAMS} == {"solve", *WRONG}


@pytest.mark.parametrize("program", ["solve", *WRONG])
def test_mypy(program: str, mypy_errors: Errors) -> None:
    codes = [error.rpartition("[")[2].rstrip("]") for error in mypy_errors.get(program, [])]
    assert codes == ([WRONG[program][0]] if program in WRONG else [])


def test_the_pages_are_typed(pages: list[Path], mypy_errors: Errors) -> None:
    assert len(pages) >= 8
    assert {page.stem: mypy_errors[page.stem] for page in pages if page.stem in mypy_errors} == {}


@pytest.mark.parametrize("program", ["solve", *WRONG])
def test_pyright(program: str, pyright_errors: Errors) -> None:
    assert pyright_errors.get(program, []) == ([WRONG[program][1]] if program in WRONG else [])
