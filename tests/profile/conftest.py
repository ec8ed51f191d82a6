"""The model that `tests/learn` trains, for tests of what a solve reads of it."""

from __future__ import annotations

from tests.learn.conftest import data, saved, trained

__all__ = ["data", "saved", "trained"]
