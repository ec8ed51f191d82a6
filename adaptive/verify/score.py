"""What a test of the user's gave, as a number from 0 to 1."""

from __future__ import annotations

from numbers import Real

from adaptive.verify.said import shown


def score_of(value: object) -> float | None:
    """The number from 0 to 1 that `value` is; None where it is none."""
    try:
        score = float(value) if isinstance(value, Real) else -1.0
    except OverflowError:
        return None
    return score if 0 <= score <= 1 else None


def kind_of(value: object) -> str:
    """What `value` is, to be shown."""
    return shown(repr(value)) if isinstance(value, float | str | None) else f"of type {type(value).__name__}"
