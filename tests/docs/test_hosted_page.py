"""docs/hosted.md: what it shows works, with OpenAI's client against a server on this machine."""

from __future__ import annotations

import pytest

from tests.docs.blocks import ROOT, run
from tests.hosted.script import Spoken
from tests.hosted.server import Hosted


def test_the_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with Hosted(lambda asked: Spoken("73", thought=20)) as server:
        monkeypatch.setenv("OPENAI_API_KEY", server.key)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        shown = run(ROOT / "docs" / "hosted.md")
    assert shown["state"]["adaptive_result"]["answer"] == "73"
    assert [asked.model for asked in server.asked] == ["o4-mini"]
