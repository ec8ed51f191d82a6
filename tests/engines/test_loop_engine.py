"""Calls of engines with a loop of their own: what of a solve runs where."""

from __future__ import annotations

import asyncio
import threading
from functools import wraps
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.onnx import OnnxEngine
from adaptive.solver.build import build_solver
from adaptive.solver.nodes import Solver
from adaptive.verify.check_function import Function
from tests.engines.serving import Faulty, serving


def test_classify_and_verify_are_not_in_the_engines_loop(
    engine: OnnxEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, set[str]] = {}

    def note(what: str) -> None:
        threads.setdefault(what, set()).add(threading.current_thread().name)

    def watch(owner: Any, name: str) -> None:
        inner = getattr(owner, name)

        @wraps(inner)  # LangGraph names a node by its function
        async def noted(self: Any, *args: Any) -> Any:
            note(name)
            return await inner(self, *args)

        monkeypatch.setattr(owner, name, noted)

    for node in ("classify", "verify"):
        watch(Solver, node)
    watch(CompletionsEngine, "_generate_in_loop")

    def check(question: str, answer: str) -> bool:
        note("check")
        return True

    with serving(Faulty(engine, root=str(find_artifact("abacus") / "hf"))) as server:
        client = CompletionsEngine(server.url)
        solver = build_solver(client, check=Function(check))
        solved = solver.invoke({"messages": [("user", "What is 47 + 38 - 12?")]})
        asyncio.run(client.close())
    assert solved["adaptive_result"]["accepted"]
    own = threads.pop("_generate_in_loop")
    assert own == {"adaptive-server"}
    assert set(threads) == {"classify", "verify", "check"}
    assert not own & set[str]().union(*threads.values())
