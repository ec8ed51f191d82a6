"""The solver as a graph for LangGraph's server: `langgraph.json` names this file.

The environment sets it, with the names of the options of `adaptive solve`: ADAPTIVE_MODEL and ADAPTIVE_PROFILE are
the model and its profile; ADAPTIVE_EFFORT, ADAPTIVE_BUDGET, ADAPTIVE_WAITS, ADAPTIVE_SAMPLES, ADAPTIVE_STOP,
ADAPTIVE_VERIFY, ADAPTIVE_MAX_TOKENS, ADAPTIVE_MAX_OUTPUT_TOKENS, ADAPTIVE_MAX_COST, ADAPTIVE_TIMEOUT and
ADAPTIVE_MAX_ATTEMPTS are options, and ADAPTIVE_PRICES is a file of prices. If one is unset or empty, the profile
decides.
"""

from __future__ import annotations

from adaptive.solver.build import build_solver
from adaptive.solver.environment import read_env_settings, read_env_text

graph = build_solver(read_env_text("MODEL") or "embedded", **read_env_settings())
