"""Makes the screenshots of docs/view.md: `python -m tests.view.screenshots`. It needs Chromium.

They are taken of a log of real solves of the embedded model, so they are made anew when a page changes.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from adaptive.view.pages import ViewPages
from tests.docs.blocks import ROOT
from tests.view.logged import EVIL, fill_log, write_fronted_profile

STORY = "Tom has 3 bags of 4 apples and eats 2 apples. How many are left?"
ASSETS = ROOT / "docs" / "assets"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Shot:
    """A picture of a page. width and height are in pixels; dark: in dark colours."""

    name: str
    page: str
    width: int
    height: int
    dark: bool = False


def find_chromium() -> str | None:
    """Return the path of a browser, None if none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def run_chromium(file: Path, *options: str, dark: bool = False) -> str:
    """Open a local file without a window, and return what is printed."""
    browser = find_chromium()
    assert browser is not None, "Chromium is not installed: apt-get install chromium"
    colours = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    fixed = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", colours)
    command = [browser, *fixed, *options, file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def frame(page: Path, width: int, height: int) -> Path:
    """Return a file that shows a page in a narrow frame: a window is not narrower than 500 pixels."""
    around = page.with_name(f"frame_{page.name}")
    around.write_text(
        f"<!doctype html><body style='margin:0'><iframe title='page' src='{page.name}' width={width} "
        f"height={height} style='border:0'></iframe>"
    )
    return around


def render_pages(folder: Path, text: str = EVIL) -> dict[str, Path]:
    """Solve (`text` is one of the questions), and return each kind of page as a file."""
    pages = ViewPages(fill_log(folder / "solves.db", text), [write_fronted_profile(folder / "fronted")])
    made = {
        "solves": pages.render_solves({}),
        "solve": pages.render_solve({"id": "3"}),
        "cut": pages.render_solve({"id": "2"}),
        "pair": pages.render_pair({"first": "2", "second": "3"}),
        "profiles": pages.render_profiles({}),
        "profile": pages.render_profile({"model": "embedded", "name": "abacus"}),
        "front": pages.render_profile({"model": "embedded", "name": "fronted"}),
        "compare": pages.render_comparison(choose_runs(pages)),
    }
    files = {name: folder / f"{name}.html" for name in made}
    for name, page in made.items():
        files[name].write_text(page, encoding="utf-8")
    return files


def choose_runs(pages: ViewPages) -> dict[str, str]:
    """Return the form's fields that compare the two newest runs."""
    from adaptive.view.viewed_log import ViewedLog

    with ViewedLog(pages.log) as log:
        first, second = log.list_runs()[:2]
    return {"first": first.key, "second": second.key}


SHOTS = (
    Shot("view-solves", "solves", 1100, 760),
    Shot("view-solve", "solve", 1100, 1290),
    Shot("view-profile", "profile", 1100, 2080),
    Shot("view-compare", "compare", 1100, 760),
    Shot("view-narrow", "cut", 360, 1480, dark=True),
)


def main() -> None:
    """Write all screenshots."""
    with tempfile.TemporaryDirectory() as folder:
        files = render_pages(Path(folder), STORY)
        for shot in SHOTS:
            file = files[shot.page]
            if shot.width < 500:
                file = frame(file, shot.width, shot.height)
            size = f"--window-size={shot.width},{shot.height}"
            run_chromium(file, size, f"--screenshot={ASSETS / shot.name}.png", dark=shot.dark)


if __name__ == "__main__":
    main()
