"""What imported attempts cost: by the prices of their models; of several models every cost has to be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adaptive.cli import cli
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.tuning.ways import WayResult

MAP = "question=q,setting=effort,correct=ok,output_tokens=out,thinking_tokens=think,model=model"
PRICES = ("--price", "openai:small=1/2", "--price", "openai:large=10/20")


def write_log(file: Path, models: tuple[str, ...]) -> Path:
    rows: list[dict[str, Any]] = [
        {"q": f"What is {n} + 1?", "effort": "low", "ok": True, "out": 30, "think": 20, "in": 100, "model": model}
        for n in range(3)
        for model in models
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def run_import(
    folder: Path, models: tuple[str, ...], *more: str, fields: str = f"{MAP},prompt_tokens=in"
) -> Result:
    log = write_log(folder / "log.jsonl", models)
    order = ("--order", ",".join(f"{model} low" for model in models)) if len(models) > 1 else ()
    args = ("import", str(log), "--out", str(folder / "outcomes.db"), "--map", fields, *order, *more)
    return CliRunner().invoke(cli, args, prog_name="adaptive")


def read_costs(file: Path) -> set[float | None]:
    with OutcomeStore(file) as outcomes:
        every = [one for recorded in outcomes for one in recorded.outcomes.values()]
    return {WayResult.from_outcome(one).usage.cost for one in every}


def test_rows_of_several_models_cost_what_their_models_do(tmp_path: Path) -> None:
    made = run_import(tmp_path, ("openai/small", "openai/large"), *PRICES)
    assert made.exit_code == 0, made.output
    costs = sorted(one for one in read_costs(tmp_path / "outcomes.db") if one is not None)
    assert costs == pytest.approx([160e-6, 1600e-6])


def test_a_model_without_a_price_is_refused_by_name(tmp_path: Path) -> None:
    made = run_import(tmp_path, ("openai/small", "openai/large"), *PRICES[:2])
    assert made.exit_code != 0
    assert "the price of openai:large is not known" in made.stderr
    assert "--price openai:large=INPUT/OUTPUT" in made.stderr
    again = run_import(tmp_path, ("openai/small", "openai/large"), *PRICES)
    assert again.exit_code == 0, "the rows are kept, and the same command with a price goes on"


def test_a_model_whose_prompts_are_not_counted_is_refused_by_name(tmp_path: Path) -> None:
    made = run_import(tmp_path, ("openai/small", "openai/large"), *PRICES, fields=MAP)
    assert made.exit_code != 0
    assert "rows of openai/" in made.stderr
    assert "do not tell their prompt tokens" in made.stderr


def test_rows_that_do_not_tell_their_model_are_refused_among_several(tmp_path: Path) -> None:
    made = run_import(tmp_path, ("", "openai/small", "openai/large"), *PRICES)
    assert made.exit_code != 0
    assert "some rows do not tell their model" in made.stderr


@pytest.mark.parametrize(
    ("fields", "more", "cost"),
    [
        (f"{MAP},prompt_tokens=in", PRICES, 160e-6),
        (f"{MAP},prompt_tokens=in", (), None),
        (MAP, PRICES, None),
    ],
    ids=["priced", "no price", "no prompt tokens"],
)
def test_one_model_counts_dollars_if_all_costs_are_known(
    tmp_path: Path, fields: str, more: tuple[str, ...], cost: float | None
) -> None:
    made = run_import(tmp_path, ("openai/small",), *more, fields=fields)
    assert made.exit_code == 0, made.output
    (found,) = read_costs(tmp_path / "outcomes.db")
    assert found == (None if cost is None else pytest.approx(cost))
