"""Many questions, each by the solver: a graph for LangGraph's server, named in `langgraph.json`, loaded by path.

    {"questions": ["What is 2 + 2?", {"id": "story", "question": "Mia has ..."}]}

gives `results`, one for each question in their order, and `adaptive_summary`. The environment sets the solver as
in `solve.py`, and the limits of a run: ADAPTIVE_CONCURRENCY questions at once (a `max_concurrency` in the run's
config goes before it; by default what the engine is good for), ADAPTIVE_MAX_QUESTIONS at most, and
ADAPTIVE_MAX_RUN_TOKENS, from which on no further question is begun.
"""

from __future__ import annotations

from adaptive.engines.registry import get_parallel_solves
from adaptive.solver.batch import MOST_QUESTIONS, Limits, build_map_solver
from adaptive.solver.build import build_solver
from adaptive.solver.environment import read_env_count, read_env_settings, read_env_text

model = read_env_text("MODEL") or "embedded"
limits = Limits(
    concurrency=get_parallel_solves(model) if (given := read_env_count("CONCURRENCY")) is None else given,
    questions=MOST_QUESTIONS if (most := read_env_count("MAX_QUESTIONS")) is None else most,
    tokens=read_env_count("MAX_RUN_TOKENS"),
)
graph = build_map_solver(build_solver(model, **read_env_settings()), limits)
