"""The solver underneath `ChatAdaptive`: built on first use, and asked what its model can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel, ModelProfile

from adaptive._util.aio import run_blocking
from adaptive.types.model_spec import ModelSpec

if TYPE_CHECKING:
    from adaptive.agents.step.chat_model_step import StepRunner
    from adaptive.solver.nodes import Solver


def build_from_spec(model: str, profile: str | Path | None, retries: int | None) -> Any:
    """Return the graph of a model's solver.

    Args:
        model: The model spec.
        profile: The profile's folder; None: the model's own.
        retries: How often a call to the model's server is made again; a model in this process makes no calls.
    """
    # LangGraph and a model take a second to load, so only when there is something to solve.
    from adaptive.engines.registry import takes_option
    from adaptive.solver.build import build_solver

    takes_retries = retries is not None and (ModelSpec.parse(model).is_chat or takes_option(model, "retries"))
    return build_solver(model, profile=profile, engine={"retries": retries} if takes_retries else None)


def find_given_solver(graph: Any | None) -> Solver | None:
    """Return the solver in a graph that was given; None if there is none."""
    if graph is None:
        return None
    from adaptive.solver.build import find_solver

    return find_solver(graph)


def can_guide(graph: Any) -> bool:
    """Return whether all models of a solver run on engines with guided decoding; the engines are asked."""
    solver = find_given_solver(graph)
    return solver is not None and all(run_blocking(model.can_guide()) for model in solver.models)


def make_step_runner(graph: Any, options: dict[str, Any]) -> StepRunner | None:
    """Return what runs steps on the first model of a solver.

    Args:
        graph: The solver's graph.
        options: Options of the call, by name.

    Returns:
        The runner; None if no chat model is underneath.
    """
    from adaptive.agents.step.chat_model_step import StepRunner
    from adaptive.solver.chat_model import ChatSolverModel

    solver = find_given_solver(graph)
    first = solver.models[0] if solver else None
    if solver is None or not isinstance(first, ChatSolverModel):
        return None
    return StepRunner(first, solver.options.with_settings(options), solver.prices)


def describe_abilities(chat: BaseChatModel | None) -> ModelProfile:
    """Return what `ChatAdaptive` can do on a chat model; None: on a token engine."""
    can: Any = {} if chat is None else chat.profile or {}
    binds_tools = chat is not None and type(chat).bind_tools is not BaseChatModel.bind_tools
    return ModelProfile(
        text_inputs=True,
        text_outputs=True,
        reasoning_output=True,
        tool_calling=binds_tools and can.get("tool_calling", True),
        structured_output=binds_tools and can.get("structured_output", False),
        image_inputs=chat is not None and can.get("image_inputs", False),
        audio_inputs=False,
        video_inputs=False,
        pdf_inputs=False,
    )
