"""Solves in processes that may be killed: a child is forked for each line on stdin, after all imports.

A line is JSON: file (of the checkpointer), log, thread, question, options. A thread that exists is resumed. stdout
has "pid N", then "event NAME" for each event, and "gone" once the child has ended. The log has a line when a node
starts and when it ends, on the disk before the node continues, and at the start of each child what was saved.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import onnxruntime_genai  # noqa: F401 -- imported once, and not in each child
from langgraph.checkpoint.sqlite import SqliteSaver

from adaptive.solver.build import build_solver
from adaptive.solver.nodes import Node, Solver
from adaptive.solver.state import SolverState, Update
from adaptive.types.events import OnEvent
from adaptive.types.options import Options


class Log:
    """Lines of JSON that survive a kill."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def add(self, kind: str, value: Any) -> None:
        os.write(self._file, json.dumps([kind, value]).encode() + b"\n")
        os.fsync(self._file)


def logging_nodes(log: Log) -> None:
    """Make every node log its start and its end."""
    holding = Solver.wrap_node

    def logged(self: Solver, node: Node) -> Any:
        held = holding(self, node)

        async def run(state: SolverState, on_event: OnEvent) -> Update:
            log.add("start", node.__name__)
            update = await held(state, on_event)
            log.add("end", node.__name__)
            return update

        return run

    Solver.wrap_node = logged  # type: ignore[method-assign]


def saved(solver: Any, thread: Any) -> list[str]:
    """The nodes whose work the checkpointer has, in their order."""
    history = list(solver.get_state_history(thread))[::-1]
    done = [name for one in history[:-1] for name in one.next]
    done += [task.name for one in history[-1:] for task in one.tasks if task.result is not None]
    return [name for name in done if not name.startswith("__")]


def solve(asked: dict[str, Any]) -> None:
    thread: Any = {"configurable": {"thread_id": asked["thread"]}}
    log = Log(asked["log"])
    logging_nodes(log)
    with SqliteSaver.from_conn_string(asked["file"]) as saver:
        solver = build_solver("embedded", options=Options(**asked["options"]), checkpointer=saver)
        log.add("saved", saved(solver, thread))
        resumed = saver.get_tuple(thread) is not None
        start: Any = None if resumed else {"messages": [("user", asked["question"])]}
        for event in solver.stream(start, thread, stream_mode="custom", durability="sync"):
            os.write(1, f"event {event['event']}\n".encode())
        log.add("result", solver.get_state(thread).values["adaptive_result"])


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        if (pid := os.fork()) == 0:
            solve(asked)
            os._exit(0)
        os.write(1, f"pid {pid}\n".encode())
        os.waitpid(pid, 0)
        os.write(1, b"gone\n")


if __name__ == "__main__":
    main()
