"""The name of an option is misspelt."""

from adaptive import SolverContext, build_solver

build_solver().invoke({"messages": []}, context=SolverContext(efort="high"))
