"""The solver as a graph for LangGraph's server: named in `langgraph.json`, loaded by path.

The environment sets it, by the names that `adaptive solve` knows: ADAPTIVE_MODEL and ADAPTIVE_PROFILE say what
thinks; ADAPTIVE_EFFORT, ADAPTIVE_BUDGET, ADAPTIVE_WAITS, ADAPTIVE_SAMPLES, ADAPTIVE_STOP, ADAPTIVE_VERIFY,
ADAPTIVE_MAX_TOKENS, ADAPTIVE_MAX_COST, ADAPTIVE_TIMEOUT and ADAPTIVE_MAX_ATTEMPTS bound it, and ADAPTIVE_PRICES
says what tokens cost. One that is unset or empty leaves it to the profile.
"""

from __future__ import annotations

from adaptive.solver.build import build_solver
from adaptive.solver.environment import read_env_settings, read_env_text

graph = build_solver(read_env_text("MODEL") or "embedded", **read_env_settings())
