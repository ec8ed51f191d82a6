"""The command in this process: no variables of the user's, a log of its own, a scripted solver if wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adaptive.cli import cli
from tests.cli import stub

Run = Callable[..., Result]
Use = Callable[[Any], ModuleType]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where solves are logged in this test; nothing is there yet."""
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "log" / "solves.db"
    monkeypatch.setenv("ADAPTIVE_LOG", str(path))
    return path


@pytest.fixture
def run() -> Run:
    """Runs the command with arguments, and `input` as stdin."""

    def call(*args: str, **more: Any) -> Result:
        return CliRunner().invoke(cli, args, prog_name="adaptive", **more)

    return call


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Puts a solver, or the error of building one, in place of the workflow's."""

    def use(solver: Any) -> ModuleType:
        module = stub.workflow(solver)
        monkeypatch.setitem(sys.modules, "adaptive.solver.build", module)
        return module

    return use
