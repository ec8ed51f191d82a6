"""`tests/lowest.txt`, which `make lowest` installs, holds the lowest versions that pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOWEST = dict(line.split("==") for line in (ROOT / "tests" / "lowest.txt").read_text().split())


def _read_installed_extras() -> list[str]:
    found = re.search(r"lowest\.txt -e '\.\[([a-z,]+)\]'", (ROOT / "Makefile").read_text())
    assert found
    return found[1].split(",")


def _read_floors() -> list[tuple[str, str]]:
    extras = PROJECT["optional-dependencies"]
    texts = [*PROJECT["dependencies"], *(text for extra in _read_installed_extras() for text in extras[extra])]
    requirements = [Requirement(text) for text in texts]
    return sorted(
        {(one.name, spec.version) for one in requirements for spec in one.specifier if spec.operator == ">="}
    )


@pytest.mark.parametrize(("name", "floor"), _read_floors())
def test_the_lowest_version_is_the_floor(name: str, floor: str) -> None:
    assert Version(LOWEST[name]) == Version(floor)


def test_nothing_else_is_held() -> None:
    assert set(LOWEST) == {name for name, _ in _read_floors()}
