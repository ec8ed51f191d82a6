"""Events of a solve, and who listens to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


def emit_event(watcher: OnEvent | None, event: str, **data: Any) -> None:
    """Tell `watcher`, if there is one."""
    if watcher:
        watcher({"event": event, **data})
