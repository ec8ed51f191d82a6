"""Lone surrogates: half characters that JSON can carry and no file, socket or database takes."""

from __future__ import annotations

from typing import Any


def mend_surrogates(value: Any) -> Any:
    """Return plain JSON types with every text made one that can be written.

    Two halves that belong together, as a stream may cut them, become their character, and a lone one U+FFFD.
    """
    if isinstance(value, str):
        return value if _is_whole(value) else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {mend_surrogates(key): mend_surrogates(one) for key, one in value.items()}
    return [mend_surrogates(one) for one in value] if isinstance(value, list) else value


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
