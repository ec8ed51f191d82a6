"""Events of a solve, and who listens to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
"""An event in plain JSON types; `event` is its name."""
OnEvent = Callable[[Event], None]
"""A listener: it gets each event as it happens."""


def emit_event(on_event: OnEvent | None, event: str, **data: Any) -> None:
    """Pass an event to a listener, if there is one."""
    if on_event:
        on_event({"event": event, **data})
