"""README.md: the diagram is that of the graph, and what it shows of Python works."""

from __future__ import annotations

import re
from pathlib import Path

from adaptive.solver.build import draw_graph

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
LABEL = r"(?:\(.*?\)+)?"
ARROW = r"(?:-->|-- .*? -->|-\. .*? \.->|-\.->)"
EDGE = re.compile(rf"^\s*(\w+){LABEL} {ARROW} (\w+){LABEL};?$", re.MULTILINE)
ENDS = {"start": "__start__", "stop": "__end__"}


def edges(text: str) -> set[tuple[str, str]]:
    return {(ENDS.get(a, a), ENDS.get(b, b)) for a, b in EDGE.findall(text)}


def test_the_diagram_is_that_of_the_graph() -> None:
    diagram = README.split("```mermaid\n", 1)[1].split("```", 1)[0]
    assert edges(diagram) == edges(draw_graph())
    assert len(edges(diagram)) == diagram.count("-->")


def test_the_example_of_a_node_runs() -> None:
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "build_solver" in b)
    exec(compile(block, "README.md", "exec"), {"__name__": "example"})
