"""`adaptive fit --from-log`: a profile of what the log has of explored solves."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.errors import InputError
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.model_spec import ModelSpec
from adaptive.types.policy import Policy

if TYPE_CHECKING:
    from adaptive.learn.data.explored import ExploredQuestions
    from adaptive.learn.data.reference import Reference
    from adaptive.profile.profile import Profile
    from adaptive.profile.store import ProfileStore


@dataclass(frozen=True)
class LogFitOptions:
    """What to fit. index_base: the index of the first option, for right answers that are indices of options."""

    model: str
    served_model: str | None
    grade: str
    index_base: int | None
    reference: Reference
    target_loss: float
    work: Path | None
    seed: int


def fit_logged_solves(options: LogFitOptions, as_json: bool) -> None:
    """Fit a profile to the explored solves of the log, store it, and print the page or all figures."""
    from adaptive.fit.from_log import LogFit
    from adaptive.profile.store import ProfileStore, find_profiles_folder, make_model_key

    key = make_model_key(options.model, options.served_model or "")
    store = ProfileStore(find_profiles_folder())
    folder = options.work or store.find_work_folder(key, "from the log")
    job = LogFit(
        key, _load_base(options.model, key, store), _read_explored(options), options.grade, folder / "logged.db",
        options.target_loss, reference=options.reference, seed=options.seed,
        command=shlex.join(["adaptive", *sys.argv[1:]]), on_progress=lambda text: click.echo(text, err=True),
    )  # fmt: skip
    result = job.fit()
    stored = result.save(store)
    click.echo(f"Stored the profile of {key} in {stored}.", err=True)
    click.echo(json.dumps(result.to_json(), ensure_ascii=False) if as_json else result.page, nl=as_json)


def _read_explored(options: LogFitOptions) -> ExploredQuestions:
    from adaptive.answers.registry import open_grader
    from adaptive.learn.data.explored import ExploredQuestions
    from adaptive.solve_log import SolveLog, find_log_path

    log = find_log_path()
    if not log.exists():
        raise InputError(f"nothing is logged yet: {log} does not exist.")
    with SolveLog(log) as file, open_grader(options.grade) as grader:
        return ExploredQuestions.from_solves(
            file.list_recent(0), options.model, grader, index_base=options.index_base
        )


def _load_base(model: str, key: str, store: ProfileStore) -> Profile:
    """Return the profile that solves of a model had, as far as its style goes; the model is not opened."""
    from adaptive.profile.profile import Profile
    from adaptive.profile.untrained import LARGEST_UNTRAINED, WAIT_TURN, load_model_profile
    from adaptive.reason.budget import Style

    base = store.load(key)
    if base is None and ModelSpec.parse(model).is_chat:
        base = Profile("untrained", key, Ladder((Rung("none", 0),)), style=Style(waits=(WAIT_TURN,)))
    base = base or load_model_profile(model, 4 * LARGEST_UNTRAINED)
    return replace(base, name=f"fitted {datetime.now(UTC):%Y-%m-%d %H:%M}", model=key, policy=Policy())
