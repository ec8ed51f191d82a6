"""The pages in Chromium: axe-core finds nothing serious, and nothing is wider than a narrow screen.

It runs where both are installed: `apt-get install chromium`, and `make clients`, or `npm install --no-save
axe-core` in this folder's repository, or the path of axe.min.js in ADAPTIVE_AXE. The pages' own policy lets no
script run, so it is taken out of the copies that are tested.
"""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import ROOT
from tests.view.screenshots import find_chromium, frame, render_pages, run_chromium

AXE = Path(os.environ.get("ADAPTIVE_AXE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm install --no-save axe-core"),
]
PROBE = """
<pre id="found"></pre><script>{axe}</script><script>
for (const one of document.querySelectorAll("details")) one.open = true;
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const stops = [...document.querySelectorAll("a[href], input, select, button, summary, [tabindex='0']")];
const before = stops.map(one => one.tabIndex);
axe.run(document, {{runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}}).then(found => {{
  const said = {{wide, before, violations: found.violations.map(one => [one.impact, one.id,
    one.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]), passes: found.passes.length}};
  document.getElementById("found").textContent = JSON.stringify(said);
  if (parent !== window) parent.document.body.setAttribute("data-found", JSON.stringify(said));
}});
</script>
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return render_pages(tmp_path_factory.mktemp("pages"))


def inspect(file: Path, width: int, dark: bool) -> dict[str, Any]:
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", file.read_text(encoding="utf-8"))
    probed = file.with_name(f"probed_{file.name}")
    probe = PROBE.format(axe=AXE.read_text(encoding="utf-8"))
    probed.write_text(page.replace("</main>", f"</main><div hidden>{probe}</div>", 1), encoding="utf-8")
    shown = frame(probed, width, 900) if width < 500 else probed
    options = (
        "--allow-file-access-from-files",
        "--virtual-time-budget=20000",
        f"--window-size={max(width, 500)},900",
    )
    dom = run_chromium(shown, *options, "--dump-dom", dark=dark)
    found = re.search(r'data-found="([^"]*)"' if width < 500 else r'<pre id="found">([^<]*)</pre>', dom)
    assert found, dom[-2000:]
    said: dict[str, Any] = json.loads(html.unescape(found[1]))
    return said


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (1200, False), (1200, True)])
@pytest.mark.parametrize("name", ["solves", "solve", "cut", "pair", "profiles", "profile", "front", "compare"])
def test_axe_finds_nothing_and_nothing_sticks_out(
    files: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    said = inspect(files[name], width, dark)
    assert said["violations"] == []
    assert said["passes"] > 10
    assert said["wide"] == 0
    assert max(said["before"]) == 0, "the order of focus is that of the page"
