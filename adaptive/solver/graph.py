"""The edges of the solver's graph, in the order of the diagram in README.

The models are open when the graph is built (`build.py`). What the nodes do, and where each router goes, is in
`nodes.py`. Between nodes flows plain JSON (`state.py`). `approve` and `explore` are visited only if there is
something to approve or to explore, so they cost nothing otherwise.
"""

from __future__ import annotations

from langgraph.graph import END, START, StateGraph

from adaptive.solver.nodes import Solver
from adaptive.solver.runnables import make_node_runnable, make_nonblocking_node
from adaptive.solver.state import SolverInput, SolverOutput, SolverState
from adaptive.types.options import SolverContext


class SolverGraph(StateGraph[SolverState, SolverContext, SolverInput, SolverOutput]):
    """The graph of a solver, with a reference to its nodes."""

    solver: Solver


def build_graph(solver: Solver) -> SolverGraph:
    """Connect the nodes of a solver; the graph is not compiled yet."""
    graph = SolverGraph(
        SolverState, context_schema=SolverContext, input_schema=SolverInput, output_schema=SolverOutput
    )
    graph.solver = solver
    for node in (solver.classify, solver.allocate, solver.approve, solver.think, solver.verify, solver.escalate,
                 solver.sample, solver.tally, solver.finish, solver.explore):  # fmt: skip
        graph.add_node(node.__name__, make_node_runnable(solver.wrap_node(node), node.__name__))

    after_plan = make_nonblocking_node(solver.route_plan)
    graph.add_edge(START, "classify")
    graph.add_edge("classify", "allocate")
    graph.add_conditional_edges("allocate", after_plan, ["think", "sample", "approve"])
    after_approval = make_nonblocking_node(solver.route_approved)
    graph.add_conditional_edges("approve", after_approval, ["think", "sample", "finish"])
    graph.add_edge("think", "verify")
    graph.add_conditional_edges("verify", make_nonblocking_node(solver.route_verified), ["finish", "escalate"])
    graph.add_conditional_edges("escalate", after_plan, ["think", "sample", "approve", "finish"])
    graph.add_edge("sample", "tally")
    graph.add_conditional_edges(
        "tally", make_nonblocking_node(solver.route_vote), ["sample", "escalate", "finish"]
    )
    more = make_nonblocking_node(solver.route_exploration)
    graph.add_conditional_edges("finish", more, ["explore", END])
    graph.add_conditional_edges("explore", more, ["explore", END])
    return graph
