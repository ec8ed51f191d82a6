"""A log of real solves of the embedded model, and what tests read of a page."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from adaptive import SolverContext, build_solver
from adaptive._util.files import find_artifact
from adaptive.solve_log import SolveLog
from tests.support.solving import ask

SUM = "What is 47 + 38 - 12?"
EVIL = (
    "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\" autofocus onfocus='alert(3)' {{ 7*7 }} "
    "What is 2 + 3?"
)
STRANGE = "Quelle est la capitale de la France, et pourquoi la Seine y coule-t-elle?"
OVER = [0.1, 0.0, 0.2]
FRONT = {
    "unit": "tokens",
    "points": [
        {
            "name": name,
            "kind": kind,
            "cost": cost,
            "accuracy": accuracy,
            "hull": hull,
            "over_hull": [0.1, 0.0, 0.2],
        }
        for name, kind, cost, accuracy, hull in (
            ("high", "constant", 300, 0.9, True),
            ("none", "constant", 20, 0.3, True),
            ("low", "constant", 250, 0.4, False),
            ("chosen policy", "chosen", 150, 0.8, False),
            ("tested", "policy", 140, 0.7, False),
            ("oracle", "oracle", 100, 0.95, False),
        )
    ],
}
"""The front of a tuned profile; abacus' own has an image in its place."""
VOID = {"meta", "input", "br", "img", "link", "hr"}


def fill_log(path: Path, text: str = EVIL) -> Path:
    """Log six solves: a plain one, one cut at its budget, one with a Wait, `text`, one outside, `text` again."""
    solver = build_solver("embedded")
    own = SolverContext()
    cut = SolverContext(effort="low", budget=12, max_attempts=1)
    waiting = SolverContext(effort="high", budget=300, waits=1, adapt=False)
    wanted = [(SUM, own), (SUM, cut), (SUM, waiting), (text, own), (STRANGE, own), (text, cut)]
    with SolveLog(path) as log:
        for question, context in wanted:
            result = solver.invoke(ask(question), context=context)["adaptive_result"]
            log.add({**result, "profile": "other"} if context is cut else result)
        log.add_feedback(1, right=True)
        log.add_feedback(2, right=False, answer="73")
    return path


def write_fronted_profile(folder: Path) -> Path:
    """Write abacus' profile as `fronted`, which holds its front, and return its folder."""
    shutil.copytree(find_artifact("abacus") / "profile", folder)
    data = json.loads((file := folder / "profile.json").read_text())
    tuned = {"verdict": "It pays.", "front": FRONT}
    file.write_text(json.dumps({**data, "name": "fronted", "figures": {**data["figures"], "tuned": tuned}}))
    return folder


@dataclass
class Element:
    """An element, and the text in it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A page as a browser sees it: its elements in their order. Raises `AssertionError` if tags do not match."""

    source: str
    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert not self.open, [one.tag for one in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop().tag == tag, tag
        if tag in ("td", "th"):
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def find(self, tag: str, **attributes: str) -> list[Element]:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [one for one in self.elements if one.tag == tag and wanted.items() <= one.attributes.items()]

    @property
    def text(self) -> str:
        return " ".join(self.find("body")[0].text.split())

    @property
    def links(self) -> list[str]:
        return [one.attributes["href"] for one in self.find("a")]
