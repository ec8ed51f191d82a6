"""Questions in conversations: right, accepted, accepted and wrong, not verified, refused, for each shape.

    python -m benchmarks.conversations --limit 100 --out conversations.jsonl
    python -m benchmarks.conversations --limit 30 --shape "second turn" --verify rules,agreement --out turns.jsonl

The shapes of a question:

alone            the question and nothing else
second turn      after another question and its right answer
system prompt    after "You are a helpful assistant."
hand-off         before a supervisor's call of `transfer_to_maths` and its result, as langgraph-supervisor has them
hand-back        also after an answered question that another agent handed back
tool, needed     one number of the question is X, and the result of a tool says what X is
tool, not needed the result of a tool tells the time

Rows are written as they come; what is in the file is not done again. It fails if more than 3 % of the answers in a
shape are accepted and wrong, or if a shape has fewer right answers than `alone` and accepts any.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph.state import CompiledStateGraph

from adaptive.answers.equality import same_answer
from adaptive.errors import InputError
from adaptive.learn.data.questions import Question, read_questions
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from adaptive.types.result import Result

QUESTIONS = "models/abacus/questions/fresh.jsonl"
MOST_WRONG = 0.03
NUMBER = re.compile(r"\d+(?:\.\d+)?")
COLUMNS = ("right", "accepted", "accepted and wrong", "rejected", "not verified", "refused")
BACK = {"__is_handoff_back": True}


def hand_off(agent: str, number: int) -> list[AnyMessage]:
    """Return the messages of a hand-off to an agent."""
    name, id = f"transfer_to_{agent}", f"hand-off {number}"
    moved = ToolMessage(f"Successfully transferred to {agent}", name=name, tool_call_id=id,
                        response_metadata={"__handoff_destination": agent})  # fmt: skip
    return [AIMessage("", tool_calls=[{"name": name, "args": {}, "id": id}], name="supervisor"), moved]


def hand_back(agent: str, number: int) -> list[AnyMessage]:
    """Return the messages of a hand-back to the supervisor."""
    name, id = "transfer_back_to_supervisor", f"hand-back {number}"
    calls = [{"name": name, "args": {}, "id": id}]
    call = AIMessage("Transferring back to supervisor", tool_calls=calls, name=agent, response_metadata=BACK)
    moved = "Successfully transferred back to supervisor"
    return [call, ToolMessage(moved, name=name, tool_call_id=id, response_metadata=BACK)]


def use_tool(name: str, result: str) -> list[AnyMessage]:
    """Return the messages of a call of a tool and its result."""
    call = {"name": name, "args": {}, "id": name}
    return [AIMessage("", tool_calls=[call]), ToolMessage(result, name=name, tool_call_id=name)]


def make_needed(one: Question) -> list[AnyMessage]:
    """Return the question with X in place of its last number, and a tool that knows X."""
    *_, last = NUMBER.finditer(one.text)
    question = f"{one.text[: last.start()]}X{one.text[last.end() :]}"
    return [HumanMessage(question), *use_tool("look_up", f"X = {last[0]}")]


Shape = Callable[[Question, Question], list[AnyMessage]]
SHAPES: dict[str, Shape] = {
    "alone": lambda one, other: [HumanMessage(one.text)],
    "second turn": lambda one, other: [*_answered(other), HumanMessage(one.text)],
    "system prompt": lambda one, other: [SystemMessage("You are a helpful assistant."), HumanMessage(one.text)],
    "hand-off": lambda one, other: [HumanMessage(one.text), *hand_off("maths", 1)],
    "hand-back": lambda one, other: [
        *(turns := _answered(other))[:1], *hand_off("maths", 1), turns[1], *hand_back("maths", 1),
        HumanMessage(one.text), *hand_off("maths", 2),
    ],
    "tool, needed": lambda one, other: make_needed(one),
    "tool, not needed": lambda one, other: [HumanMessage(one.text), *use_tool("clock", "14:05")],
}  # fmt: skip


def _answered(one: Question) -> list[AnyMessage]:
    return [HumanMessage(one.text), AIMessage(f"\\boxed{{{one.reference}}}")]


Row = dict[str, Any]


def ask(solver: CompiledStateGraph[Any, Any, Any, Any], shape: str, one: Question, other: Question) -> Row:
    """Solve a question in a shape and return its row."""
    row = {"shape": shape, "id": one.id, "reference": one.reference}
    conversation: Any = {"messages": SHAPES[shape](one, other)}
    try:
        result = Result.of(solver.invoke(conversation))
    except InputError as error:
        return {**row, "refused": str(error), "answer": None, "right": False, "accepted": False, "reason": "",
                "attempts": 0, "tokens": 0}  # fmt: skip
    verdict = result.best.verdict
    return {**row, "refused": "", "answer": result.answer, "accepted": result.accepted,
            "right": result.answer is not None and same_answer(result.answer, one.reference),
            "reason": verdict.reason if verdict else "", "attempts": len(result.attempts),
            "tokens": result.usage.total}  # fmt: skip


def count_rows(rows: Sequence[Row]) -> dict[str, int]:
    """Return how many rows each of `COLUMNS` has."""
    return {
        "right": sum(row["right"] for row in rows),
        "accepted": sum(row["accepted"] is True for row in rows),
        "accepted and wrong": sum(row["accepted"] is True and not row["right"] for row in rows),
        "rejected": sum(row["accepted"] is False and not row["refused"] for row in rows),
        "not verified": sum(row["accepted"] is None for row in rows),
        "refused": sum(bool(row["refused"]) for row in rows),
    }


def find_broken_promises(by_shape: dict[str, list[Row]]) -> Iterator[str]:
    """Yield what the table must not show, in words."""
    alone = sum(row["right"] for row in by_shape.get("alone", []))
    for shape, rows in by_shape.items():
        counts = count_rows(rows)
        if counts["accepted and wrong"] > MOST_WRONG * len(rows):
            yield f"{shape}: {counts['accepted and wrong']} of {len(rows)} are accepted and wrong"
        if counts["accepted"] and counts["right"] < alone - MOST_WRONG * len(rows):
            yield f"{shape}: {counts['right']} are right, alone {alone}, and {counts['accepted']} are accepted"


def format_table(by_shape: dict[str, list[Row]]) -> str:
    """Return the table as Markdown."""
    lines = [f"| shape | questions | {' | '.join(COLUMNS)} | tokens |", "|---" * (len(COLUMNS) + 3) + "|"]
    for shape, rows in by_shape.items():
        counts = count_rows(rows)
        tokens = sum(row["tokens"] for row in rows) / len(rows)
        cells = [str(counts[column]) for column in COLUMNS]
        lines.append(f"| {shape} | {len(rows)} | {' | '.join(cells)} | {tokens:.0f} |")
    return "\n".join(lines)


@click.command(help=__doc__)
@click.argument("questions", default=QUESTIONS)
@click.option("-m", "--model", default="embedded", show_default=True)
@click.option("--profile", help="A profile's folder; by default the model's own.")
@click.option(
    "--limit", default=30, show_default=True, help="How many questions, of those with a number in digits."
)
@click.option("--shape", "shapes", multiple=True, type=click.Choice(list(SHAPES)), help="By default all.")
@click.option("--verify", help="Verifiers, as for `adaptive solve`.")
@click.option("--samples", type=int, help="A vote of so many samples.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The rows, as JSONL.")
def main(questions: str, model: str, profile: str | None, limit: int, shapes: tuple[str, ...], verify: str | None,
         samples: int | None, out: Path) -> None:  # fmt: skip
    chosen = [one for one in read_questions(questions) if NUMBER.search(one.text)][:limit]
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    known = {(row["shape"], row["id"]) for row in done}
    settings: dict[str, Any] = {"verify": verify} if samples is None else {"verify": verify, "samples": samples}
    solver = build_solver(model, profile=profile, options=Options(**settings))
    with out.open("a", encoding="utf-8") as file:
        for place, one in enumerate(chosen):
            for shape in shapes or SHAPES:
                if (shape, one.id) not in known:
                    done.append(ask(solver, shape, one, chosen[place - 1]))
                    file.write(json.dumps(done[-1], ensure_ascii=False) + "\n")
                    file.flush()
    ids = {one.id for one in chosen}
    by_shape = {
        shape: rows for shape in SHAPES if (rows := [r for r in done if r["shape"] == shape and r["id"] in ids])
    }
    click.echo(format_table(by_shape))
    if broken := list(find_broken_promises(by_shape)):
        raise SystemExit("\n".join(broken))


if __name__ == "__main__":
    main()
