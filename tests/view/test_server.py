"""`adaptive view` as a process of its own, and as the command that writes a file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run, log, run  # noqa: F401
from tests.cli.stub import result
from tests.docs.blocks import ROOT
from tests.view.logged import Page


@pytest.mark.slow  # a server of its own
def test_pages_are_served_at_an_address_that_nobody_can_guess(tmp_path: Path) -> None:
    path = tmp_path / "solves.db"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ADAPTIVE_LOG": str(path)}
    command = [sys.executable, "-m", "adaptive.cli", "view"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.fullmatch(r"Showing the log at (http://127\.0\.0\.1:\d+)(/\S{20,}/)\n", line)
        assert found, line
        check_pages(*found.groups(), path)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def check_pages(root: str, secret: str, path: Path) -> None:
    with httpx.Client(base_url=root, timeout=60) as client:
        for wrong in ("/", "/solve?id=1", "/x/", secret[:-2] + "/"):
            assert client.get(wrong).status_code == 404
        assert "Nothing is logged yet" in client.get(secret).text
        assert not path.exists()
        with SolveLog(path) as store:
            store.add(result(question="<b>bold?</b>"))
        response = client.get(f"{secret}solve", params={"id": "1"})
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "no-store"
        assert "<b>bold?</b>" in Page(response.text).text
        for query, text in (("solve?id=7", "solve 7 is not in the log"), ("?page=x", "got 'x'")):
            response = client.get(secret + query)
            assert (response.status_code, text in Page(response.text).text) == (404, True)
        assert client.post(secret).status_code == 405
        path.write_bytes(b"no log at all" * 100)
        response = client.get(secret)
        assert (response.status_code, "cannot be used" in Page(response.text).text) == (500, True)


def test_one_file_is_written(run: Run, log: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "page.html"
    made = run("view", "--out", str(out))
    assert (made.exit_code, made.stderr) == (2, f"Error: nothing is logged yet: {log} does not exist.\n")
    with SolveLog(log) as store:
        for text in ("first", "second", "third"):
            store.add(result(question=text))
    assert run("view", "--out", str(out), "-n", "2").stderr == f"Wrote {out}.\n"
    assert [one.attributes["id"] for one in Page(out.read_text()).find("section")] == ["solve-3", "solve-2"]
    assert run("view", "--out", str(out), "-q", "first").exit_code == 0
    assert [one.attributes["id"] for one in Page(out.read_text()).find("section")] == ["solve-1"]
    made = run("view", "--out", str(tmp_path / "none" / "page.html"))
    assert (made.exit_code, "No such file or directory" in made.stderr) == (2, True)
