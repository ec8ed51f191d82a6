"""A user's program: every way that the docs show to set options, build graphs and read results."""

from collections.abc import Mapping

from langgraph.graph import END, START, MessagesState, StateGraph

from adaptive import (
    AdaptiveError,
    Attempt,
    Event,
    InputError,
    Ladder,
    Limits,
    MapResult,
    Options,
    Policy,
    Prices,
    Profile,
    Result,
    Rung,
    SolverContext,
    Usage,
    Verdict,
    build_map_solver,
    build_solver,
)

QUESTION = "What is 26/19 in lowest terms?"


def show(event: Event) -> None:
    """Listens to a solve."""
    name: str = event["event"]
    name.upper()


def solve() -> Result:
    """One question."""
    solver = build_solver("embedded", options=Options(max_tokens=1000, timeout=60.0), prices=Prices())
    for event in solver.stream({"messages": [("user", QUESTION)]}, stream_mode="custom"):
        if isinstance(event, dict):
            show(event)
    state = solver.invoke({"messages": [("user", QUESTION)]}, context=SolverContext(effort="high", budget=512))
    return Result.of(state)


async def solve_in_a_graph() -> Result:
    """The solver as a node."""
    graph = StateGraph(MessagesState, context_schema=SolverContext)
    graph.add_node("solve", build_solver())
    graph.add_edge(START, "solve").add_edge("solve", END)
    state = await graph.compile().ainvoke({"messages": []}, context=SolverContext(waits=1))
    return Result.of(state)


def solve_many(questions: list[str]) -> Mapping[str, str | None]:
    """Many questions."""
    graph = build_map_solver(build_solver(), Limits(concurrency=4))
    done = MapResult.of(graph.invoke({"questions": questions}))
    return {item.id: item.answer for item in done.items}


def read(result: Result) -> tuple[str | None, bool | None, float | None]:
    """What a result says."""
    attempt: Attempt = result.best
    verdict: Verdict | None = attempt.verdict
    usage: Usage = result.usage
    score = verdict.score if verdict is not None else 0.0
    print(result.answer, result.difficulty.level, result.models[attempt.model], score, usage.total, result.notes)
    return result.answer, result.accepted, usage.cost


def own_profile() -> Profile:
    """A profile made by hand."""
    ladder = Ladder((Rung("none", 0), Rung("low", 256), Rung("high", 1024)))
    profile = Profile.load("profile")
    print(ladder.top, Policy(max_attempts=3).max_attempts)
    return profile


def main() -> None:
    """Ends with a sentence for each error that a user can mend."""
    try:
        read(solve())
    except InputError as error:
        print(error)
    except AdaptiveError as error:
        print(error)
