"""`adaptive compare` as a process of its own: the lab's comparison, and what a kill and an interrupt leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.stub import ROOT
from tests.compare.lab import ARGS, CELLS, PROMPT, lab, png
from tests.hosted.script import Asked, Fault, Reply
from tests.hosted.server import Hosted

# The command as it is, but on a busy machine an interrupted run may take its time to stop: no test of that here.
COMMAND = (
    "import adaptive.cli.support.signals as run; run.STOP_SECONDS = 300; from adaptive.cli import main; main()"
)
SECONDS = 300
"""After which a run that never comes to its third cell is an error, not a test that hangs."""


def started(hosted: Hosted, folder: Path, *more: str) -> subprocess.Popen[str]:
    """The command, one cell at a time, which keeps its cells in the folder."""
    (folder / "programme.png").write_bytes(png())
    named = {"OPENAI_API_KEY": hosted.key, "OPENAI_BASE_URL": f"{hosted.url}/v1", "XDG_DATA_HOME": str(folder)}
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("ADAPTIVE_")}, **named}
    args = ["compare", PROMPT, *ARGS, "--image", str(folder / "programme.png"), "--concurrency", "1", *more]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *args],
        cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def hangs_at(asked: Asked) -> Reply:
    """The lab, but for its third cell no answer comes."""
    return Fault("hang") if (f"openai:{asked.model}", asked.effort, asked.cap) == CELLS[2] else lab(asked)


def count(hosted: Hosted) -> Counter[tuple[str, str | None, int | None]]:
    return Counter((f"openai:{a.model}", a.effort, a.cap) for a in hosted.asked)


def test_the_lab(tmp_path: Path) -> None:
    with Hosted(lab) as hosted:
        process = started(hosted, tmp_path)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "* openai:o4-mini low" in " ".join(out.split())
    assert "A cap of 4000 starves openai:o1 at high effort: 4000 tokens spent, no answer." in out
    assert "High effort on openai:o4-mini: +10 tokens, same answer." in out
    assert f"0 were kept in {tmp_path / 'adaptive' / 'compare.db'}." in err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_and_no_cell_that_was_answered_is_asked_again(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Hosted(hangs_at) as hosted:
        process = started(hosted, tmp_path)
        reached = hosted.hanging.acquire(timeout=SECONDS)
        process.send_signal(number)
        out, err = process.communicate()
        assert reached, err
        assert hosted.left.acquire(timeout=SECONDS)
        assert [*count(hosted)] == list(CELLS[:3])
        hosted.brain = lab
        resumed, told = (again := started(hosted, tmp_path)).communicate()
        asked = count(hosted)
    assert [asked[cell] for cell in CELLS] == [1, 1, 2, 1, 1]  # the third was never answered
    assert again.returncode == 0, told
    assert "2 were kept in" in told
    assert resumed.count("openai:o1 ") >= 3
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert "Interrupted: 2 of 5 cells are asked in " in err
        assert "High effort on openai:o4-mini: +10 tokens, same answer." in out
        assert "openai:o1" not in out
