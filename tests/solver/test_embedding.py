"""A solve whose difficulty model wants an embedding: asked off the event loop, done without where it fails."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive.embeddings import cached
from adaptive.embeddings.cached import REMEMBERED, Reader
from adaptive.errors import AdaptiveError
from adaptive.profile.embedding import Embedded, Embedding, Lines
from adaptive.profile.profile import Profile
from adaptive.solver.graph import build_solver
from adaptive.types.logistic import Logistic
from adaptive.verify.learned import FEATURE_NAMES
from tests.learn.embedding_server import Faulty, embedding_server
from tests.solver.test_stronger import solver as stronger_solver
from tests.solver.test_stronger import strong, weak
from tests.support.scripted import ScriptedEngine
from tests.support.solving import EASY, SURE, Fixed, ask, boxed
from tests.support.solving import profile as scripted_profile

ALONE = "how hard the question is was told from its text alone"
LIKE_TEXT = Lines(np.ones(4), np.zeros((4, 2)), np.full(4, -3.0))
"""Takes three from the text's log-odds."""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "solves.db"))


class Own:
    """An embedding model of one's own; remembers which threads it was called in. `fails`: so many calls do."""

    name, batch, parallel = "own", 8, 1

    def __init__(self, fails: int = 0) -> None:
        self.fails, self.threads, self.asked = fails, set[int](), list[str]()

    def embed(self, texts: Sequence[str]) -> Any:
        self.threads.add(threading.get_ident())
        self.asked += texts
        if self.fails:
            self.fails -= 1
            raise AdaptiveError("embedding model 'own' failed (no memory).")
        return np.ones((len(texts), 2), dtype=np.float32)

    def close(self) -> None:
        """Nothing is held."""


def profile(own: Any, name: str = "own", **settings: Any) -> Profile:
    model = Embedded(Fixed(EASY), LIKE_TEXT, Reader(name, 2, own))
    return replace(
        scripted_profile(**settings), embedding=Embedding(name, 2), difficulty_model=lambda: model,
        verifier=Logistic(dict.fromkeys(FEATURE_NAMES, 0.0) | {"sure": 3.0, "difficulty": 0.1}, -5.0, 0.5),
    )  # fmt: skip


def engine(answers: int = 9) -> ScriptedEngine:
    return ScriptedEngine([], [boxed(SURE)] * answers)


async def test_it_is_asked_once_and_not_in_the_event_loop() -> None:
    own = Own()
    solver = build_solver(engine(), profile=profile(own))
    await solver.ainvoke(ask("How few?"))  # which reads what a profile reads but once
    result = (await solver.ainvoke(ask("How many?")))["adaptive_result"]
    assert own.asked == ["How few?", "How many?"]
    assert threading.get_ident() not in own.threads
    expected = LIKE_TEXT.p_solved(np.array([EASY]), np.ones((1, 2), dtype=np.float32))[0]
    assert result["difficulty"]["p_solved"] == [round(float(p), 4) for p in expected]
    assert result["status"] == "answered"
    assert not [note for note in result["notes"] if ALONE in note]


async def test_where_it_fails_the_text_alone_tells_and_a_note_says_so() -> None:
    own = Own(fails=1)
    known = profile(own)
    events = []
    solver = build_solver(engine(), profile=known)
    async for mode, event in solver.astream(ask("How many?"), stream_mode=["custom", "values"]):
        if mode == "custom":
            events.append(event)
        else:
            state = event
    result, note = state["adaptive_result"], f"embedding model 'own' failed (no memory): {ALONE}"
    assert result["status"] == "answered"
    assert result["difficulty"] == {"level": "easy", "p_solved": list(EASY)}
    assert result["notes"].count(note) == 1
    assert note in [event.get("text") for event in events if event["event"] == "note"]
    assert own.asked == ["How many?"]  # it rests after a failure, and no node waits for it again


async def test_it_is_asked_again_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Own(fails=1)
    known = profile(own)
    assert "notes" in known.predict_difficulty("a")
    assert "notes" in known.predict_difficulty("b")
    assert own.asked == ["a"]
    now = cached.time.monotonic()
    monkeypatch.setattr(cached.time, "monotonic", lambda: now + cached.REST_SECONDS + 1)
    assert "notes" not in known.predict_difficulty("b")


def test_a_server_that_is_gone_costs_a_note_and_not_the_answer() -> None:
    with embedding_server(Faulty()) as server:
        url = server.url
    solver = build_solver(engine(), profile=profile(None, f"{url}#tiny"))
    result = solver.invoke(ask("How many?"))["adaptive_result"]
    assert result["status"] == "answered"
    (note,) = [note for note in result["notes"] if ALONE in note]
    assert note.startswith(f"the server {url} does not answer (")


def test_a_server_that_hangs_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "HURRY", replace(cached.HURRY, timeout=0.2))
    with embedding_server(Faulty(faults=["slow"])) as server:
        solver = build_solver(engine(), profile=profile(None, f"{server.url}#tiny"))
        result = solver.invoke(ask("How many?"))["adaptive_result"]
    assert result["status"] == "answered"
    assert [note for note in result["notes"] if ALONE in note and "within 0.2 s: it may be overloaded" in note]


def test_what_is_not_installed_costs_a_note_and_not_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    solver = build_solver(engine(), profile=profile(None, "hf:some/model"))
    result = solver.invoke(ask("How many?"))["adaptive_result"]
    assert result["status"] == "answered"
    assert [note for note in result["notes"] if "pip install 'adaptive-thinking[embed]'" in note and ALONE in note]


def test_a_better_model_that_lacks_its_own_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("adaptive.solver.graph.load_model_profile", lambda *_: profile(Own(fails=1), max_waits=0))
        solver = stronger_solver(weak(), strong(tmp_path))
    result = solver.invoke(ask("2+2?"))["adaptive_result"]
    assert [attempt["arm"] for attempt in result["attempts"]] == ["first", "model"]
    assert f"hf:{tmp_path}: embedding model 'own' failed (no memory): {ALONE}" in result["notes"]


def test_memory_is_bounded() -> None:
    own = Own()
    known = Reader("own", 2, own)
    known.read([str(i) for i in range(REMEMBERED + 10)])
    assert not known.knows("0")
    assert known.knows(str(REMEMBERED + 9))
    assert known.read(["5", "5"]).shape == (2, 2)
