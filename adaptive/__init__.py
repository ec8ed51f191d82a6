"""Spend thinking where it pays: an adaptive thinking-budget controller for reasoning language models.

    from adaptive import Result, SolverContext, build_solver

    solver = build_solver("embedded")
    question = {"messages": [("user", "What is 26/19 in lowest terms?")]}
    state = solver.invoke(question, context=SolverContext(effort="low"))
    result = Result.of(state)
    print(result.answer, result.accepted, result.usage.total)

Everything here loads when it is first used, so that importing the package, and `adaptive --help`, cost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive, adaptive_tool
    from adaptive.errors import AdaptiveError, InputError, LimitReached, NoAnswerInTime
    from adaptive.prices import Prices
    from adaptive.profile.profile import Profile
    from adaptive.solver.batch import Limits, build_map_solver
    from adaptive.solver.build import build_solver
    from adaptive.solver.state import AdaptiveState
    from adaptive.types.attempt import Attempt, Round
    from adaptive.types.events import Event, OnEvent
    from adaptive.types.ladder import Effort, Ladder, Rung
    from adaptive.types.options import Options, SolverContext
    from adaptive.types.policy import FollowUp, Policy
    from adaptive.types.result import Difficulty, Exploration, MapItem, MapResult, Result
    from adaptive.types.usage import Usage
    from adaptive.types.verdict import Verdict
    from adaptive.verify.base import Verifier

__version__ = "0.1.0"

_HOMES = {
    "AdaptiveThinkingMiddleware": "agents",
    "ChatAdaptive": "agents",
    "adaptive_tool": "agents",
    "AdaptiveError": "errors",
    "InputError": "errors",
    "LimitReached": "errors",
    "NoAnswerInTime": "errors",
    "Prices": "prices",
    "Profile": "profile.profile",
    "Limits": "solver.batch",
    "build_map_solver": "solver.batch",
    "build_solver": "solver.build",
    "AdaptiveState": "solver.state",
    "Attempt": "types.attempt",
    "Round": "types.attempt",
    "Event": "types.events",
    "OnEvent": "types.events",
    "Effort": "types.ladder",
    "Ladder": "types.ladder",
    "Rung": "types.ladder",
    "Options": "types.options",
    "SolverContext": "types.options",
    "FollowUp": "types.policy",
    "Policy": "types.policy",
    "Difficulty": "types.result",
    "Exploration": "types.result",
    "MapItem": "types.result",
    "MapResult": "types.result",
    "Result": "types.result",
    "Usage": "types.usage",
    "Verdict": "types.verdict",
    "Verifier": "verify.base",
}
"""The module of each public name."""

__all__ = [
    "AdaptiveError",
    "AdaptiveState",
    "AdaptiveThinkingMiddleware",
    "Attempt",
    "ChatAdaptive",
    "Difficulty",
    "Effort",
    "Event",
    "Exploration",
    "FollowUp",
    "InputError",
    "Ladder",
    "LimitReached",
    "Limits",
    "MapItem",
    "MapResult",
    "NoAnswerInTime",
    "OnEvent",
    "Options",
    "Policy",
    "Prices",
    "Profile",
    "Result",
    "Round",
    "Rung",
    "SolverContext",
    "Usage",
    "Verdict",
    "Verifier",
    "adaptive_tool",
    "build_map_solver",
    "build_solver",
]

if not TYPE_CHECKING:  # or type checkers would take any name for a public one

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module 'adaptive' has no attribute {name!r}")
        return getattr(import_module(f"adaptive.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
