"""The model to use of those that a server lists."""

from __future__ import annotations

from typing import Any

from adaptive._util.redact import redact_name
from adaptive.errors import InputError

MAX_LISTED, MAX_NAME = 20, 80
"""How many of a server's models are named in a sentence, and by how many characters."""


def pick_model(models: list[dict[str, Any]], wanted: str | None, url: str) -> dict[str, Any]:
    """Return one of the models that a server lists.

    Args:
        models: What the server lists.
        wanted: The name of the model; None for the only one.
        url: The server, for error sentences.

    Raises:
        InputError: No model has this name, or there are several to choose from; it names what is served.
    """
    if wanted is None and len(models) != 1:
        raise InputError(f"the server {url} serves {len(models)} models: name one of {_list_names(models)}.")
    model = next((m for m in models if wanted in (None, m.get("id"))), None)
    if model is None:
        raise InputError(f"the server {url} serves no model {wanted!r}: it serves {_list_names(models)}.")
    return model


def _list_names(models: list[dict[str, Any]]) -> str:
    """Return the names of models fit to be shown: a server may put anything there, a key too."""
    names = [redact_name(str(model.get("id")))[:MAX_NAME] for model in models[:MAX_LISTED]]
    more = len(models) - len(names)
    return ", ".join([*names, f"and {more} more"] if more else names)
