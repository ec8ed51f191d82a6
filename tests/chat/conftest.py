"""Nothing that one test teaches of a model is known in the next."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _untaught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.chat.capabilities._CAPABILITIES", {})
