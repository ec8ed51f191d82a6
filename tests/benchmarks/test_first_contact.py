"""The benchmark of first contact: what it counts, plants and remembers, on the embedded model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from adaptive.answers.registry import open_grader
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.registry import open_engine
from adaptive.learn.data.questions import Question
from adaptive.types.options import Options
from benchmarks.counted_engine import GreedyMemory
from benchmarks.first_contact import Run, make_notebook_arm, make_plain_arm, make_solver_arm

QUESTIONS = [Question(f"q{n}", f"What is {n} + {3 * n + 4}?", str(4 * n + 4)) for n in range(2, 22)]
FAULTS = ("loop", "cut", "starved")


class Asked:
    """Counts the calls of an engine."""

    def __init__(self) -> None:
        self.engine, self.calls = open_engine("embedded"), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    async def generate(self, ids: Sequence[int], **how: Any) -> Generation:
        self.calls += 1
        return await self.engine.generate(ids, **how)


def rows_of(
    out: Path, engine: Any, faults: tuple[str, ...] = (), budget: int | None = None
) -> list[dict[str, Any]]:
    """All arms' rows, by arm and question."""
    arms = {"plain": make_plain_arm(), "adaptive": make_solver_arm(Options())}
    if budget:
        arms |= {"notebook": make_notebook_arm(budget), "budget": make_solver_arm(Options(budget=budget))}
    run = Run(engine, open_grader("number"), arms, out, 1024, faults, 0.9)
    run.load()
    asyncio.run(run.run(QUESTIONS, 4))
    return sorted(run.rows, key=lambda row: (row["arm"], row["id"]))


def test_without_a_fault_adaptive_is_the_plain_call(tmp_path: Path) -> None:
    engine = Asked()
    rows = rows_of(tmp_path / "rows", engine)
    adaptive, plain = rows[: len(QUESTIONS)], rows[len(QUESTIONS) :]
    same = ("id", "answer", "right", "generated", "prefilled", "sent", "attempts")
    assert [[a[k] for k in same] for a in adaptive] == [[p[k] for k in same] for p in plain]
    calls = engine.calls
    assert rows_of(tmp_path / "rows", engine) == rows
    assert engine.calls == calls, "what is in the file is not done again"

    kept = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    run = Run(engine, open_grader("number"), {}, tmp_path / "rows", 1024, (), 0.9)
    run.rows = [row | {"right": None, "answer": row["answer"] and "?"} for row in kept]
    run.grade_again(QUESTIONS)
    assert run.rows == kept
    remembering = rows_of(tmp_path / "again", GreedyMemory(engine))
    assert engine.calls == calls + len(QUESTIONS), "the second arm asks the same"
    counted = ("arm", *same)
    assert sorted([r[k] for k in counted] for r in remembering) == sorted([r[k] for k in counted] for r in kept)


def test_planted_faults_are_recovered_and_only_they_cost_more(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "rows", open_engine("embedded"), FAULTS)
    by_id = {arm: {r["id"]: r for r in rows if r["arm"] == arm} for arm in ("plain", "adaptive")}
    struck = {fault: [i for i, r in by_id["plain"].items() if r["fault"] == fault] for fault in ("", *FAULTS)}
    assert all(len(ids) >= 2 for ids in struck.values())
    for fault, ids in struck.items():
        plain, ours = ([by_id[arm][i] for i in ids] for arm in ("plain", "adaptive"))
        if fault:
            assert sum(r["right"] for r in ours) > sum(r["right"] for r in plain)
            assert all(r["answer"] is not None for r in ours)
        else:
            assert [r["generated"] for r in ours] == [r["generated"] for r in plain]


def test_the_notebook_passes_its_budget_and_a_solve_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.first_contact.NOTEBOOK_ANSWER", 64)  # its 4,096 leave no room in this window
    rows = rows_of(tmp_path / "rows", open_engine("embedded"), budget=40)
    over = {arm: [r["over"] for r in rows if r["arm"] == arm] for arm in ("notebook", "budget")}
    assert not any(over["budget"])
    assert any(over["notebook"])


def test_what_is_remembered_is_what_the_engine_says() -> None:
    engine = open_engine("embedded")
    memory = GreedyMemory(engine)
    prompt = engine.codec.render([("user", "What is 12 + 30?")], "default").open

    def ask(of: Any, room: int, **how: Any) -> Generation:
        asked = {"max_tokens": room, "stop_ids": engine.codec.markers.turn_end, "session": "s", **how}
        return asyncio.run(of.generate(prompt, sampling=how.pop("sampling", Sampling()), **asked))

    whole = ask(memory, 200)
    heard: list[int] = []
    for room in (200, len(whole.ids), len(whole.ids) + 1, 5, 5):
        made, real = ask(memory, room), ask(engine, room)
        assert (made.ids, made.end, made.stop_id) == (real.ids, real.end, real.stop_id)
    halted = ask(memory, 200, on_token=heard.append, halt=lambda token: len(heard) == 3)
    assert (halted.ids, halted.end, halted.stop_id, heard) == (whole.ids[:3], "halted", None, list(whole.ids[:3]))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_who_is_struck_depends_on_the_question_alone(share: float) -> None:
    from benchmarks.first_contact import choose_fault

    struck = [choose_fault(q, FAULTS, share or 1e-9) for q in QUESTIONS]
    assert (set(struck) == {""}) == (share == 0.0)
    assert struck == [choose_fault(q, FAULTS, share or 1e-9) for q in reversed(QUESTIONS)][::-1]
