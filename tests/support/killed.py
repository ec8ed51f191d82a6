"""Solves in processes that may be killed: a child is forked for each line on stdin, after all imports.

A line is JSON: `saver` (a file of SQLite, or a connection string of Postgres), log, thread, question, options,
and for a hosted model the `url` and `key` of its server. A thread that exists is resumed. `kill` is the node,
the moment and the number of the time at which the child kills itself: "start" is before a node has done
anything, "end" when it has done all but nothing is saved yet, "after" is after the solve.

stdout has "pid N", then "event NAME" for each event, and "gone SIGNAL" once the child has ended. The log has a
line when a node starts and when it ends, on the disk before the node continues, and at the start of each child
its id and what was saved.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import onnxruntime_genai  # noqa: F401 -- imported once, and not in each child
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver

from adaptive.solver.build import build_solver
from adaptive.solver.nodes import Node, Solver
from adaptive.solver.state import SolverState, Update
from adaptive.types.events import OnEvent
from adaptive.types.options import Options
from adaptive.verify.judge import Judge
from tests.support.kill_log import Log


@dataclass
class Death:
    """The moment at which this process kills itself."""

    node: str = ""
    moment: str = ""
    left: int = 0

    def meet(self, node: str, moment: str) -> None:
        if (node, moment) == (self.node, self.moment):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def logging_nodes(log: Log, death: Death) -> None:
    """Make every node log its start and its end."""
    holding = Solver.wrap_node

    def logged(self: Solver, node: Node) -> Any:
        held, name = holding(self, node), node.__name__

        async def run(state: SolverState, on_event: OnEvent) -> Update:
            log.add("start", name)
            death.meet(name, "start")
            update = await held(state, on_event)
            log.add("end", name)
            death.meet(name, "end")
            return update

        return run

    Solver.wrap_node = logged  # type: ignore[method-assign]


def saved(solver: Any, thread: Any) -> list[str]:
    """The nodes whose work the checkpointer has, in their order."""
    history = list(solver.get_state_history(thread))[::-1]
    done = [name for one in history[:-1] for name in one.next]
    done += [task.name for one in history[-1:] for task in one.tasks if task.result is not None]
    return [name for name in done if not name.startswith("__")]


def open_saver(where: str) -> AbstractContextManager[BaseCheckpointSaver[Any]]:
    """The checkpointer at a path or a connection string."""
    if not where.startswith("postgresql:"):
        return SqliteSaver.from_conn_string(where)
    from langgraph.checkpoint.postgres import PostgresSaver

    return PostgresSaver.from_conn_string(where)


def build(asked: dict[str, Any], saver: BaseCheckpointSaver[Any]) -> Any:
    """The solver of the embedded model, or of a hosted one with another as its judge."""
    options = Options(**asked["options"])
    if "url" not in asked:
        return build_solver("embedded", options=options, checkpointer=saver)
    how: dict[str, Any] = {"base_url": f"{asked['url']}/v1", "api_key": asked["key"], "max_retries": 0,
                           "default_headers": {"x-process": str(os.getpid())}}  # fmt: skip
    judge = Judge(ChatOpenAI(model="gpt-5-mini", **how))
    return build_solver(ChatOpenAI(model="gpt-5", **how), options=options, judge=judge, checkpointer=saver)


def solve(asked: dict[str, Any]) -> None:
    thread: Any = {"configurable": {"thread_id": asked["thread"]}}
    log, death = Log(asked["log"]), Death(*asked.get("kill", ()))
    logging_nodes(log, death)
    with open_saver(asked["saver"]) as saver:
        solver = build(asked, saver)
        log.add("life", os.getpid())
        log.add("saved", saved(solver, thread))
        resumed = saver.get_tuple(thread) is not None
        start: Any = None if resumed else {"messages": [("user", asked["question"])]}
        for event in solver.stream(start, thread, stream_mode="custom", durability="sync"):
            os.write(1, f"event {event['event']}\n".encode())
        death.meet("finish", "after")
        log.add("result", solver.get_state(thread).values["adaptive_result"])


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        if (pid := os.fork()) == 0:
            try:
                solve(asked)
            except BaseException:
                os.write(1, b"failed\n")
                raise
            os._exit(0)
        os.write(1, f"pid {pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(1, f"gone {os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}\n".encode())


if __name__ == "__main__":
    from adaptive.reason import token_stream

    token_stream.CHUNK_SECONDS = 0.0  # kills are placed by events: an event for each token
    main()
