"""Clients that people have, each a program of its own at one server: what they print is what the solver answers.

`make clients` installs them. Those that are not installed are skipped by name; `CLIENT_PACKAGES` is a folder with
a `node_modules` for Node's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from adaptive.agents import ChatAdaptive
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from tests.hosted.clients import client
from tests.hosted.obliging import obliging
from tests.hosted.server import Hosted
from tests.serve.serving import QUESTION, serving_here, solve
from tests.support.guard import GUARD

pytestmark = pytest.mark.slow  # programs of their own
CLIENTS = Path(__file__).with_name("clients")
PACKAGES = {
    "langchain_client.py": "langchain_openai",
    "litellm_client.py": "litellm",
    "llm_client.py": "llm",
    "inspect_client.py": "inspect_ai",
}
NODE = "node_client.mjs"
ERROR = "there is no model 'nobody': this server has embedded, hosted."


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ExitStack() as stack:
        hosted = stack.enter_context(Hosted(obliging))
        above = build_solver(client("openai", hosted), options=Options(max_attempts=1))
        models = {"embedded": ChatAdaptive(solver=build_solver()), "hosted": ChatAdaptive(solver=above)}
        yield stack.enter_context(serving_here(models)) + "/v1"


def run_client(program: str, address: str) -> dict[str, Any]:
    """Return what a program printed, as its last line."""
    command = ["node" if program == NODE else sys.executable, str(CLIENTS / program), address, QUESTION]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "ADAPTIVE_"))}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=5 * GUARD, check=False)
    assert made.returncode == 0, made.stderr
    found: dict[str, Any] = json.loads(made.stdout.splitlines()[-1])
    return found


def check_client(found: dict[str, Any]) -> None:
    expected = solve(effort="high")
    spent, thinking = expected["usage"], [one["thinking"] for one in expected["attempts"] if one["thinking"]]
    assert found["text"] == expected["text"]
    assert found.get("streamed", expected["text"]) == found.get("response", expected["text"]) == expected["text"]
    assert found.get("reasoning", "\n\n".join(thinking)).strip() == "\n\n".join(thinking).strip()
    assert found["usage"] == [spent["prompt"], spent["total"] - spent["prompt"], spent["thinking"]]
    assert found["tool"] == ["look_up", {"word": "sum"}]
    assert ERROR in found["error"]
    assert found.get("score", 1) == 1


@pytest.mark.parametrize("program", PACKAGES)
def test_a_python_client(program: str, address: str) -> None:
    if find_spec(PACKAGES[program]) is None:
        pytest.skip(f"{PACKAGES[program]} is not installed")
    check_client(run_client(program, address))


def test_openais_client_for_node(address: str) -> None:
    folder = os.environ.get("CLIENT_PACKAGES", "")
    if not folder or not shutil.which("node"):
        pytest.skip("node, or CLIENT_PACKAGES with its openai, is not there")
    check_client(run_client(NODE, address))
