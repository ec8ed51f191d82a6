"""What `adaptive compare` asks: the prompt with its images as a message, and the models, opened."""

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
    """The image blocks, and the prompt with them as messages; raises `InputError` for what is no image."""
    from langchain_core.messages import HumanMessage

    from adaptive.chat.images import build_image_block

    blocks = [build_image_block(place) for place in images]
    content: Any = [{"type": "text", "text": prompt}, *blocks] if blocks else prompt
    return blocks, [HumanMessage(content)]


def resolve_engine_settings(
    cells: Sequence[Cell], served_model: str | None, markers: str | None, options: tuple[str, ...]
) -> dict[str, Any]:
    """What engines are opened with; raises `InputError` where that is given and no model runs on one."""
    given = parse_engine_settings(served_model, markers, options)
    if given and not any(ModelSpec.parse(cell.setting.model).is_local for cell in cells):
        raise InputError(f"{', '.join(given)}: that is for engines, and no model here runs on one: leave it out.")
    return given


def open_compared_models(
    cells: Sequence[Cell], specs: Mapping[str, str], messages: Sequence[AnyMessage], asking: ComparisonRequest
) -> dict[str, ComparisonBackend]:
    """The models of these cells, all of them opened before any is paid for.

    specs: those of the models by their names in a cell, which hold no password.
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
