"""README.md and the first pages: the diagram is that of the graph, and what they show works."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adaptive.solver.build import draw_graph
from tests.docs.blocks import ROOT, blocks

README = ROOT / "README.md"
START = ROOT / "docs" / "index.md"
COMMAND = ROOT / "docs" / "command.md"
DIAGRAM = ROOT / "docs" / "assets" / "solve.svg"
LABEL = r"(?:\(.*?\)+)?"
ARROW = r"(?:-->|-- .*? -->|-\. .*? \.->|-\.->)"
EDGE = re.compile(rf"^\s*(\w+){LABEL} {ARROW} (\w+){LABEL};?$", re.MULTILINE)
SESSION = re.compile(r"^```console\n\$ (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALL = (
    'pip install . && adaptive solve "Mia has 84 marbles. Mia buys 67 more. Ben takes 38 of the marbles. '
    'How many marbles are left?"'
)


def edges(text: str) -> set[tuple[str, str]]:
    return set(EDGE.findall(text))


def test_the_diagram_is_that_of_the_graph() -> None:
    arrows = re.findall(r'data-edge="(\w+) (\w+)"', DIAGRAM.read_text(encoding="utf-8"))
    assert set(arrows) == edges(draw_graph())
    assert len(set(arrows)) == len(arrows)


@pytest.mark.parametrize("page", [README, START], ids=lambda page: page.stem)
def test_the_example_of_a_node_runs(page: Path) -> None:
    ((_, block),) = blocks(page)
    exec(compile(block, page.name, "exec"), {"__name__": "example"})


def test_the_readme_is_a_page() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert [line for line in lines if len(line) > 100] == [INSTALL]
    assert "pip install -e '.[test]' && python -m pytest" in lines


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        session
        for page in (README, START, COMMAND)
        for session in SESSION.findall(page.read_text(encoding="utf-8"))
    ],
)
def test_a_session_is_what_its_command_prints(command: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "fold" in command and not shutil.which("fold"):
        pytest.skip("there is no fold here")
    monkeypatch.setenv("ADAPTIVE_NO_LOG", "1")
    printed = subprocess.run(
        f"{{ {command}; }} 2>&1", shell=True, capture_output=True, text=True, check=False, timeout=120
    )
    assert comparable(printed.stdout) == comparable(shown)


def comparable(text: str) -> list[str]:
    """The lines without seconds and trailing spaces."""
    return [re.sub(r"\d+\.\d\d s\b", "S", line).rstrip() for line in text.splitlines()]
