"""What imported attempts cost: what was paid, or by prices; of several models every cost has to be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adaptive.cli import cli
from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
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
    return import_file(log, folder / "outcomes.db", fields, *more)


def import_file(log: Path, out: Path, fields: str, *more: str) -> Result:
    args = ("import", str(log), "--out", str(out), "--map", fields, *more)
    return CliRunner().invoke(cli, args, prog_name="adaptive")


def write_two_models(file: Path, small: str, large: str) -> Path:
    """Write four settings of two models, the dearest one first."""
    settings = ((large, "high", 300), (large, "none", 5), (small, "low", 30), (small, "none", 3))
    rows = [{"q": f"What is {n} + 1?", "model": model, "effort": effort, "ok": True, "out": out, "in": 100}
            for n in range(3) for model, effort, out in settings]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


PLAIN_MAP = "question=q,setting=effort,correct=ok,output_tokens=out,prompt_tokens=in,model=model"


def test_each_rung_of_several_models_names_its_own_and_they_are_ordered_by_cost(tmp_path: Path) -> None:
    log, out = write_two_models(tmp_path / "log.jsonl", "openai/small", "openai/large"), tmp_path / "outcomes.db"
    made = import_file(log, out, PLAIN_MAP, *PRICES)
    assert made.exit_code == 0, made.output
    with OutcomeStore(out) as outcomes:
        assert outcomes.plan["model"] == "openai:large"
        rungs = [(rung.model, rung.effort, rung.budget) for rung in outcomes.read_ladder()]
        keys = {(key.model, key.effort) for one in outcomes for key in one.outcomes}
        assert build_recorded_profile(outcomes, "x").models == ("", "openai:small")
    assert rungs == [
        ("openai:small", "none", 0), ("openai:small", "low", 30), ("", "none", 0), ("", "high", 300)
    ]  # fmt: skip
    assert keys == {(model, effort) for model, effort, _ in rungs}
    names = [line.split("  ")[0].strip() for line in made.stdout.splitlines()[1:]]
    assert names == ["openai/small none", "openai/small low", "openai/large none", "openai/large high"]
    assert "fixed settings only" not in made.stderr


def test_models_that_no_solve_can_open_are_told_to_be_compared_only(tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "outcomes.db"
    log.write_text("".join(
        json.dumps({"q": "1+1?", "model": model, "effort": "low", "ok": True, "out": 9, "in": 9}) + "\n"
        for model in ("small", "openai/large")
    ))  # fmt: skip
    prices = ("--price", "small=1/2", *PRICES[2:])
    made = import_file(log, out, PLAIN_MAP, *prices, "--order", "small low,openai/large low")
    assert made.exit_code == 0, made.output
    assert "The settings are of several models (small, openai/large), whose names are no specs" in made.stderr
    with OutcomeStore(out) as outcomes:
        assert (outcomes.plan["model"], outcomes.read_ladder().models) == ("imported", ("",))


def read_costs(file: Path) -> set[float | None]:
    with OutcomeStore(file) as outcomes:
        every = [one for recorded in outcomes for one in recorded.outcomes.values()]
    return {WayResult.from_outcome(one).usage.cost for one in every}


def sort_costs(file: Path) -> list[float]:
    return sorted(one for one in read_costs(file) if one is not None)


def test_rows_of_several_models_cost_what_their_models_do(tmp_path: Path) -> None:
    made = run_import(tmp_path, ("openai/small", "openai/large"), *PRICES)
    assert made.exit_code == 0, made.output
    costs = sort_costs(tmp_path / "outcomes.db")
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
    ("fields", "more", "cost", "why"),
    [
        (f"{MAP},prompt_tokens=in", PRICES, 160e-6, "in dollars."),
        (f"{MAP},prompt_tokens=in", (), None, "in tokens: the price of openai:small is not known (--price "),
        (MAP, PRICES, None, "in tokens: some rows do not tell their prompt tokens ("),
    ],
    ids=["priced", "no price", "no prompt tokens"],
)
def test_one_model_counts_dollars_if_all_costs_are_known(
    tmp_path: Path, fields: str, more: tuple[str, ...], cost: float | None, why: str
) -> None:
    made = run_import(tmp_path, ("openai/small",), *more, fields=fields)
    assert made.exit_code == 0, made.output
    (found,) = read_costs(tmp_path / "outcomes.db")
    assert found == (None if cost is None else pytest.approx(cost))
    assert why in made.stderr


def test_a_request_that_failed_costs_nothing_and_leaves_dollars(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", ("openai/small",))
    failed = {"q": "What is 9 + 1?", "effort": "low", "model": "openai/small", "error": "overloaded"}
    log.write_text(f"{log.read_text()}{json.dumps(failed)}\n")
    fields = f"{MAP},prompt_tokens=in,failed=error"
    made = import_file(log, tmp_path / "outcomes.db", fields, "--failed", "wrong", *PRICES)
    assert made.exit_code == 0, made.output
    assert sort_costs(tmp_path / "outcomes.db") == pytest.approx([0.0, 160e-6])
    assert "Costs are counted in dollars." in made.stderr


@pytest.mark.parametrize(
    ("models", "paid", "costs", "why"),
    [
        (("openai/small",), [0.01, 0.02, 0.03], {0.01, 0.02, 0.03}, "in dollars"),
        (("openai/small", "openai/large"), [0.01, 0.02, 0.03], {0.01, 0.02, 0.03}, "in dollars"),
        (("",), [0.01, 0.02, 0.03], {0.01, 0.02, 0.03}, "in dollars"),
        (("openai/small",), [0.01, 0, 0.03], {None}, "in tokens: the price of openai:small is not known"),
    ],
    ids=["one model", "several", "no name", "one row lacks it"],
)
def test_what_was_paid_needs_no_price_and_0_is_not_known(
    tmp_path: Path, models: tuple[str, ...], paid: list[float], costs: set[float | None], why: str
) -> None:
    log = tmp_path / "log.jsonl"
    rows = [{"q": f"What is {n} + 1?", "effort": "low", "ok": True, "out": 30, "model": model, "paid": dollars}
            for n, dollars in enumerate(paid) for model in models]  # fmt: skip
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = "question=q,setting=effort,correct=ok,output_tokens=out,model=model,cost=paid"
    made = import_file(log, tmp_path / "outcomes.db", fields)
    assert made.exit_code == 0, made.output
    assert read_costs(tmp_path / "outcomes.db") == costs
    assert f"Costs are counted {why}" in made.stderr


def test_what_was_paid_comes_before_the_price(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", ("openai/small",))
    paid = [json.loads(line) for line in log.read_text().splitlines()]
    paid[0]["paid"] = "0.5"
    log.write_text("".join(json.dumps(row) + "\n" for row in paid))
    made = import_file(log, tmp_path / "outcomes.db", f"{MAP},prompt_tokens=in,cost=paid", *PRICES)
    assert made.exit_code == 0, made.output
    assert sort_costs(tmp_path / "outcomes.db") == pytest.approx([160e-6, 0.5])


def test_a_cost_that_is_no_number_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"q": "1+1?", "effort": "low", "ok": True, "out": 3, "paid": "cheap"}) + "\n")
    fields = "question=q,setting=effort,correct=ok,output_tokens=out,cost=paid"
    made = import_file(log, tmp_path / "outcomes.db", fields)
    assert made.exit_code == 2
    assert "has the cost 'cheap', which is no number of dollars: mend the row." in made.stderr
