"""The graphs that `langgraph.json` names, loaded by their path as LangGraph's server does."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph.state import CompiledStateGraph

from adaptive.errors import InputError
from tests.support.solving import PureEngine, ask, profile

ROOT = Path(__file__).parents[2]
CONFIG = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def no_variables_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The specs of which an engine was asked for; each gets a scripted one."""
    specs: list[str] = []

    def open_engine(spec: str) -> PureEngine:
        specs.append(spec)
        return PureEngine()

    monkeypatch.setattr("adaptive.solver.model.open_engine", open_engine)
    return specs


def load(spec: str) -> Any:
    """The object at PATH:NAME."""
    path, name = spec.split(":")
    found = importlib.util.spec_from_file_location("a_graph_of_the_server", ROOT / path)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return getattr(module, name)


def solve(**variables: str) -> dict[str, Any]:
    """The result of the graph `solve`, loaded with these variables set."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(f"ADAPTIVE_{name}", value)
        graph = load(CONFIG["graphs"]["solve"])
    result: dict[str, Any] = graph.invoke(ask("2+2?"))["adaptive_result"]
    return result


WINDOW = PureEngine().context_window


def test_the_embedded_model_by_default() -> None:
    graph = load(CONFIG["graphs"]["solve"])
    assert isinstance(graph, CompiledStateGraph)
    assert graph.checkpointer is None  # the server brings its own
    result = graph.invoke(ask("What is 2 + 2?"))["adaptive_result"]
    assert (result["model"], result["profile"]) == ("embedded", "abacus")


def test_the_environment_chooses_the_model(opened: list[str]) -> None:
    solve(MODEL="onnx:/some/folder")
    solve(MODEL=" ", BUDGET="")
    assert opened == ["onnx:/some/folder", "embedded"]


def test_the_environment_chooses_the_profile(opened: list[str], tmp_path: Path) -> None:
    profile(()).save(tmp_path)
    assert solve()["profile"] == "untrained"
    assert solve(PROFILE=str(tmp_path))["profile"] == "toy"


@pytest.mark.parametrize(
    ("variables", "budgets", "efforts"),
    [
        ({}, [WINDOW], ["default"]),
        ({"EFFORT": "none"}, [0], ["none"]),
        ({"EFFORT": "high", "BUDGET": "9", "MAX_ATTEMPTS": "1"}, [9], ["high"]),
        ({"MAX_ATTEMPTS": "1"}, [WINDOW], ["default"]),
        ({"MAX_TOKENS": "1"}, [WINDOW], ["default"]),
        ({"WAITS": "0", "SAMPLES": "0", "EFFORT": "low"}, [512], ["low"]),
        ({"VERIFY": "rules"}, [WINDOW], ["default"]),
    ],
)
def test_the_environment_bounds_it(
    variables: dict[str, str], budgets: list[int], efforts: list[str], opened: list[str]
) -> None:
    result = solve(MODEL="scripted", **variables)
    assert [a["budget"] for a in result["attempts"]] == budgets
    assert [a["effort"] for a in result["attempts"]] == efforts


def mapped(**variables: str) -> dict[str, Any]:
    """What the graph `map_solve` makes of three questions, loaded with these variables set."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(f"ADAPTIVE_{name}", value)
        graph = load(CONFIG["graphs"]["map_solve"])
    state: dict[str, Any] = graph.invoke({"questions": ["A?", "B?", "C?"]})
    return state


@pytest.mark.parametrize(
    ("variables", "statuses"),
    [
        ({}, ["answered"] * 3),
        ({"MAX_RUN_TOKENS": "1", "CONCURRENCY": "1"}, ["answered", "failed", "failed"]),
        ({"MAX_RUN_TOKENS": "1", "CONCURRENCY": "2"}, ["answered", "answered", "failed"]),
    ],
)
def test_the_environment_limits_a_run_of_many(
    variables: dict[str, str], statuses: list[str], opened: list[str]
) -> None:
    assert [r["status"] for r in mapped(**variables)["results"]] == statuses
    assert opened == ["embedded"]


def test_prices_and_limits_of_money_count_for_a_run_of_many_too(opened: list[str], tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"scripted": {"input": 1, "output": 1}}', encoding="utf-8")
    limits = {"PRICES": str(prices), "MAX_COST": "1e-6", "PROFILE": str(tmp_path / "profile")}
    profile(()).save(tmp_path / "profile")  # whose thresholds the first answer does not reach
    (first, *_) = mapped(MODEL="scripted", CONCURRENCY="1", **limits)["results"]
    assert first["usage"]["cost"] > 0
    assert first["stopped"].startswith("reached the limit of $1e-06, $")
    (_, second, _) = mapped(MODEL="scripted", CONCURRENCY="1", PRICES=str(prices), MAX_RUN_COST="1e-6")["results"]
    assert second["error"].startswith("not begun: the run reached its limit of $1e-06, $")


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CONCURRENCY": "0"}, "the limit of concurrency must be 1 or more, got 0"),
        ({"CONCURRENCY": "all"}, "ADAPTIVE_CONCURRENCY must be a whole number, got 'all'"),
        ({"MAX_QUESTIONS": "2"}, "a run takes 2 questions at most, got 3"),
        ({"MAX_RUN_TOKENS": "0"}, "the limit of tokens must be 1 or more, got 0"),
    ],
)
def test_a_bad_limit_of_a_run_is_one_sentence(variables: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        mapped(**variables)


def test_the_environment_says_what_it_may_cost(opened: list[str], tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"scripted": {"input": 1, "output": 1}}', encoding="utf-8")
    profile(()).save(tmp_path / "profile")
    limits = {"PRICES": str(prices), "MAX_COST": "1e-6", "PROFILE": str(tmp_path / "profile")}
    result = solve(MODEL="scripted", TIMEOUT="600", **limits)
    assert (len(result["attempts"]), result["usage"]["cost"] > 0) == (1, True)
    assert result["stopped"].startswith("reached the limit of $1e-06, $")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MODEL": "nothing"}, "model 'nothing' is not known"),
        ({"BUDGET": "many"}, "ADAPTIVE_BUDGET must be a whole number, got 'many'"),
        ({"MAX_COST": "much"}, "ADAPTIVE_MAX_COST must be a number, got 'much'"),
        ({"MAX_COST": "1"}, "the price of embedded is not known, give it with --price or in ADAPTIVE_PRICES"),
        ({"TIMEOUT": "0"}, "timeout must be more than 0, got 0.0"),
        ({"PRICES": "/no/such.toml"}, "the prices /no/such.toml cannot be read"),
        ({"WAITS": "-1"}, "waits must be 0 or more, got -1"),
        (
            {"EFFORT": "huge"},
            "effort must be one of none, minimal, low, medium, high, xhigh, max or None, got 'huge'",
        ),
        ({"PROFILE": "/no/such/folder"}, "cannot be read"),
        ({"VERIFY": "prayer"}, "verifier 'prayer' is not known"),
    ],
)
def test_a_bad_value_is_one_sentence(variables: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        solve(**variables)


def test_langgraph_finds_the_file_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = pytest.importorskip("langgraph_cli.config")
    monkeypatch.chdir(ROOT)
    assert cli.validate_config_file(ROOT / "langgraph.json")["graphs"] == CONFIG["graphs"]
    assert "a_graph_of_the_server" not in sys.modules
