from __future__ import annotations

import os

import pytest

from adaptive.errors import InputError
from adaptive.solver.environment import read_env_count, read_env_options, read_env_text
from adaptive.types.options import Options
from adaptive.types.setting import read_settings


@pytest.fixture(autouse=True)
def no_variables_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)


def test_unset_and_empty_leave_it_to_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EFFORT", "BUDGET", "STOP"):
        monkeypatch.setenv(f"ADAPTIVE_{name}", "  ")
    assert (read_env_text("EFFORT"), read_env_count("BUDGET"), read_env_text("NOTHING")) == (None, None, None)
    assert read_env_options() == Options()


def test_every_variable_is_the_option_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to = {"effort": "high", "budget": 9, "waits": 1, "samples": 0, "stop": "loop", "verify": "rules",
              "max_tokens": 100, "max_attempts": 3, "worth": "0.02usd"}  # fmt: skip
    for name, value in set_to.items():
        monkeypatch.setenv(f"ADAPTIVE_{name.upper()}", f" {value} ")
    assert read_env_options() == Options(**set_to)  # type: ignore[arg-type]


def test_each_is_named_as_its_option() -> None:
    named = {
        name: setting.environment for name, (_, setting) in read_settings(Options).items() if setting.environment
    }
    assert named == {name: f"ADAPTIVE_{name.upper()}" for name in named}


@pytest.mark.parametrize("value", ["many", "1.5", "1 2"])
def test_what_is_no_number_is_a_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ADAPTIVE_BUDGET", value)
    with pytest.raises(InputError, match=f"ADAPTIVE_BUDGET must be a whole number, got '{value}'"):
        read_env_options()
