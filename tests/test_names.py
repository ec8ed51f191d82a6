"""How `adaptive/` is laid out: a name stands in one module, and no file is in a circle of imports."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

PACKAGE = Path(__file__).parents[1] / "adaptive"
SHARED: dict[str, str] = {}
"""Names that may stand in several modules, each with its reason."""


def find_public_names(file: Path) -> set[str]:
    """The classes and the public functions at the top of a module."""
    nodes = ast.parse(file.read_text(encoding="utf-8")).body
    functions = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {n.name for n in nodes if isinstance(n, ast.ClassDef)} | {n for n in functions if n[0] != "_"}


def test_a_name_stands_in_one_module() -> None:
    modules = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        for name in find_public_names(file):
            modules[name].add(str(file.relative_to(PACKAGE)))
    shared = {name: sorted(files) for name, files in modules.items() if len(files) > 1}
    assert {name: files for name, files in shared.items() if name not in SHARED} == {}
    assert set(SHARED) <= set(shared), "an exception that is none any more"


def test_no_file_is_in_a_circle_of_imports() -> None:
    """Between the files of a package and its `__init__` too, which import-linter's contract does not look at."""
    graph = grimp.build_graph("adaptive", cache_dir=None)
    TopologicalSorter({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}).prepare()


def test_few_files_stand_at_the_top() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 6
