"""What `--check` may say."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.verify.check import parse_check
from adaptive.verify.check_command import Command
from adaptive.verify.check_form import JsonSchema, Pattern
from adaptive.verify.check_function import Function
from tests.verify.attempts import attempt

MODULE = """
from langchain_core.runnables import RunnableLambda
number = 73
def good(question, answer):
    return answer == "73"
chain = RunnableLambda(lambda given: given["answer"] == "73")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a module and a schema, and no trace of it afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    (tmp_path / "my_check.py").write_text(MODULE)
    (tmp_path / "my_exit.py").write_text("raise SystemExit(3)")
    (tmp_path / "my_error.py").write_text("raise ValueError('api_key=abc')")
    (tmp_path / "number.json").write_text(json.dumps({"type": "number"}))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("re:7[0-9]", Pattern),
        ("schema:number.json", JsonSchema),
        ("python:my_check.good", Function),
        ("python:my_check.chain", Function),
        ("grep -qx 73 {file}", Command),
    ],
)
async def test_each_kind(text: str, kind: type[Any]) -> None:
    check = parse_check(text, 20.0)
    assert isinstance(check, kind)
    assert (check.name, check.timeout) == ("check", 20.0)
    right, wrong = [await check.verify("?", attempt(answer), []) for answer in ("73", '"x"')]
    assert (right.accepted, wrong.accepted, right.decided, wrong.decided) == (True, False, True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "command is empty"),
        ("re:(", "'\\(' is no regular expression"),
        ("schema:none.json", "the schema none.json cannot be read"),
        ("schema:", "cannot be read"),
        ("python:good", "'python:good' names no function: write python:module.function"),
        ("python:", "names no function"),
        ("python:.good", "names no function"),
        ("python:my_none.good", "cannot be imported .ModuleNotFoundError"),
        ("python:my_check.bad", "cannot be imported .AttributeError"),
        ("python:my_check.number", "73 cannot test an answer"),
        ("python:my_exit.good", "cannot be imported .SystemExit: 3"),
        ("python:my_error.good", r"cannot be imported .ValueError: api_key=\*\*\*"),
        ("no-such-program --flag", "there is no program 'no-such-program'"),
        ("echo 'open", "cannot be split"),
    ],
)
def test_what_cannot_be(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_check(text, 20.0)


def test_a_time_limit_that_cannot_be() -> None:
    with pytest.raises(InputError, match="a time limit of 0 s"):
        parse_check("true", 0)
