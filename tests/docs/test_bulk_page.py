"""docs/command.md: bulk solving by Ray Data, on one node. It is skipped where ray is not installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.serve.serving import solve
from tests.support.guard import GUARD

PAGE = ROOT / "docs" / "command.md"
QUESTIONS = {"a": "What is 47 + 38 - 12?", "b": "What is 19 * 7 - 5?", "c": "What is 2 + 2?"}


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: pip install 'ray[data]'")
def test_ray_gives_the_solvers_answers(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "bulk.py").write_text(code)
    rows = "".join(f"{id},{text}\n" for id, text in QUESTIONS.items())
    (tmp_path / "questions.csv").write_text(f"id,question\n{rows}")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    subprocess.run([sys.executable, "bulk.py"], cwd=tmp_path, env=environment, check=True, timeout=10 * GUARD)
    lines = [line for file in (tmp_path / "answers").iterdir() for line in file.read_text().splitlines()]
    found = {row.pop("id"): row for row in map(json.loads, lines)}
    assert set(found) == set(QUESTIONS)
    for id, text in QUESTIONS.items():
        own = solve(text)
        expected = {name: own[name] for name in ("answer", "status", "accepted")}
        assert found[id] == {**expected, "tokens": own["usage"]["total"]}
