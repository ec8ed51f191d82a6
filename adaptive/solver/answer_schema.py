"""An answer by a JSON schema: how a token engine's model is asked for it.

The schema is kept by the engine's guided decoding. The model is also told, because it thinks before it answers,
and should know in what form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

FORM_REQUEST = "Give the final answer as JSON that is valid by this JSON schema, and nothing else:"


def format_schema(schema: Mapping[str, Any] | None) -> str:
    """Return a schema as the engines take it; empty for none."""
    return "" if schema is None else json.dumps(schema, ensure_ascii=False)


def ask_for_form(turns: Sequence[tuple[str, str]], schema: str) -> list[tuple[str, str]]:
    """Return the (role, content) pairs of a conversation whose last turn, the question, asks for a form too.

    Args:
        turns: The conversation.
        schema: The schema, as JSON.
    """
    *before, (role, question) = turns
    return [*before, (role, f"{question}\n\n{FORM_REQUEST}\n{schema}")]
