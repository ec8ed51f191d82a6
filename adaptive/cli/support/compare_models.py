"""The input of `adaptive compare`: the prompt with its images as messages, and the open models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adaptive.cli.support.options import parse_engine_settings
from adaptive.errors import InputError
from adaptive.types.model_spec import ModelSpec

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

    from adaptive.compare.backends import ComparisonBackend
    from adaptive.compare.cache import ComparisonRequest
    from adaptive.compare.cell import Cell


def build_messages(prompt: str, images: Sequence[str]) -> tuple[list[dict[str, Any]], list[AnyMessage]]:
    """Return the image blocks, and the prompt with them as messages; raise `InputError` if one is no image."""
    from langchain_core.messages import HumanMessage

    from adaptive.chat.images import build_image_block

    blocks = [build_image_block(place) for place in images]
    content: Any = [{"type": "text", "text": prompt}, *blocks] if blocks else prompt
    return blocks, [HumanMessage(content)]


def resolve_engine_settings(
    cells: Sequence[Cell], served_model: str | None, markers: str | None, options: tuple[str, ...]
) -> dict[str, Any]:
    """Return the options of engines; raise `InputError` if some are set and no model runs on an engine."""
    settings = parse_engine_settings(served_model, markers, options)
    if settings and not any(ModelSpec.parse(cell.setting.model).is_local for cell in cells):
        raise InputError(
            f"{', '.join(settings)}: that is for engines, and no model here runs on one: leave it out."
        )
    return settings


def open_compared_models(
    cells: Sequence[Cell], specs: Mapping[str, str], messages: Sequence[AnyMessage], asking: ComparisonRequest
) -> dict[str, ComparisonBackend]:
    """Open the models of these cells, all before any call is paid for.

    Args:
        cells: The cells to ask.
        specs: The spec of each model by its name in a cell, which has no password.
        messages: The prompt.
        asking: The settings that all cells share.
    """
    names = dict.fromkeys(cell.setting.model for cell in cells)
    return {name: _open_compared_model(specs[name], messages, asking) for name in names}


def _open_compared_model(
    spec: str, messages: Sequence[AnyMessage], asking: ComparisonRequest
) -> ComparisonBackend:
    from adaptive.compare.backends import ChatBackend, EngineBackend

    if not ModelSpec.parse(spec).is_local:
        from adaptive.chat.registry import open_chat_model

        return ChatBackend(open_chat_model(spec), messages, asking.temperature)
    from adaptive.engines.registry import open_engine
    from adaptive.profile.untrained import load_model_profile

    engine = open_engine(spec, **asking.engine)
    return EngineBackend(engine, load_model_profile(spec, engine.context_window), messages, asking.temperature)
