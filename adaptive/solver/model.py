"""Opens a model for the solver: the model itself, its profile and its verifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.registry import open_chat_model, pick_common_settings
from adaptive.engines.markers import INVENTED_MARKERS
from adaptive.engines.protocol import TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.errors import InputError
from adaptive.profile.profile import Profile
from adaptive.profile.store import load_engine_profile
from adaptive.profile.untrained import with_own_way
from adaptive.profile.verifier import build_profile_verifier
from adaptive.reason.starvation import ThinkingMemory
from adaptive.solver.chat_model import ChatSolverModel, build_chat_solver_model
from adaptive.solver.protocol import SolverModel
from adaptive.solver.token_model import TokenSolverModel
from adaptive.types.model_spec import ModelSpec
from adaptive.types.options import Options
from adaptive.verify import Verifier

Model = str | TokenEngine | BaseChatModel
"""A model spec, a token engine, or a chat model of LangChain's."""


def open_models(spec: Model, options: Options, **settings: Any) -> list[SolverModel]:
    """Open a model, and the other models of its profile's ladder. The arguments are those of `open_model`.

    Raises:
        InputError: A model or the profile cannot be opened.
    """
    own = open_model(spec, options, **settings)
    names = [name for name in own.profile.models if name]
    if not names:
        return [own]
    if not isinstance(own, ChatSolverModel):
        raise InputError(
            f"the profile {own.profile.name} has rungs of {names[0]} too, which a model on a token engine cannot "
            f"share: use it with a hosted model, or another profile with {own.name}."
        )
    return [own, *(_open_ladder_model(name, own, settings.get("engine") or {}) for name in names)]


def _open_ladder_model(name: str, own: ChatSolverModel, engine: Mapping[str, Any]) -> SolverModel:
    """Open another model of a ladder. Settings such as an address or a key are for models of one provider."""
    spec = ModelSpec.parse(name)
    # A stranger's profile names no address that would get the user's key and questions, and nothing to run here.
    if not spec.is_chat or spec.kind == "huggingface":
        raise InputError(
            f"the profile {own.profile.name} has rungs of {name}, which is no hosted model: fit it again."
        )
    same = spec.kind == ModelSpec.parse(own.name).kind
    try:
        chat = open_chat_model(name, **(engine if same else pick_common_settings(engine)))
    except InputError as error:
        raise InputError(f"the profile {own.profile.name} has rungs of {name} too: {error}") from error
    return replace(own, model=chat, rung_model=name, memory=ThinkingMemory())


def open_model(
    spec: Model,
    options: Options,
    *,
    profile: str | Path | Profile | None = None,
    engine: Mapping[str, Any] | None = None,
    check: Verifier | None = None,
    judge: Verifier | None = None,
) -> SolverModel:
    """Open a model for the nodes of the graph.

    Args:
        spec: A model spec, a token engine, or a chat model of LangChain's.
        options: The options of the solver; `wait_string` and `verify` count here.
        profile: A profile or its folder, or "none" for an untrained one; by default the stored one of this model
            (`adaptive fit`), else the model's own, else an untrained one.
        engine: Further arguments of `open_engine` or `open_chat_model`; unused if the model is open already.
        check: A verifier that knows whether an answer is right.
        judge: A verifier that asks another model.

    Raises:
        InputError: The model or the profile cannot be opened.
    """
    engine = engine or {}
    if isinstance(spec, BaseChatModel) or (isinstance(spec, str) and ModelSpec.parse(spec).is_chat):
        chat = open_chat_model(spec, **engine)
        return build_chat_solver_model(chat, profile, options, check=check, judge=judge)
    tokens = open_engine(spec, **engine) if isinstance(spec, str) else spec
    if not isinstance(profile, Profile):
        profile = load_engine_profile(tokens, profile)
    if not profile.policy.measured and profile.own_ladder is None:
        markers = tokens.codec.markers
        invented = "markers" in engine and markers.name in INVENTED_MARKERS
        profile = with_own_way(profile, tokens.context_window, tokens.codec.efforts, steered=invented)
    profile = profile.with_waits(options.wait_string)
    verifier = build_profile_verifier(profile, options.verify, check=check, judge=judge)
    return TokenSolverModel(tokens, profile, verifier)
