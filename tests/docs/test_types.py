"""A user's program: what the docs show passes mypy --strict and pyright, a wrong option or name does not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

pytestmark = pytest.mark.slow  # mypy reads LangGraph and all of us from nothing

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(Path(__file__).with_name("programs").glob("*.py"))
WRONG = {
    "wrong_context": ("call-overload", "reportArgumentType"),
    "wrong_effort": ("arg-type", "reportArgumentType"),
    "wrong_field": ("attr-defined", "reportAttributeAccessIssue"),
    "wrong_name": ("attr-defined", "reportAttributeAccessIssue"),
    "wrong_option": ("call-arg", "reportCallIssue"),
}
"""What mypy and pyright call the one error of each program."""

Errors = dict[str, list[str]]


@pytest.fixture(scope="module")
def mypy_errors(tmp_path_factory: pytest.TempPathFactory) -> Errors:
    """The errors of each program, by its name; the settings of our own pyproject.toml do not count."""
    cache = tmp_path_factory.mktemp("mypy")
    settings = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={cache}"]
    out, failure, _ = api.run([*settings, *map(str, PROGRAMS)])
    assert not failure
    found: Errors = {}
    for file, code in re.findall(r"(\w+)\.py:\d+: error: .*\[([\w-]+)\]$", out, re.MULTILINE):
        found.setdefault(file, []).append(code)
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
    assert mypy_errors.get(program, []) == ([WRONG[program][0]] if program in WRONG else [])


@pytest.mark.parametrize("program", ["solve", *WRONG])
def test_pyright(program: str, pyright_errors: Errors) -> None:
    assert pyright_errors.get(program, []) == ([WRONG[program][1]] if program in WRONG else [])
