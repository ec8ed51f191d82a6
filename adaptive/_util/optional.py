"""Optional packages: imported on first use; a missing one becomes one sentence."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from adaptive.errors import InputError


def import_optional(module: str, extra: str) -> Any:
    """Return the module. Raise `InputError` with the command that installs `extra` if it does not load."""
    try:
        return import_module(module)
    except ImportError as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        why = "is not installed" if missing == module.partition(".")[0] else f"does not load ({error})"
        raise InputError(f"{module} {why}: pip install 'adaptive-thinking[{extra}]'.") from error
