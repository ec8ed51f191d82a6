"""Several models from a TOML file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner

from adaptive.cli import cli
from adaptive.cli.serve import MODEL_OPTIONS
from adaptive.cli.support.serve_config import parse_model_table, read_config
from adaptive.errors import InputError
from adaptive.serve import run
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from tests.docs.blocks import ROOT
from tests.serve.serving import Served, chat, serving
from tests.support.solving import timeless

PAGE = ROOT / "docs" / "serve.md"
ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"
CONFIG = """
queue = 9
keys = "{keys}"

[checks]
some = "re:.+"
none = "re:x{{9}}"

[models.small]
model = "embedded"
budget = 24
waits = 0

[models.large]
model = "embedded"
profile = "none"
effort = "high"
concurrency = 1
queue = 3
wait_string = ["Wait", "Hmm"]
no_adapt = true
"""


def parse(table: dict[str, Any]) -> dict[str, Any]:
    return parse_model_table("small", table, "serve.toml", MODEL_OPTIONS)


def test_a_table_is_read_as_the_options_of_the_command_are() -> None:
    table: dict[str, Any] = {
        "model": "m",
        "budget": 24,
        "wait_string": ["Wait", "Hmm"],
        "queue": 0,
        "worth": "9tok",
    }
    table["no_adapt"] = True
    settings = parse({**table, "option": {"dtype": "bfloat16", "trust": True}})
    assert {name: settings[name] for name in table} == {**table, "wait_string": ("Wait", "Hmm")}
    assert settings["options"] == ("dtype=bfloat16", "trust=true")
    assert (settings["timeout"], settings["concurrency"], settings["seed"]) == (None, None, 0)
    assert parse({"model": "m", "no_adapt": False})["no_adapt"] is False


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"bugdet": 1}, "has the unknown key 'bugdet': it takes model, "),
        ({"budget": "many"}, "'many' is not a valid integer"),
        ({"budget": -1}, "-1 is not in the range"),
        ({"budget": True}, "budget cannot be true."),
        ({"budget": [1, 2]}, "budget cannot be [1, 2]."),
        ({"budget": {"a": 1}}, "budget cannot be {'a': 1}."),
        ({"no_adapt": "yes"}, "no_adapt cannot be 'yes'."),
        ({"concurrency": 0}, "0 is not in the range"),
        ({"port": 1}, "has the unknown key 'port'"),
    ],
)
def test_a_table_with_a_wrong_value(table: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse({"model": "m", **table})
    assert said in str(caught.value)
    assert "[models.small] in serve.toml" in str(caught.value)


def test_the_file_in_the_docs_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*\[models\.quick\].*?)```", PAGE.read_text(), re.DOTALL)
    (file := tmp_path / "serve.toml").write_text(text)
    tables = {
        name: parse_model_table(name, table, file, MODEL_OPTIONS)
        for name, table in read_config(file)["models"].items()
    }
    assert tables["careful"]["stronger"] == "openai:gpt-5"
    assert (tables["careful"]["concurrency"], tables["quick"]["concurrency"]) == (32, None)
    assert tables["checked"]["options"] == ("max_retries=0",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no model: write a table such as [models.small]"),
        ("models = 1", "names no model: write a table"),
        ("[models.a]\nbudget = 1", "[models.a] in"),
        ("[models]\na = 1", "[models.a] in"),
        ("prot = 1\n[models.a]\nmodel = 'm'", "has the unknown key 'prot': it takes host, port, keys"),
        ("[models", "is no TOML file"),
        ("[models.a]\nmodel = 'm'\n[checks]\na = 1", "[checks] in"),
        ("checks = 'a'\n[models.a]\nmodel = 'm'", "must name checks as text: write form = "),
    ],
)
def test_a_file_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    (file := tmp_path / "serve.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_config(file)
    assert said in str(caught.value)


@pytest.mark.parametrize("args", [["-m", "embedded"], ["--budget", "3"], ["--name", "x"]])
def test_options_of_one_model_stand_in_its_table(args: list[str], tmp_path: Path) -> None:
    (file := tmp_path / "serve.toml").write_text("[models.a]\nmodel = 'embedded'")
    made = CliRunner().invoke(cli, ["serve", "--config", str(file), *args])
    assert made.exit_code == 2
    assert "is of one model: with --config, write it in the model's table." in made.stderr


@pytest.mark.parametrize(
    ("args", "unpriced"),
    [
        ([], "embedded"),
        (["--price", "embedded=1/2", "--judge", "openai:my-own"], "openai:my-own"),
        (["--price", "embedded=1/2"], None),
    ],
)
def test_a_keys_limit_of_money_needs_all_prices(
    args: list[str], unpriced: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them the key was dead after its first solve, whose cost was not known."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    started = list[Any]()
    monkeypatch.setattr(run, "run_server", lambda *told: started.append(told))
    (keys := tmp_path / "keys.toml").write_text(f'[alice]\nkey = "{ALICE}"\nmax_cost = 20.0\n')
    made = CliRunner().invoke(cli, ["serve", "--port", "0", "--keys", str(keys), *args])
    assert (made.exit_code, len(started)) == ((0, 1) if unpriced is None else (2, 0))
    if unpriced is not None:
        assert "a limit of $20 cannot be kept: " in made.stderr
        assert unpriced in made.stderr


@pytest.mark.parametrize(
    ("args", "host", "warns"), [([], "127.0.0.1", False), (["--host", "0.0.0.0"], "0.0.0.0", True)]
)
def test_only_this_machine_is_served_unless_it_is_said(
    args: list[str], host: str, warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = list[str]()
    monkeypatch.setattr(run, "run_server", lambda _, listening, *__: hosts.append(listening.getsockname()[0]))
    made = CliRunner().invoke(cli, ["serve", "--port", "0", *args])
    assert (made.exit_code, hosts) == (0, [host])
    assert ("Warning: anybody who reaches this address can use the model: give --keys." in made.stderr) is warns


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serve")
    (keys := folder / "keys.toml").write_text(f'[alice]\nkey = "{ALICE}"\n[bob]\nkey = "{BOB}"\nmax_tokens = 1\n')
    (config := folder / "serve.toml").write_text(CONFIG.format(keys=keys))
    with serving("--config", str(config)) as served:
        yield served


@pytest.mark.slow  # a server of its own
def test_each_request_goes_to_the_model_that_it_names(server: Served) -> None:
    alice = server.client(ALICE)
    assert [model.id for model in alice.models.list()] == ["small", "large"]
    large = Options(effort="high", adapt=False, wait_string=("Wait", "Hmm"))
    solvers = {
        "small": build_solver("embedded", options=Options(budget=24, waits=0)),
        "large": build_solver("embedded", profile="none", options=large),
    }
    for name, solver in solvers.items():
        reply = alice.chat.completions.create(
            model=name, messages=chat(), extra_body={"adaptive": {"result": True}}
        )
        found: Any = reply.model_extra
        expected = solver.invoke({"messages": chat()})["adaptive_result"]
        assert reply.model == name
        assert timeless(found["adaptive"]) == timeless(expected)
    assert server.metric("verdicts_total", ALICE, model="small") == 1


@pytest.mark.slow  # a server of its own
def test_each_model_has_the_checks_of_the_file(server: Served) -> None:
    alice = server.client(ALICE)
    for name in ("small", "large"):
        for check, accepted in (("some", True), ("none", False)):
            own = {"adaptive": {"check": check, "max_attempts": 1, "result": True}}
            reply: Any = alice.chat.completions.create(model=name, messages=chat(), extra_body=own)
            assert reply.adaptive["accepted"] is accepted


@pytest.mark.slow  # a server of its own
def test_an_unknown_model_is_named_and_so_are_those_there_are(server: Served) -> None:
    said = "there is no model 'gpt-4o': this server has small, large"
    with pytest.raises(openai.NotFoundError, match=said) as caught:
        server.client(ALICE).responses.create(model="gpt-4o", input="Hello?")
    assert caught.value.code == "model_not_found"


@pytest.mark.slow  # a server of its own
def test_the_limits_of_a_key_span_the_models(server: Served) -> None:
    bob = server.client(BOB).chat.completions
    assert bob.create(model="small", messages=chat()).choices
    for name in ("small", "large"):
        with pytest.raises(openai.RateLimitError, match=r"'bob' is used up .reached the limit of 1 tokens"):
            bob.create(model=name, messages=chat())
