"""There is no such effort."""

from adaptive import SolverContext, build_solver

build_solver().invoke({"messages": []}, context=SolverContext(effort="enormous"))
