"""The map solver as a graph for LangGraph's server: `langgraph.json` names this file.

    {"questions": ["What is 2 + 2?", {"id": "story", "question": "Mia has ..."}]}

gives `results`, one for each question in their order, and `adaptive_summary`. The environment sets the solver as
in `solve.py`, and the limits of a run: ADAPTIVE_CONCURRENCY questions at once (default: as many as the engine can
do; a `max_concurrency` in the run's config overrides it), at most ADAPTIVE_MAX_QUESTIONS questions, and
ADAPTIVE_MAX_RUN_TOKENS and ADAPTIVE_MAX_RUN_COST: once so many tokens or dollars are spent, no further question
starts.
"""

from __future__ import annotations

from adaptive.engines.registry import get_parallel_solves
from adaptive.solver.batch import MOST_QUESTIONS, Limits, build_map_solver
from adaptive.solver.build import build_solver
from adaptive.solver.environment import read_env_count, read_env_number, read_env_settings, read_env_text

model = read_env_text("MODEL") or "embedded"
limits = Limits(
    concurrency=get_parallel_solves(model) if (at_once := read_env_count("CONCURRENCY")) is None else at_once,
    questions=MOST_QUESTIONS if (most := read_env_count("MAX_QUESTIONS")) is None else most,
    tokens=read_env_count("MAX_RUN_TOKENS"),
    cost=read_env_number("MAX_RUN_COST"),
)
graph = build_map_solver(build_solver(model, **read_env_settings()), limits)
