"""`adaptive record` of hosted models in this process: the command, and what is in its file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from adaptive.cli import cli
from adaptive.learn.data.outcome import Outcome, OutcomeKey
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.prices import Prices
from adaptive.types.usage import Usage
from tests.hosted.clients import PROVIDERS, build_option_args
from tests.hosted.planted import Planted
from tests.hosted.script import Asked, said
from tests.hosted.server import Hosted

EFFORTS = "low,medium,high"


def build_model_args(name: str, hosted: Hosted) -> list[str]:
    """Return the arguments that name a provider's model at the server."""
    provider = PROVIDERS[name]
    settings = {"api_key": hosted.key, **provider.locate(hosted.url)}
    if name == "azure_openai":
        settings["azure_deployment"] = provider.model
    return ["-m", provider.spec, *build_option_args(settings)]


def build_command(name: str, hosted: Hosted, questions: Path, out: Path, *more: str) -> list[str]:
    """Return the arguments that record it."""
    return ["record", str(questions), *build_model_args(name, hosted), "--out", str(out), *more]


def call(*args: str, code: int = 0) -> str:
    """Run the command; return its output. A solve may end without an accepted answer."""
    made = CliRunner().invoke(cli, list(args), prog_name="adaptive")
    assert made.exit_code in ({0, 3} if args[0] == "solve" else {code}), made.output
    assert "Traceback" not in made.output
    return made.stdout


def record(name: str, hosted: Hosted, questions: Path, out: Path, *more: str, code: int = 0) -> str:
    """Run it; return what it says, in one line."""
    made = CliRunner().invoke(cli, build_command(name, hosted, questions, out, *more), prog_name="adaptive")
    assert made.exit_code == code, made.output
    assert "Traceback" not in made.output
    return " ".join(made.output.split())


def read_outcomes(out: Path) -> dict[tuple[str, OutcomeKey], Outcome]:
    """Return all attempts by question and key."""
    with OutcomeStore(out) as store:
        return {(one.question.text, key): outcome for one in store for key, outcome in one.outcomes.items()}


def read_rows(out: Path) -> list[Any]:
    """Return what matters of all rows, in order."""
    db = sqlite3.connect(out)
    try:
        sql = ("SELECT q.id, o.effort, o.budget, o.sample, o.answer, o.right, o.thinking, o.answered, o.prompt "
               "FROM outcomes o JOIN questions q ON q.number = o.question")  # fmt: skip
        return sorted(db.execute(sql).fetchall())
    finally:
        db.close()


def price_call(asked: Asked, brain: Planted, spec: str) -> float:
    """Return what a call costs, by the server's own count."""
    made = said(asked, brain(asked))
    usage = Usage(prompt=made.prompt, cached=made.cached, thinking=made.thought, answer=made.answered)
    cost = Prices().compute_cost(spec, usage)
    assert cost is not None
    return cost
