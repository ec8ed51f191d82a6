"""The site builds without network, its pages load nothing from elsewhere, and a broken link is an error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

pytestmark = pytest.mark.slow
LOADED = re.compile(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*rel=\"?stylesheet[^>]*//")
NO_NETWORK = dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"], "http://127.0.0.1:9")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """All that the site is made of; the package itself is only read."""
    pytest.importorskip("zensical", reason="zensical is not installed: pip install '.[docs]'")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for file in ("zensical.toml", "CHANGELOG.md", "models/abacus/README.md", "models/difficulty/README.md"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "adaptive").symlink_to(ROOT / "adaptive")
    return tmp_path


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    environment = {**os.environ, **NO_NETWORK}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_it_builds_and_loads_nothing_from_elsewhere(copy: Path) -> None:
    built = build(copy)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = list((copy / "site").rglob("*.html"))
    assert len(pages) > 20
    assert [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []


def test_broken_links_and_references_are_errors(copy: Path) -> None:
    with (copy / "docs" / "tool.md").open("a", encoding="utf-8") as page:
        page.write("\n[a](missing.md) [b](graphs.md#missing) [c][adaptive.missing]\n")
    built = build(copy)
    assert built.returncode != 0
    assert (built.stdout + built.stderr).count("Warning:") == 3
