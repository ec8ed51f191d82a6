"""A profile trained on toy outcomes, to tune: made once, and copied for each test that writes to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from adaptive.cli import cli
from adaptive.learn.fit import difficulty, logistic, token_costs
from adaptive.learn.report import plots
from adaptive.learn.tuning import policy_search
from tests.learn.made import many, write

COUNT = 600


def fitted(folder: Path) -> tuple[Path, Path]:
    """The profile, half of whose questions are left to tune on, and its outcomes beside it."""
    source, out = write(folder / "outcomes.db", many(COUNT)), folder / "toy"
    with pytest.MonkeyPatch.context() as patch:
        fit_quickly(patch)
        patch.setattr(plots, "write_reliability_plots", lambda *_: ([], ""))
        made = CliRunner().invoke(cli, ["train", str(source), "--out", str(out)], prog_name="adaptive")
    assert made.exit_code == 0, made.output
    return out, source


def fit_quickly(patch: pytest.MonkeyPatch) -> None:
    """Fits without looking for the best strength."""
    for module in (difficulty, logistic):
        patch.setattr(module, "STRENGTHS", (0.1,))
    patch.setattr(token_costs, "STRENGTHS", (10.0,))


def quickly(patch: pytest.MonkeyPatch) -> None:
    """Searches few policies on few questions."""
    patch.setattr(policy_search, "WORTHS", 18)
    patch.setattr(policy_search, "SEARCHED", 120)
