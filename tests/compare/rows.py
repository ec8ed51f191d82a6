"""Rows of a comparison, made up or drawn."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from adaptive.compare.cell import Cell, CellResult, CellSetting, ComparisonRow
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import EFFORTS, Effort
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict


def row(
    model: str = "m", effort: Effort = "low", cap: int = 4000, *, repeat: int = 0, answer: str | None = "7",
    reasoning: int = 100, visible: int = 10, prompt: int = 30, cost: float | None = None,
    accepted: bool | None = True, error: str = "", text: str | None = None, **more: Any,
) -> ComparisonRow:  # fmt: skip
    """A row: answered, or starved without an answer, or failed with an error."""
    cell = Cell(CellSetting(model, effort, cap), repeat)
    if error:
        return ComparisonRow(cell, error=error)
    spent = Usage(prompt=prompt, thinking=reasoning, answer=visible, seconds=1.5, cost=cost, **more)
    attempt = Attempt(
        rung=0, arm="first", effort=effort, budget=cap, waits=0, answer=answer,
        text=(answer or "") if text is None else text, thinking="", usage=spent,
        status="starved" if answer is None else "answered", finish="budget" if answer is None else "natural",
    )  # fmt: skip
    verdict = Verdict(False if answer is None else accepted, 0.5, "check", "because")
    return ComparisonRow(cell, CellResult(attempt, "length" if answer is None else "stop"), verdict)


SETTINGS = st.builds(
    CellSetting, st.sampled_from(("a", "b")), st.sampled_from(EFFORTS), st.sampled_from((1, 20, 300))
)


@st.composite
def rows(draw: Any) -> list[ComparisonRow]:
    """Rows at drawn settings, some of which starve, fail or are not accepted; repeats have a number each."""
    settings = draw(st.lists(SETTINGS, min_size=1, max_size=12))
    made = []
    for number, (model, effort, cap) in enumerate(settings):
        made.append(
            row(
                model, effort, cap, repeat=number,
                answer=draw(st.sampled_from((None, "7", "8", "one two three " * 9, "a,\n\"b\""))),
                reasoning=draw(st.integers(0, 999)), visible=draw(st.integers(0, 99)),
                cost=draw(st.sampled_from((None, 0.5, 0.25))), accepted=draw(st.sampled_from((True, False, None))),
                error=draw(st.sampled_from(("", "", "it broke, \"so\".\nAnd so on."))),
            )
        )  # fmt: skip
    return made
