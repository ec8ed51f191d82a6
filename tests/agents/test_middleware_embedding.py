"""A step of an agent whose profile wants an embedding: asked off the event loop, done without where it fails."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive.embeddings.cached import Reader
from adaptive.profile.embedding import ALONE, Embedded, Embedding, Lines
from adaptive.profile.profile import Profile
from tests.agents.asking import WAYS, agent, ask, report
from tests.agents.test_middleware import Solves, measured
from tests.agents.toy import toy
from tests.solver.test_embedding import Own

ROW = (0.1, 0.3, 0.9, 0.95)


def profile(own: Any) -> Profile:
    lines = Lines(np.ones(4), np.zeros((4, 2)), np.full(4, 3.0))
    model = Embedded(Solves(*ROW), lines, Reader("own", 2, own))
    return replace(measured(*ROW), embedding=Embedding("own", 2), difficulty_model=lambda: model)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "solves.db"))


@pytest.mark.parametrize("way", WAYS)
def test_it_begins_where_the_embedding_says(way: str) -> None:
    own, model = Own(), toy()
    done = ask(agent(model, profile=profile(own)), way)
    assert len(own.asked) == 1
    assert report(done)["effort"] == "low"
    assert way == "invoke" or threading.get_ident() not in own.threads


@pytest.mark.parametrize("way", WAYS)
def test_where_it_fails_the_text_alone_says_and_a_note_tells(way: str) -> None:
    own, model = Own(fails=1), toy()
    done = ask(agent(model, profile=profile(own)), way)
    assert len(own.asked) == 1
    assert report(done)["effort"] == "medium"
    assert f"embedding model 'own' failed (no memory): {ALONE}" in report(done)["notes"]
