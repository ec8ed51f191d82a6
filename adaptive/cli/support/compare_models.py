"""What `adaptive compare` asks: the prompt with its images as a message, and the models, opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adaptive.cli.support.options import engine_settings
from adaptive.errors import InputError
from adaptive.types.model_spec import is_local

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

    from adaptive.compare.backends import Model
    from adaptive.compare.cache import Asking
    from adaptive.compare.cell import Cell


def messages_of(prompt: str, images: Sequence[str]) -> tuple[list[dict[str, Any]], list[AnyMessage]]:
    """The image blocks, and the prompt with them as messages; raises `InputError` for what is no image."""
    from langchain_core.messages import HumanMessage

    from adaptive.chat.images import image_block

    blocks = [image_block(place) for place in images]
    content: Any = [{"type": "text", "text": prompt}, *blocks] if blocks else prompt
    return blocks, [HumanMessage(content)]


def asked_of(
    cells: Sequence[Cell], served_model: str | None, markers: str | None, options: tuple[str, ...]
) -> dict[str, Any]:
    """What engines are opened with; raises `InputError` where that is given and no model runs on one."""
    given = engine_settings(served_model, markers, options)
    if given and not any(is_local(cell.setting.model) for cell in cells):
        raise InputError(f"{', '.join(given)}: that is for engines, and no model here runs on one: leave it out.")
    return given


def opened_all(
    cells: Sequence[Cell], specs: Mapping[str, str], messages: Sequence[AnyMessage], asking: Asking
) -> dict[str, Model]:
    """The models of these cells, all of them opened before any is paid for.

    specs: those of the models by their names in a cell, which hold no password.
    """
    names = dict.fromkeys(cell.setting.model for cell in cells)
    return {name: _opened(specs[name], messages, asking) for name in names}


def _opened(spec: str, messages: Sequence[AnyMessage], asking: Asking) -> Model:
    from adaptive.compare.backends import Hosted, Local

    if not is_local(spec):
        from adaptive.chat.registry import chat_model

        return Hosted(chat_model(spec), messages, asking.temperature)
    from adaptive.engines.registry import open_engine
    from adaptive.profile.untrained import profile_for

    engine = open_engine(spec, **asking.engine)
    return Local(engine, profile_for(spec, engine.context_window), messages, asking.temperature)
