"""A profile to tune, trained once, and a search of few policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.learn.fitted import quickly
from tests.learn.tuning.tuned import Tuned


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return Tuned(tmp_path_factory.mktemp("tune"))


@pytest.fixture(scope="module")
def quick_search() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quickly(patch)
        yield
