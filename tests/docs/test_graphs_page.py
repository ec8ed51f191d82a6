"""docs/graphs.md: what it shows works, and its tables are whole."""

from __future__ import annotations

import re
import warnings

from langgraph.checkpoint.memory import InMemorySaver

from adaptive import build_solver
from adaptive.types.options import PER_QUESTION, Options
from tests.docs.blocks import ROOT, blocks, run
from tests.support.solving import PureEngine, ask, profile
from tests.support.voting import SeededEngine, same, voter

PAGE = ROOT / "docs" / "graphs.md"
SOMETIMES = {"end": {"said", "at_most"}, "difficulty": {"tokens"}}
"""Fields that not every event of a kind has."""


def test_what_it_shows_works() -> None:
    assert len(blocks(PAGE)) >= 6
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The v3 streaming protocol on Pregel is experimental")
        shown = run(PAGE)
    first = shown["other"]["adaptive_result"]["attempts"][0]
    assert first["budget"] == 0, "the effort of the context counts where the state has none"


def test_it_names_all_events_with_their_fields() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: {*re.findall(r"`(\w+)`", fields), "event", "attempt"} for name, fields in rows}
    plain, voting = (
        build_solver(PureEngine(), profile=profile()),
        build_solver(SeededEngine(says=same), profile=voter()),
    )
    for solver in (plain, voting):
        for event in solver.stream(ask("2+2?"), stream_mode="custom"):
            assert set(event) - {"sample"} <= told[event["event"]]
            assert told[event["event"]] <= {*event, *SOMETIMES.get(event["event"], ())}


def test_it_names_all_that_a_context_may_set_and_that_is_asked() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in PER_QUESTION)
    options, saver = Options(approve_above=1), InMemorySaver()
    asked = build_solver(PureEngine(), profile=profile(), options=options, checkpointer=saver)
    (request,) = asked.invoke(ask("2+2?"), {"configurable": {"thread_id": "1"}})["__interrupt__"]
    assert all(f"`{name}`" in text for name in request.value)
