"""The public names of the package: each is there, documented, and costs nothing before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import adaptive

SOURCE = ast.parse(Path(adaptive.__file__).read_text(encoding="utf-8"))
ALIASES = ("Effort", "Event", "OnEvent")  # of types; what they mean is beside them in the source


@pytest.mark.parametrize("name", adaptive.__all__)
def test_it_is_there_and_documented(name: str) -> None:
    value = getattr(adaptive, name)
    assert name in ALIASES or value.__doc__
    assert name in dir(adaptive)


def test_type_checkers_see_the_same_names() -> None:
    (block,) = (n for n in SOURCE.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    seen = {
        alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == {name: f"adaptive.{home}" for name, home in adaptive._HOMES.items()}
    assert sorted(seen) == sorted(adaptive.__all__) == sorted(set(adaptive.__all__))


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'build_slover'"):
        adaptive.build_slover  # noqa: B018


def test_importing_the_package_imports_none_of_it() -> None:
    code = "import sys, adaptive; print([m for m in sys.modules if m.startswith(('adaptive.', 'lang', 'numpy'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
