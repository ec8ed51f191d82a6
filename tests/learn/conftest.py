"""Toy questions with toy labels, and a model trained on them, once for all tests."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from adaptive.learn.fit.difficulty import TrainedDifficulty
from tests.learn.fitted import fit_quickly
from tests.learn.toy import labels_to_solved, question

RUNGS = 3
Data = tuple[list[str], list[int]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    fit_quickly(monkeypatch)


@pytest.fixture(scope="session")
def data() -> Data:
    """240 distinct sums; the label is how many digits they have, less one, now and then one more."""
    rng = Random(0)
    rows = {question(rng, d)["question"]: d - 1 for _ in range(200) for d in (1, 2, 3, 4)}
    names = rng.sample(sorted(rows), 240)
    return names, [min(RUNGS, rows[n] + (rng.random() < 0.1)) for n in names]


@pytest.fixture(scope="session")
def trained(data: Data) -> TrainedDifficulty:
    return TrainedDifficulty.fit(data[0], labels_to_solved(data[1], RUNGS))


@pytest.fixture(scope="session")
def saved(trained: TrainedDifficulty, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the trained model is saved in; not to be written to."""
    folder = tmp_path_factory.mktemp("saved")
    trained.save(folder)
    return folder
