"""A result has no such field."""

from adaptive import Result, build_solver

Result.of(build_solver().invoke({"messages": []})).anwser.upper()
