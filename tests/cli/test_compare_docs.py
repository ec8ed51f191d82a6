"""docs/compare.md shows what its commands print; seconds are the only figures that may differ."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.stub import ROOT
from tests.compare.lab import lab, png
from tests.hosted.server import Hosted

SESSIONS = re.findall(
    r"```console\n\$ (.*?[^\\])\n(.*?)```", (ROOT / "docs" / "compare.md").read_text(), re.DOTALL
)


def untimed(text: str) -> list[str]:
    """Its lines without seconds and without what sets columns apart."""
    return [" ".join(re.sub(r"(?<![$.\d])\d+\.\d\d(?!\d)", "S", line).split()) for line in text.splitlines()]


@pytest.mark.parametrize(("command", "shown"), SESSIONS, ids=["lab", "embedded", "answers"])
def test_the_page_shows_what_its_command_prints(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, shown: str
) -> None:
    (tmp_path / "programme.png").write_bytes(png())
    monkeypatch.chdir(tmp_path)
    name, *args = shlex.split(command.replace("\\\n", " "))
    assert name == "adaptive"
    with Hosted(lab) as hosted:
        monkeypatch.setenv("OPENAI_API_KEY", hosted.key)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{hosted.url}/v1")
        made = run(*args)
    assert untimed(made.stdout) == untimed(shown)
