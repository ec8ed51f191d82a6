"""The map solver: solves many questions side by side and within limits, as a graph that can be a node too.

Every question is a task of its own (`Send`), which streams, resumes and fails on its own. Tasks run in waves,
because what they spent is known only at the end of a wave. A wave has as many questions as LangGraph's
`max_concurrency`, if the caller sets it. We do not set it: with 1, LangGraph 1.2 never ends a `stream` of custom
events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired

from langchain_core.runnables import RunnableConfig
from langgraph.channels import EphemeralValue
from langgraph.config import get_config, get_stream_writer
from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send
from typing_extensions import TypedDict

from adaptive.errors import AdaptiveError, InputError, to_single_line
from adaptive.solver.build import check_compile_options, find_solver
from adaptive.solver.runnables import SyncAsyncRunnable, make_nonblocking_node
from adaptive.solver.state import add_or_clear
from adaptive.types.options import SolverContext
from adaptive.types.result import MapItem, sum_usage, summarise_results
from adaptive.types.usage import Usage

MOST_QUESTIONS = 1000


@dataclass(frozen=True)
class Limits:
    """Limits of a run of the map solver. Raises `InputError` for a count below 1, or a cost of 0 or less.

    Args:
        concurrency: How many questions are solved at once, unless the run's config has a `max_concurrency`.
        questions: The most questions of a run.
        tokens: Once so many are spent no further question starts; None for no limit.
        cost: The same in dollars.
    """

    concurrency: int = 1
    questions: int = MOST_QUESTIONS
    tokens: int | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        for name in ("concurrency", "questions", "tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"the limit of {name} must be 1 or more, got {value}.")
        if self.cost is not None and not self.cost > 0:
            raise InputError(f"the limit of cost must be more than 0 dollars, got {self.cost:g}.")

    def find_reached(self, spent: Usage) -> str:
        """Say which limit of tokens or money a run has reached; "" if none.

        If the cost of a question is not known, the limit of money cannot be kept any more: it counts as reached.
        """
        if self.tokens is not None and spent.total >= self.tokens:
            return f"the run reached its limit of {self.tokens} tokens, {spent.total} spent"
        if self.cost is None:
            return ""
        if spent.cost is None:
            return f"what the run spent is not known, so its limit of ${self.cost:g} cannot be kept"
        if spent.cost >= self.cost:
            return f"the run reached its limit of ${self.cost:g}, ${spent.cost:.6g} spent"
        return ""


NO_LIMITS = Limits()


class MapInput(TypedDict):
    """The questions, as texts or objects with an `id`; `adaptive_options` sets options for all of them."""

    questions: list[str | dict[str, str]]
    adaptive_options: NotRequired[Annotated[dict[str, Any] | None, EphemeralValue]]


class MapOutput(TypedDict):
    """A result with its `id` for each question, in their order, and a summary."""

    results: list[dict[str, Any]]
    adaptive_summary: dict[str, Any]


class MapState(MapInput, MapOutput, total=False):
    """What the nodes share; `adaptive_wave` has the indices of the questions that are solved next."""

    adaptive_asked: dict[str, Any] | None
    adaptive_items: list[dict[str, str]]
    adaptive_wave: list[int]
    adaptive_ended: Annotated[list[dict[str, Any]], add_or_clear]


class _Task(TypedDict):
    """The input of the task of one question."""

    place: int
    item: dict[str, str]
    asked: dict[str, Any] | None


def build_map_solver(
    solver: CompiledStateGraph[Any, Any, Any, Any],
    limits: Limits = NO_LIMITS,
    **compile_options: Any,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the graph that solves many questions.

    A question that fails, or that a limit keeps from starting, gets a result of status "failed" with its `error`;
    the others are solved all the same. A run raises `InputError` for an invalid list of questions. Its
    context sets options of all solves (`SolverContext`).

    Args:
        solver: What solves each question (`build_solver`).
        limits: Limits of a run.
        **compile_options: Passed to `StateGraph.compile` (`checkpointer`, `name`, ...).

    Raises:
        InputError: An option is not known, or a limit of money cannot be kept because a price is unknown.
    """
    check_compile_options(compile_options, "build_map_solver")
    if limits.cost is not None and (solver_nodes := find_solver(solver)):
        solver_nodes.require_prices(limits.cost)
    nodes = _MapNodes(solver, limits)
    graph: StateGraph[MapState, Any, Any, Any] = StateGraph(
        MapState, context_schema=SolverContext, input_schema=MapInput, output_schema=MapOutput
    )
    graph.add_node("begin", make_nonblocking_node(nodes.begin))
    graph.add_node("solve", SyncAsyncRunnable(nodes.solve, nodes.asolve, "solve"), error_handler=_handle_failure)  # type: ignore[call-overload]
    graph.add_node("gather", make_nonblocking_node(nodes.gather))
    graph.add_edge(START, "begin").add_edge("solve", "gather")
    graph.add_conditional_edges("begin", make_nonblocking_node(_send_wave), ["solve"])
    graph.add_conditional_edges("gather", make_nonblocking_node(_send_rest), ["solve", END])
    return graph.compile(**{"name": "adaptive_map", **compile_options})


@dataclass(frozen=True)
class _MapNodes:
    solver: CompiledStateGraph[Any, Any, Any, Any]
    limits: Limits

    def begin(self, state: MapState) -> dict[str, Any]:
        """Check the questions; a persisted thread starts anew."""
        items = parse_map_questions(state["questions"], self.limits.questions)
        return {
            "adaptive_asked": state.get("adaptive_options"),
            "adaptive_items": items,
            "adaptive_wave": self._limit_wave(range(len(items))),
            "adaptive_ended": None,
            "results": [],
            "adaptive_summary": summarise_results([]),
        }

    def solve(self, task: _Task) -> dict[str, Any]:
        """Solve one question."""
        solve = _MapSolve(task)
        for mode, data in self.solver.stream(solve.solver_input, solve.config, stream_mode=["custom", "values"]):
            solve.handle_event(mode, data)
        return solve.to_update()

    async def asolve(self, task: _Task) -> dict[str, Any]:
        """Solve one question, awaited."""
        solve = _MapSolve(task)
        async for mode, data in self.solver.astream(solve.solver_input, stream_mode=["custom", "values"]):
            solve.handle_event(mode, data)
        return solve.to_update()

    def gather(self, state: MapState) -> dict[str, Any]:
        """Collect the results so far, and choose the next wave."""
        ended = {one["place"]: one["result"] for one in state["adaptive_ended"]}
        left = [place for place in range(len(state["adaptive_items"])) if place not in ended]
        if reached := self.limits.find_reached(sum_usage(list(ended.values()))):
            why = f"not begun: {reached}."
            items = (state["adaptive_items"][place] for place in left)
            skipped = [
                MapItem(item["id"], item["question"], error=why, usage=Usage(cost=0.0)).to_json() for item in items
            ]
            ended |= dict(zip(left, skipped, strict=True))
            left = []
        results = [ended[place] for place in sorted(ended)]
        return {
            "adaptive_wave": self._limit_wave(left),
            "results": results,
            "adaptive_summary": summarise_results(results),
        }

    def _limit_wave(self, places: Sequence[int]) -> list[int]:
        """Return as many as run together."""
        return list(places[: get_config().get("max_concurrency") or self.limits.concurrency])


class _MapSolve:
    """One question while it is solved."""

    def __init__(self, task: _Task) -> None:
        self._task, self._write, self._state = task, get_stream_writer(), dict[str, Any]()

    @property
    def solver_input(self) -> dict[str, Any]:
        """The input of the solver."""
        inputs = {"messages": [("user", self._task["item"]["question"])]}
        options = self._task["asked"]
        return inputs if options is None else {**inputs, "adaptive_options": options}

    @property
    def config(self) -> RunnableConfig | None:
        """The config of a blocking solve: one more thread, because LangGraph listens for events in one."""
        most = get_config().get("max_concurrency")
        return {"max_concurrency": most + 1} if most else None

    def handle_event(self, mode: str, data: Any) -> None:
        """Pass an event on with the question's id, or keep the state."""
        if mode == "custom":
            self._write({"id": self._task["item"]["id"], **data})
        else:
            self._state = data

    def to_update(self) -> dict[str, Any]:
        """Return the result as an update of the state."""
        return _make_update(self._task, {"id": self._task["item"]["id"], **self._state["adaptive_result"]})


def parse_map_questions(questions: Any, most: int) -> list[dict[str, str]]:
    """Return the questions with their ids; by default the id is the question's number, from 1.

    Args:
        questions: Texts, or objects of an `id` and a `question`.
        most: How many a run takes.

    Raises:
        InputError: It is no such list, it is too long, or two questions have the same id.
    """
    if not isinstance(questions, Sequence) or isinstance(questions, str) or not questions:
        raise InputError(f"questions must be a list of at least one question, got {questions!r}.")
    if len(questions) > most:
        raise InputError(f"a run takes {most} questions at most, got {len(questions)}: give it fewer.")
    items = [_parse_map_question(question, number) for number, question in enumerate(questions, start=1)]
    ids: set[str] = set()
    for item in items:
        if item["id"] in ids:
            raise InputError(f"two questions have the id {item['id']!r}: give each its own.")
        ids.add(item["id"])
    return items


def _parse_map_question(question: Any, number: int) -> dict[str, str]:
    fields = {"question": question} if isinstance(question, str) else question
    item = {"id": str(number), **fields} if isinstance(fields, Mapping) else {}
    if set(item) != {"id", "question"} or not all(isinstance(value, str) for value in item.values()):
        raise InputError(
            f"question {number} must be a text, or an object of an id and a question, got {question!r}."
        )
    return item


def _send_wave(state: MapState) -> list[Send]:
    asked, items = state["adaptive_asked"], state["adaptive_items"]
    tasks = [_Task(place=place, item=items[place], asked=asked) for place in state["adaptive_wave"]]
    return [Send("solve", task) for task in tasks]


def _send_rest(state: MapState) -> str | list[Send]:
    return _send_wave(state) or END


def _make_update(task: _Task, result: dict[str, Any]) -> dict[str, Any]:
    return {"adaptive_ended": [{"place": task["place"], "result": result}]}


def _handle_failure(task: _Task, error: NodeError) -> Command[str]:
    """Make a failed result of a solve that raised.

    Without `goto` LangGraph 1.2 would end the run if every question of a wave failed, because a node that failed
    triggers none of its edges.
    """
    why = error.error
    reason = str(why) if isinstance(why, AdaptiveError) else f"{type(why).__name__} ({to_single_line(why)})"
    failed = MapItem(task["item"]["id"], task["item"]["question"], error=reason)
    return Command(update=_make_update(task, failed.to_json()), goto="gather")
