"""`adaptive graph` prints the graph that is solved with, and opens no model for it."""

from __future__ import annotations

import re

import pytest

from adaptive import build_solver
from tests.cli.conftest import Run
from tests.support.solving import PureEngine, profile

EDGE = re.compile(r"^\s*(\w+) (?:-->|-\.->|-\. .* \.->) (\w+);$", re.MULTILINE)


def test_it_prints_the_nodes_and_edges_of_the_compiled_solver(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_is_opened(spec: str) -> None:
        raise AssertionError(f"{spec} was opened to draw it")

    solver = build_solver(PureEngine(), profile=profile()).get_graph()
    monkeypatch.setattr("adaptive.solver.model.open_engine", none_is_opened)
    made = run("graph")
    assert (made.exit_code, made.stderr) == (0, "")
    edges = set(EDGE.findall(made.stdout))
    assert edges == {(edge.source, edge.target) for edge in solver.edges}
    assert {node for edge in edges for node in edge} == set(solver.nodes)
    assert ("escalate", "sample") in edges
