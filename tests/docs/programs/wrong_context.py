"""A context is no dict: no name in it would be checked."""

from adaptive import build_solver

build_solver().invoke({"messages": []}, context={"effort": "high"})
